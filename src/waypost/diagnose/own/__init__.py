"""The check of one's own server from inside: its configuration's facts against what this machine, its listeners and the DNS show."""
