"""Telling senders what became of their mail: when a notice is owed, and its text (RFC 3461, 3464). Pure: knows no network or store."""
