"""How a session by hand ends, and the exit code of each end: those of swaks, so that scripts need no change. Knows no network."""

from __future__ import annotations

from enum import IntEnum


class Ending(IntEnum):
    """The value is the exit code."""

    SENT = 0
    """All that was asked for was done."""
    CONNECT = 2
    """No connection: no address, or none that answers."""
    CLOSED = 6
    """The server hung up, fell silent or said what is no reply."""
    BANNER = 21
    """It greeted with something else than 220."""
    HELLO = 22
    """It refused EHLO, and HELO where that was tried."""
    MAIL = 23
    """It refused MAIL, or lacks what the message needs."""
    RCPT = 24
    """It accepted no recipient."""
    DATA = 25
    """It refused DATA, or a BDAT that was not the last."""
    CONTENT = 26
    """It refused the message; by LMTP, for every recipient."""
    QUIT = 27
    """All went well, and it refused QUIT."""
    AUTH = 28
    """Nobody was authenticated."""
    TLS = 29
    """TLS was asked for and did not come about."""
    PRDR = 30
    """An answer for each recipient was asked for, and it does not offer them."""
    HELLO_AGAIN = 32
    """It refused EHLO under TLS."""
    XCLIENT = 33
    """It refused XCLIENT, or does not offer it."""
    HELLO_AFTER_XCLIENT = 34
    """It refused EHLO after XCLIENT."""
