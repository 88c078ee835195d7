"""What a probe found: a value with a key, whose words stand in the catalogue of findings. Knows no probe and no network."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from waypost.replies.gloss import gloss
from waypost.replies.library import facts, words
from waypost.replies.records import lookup
from waypost.replies.terms import label

if TYPE_CHECKING:
    from collections.abc import Mapping


class Severity(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    """As it should be."""
    NOTE = "note"
    """Good to know; nothing need be done."""
    WARNING = "warning"
    """It works, and somebody will be hurt by it some day."""
    ERROR = "error"
    """Mail is lost, refused or readable by others because of it."""


class Stage(StrEnum):
    """Where on the way it was found; in this order they are shown."""

    OWN = "own"
    """Local facts of this very server."""
    NAMES = "names"
    REACH = "reach"
    GREETING = "greeting"
    DIALOGUE = "dialogue"
    TLS = "tls"
    DOMAIN = "domain"
    MAILBOX = "mailbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found out."""

    key: str
    """Its row in ``data/findings`` (facts: severity, stage, rfc) and in ``data/{lang}/findings`` (title, meaning, fix)."""
    about: str
    """What it is about: ``mx.example.org``, ``192.0.2.1:25``, ``example.org MX``."""
    evidence: tuple[str, ...] = ()
    """Replies or records as received, one line each, control characters made visible."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What fills the braces in its words.

    A fact ``reply`` (``550 5.7.1 ...``) brings ``reply_title``, ``reply_meaning``, ``reply_fix`` (the operator's) and ``reply_sender_fix``
    of the replies' catalogue, in the language asked for (of a fact ``means``, where other answers show that its words mislead);
    a fact ``record`` (``SIZE``) brings ``record_title`` and ``record_meaning``;
    a fact ``faults_of`` (keys of findings about the same thing, separated by blanks) brings their titles as ``faults``.
    """

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return Severity(facts("findings")["finding"][self.key]["severity"])

    @property
    def stage(self) -> Stage:
        """Where on the way it was found."""
        return Stage(facts("findings")["finding"][self.key]["stage"])

    @property
    def standard(self) -> tuple[str, ...]:
        """The sections that say how it should be, as ``5321#3.1``; of a record those that define it."""
        own = tuple(facts("findings")["finding"][self.key].get("rfc", ()))
        record = lookup(self.facts["record"]) if "record" in self.facts else None
        return own if record is None else tuple(reference.source for reference in record.references)

    def told(self, lang: str = "en") -> Told:
        """Its words in ``lang``. Raises LookupError for a language that is not there."""
        row = words(lang, "findings")["finding"][self.key]
        known = _Facts({**self.facts, **_explained(self.facts, lang)})
        if "faults_of" in self.facts:
            titles = [words(lang, "findings")["finding"][key]["title"].format_map(known) for key in self.facts["faults_of"].split()]
            known["faults"] = label("join", "semicolon", lang).join(titles)
        return Told(**{name: row[name].format_map(known) for name in ("title", "meaning", "fix")})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A finding in words."""

    title: str
    meaning: str
    fix: str


def _explained(known: Mapping[str, str], lang: str) -> dict[str, str]:
    """What the catalogue of replies says of a reply or a record among the facts."""
    found: dict[str, str] = {}
    if "reply" in known:
        code, _, text = known.get("means", known["reply"]).partition(" ")
        number = int(code) if code.isdigit() else 0
        meant = gloss(number, None, text, lang=lang, reader="operator")
        sender_fix = gloss(number, None, text, lang=lang).fix
        found |= {"reply_title": meant.title, "reply_meaning": meant.meaning, "reply_fix": meant.fix, "reply_sender_fix": sender_fix}
    if "stage" in known:
        found["stage"] = label("stage", known["stage"], lang)
    record = lookup(known["record"], lang) if "record" in known else None
    if record is not None:
        found |= {"record_title": record.prose.title, "record_meaning": record.prose.meaning}
    return found


class _Facts(dict[str, str]):
    """A fact that is missing shows as its name: a fault of ours must not hide a finding."""

    def __missing__(self, name: str) -> str:
        return name
