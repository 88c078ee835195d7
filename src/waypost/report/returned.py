"""The third part of a notice: the message itself, or its header section (RFC 3461 section 6.2, RFC 6522 section 4, RFC 6533 section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.mail.envelope import Body, Return
from waypost.report.facts import Kind
from waypost.report.part import Part, encoded, is_sound

if TYPE_CHECKING:
    from waypost.report.facts import Report

_HEAD = 65_536
"""Octets of a header section that are returned; a forged sender shall not be sent more."""


def part(report: Report, most: int) -> Part:
    """The whole message when its sender asked for it, it failed and it is small; else the header section."""
    whole = report.whole
    wanted = report.kind is Kind.FAILED and report.about.ret is Return.FULL  # 3461#4.3
    if wanted and whole is not None and len(whole) <= most:
        message = _message(report, whole)
        if message is not None:
            return message
    return _head(report)


def _message(report: Report, whole: bytes) -> Part | None:
    """The whole message, or None where no honest label would carry it back."""
    if report.about.smtputf8 and not whole.isascii():
        if report.international and is_sound(whole):
            return Part("message/global", "8bit", whole, "Your message")
        return encoded("message/global", whole, "Your message")  # 6533#4.5: a seven bit encoding, for who knows the way back
    if not is_sound(whole):  # message/rfc822 takes no quoted-printable (2046#5.2.1)
        return None
    if whole.isascii():
        return Part("message/rfc822", "7bit", whole, "Your message")
    # The way here carried eight bits, so the way back is trusted to; a notice must not fail for what it returns.
    return Part("message/rfc822", "8bit", whole, "Your message") if report.about.body is Body.EIGHT_BIT else None


def _head(report: Report) -> Part:
    head = _cut(report.head.removesuffix(b"\r\n\r\n").removesuffix(b"\r\n") + b"\r\n")
    if report.about.smtputf8 and not head.isascii():
        if report.international and is_sound(head):
            return Part("message/global-headers", "8bit", head, "Header of your message")
        return encoded("message/global-headers", head, "Header of your message")
    return encoded("text/rfc822-headers", head, "Header of your message")


def _cut(head: bytes) -> bytes:
    if len(head) <= _HEAD:
        return head
    end = head.rfind(b"\r\n", 0, _HEAD)
    return head[: end + 2] if end >= 0 else head[:_HEAD] + b"\r\n"
