"""The words by which reports are known, from ``data/bounces``: phrases in many languages, made ready for looking up. Judges nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from waypost.replies.library import facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_BLANKS = re.compile(r"\s+")
_QUOTES = str.maketrans(
    {"\u2019": "'", "\u2018": "'", "\u02bc": "'", "`": "'", "\xa0": " ", "\u3000": " ", "\u201c": '"', "\u201d": '"', "，": ","}
)


def fold(text: str) -> str:
    """``text`` as phrases are looked up in it: lower case, blanks single, quotes straight."""
    return _BLANKS.sub(" ", text.translate(_QUOTES) if not text.isascii() or "`" in text else text).lower()


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases that mean one thing."""

    words: tuple[str, ...]

    def found(self, folded: str) -> str | None:
        """The first phrase of the list that ``folded`` holds, or None."""
        return next((phrase for phrase in self.words if phrase in folded), None)

    def earliest(self, folded: str) -> tuple[int, str] | None:
        """The phrase that stands first in ``folded``, with its place, or None."""
        return min(((place, phrase) for phrase in self.words if (place := folded.find(phrase)) >= 0), default=None)

    def opens(self, folded: str) -> str | None:
        """The phrase with which ``folded`` begins, or None."""
        return next((phrase for phrase in self.words if folded.startswith(phrase)), None)

    def is_or_opens(self, folded: str) -> bool:
        """Whether ``folded`` is one of the phrases, or one that goes on with where: ``mail delivery system at mx.example.org``."""
        return any(
            folded == phrase or folded.startswith((f"{phrase} at ", f"{phrase} on ", f"{phrase} [", f"{phrase} (")) for phrase in self.words
        )

    def closes(self, folded: str) -> bool:
        """Whether ``folded`` ends with one of the phrases, as a word of its own."""
        if not folded.endswith(self.words):
            return False
        return any(folded.endswith(phrase) and _own(folded, phrase) for phrase in self.words)


def _own(folded: str, phrase: str) -> bool:
    before = folded[: len(folded) - len(phrase)][-1:]
    return not (before.isalnum() and phrase[0].isascii() and before.isascii())


@dataclass(frozen=True, slots=True)
class Mailer:
    """A program or service by its own words."""

    name: str
    header: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the prose of mailers means, where no server's words are in it."""

    name: str
    words: Phrases
    category: str
    permanence: str
    own: bool
    """Whether only one mailer writes so: then it goes before what servers mean by the same words."""


@dataclass(frozen=True, slots=True)
class Signs:
    """Everything that the reading of messages goes by."""

    failure_subject: Phrases
    delay_subject: Phrases
    auto_subject: Phrases
    receipt_subject: Phrases
    human_subject: Phrases
    digest_subject: Phrases
    failure: Phrases
    delay: Phrases
    answer: Phrases
    held: Phrases
    refused: Phrases
    final: Phrases
    surely_late: Phrases
    complaint_subject: Phrases
    complaint_sender: tuple[str, ...]
    separator: Phrases
    recipient: Phrases
    other: Phrases
    contact: Phrases
    contact_after: Phrases
    alias: Phrases
    reason: Phrases
    echo: frozenset[str]
    echo_to: frozenset[str]
    daemon: frozenset[str]
    daemon_strong: frozenset[str]
    daemon_shared: frozenset[str]
    """Names under which people write as well."""
    daemon_name: Phrases
    reply_headers: frozenset[bytes]
    failed_headers: tuple[bytes, ...]
    people_headers: frozenset[bytes]
    list_headers: frozenset[bytes]
    mailers: tuple[Mailer, ...]
    meanings: tuple[Meaning, ...]
    greeting: Phrases
    robots: tuple[tuple[bytes, Phrases], ...]
    """Programs of lists that write in their own name: the header that marks them, and the subjects of their refusals."""


@cache
def signs() -> Signs:
    """The signs of ``data/bounces``."""
    return made_of(facts("bounces"))


def made_of(source: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Signs:
    """Signs of other data of that form."""
    sections = {name: list(rows.values()) for name, rows in source.items()}
    return Signs(
        failure_subject=_phrases(sections["failure"], "subject"),
        delay_subject=_phrases(sections["delay"], "subject"),
        auto_subject=_phrases(sections["auto"], "subject"),
        receipt_subject=_phrases(sections["receipt"], "subject"),
        human_subject=_phrases(sections["human"], "subject"),
        digest_subject=_phrases(sections["digest"], "subject"),
        failure=_phrases(sections["sentence"], "failure"),
        delay=_phrases(sections["sentence"], "delay"),
        answer=_phrases(sections["answer"], "body"),
        held=_phrases(sections["held"], "body"),
        refused=_phrases(sections["refused"], "body"),
        final=_phrases(sections["verdict"], "final"),
        surely_late=_phrases(sections["verdict"], "late"),
        complaint_subject=_phrases(sections["complaint"], "subject"),
        complaint_sender=tuple(_words(sections["complaint"], "sender")),
        separator=_phrases(sections["separator"], "begins"),
        recipient=_phrases(sections["label"], "recipient"),
        other=_phrases(sections["other"], "leads"),
        contact=_phrases(sections["contact"], "leads"),
        contact_after=_phrases(sections["contact"], "follows"),
        alias=_phrases(sections["alias"], "leads"),
        reason=_phrases(sections["reason"], "leads"),
        echo=frozenset(_words(sections["echo"], "own")),
        echo_to=frozenset(_words(sections["echo"], "to")),
        daemon=frozenset(_words(sections["machine"], "local")),
        daemon_strong=frozenset(_words(sections["machine"], "strong")),
        daemon_shared=frozenset(_words(sections["machine"], "shared")),
        daemon_name=_phrases(sections["machine"], "name"),
        reply_headers=_octets(sections["machine"], "reply"),
        failed_headers=tuple(sorted(_octets(sections["machine"], "failed"))),
        people_headers=_octets(sections["machine"], "people"),
        list_headers=_octets(sections["machine"], "lists"),
        mailers=tuple(_mailers(source["mailer"])),
        meanings=tuple(_meanings(source["meaning"])),
        greeting=_phrases(sections["greeting"], "opens"),
        robots=tuple((row["header"].encode(), Phrases(tuple(row["subject"]))) for row in sections["robot"]),
    )


def _words(rows: Iterable[Mapping[str, Any]], field: str) -> Iterable[str]:
    return (word for row in rows for word in row.get(field, ()))


def _phrases(rows: Iterable[Mapping[str, Any]], field: str) -> Phrases:
    return Phrases(tuple(dict.fromkeys(_words(rows, field))))


def _octets(rows: Iterable[Mapping[str, Any]], field: str) -> frozenset[bytes]:
    return frozenset(word.encode() for word in _words(rows, field))


def _mailers(rows: Mapping[str, Mapping[str, Any]]) -> Iterable[Mailer]:
    return (Mailer(name, row.get("header", ""), tuple(row["words"])) for name, row in rows.items())


def _meanings(rows: Mapping[str, Mapping[str, Any]]) -> Iterable[Meaning]:
    return (
        Meaning(name, Phrases(tuple(row["words"])), row["category"], row["permanence"], row.get("own", False)) for name, row in rows.items()
    )
