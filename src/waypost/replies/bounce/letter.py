"""A message as the judges of its kind see it: who sent it, its subject, its texts, what is enclosed. Judges nothing itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from waypost.replies.bounce.addresses import mentions, same
from waypost.replies.bounce.decoding import MOST, as_text, guesses, header_text, html_text, untransferred
from waypost.replies.bounce.fields import has_loose_fields
from waypost.replies.bounce.mime import Part, read_head, scan
from waypost.replies.bounce.signs import fold

if TYPE_CHECKING:
    from waypost.replies.bounce.mime import Head, Mail
    from waypost.replies.bounce.signs import Signs

ENCLOSED = (
    "message/rfc822",
    "message/global",
    "text/rfc822",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global-headers",
    "message/partial",
    "message/external-body",
)
"""Types of a returned message or its header (6522#3, 6533#4)."""
STATUS = (
    "message/delivery-status",
    "message/global-delivery-status",
    "text/delivery-status",
    "application/delivery-status",
    "message/delivery-report",
)

_STATUS_BODY = re.compile(
    rb"\s*(?:Final-Recipient|Original-Recipient|Reporting-MTA|Original-Envelope-Id|Reporting-UA|DSN-Gateway)[ \t]*:", re.IGNORECASE
)
_HEADER_BODY = re.compile(
    rb"\s*(?:Received|Return-Path|X-[A-Za-z-]+|DKIM-Signature|From|Message-ID|Date|To|Subject)[ \t]*:[^\n]*\n"
    rb"(?:[ \t][^\n]*\n)*[A-Za-z-]+[ \t]*:",
    re.IGNORECASE,
)
_MACHINE = re.compile(
    r"anti-?_?virus|anti-?_?spam|gateway|mailer|daemon|smtp|postmaster|mail[-_.]?(?:system|server|admin|guard|scan|filter|marshal|sweeper|gate|hub|relay)|virus[-_.]?|non-?delivery|undeliver|bounce",
    re.IGNORECASE,
)
_JOINTS = re.compile(r"[-_. ]")
_DAEMONS = ("mailerdaemon", "maildaemon", "postmaster", "maildeliverysystem", "maildeliverysubsystem", "microsoftexchange")
"""Names of mailers, however they are written: with a hyphen, a dot, in two words."""
_ANGLE = re.compile(r"<([^<>]*)>")
_TAG = re.compile(r"^(?:\[[^\]]{1,60}\]\s*|\*+\s*)+")
_PLAIN = ("text/plain", "text/x-preamble", "text")
_OTHER = ("text/", "image/", "application/", "message/", "audio/", "video/")
_TEXTS = 6
"""Text parts that are joined into a report."""


@dataclass(frozen=True)
class Letter:
    """A scanned message, read as far as asked."""

    mail: Mail
    signs: Signs

    @cached_property
    def head(self) -> Head:
        """The fields of the message."""
        return self.mail.head

    @cached_property
    def subject(self) -> str:
        """The subject, folded for looking up, without tags of lists before it."""
        return _TAG.sub("", fold(self._legible(self.head.first(b"subject"))).strip())

    def _legible(self, raw: bytes | None) -> str:
        """A header's text; 8-bit octets without a charset are tried in several, the first that holds known words taken."""
        text = header_text(raw)
        if raw and "\ufffd" in text:
            known = self.signs.failure_subject
            return next((guess for guess in guesses(raw) if known.found(fold(guess))), text)
        return text

    @cached_property
    def sender(self) -> tuple[str, str]:
        """The address (empty if none) and the name of From, in lower case."""
        raw = self._legible(self.head.first(b"from"))
        angled = _ANGLE.findall(raw)
        address = angled[-1] if angled else next((mention.address for mention in mentions(raw)), raw.split("(")[0])
        name = _ANGLE.sub(" ", raw) if angled else raw.partition("(")[2].rstrip(")")
        return address.strip().lower(), fold(name).strip(" \"'")

    @cached_property
    def null_path(self) -> bool:
        """Whether it came with the null reverse-path (5321#4.5.5), or from the mailer itself."""
        path = self.head.first(b"return-path")
        inner = (path or b"").decode("latin-1").strip().lower()
        envelope = (self.head.envelope or b"").split(b" ", 1)[0].strip().lower()
        local = inner.strip("<>").partition("@")[0]
        return (
            inner == "<>"
            or local in self.signs.daemon_strong
            or envelope in (b"<>", b"mailer-daemon")
            or envelope.startswith((b"mailer-daemon@", b"postmaster@"))
        )

    @cached_property
    def bare(self) -> bool:
        """Whether there is no header: the text of a report that somebody copied."""
        return not self.head.fields and self.head.envelope is None

    @cached_property
    def empty_path(self) -> bool:
        """Whether it came with the null reverse-path itself."""
        return (self.head.first(b"return-path") or b"").strip() == b"<>" or (self.head.envelope or b"").startswith(b"<>")

    @cached_property
    def own_path(self) -> bool:
        """Whether it came from the address that From names, which no report of a mailer does and nearly all mail of people."""
        path = (self.head.first(b"return-path") or b"").decode("latin-1").strip(" <>").lower()
        return bool(path) and path == self.sender[0]

    @cached_property
    def daemon(self) -> int:
        """How surely a mailer wrote it: 2 by its name, 1 by a name that people share with mailers, 0 not."""
        address, name = self.sender
        local = address.partition("@")[0].strip("\"'\\ ")
        if not address.strip("<>@ ") and (self.head.first(b"from") is not None or self.null_path):
            return 2
        if local in self.signs.daemon_strong or _JOINTS.sub("", local).startswith(_DAEMONS):
            return 2
        if self.signs.daemon_name.is_or_opens(name) or _JOINTS.sub("", name) in _DAEMONS:
            return 2
        if any(self.head.first(header) is not None and words.found(self.subject) for header, words in self.signs.robots):
            return 2
        return 1 if local in self.signs.daemon or _MACHINE.search(local) else 0

    @cached_property
    def recipients(self) -> frozenset[str]:
        """The addresses that it is sent to, as ``same`` has them: the sender of what failed."""
        found = set()
        for name in (b"to", b"delivered-to", b"x-original-to"):
            for raw in self.head.every(name)[:3]:
                found |= {same(mention.address) for mention in mentions(header_text(raw)[:1000])}
        return frozenset(found)

    @cached_property
    def failed_header(self) -> tuple[str, ...]:
        """The addresses of X-Failed-Recipients and its kin."""
        found: list[str] = []
        for name in self.signs.failed_headers:
            for raw in self.head.every(name):
                found += [mention.address for part in header_text(raw).split(",") for mention in mentions(part)]
        return tuple(dict.fromkeys(found))

    @cached_property
    def enclosed(self) -> Part | None:
        """The part with the returned message or its header, or None."""
        return next((part for part in self.mail.parts if part.kind in ENCLOSED or self._looks_returned(part)), None)

    def _looks_returned(self, part: Part) -> bool:
        """A part after the first that is said to be text or an attachment, and is a message's header."""
        if part is self.mail.parts[0] or part.kind.startswith(("image/", "multipart/")) or part.kind in STATUS:
            return False
        return _HEADER_BODY.match(part.opening(2000)) is not None

    @cached_property
    def returned_head(self) -> Head | None:
        """The header of the returned message, where it has a part of its own."""
        if self.enclosed is None:
            return None
        octets = part_octets(self.enclosed)
        return read_head(octets, 0, len(octets))[0]

    @cached_property
    def status_text(self) -> str:
        """The fields of a delivery report, from its own part, however that is labelled; empty where there is none."""
        texts = [part_text(part) for part in self.mail.parts if part.kind in STATUS or _STATUS_BODY.match(part.opening(300))]
        return "\n\n".join(texts)

    @cached_property
    def text(self) -> str:
        """What people read: the text parts before the returned message, HTML as seen where there is no plain text with an address.

        A part after one that already reports, and names an address, is the returned text or a list's footer.
        """
        plain: list[str] = []
        markup: list[str] = []
        for part in self.mail.parts:
            if part is self.enclosed or part.kind in STATUS or (plain and self._reports(plain[-1])):
                break
            if len(plain) < _TEXTS and (part.kind in _PLAIN or not part.kind.startswith(_OTHER)):
                plain.append(self._chosen(part))
            elif part.kind == "text/html" and len(markup) < _TEXTS:
                markup.append(html_text(self._chosen(part)))
        text = "\n".join(plain)
        if markup and ("@" not in text or not text.strip()):
            text = "\n".join([text, *markup])
        elif text.lstrip()[:6].lower() in ("<html>", "<!doct", "<html "):
            text = html_text(text)
        return text

    def _reports(self, text: str) -> bool:
        return "@" in text and self.signs.failure.found(fold(text[:4000])) is not None

    def _chosen(self, part: Part) -> str:
        """The text of a part; where its charset is not said, the one in which it holds words of a report."""
        text = part_text(part)
        if "\ufffd" in text:
            octets = part_octets(part)
            return next((guess for guess in guesses(octets) if self.signs.failure.found(fold(guess[:4000]))), text)
        return text

    @cached_property
    def loose_fields(self) -> bool:
        """Whether the fields of a report stand in the text."""
        return has_loose_fields(self.text)

    @cached_property
    def answered(self) -> bool:
        """Whether its subject is that of an answer or of something passed on."""
        return self.signs.human_subject.opens(self.subject) is not None


def part_octets(part: Part) -> bytes:
    """The octets of ``part`` without their transfer encoding, its beginning only where it is long."""
    return untransferred(part.opening(MOST), part.head.text(b"content-transfer-encoding"))


def part_text(part: Part) -> str:
    """The text of ``part``, decoded."""
    octets = part_octets(part)
    text = as_text(octets, part.parameters.get("charset"))
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def open_letter(octets: bytes, signs: Signs) -> Letter:
    """The letter in ``octets``."""
    return Letter(scan(octets), signs)
