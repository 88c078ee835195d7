"""What the tests of the server's session share: terms with narrow limits, and an envelope up to where content may come."""

from __future__ import annotations

from waypost.smtp.terms import Terms

TERMS = Terms(hostname="mx.example.org", mechanisms=("PLAIN", "LOGIN"), auth_in_clear=True, message_size=60, swallow=100, recipients=3)
READY = b"EHLO c\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n"
