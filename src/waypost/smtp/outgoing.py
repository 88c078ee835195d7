"""The octets a client sends: MAIL, RCPT, and content by DATA with its dots stuffed. Knows no replies and no order.

RFC 5321 sections 4.1.1 and 4.5.2, RFC 1870 section 3, RFC 6152 section 2, RFC 6531 section 3.4, RFC 3461 section 5.2.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from waypost.mail.envelope import Notify
from waypost.replies.keys import Key
from waypost.smtp.errors import LocalProtocolError
from waypost.smtp.grammar import encode_xtext

if TYPE_CHECKING:
    from waypost.mail.envelope import Envelope, Recipient
    from waypost.smtp.offers import Offers

_NOTIFY_ORDER = (Notify.NEVER, Notify.SUCCESS, Notify.FAILURE, Notify.DELAY)


def mail_command(envelope: Envelope, offers: Offers, *, size: int, eight_bit: bool, utf8: bool = False) -> bytes:
    """MAIL with every parameter that the next hop knows and the message needs. Raises LocalProtocolError."""
    path = envelope.reverse_path
    line = f"MAIL FROM:<{path.text if path is not None else ''}>"
    if offers.sized:
        line += f" SIZE={size}"  # 1870#6.1
    if eight_bit and offers.eight_bit:
        line += " BODY=8BITMIME"
    if (utf8 or envelope.smtputf8) and offers.smtputf8:
        line += " SMTPUTF8"
    if offers.dsn:  # 3461#5.2.1: as received; 3461#5.2.2: never to a server that does not know them
        if envelope.ret is not None:
            line += f" RET={envelope.ret}"
        if envelope.envid is not None:
            line += f" ENVID={envelope.envid}"
    return _line(line)


def rcpt_command(recipient: Recipient, offers: Offers) -> bytes:
    """RCPT; NOTIFY and ORCPT go on only where DSN is offered. Raises LocalProtocolError."""
    text = recipient.mailbox.text
    line = f"RCPT TO:<{text}>"
    if offers.dsn:
        if recipient.notify:
            line += " NOTIFY=" + ",".join(word for word in _NOTIFY_ORDER if word in recipient.notify)
        if recipient.orcpt is not None:
            plainly = offers.smtputf8 or recipient.orcpt.isascii()
            line += f" ORCPT={recipient.orcpt if plainly else _seven_bit(recipient.orcpt)}"  # 3461#5.2.1: the identical one
        elif text.isascii():
            plain = not any(letter in text for letter in "+= ")  # spares most addresses a walk letter by letter
            line += f" ORCPT=rfc822;{text if plain else encode_xtext(text.encode())}"  # 3461#5.2.1: may be added, and is
    return _line(line)


def _seven_bit(orcpt: str) -> str:
    """utf-8-addr-xtext, the form for servers without SMTPUTF8 (6533#3)."""
    kind, _, address = orcpt.partition(";")
    shown = (f"\\x{{{ord(letter):02X}}}" if letter in "+=" or not "!" <= letter <= "~" else letter for letter in address)
    return f"{kind};{''.join(shown)}"


def _line(line: str) -> bytes:
    octets = line.encode()
    if b"\r" in octets or b"\n" in octets or b"\0" in octets:
        # What we store was parsed by the grammar, so this is our fault; it must not become a command of someone else's.
        raise LocalProtocolError(Key.INTERNAL_ERROR, fault="a line end within a command")
    return octets + b"\r\n"


def plain_response(name: str, password: str) -> bytes:
    """The initial response of AUTH PLAIN (4616#2), without an authorization identity."""
    return base64.b64encode(f"\0{name}\0{password}".encode())


def login_responses(name: str, password: str) -> tuple[bytes, bytes]:
    """The two answers of AUTH LOGIN."""
    return base64.b64encode(name.encode()), base64.b64encode(password.encode())


class DotStuffer:
    """Content on its way through DATA, in any pieces: a dot that begins a line is doubled, a stray CR or LF is refused.

    It begins as if a line had just ended, so that a dot on the very first line needs no case of its own.
    """

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        self._tail = b"\r\n"

    def stuff(self, octets: bytes) -> bytes:
        """The next piece as it goes on the wire (5321#4.5.2). Raises LocalProtocolError for a bare CR, LF or a NUL."""
        if not octets:
            return octets
        tail = self._tail
        self._check(octets)
        self._tail = octets[-2:] if len(octets) > 1 else tail[-1:] + octets
        stuffed = octets.replace(b"\r\n.", b"\r\n..") if b"\n." in octets else octets
        if tail == b"\r\n":
            return b"." + stuffed if octets[0] == 0x2E else stuffed
        if tail[-1:] == b"\r" and octets[:2] == b"\n.":  # the cut went through a line end
            return b"\n." + stuffed[1:]
        return stuffed

    def end(self) -> bytes:
        """What ends the content: its last line's end where that is missing (5321#4.1.1.4), and the dot. Raises LocalProtocolError."""
        if self._tail == b"\r\n":
            return b".\r\n"
        if self._tail.endswith(b"\r"):
            raise LocalProtocolError(Key.LINE_END_IN_CONTENT)
        return b"\r\n.\r\n"

    def _check(self, octets: bytes) -> None:
        """Every CR stands before an LF and every LF behind a CR, also across the cut (5321#2.3.8)."""
        held = self._tail[-1:] == b"\r"
        if held != (octets[0] == 0x0A):
            raise LocalProtocolError(Key.LINE_END_IN_CONTENT)
        whole = octets.count(b"\r\n")
        feeds, returns = octets.count(b"\n") - held, octets.count(b"\r") - (octets[-1] == 0x0D)
        if feeds != whole or returns != whole or b"\0" in octets:
            raise LocalProtocolError(Key.LINE_END_IN_CONTENT)
