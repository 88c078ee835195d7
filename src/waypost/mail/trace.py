"""The fields that a server adds: Received, Return-Path, Date, Message-ID (RFC 5321 section 4.4, RFC 5322 section 3.6).

They are written from parts that strangers named, so no part can end a line or a field. Knows no clock: it is handed the time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from waypost.mail.path import ReversePath

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]")
_LONGEST = 255
"""Octets of a domain (5321#4.5.3.1.2)."""


def received(
    *,
    helo: str,
    client: str,
    hostname: str,
    protocol: str,
    id: str,  # noqa: A002 - the clause is called id (5321#4.4)
    wall: float,
    recipient: str = "",
    tls: str = "",
) -> bytes:
    """The trace field of one acceptance, CRLF included.

    ``client``: its IP address, empty for a UNIX socket; ``recipient``: the mailbox, given only when it is the one recipient,
    so that nobody learns of the others (5321#7.2); ``tls``: version and cipher.
    """
    literal = address_literal(client)
    name = _named(helo, literal)
    seen = f" ({literal})" if literal else ""
    secured = f"\r\n\t(using {_plain(tls)})" if tls else ""
    to = f"\r\n\tfor <{recipient}>" if recipient and recipient.isprintable() else ""
    return f"Received: from {name}{seen}{secured}\r\n\tby {hostname} with {protocol} id {id}{to};\r\n\t{date(wall)}\r\n".encode()


def protocol(*, lmtp: bool = False, extended: bool = True, tls: bool = False, account: bool = False, smtputf8: bool = False) -> str:
    """The word behind ``with``: ESMTPSA, UTF8SMTPS, LMTP... (3848, 6531#4.3); ``extended``: greeted by EHLO."""
    if not (lmtp or extended):
        return "SMTP"
    base = "LMTP" if lmtp else "SMTP" if smtputf8 else "ESMTP"
    return f"{'UTF8' if smtputf8 else ''}{base}{'S' if tls else ''}{'A' if account else ''}"


def return_path(reverse_path: ReversePath) -> bytes:
    """``Return-Path: <...>`` with its CRLF, for final delivery alone (5321#4.4)."""
    text = "" if reverse_path is None else _one_line(reverse_path.text)
    return f"Return-Path: <{text}>\r\n".encode("utf-8", "replace")


def date(wall: float) -> str:
    """The moment ``wall`` (seconds since the epoch) as RFC 5322 section 3.3 writes it, in UTC."""
    return _date(int(wall))


def message_id(id: str, hostname: str) -> str:  # noqa: A002 - the same id as the queue's
    """``<id@hostname>``, for what comes without a Message-ID (6409#8.3) and for what we write ourselves."""
    return f"<{id}@{hostname}>"


def address_literal(address: str) -> str:
    """``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` (5321#4.1.3); empty for no address."""
    if not address:
        return ""
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    when = datetime.fromtimestamp(second, tz=UTC)
    day, month = _DAYS[when.weekday()], _MONTHS[when.month - 1]
    return f"{day}, {when.day} {month} {when.year:04d} {when.hour:02d}:{when.minute:02d}:{when.second:02d} +0000"


@lru_cache(maxsize=1024)
def _named(helo: str, literal: str) -> str:
    """What the client called itself, or its address where that is no name."""
    return helo if helo and len(helo) <= _LONGEST and _NAME.issuperset(helo) else literal or "unknown"


def _plain(text: str) -> str:
    return "".join(letter if letter in _NAME or letter == " " else "?" for letter in text)


def _one_line(text: str) -> str:
    return text if text.isprintable() else "".join(letter if letter.isprintable() else "?" for letter in text)
