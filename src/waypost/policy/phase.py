"""The moments of a session at which it is judged. Knows no check."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where a check stands in a session."""

    CONNECT = "connect"
    """Before the greeting: only the client's address is known."""
    HELLO = "hello"
    """EHLO, HELO or LHLO."""
    MAIL = "mail"
    """MAIL."""
    RCPT = "rcpt"
    """RCPT: once per recipient."""
    DATA = "data"
    """DATA or the first BDAT: the envelope is complete."""
    CONTENT = "content"
    """The content is whole; the header section is at hand."""
