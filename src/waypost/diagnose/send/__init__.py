"""Sending by hand: a client that does what it is told, stage by stage, and shows and explains all that is said. Judges no server."""
