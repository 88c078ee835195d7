"""The second part of a notice, for programs: message/delivery-status (RFC 3464 section 2, RFC 3461 section 6.3, RFC 6533 section 4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, assert_never

from waypost.mail import trace
from waypost.mail.outcome import Action
from waypost.report.facts import LINE, Kind, inert, remote_name
from waypost.report.part import Part
from waypost.smtp.errors import XtextError
from waypost.smtp.grammar import decode_xtext

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waypost.mail.outcome import Heard
    from waypost.mail.path import Mailbox
    from waypost.report.facts import Report, Told

_STATUS = re.compile(r"[245]\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})", re.ASCII)
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,40}")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}|\[[0-9A-Za-z.:]{1,64}\]")
_EMBEDDED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_REPLY_LINES = 20
"""Lines of a reply that are quoted."""
_MANY = 40
"""Recipients beyond which little is quoted for each: strangers wrote it, and what they wrote goes to whom somebody named as sender."""
_LITTLE = 200
"""Octets of a reply that is quoted then."""


def part(report: Report) -> Part:
    """The part; in UTF-8 only where an address needs it and the way back is known to carry it (6533#4.4)."""
    groups = [_message(report), *(_recipient(report, told) for told in report.told)]
    octets = b"\r\n".join("".join(f"{name}: {value}\r\n" for name, value in group).encode() for group in groups)
    if octets.isascii():
        return Part("message/delivery-status", "7bit", octets, "Delivery report")
    return Part("message/global-delivery-status", "8bit", octets, "Delivery report")


def _message(report: Report) -> Iterator[tuple[str, str]]:
    """Fields about the message (3464#2.2)."""
    about = report.about
    if about.envid is not None:
        yield "Original-Envelope-Id", _plain_xtext(about.envid)  # 3461#6.3(a)
    yield "Reporting-MTA", f"dns; {inert(report.hostname, ascii_only=True)}"
    if _HOST.fullmatch(about.origin.helo):
        literal = trace.address_literal(about.origin.client)
        yield "Received-From-MTA", f"dns; {about.origin.helo}" + (f" ({literal})" if _HOST.fullmatch(literal) else "")
    yield "Arrival-Date", trace.date(about.arrived)
    yield "X-Waypost-Queue-ID", inert(about.id, ascii_only=True)


def _recipient(report: Report, told: Told) -> Iterator[tuple[str, str]]:
    """Fields about one recipient (3464#2.3)."""
    if told.recipient.orcpt is not None:
        yield "Original-Recipient", _original(told.recipient.orcpt, report)  # 3461#6.3(d)
    yield "Final-Recipient", _final(told.recipient.mailbox, report)
    yield "Action", told.kind.value
    yield "Status", _status(told)
    yield from _diagnosis(told, briefly=len(report.told) > _MANY)
    if told.attempts:  # 3464#2.3.7: none was made when an operator gave up a message that never left
        yield "Last-Attempt-Date", trace.date(told.last_attempt)
    if told.kind is Kind.DELAYED and told.expires is not None:
        yield "Will-Retry-Until", trace.date(told.expires)  # 3464#2.3.9
    yield "X-Waypost-Key", inert(told.outcome.key, ascii_only=True)


def _final(mailbox: Mailbox, report: Report) -> str:
    """The address from the envelope; ``utf-8`` in the form that the way back can carry (6533#3)."""
    if mailbox.is_ascii:
        return f"rfc822; {inert(mailbox.text, ascii_only=True)}"
    if report.international:
        return f"utf-8; {inert(mailbox.text, ascii_only=False)}"
    return f"utf-8; {_seven_bit(mailbox.text)}"


def _original(orcpt: str, report: Report) -> str:
    """What ORCPT said, without its encoding where that leaves something printable."""
    kind, _, address = orcpt.partition(";")
    kind = kind.strip() if _ATOM.fullmatch(kind.strip()) else "unknown"
    if kind.lower() != "utf-8":
        return f"{kind}; {_plain_xtext(address)}"
    native = _EMBEDDED.sub(_letter, address)
    if report.international:
        return f"{kind}; {inert(native if native.isprintable() else address, ascii_only=False)}"
    return f"{kind}; {address if address.isascii() and address.isprintable() else _seven_bit(native)}"


def _letter(found: re.Match[str]) -> str:
    point = int(found[1], 16)
    return chr(point) if point <= 0x10FFFF else found[0]


def _seven_bit(address: str) -> str:
    """utf-8-addr-xtext (6533#3)."""
    return inert("".join(f"\\x{{{ord(letter):02X}}}" if letter in "\\+= " else letter for letter in address), ascii_only=True)


def _plain_xtext(value: str) -> str:
    """What xtext stands for; as it came when that is not printable ASCII or no xtext at all."""
    try:
        octets = decode_xtext(value)
    except XtextError:
        octets = b""
    text = octets.decode("ascii", "replace")
    return inert(text if octets and text.isascii() and text.isprintable() else value, ascii_only=True)


def _status(told: Told) -> str:
    if _STATUS.fullmatch(told.outcome.status):
        return told.outcome.status
    action = told.outcome.action
    match action:  # 3461#6.3(g)
        case Action.FAILED:
            return "5.0.0"
        case Action.DEFERRED:
            return "4.0.0"
        case Action.DELIVERED | Action.RELAYED:
            return "2.0.0"
        case _:
            assert_never(action)


def _diagnosis(told: Told, *, briefly: bool) -> Iterator[tuple[str, str]]:
    """What the next hop said, under its name; else what we found, under no name (3464#2.3.5, 3464#2.3.6)."""
    heard = told.outcome.heard
    if heard is not None:
        remote = remote_name(told.outcome.next_hop)
        if remote:
            yield "Remote-MTA", f"dns; {remote}"  # 3461#6.3(h)
        yield (
            "Diagnostic-Code",
            f"smtp; {_transcription(heard, 1 if briefly else _REPLY_LINES, _LITTLE if briefly else LINE)}",
        )  # 3461#6.3(i)
    elif told.detail:
        yield "Diagnostic-Code", f"x-waypost; {inert(told.detail, ascii_only=True, most=_LITTLE if briefly else LINE)}"


def _transcription(heard: Heard, number_of_lines: int, most: int) -> str:
    """The reply, each line with its code and a space before all but the first (3461#9.2)."""
    status = f"{heard.status} " if heard.status and _STATUS.fullmatch(heard.status) else ""
    lines = heard.lines[:number_of_lines] or ("",)
    last = len(lines) - 1
    return "\r\n ".join(
        f"{heard.code:03d}{'-' if number < last else ' '}{status}{inert(line, ascii_only=True, most=most)}".rstrip()
        for number, line in enumerate(lines)
    )
