"""Waypost: a mail server that explains itself."""
