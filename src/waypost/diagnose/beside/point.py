"""What was seen of one server at one point, and two such beside each other: values, and when they are alike. Knows no network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from waypost.diagnose.finding import Stage
from waypost.replies.gloss import Gloss, gloss
from waypost.replies.library import facts, words
from waypost.replies.terms import label, spaced

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from waypost.diagnose.finding import Finding

SLOW, TIMES = 1.0, 3.0
"""A time differs when one side takes more than so many seconds, and so many times as long as the other."""


class Section(StrEnum):
    """What a point belongs to; in this order they are shown."""

    SERVERS = "servers"
    GREETING = "greeting"
    EXTENSIONS = "extensions"
    LOGIN = "login"
    TLS = "tls"
    REPLIES = "replies"
    TIMES = "times"
    RECORDS = "records"
    FINDINGS = "findings"


class Side(StrEnum):
    """Which of the two."""

    A = "a"
    B = "b"


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply, for whoever explains it."""

    code: int
    status: str | None
    text: str

    def explained(self, lang: str) -> Gloss:
        """What it means, for the operator of the server."""
        return gloss(self.code, self.status, self.text, lang=lang, reader="operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """What one server showed at a point."""

    lines: tuple[str, ...] = ()
    """As received, or as measured: the same in every language."""
    word: str = ""
    """``group.name`` of words behind the lines: ``said.offered``, ``way.refused``."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What fills the braces in them."""
    essence: Hashable = None
    """By which it is held against the other: what differs by name, time or address alone is left out of it."""
    seconds: float | None = None
    """Of a time: then there is no essence, and small differences are none."""
    reply: Reply | None = None
    good: bool | None = None
    """Whether it is as the standard wants it; None where that is not said."""

    def shown(self, lang: str) -> tuple[str, ...]:
        """In words."""
        if not self.word:
            return self.lines
        group, _, name = self.word.partition(".")
        said = words(lang, "beside")["said"][name]["says"] if group == "said" else label(group, name, lang)
        return (*self.lines, spaced(said.format_map(self.facts)))


ABSENT: Mapping[Section, Value] = {
    Section.EXTENSIONS: Value(word="said.not-offered"),
    Section.FINDINGS: Value(word="said.not-found"),
}
"""What a server shows that lacks a point which the other has; in other sections such points are not compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait:
    """A point of one server."""

    key: str
    """Stable: ``reply.unknown``, ``extension.SIZE``, ``finding.vrfy-tells``."""
    section: Section
    row: str
    """Its words: ``step.unknown``, ``point.extension``."""
    value: Value
    asked: str = ""
    """The command, where it answers one."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What fills the braces of its title."""
    finding: Finding | None = None
    record: str = ""
    """The extension that it is about."""

    def title(self, lang: str) -> str:
        """What the point is called."""
        if self.finding is not None:
            return self.finding.told(lang).title
        return spaced(_words(self.row, lang)["title"].format_map(self.facts).strip())

    def rule(self, lang: str) -> str:
        """What the standard wants, or what to do; empty where it says nothing."""
        if self.finding is not None:
            return self.finding.told(lang).fix
        return str(_words(self.row, lang).get("rule", ""))

    @property
    def standard(self) -> tuple[str, ...]:
        """The sections that say so, as ``5321#4.2.4``."""
        if self.finding is not None:
            return self.finding.standard
        group, _, name = self.row.partition(".")
        return tuple(facts("beside")[group].get(name, {}).get("rfc", ()))


def _words(row: str, lang: str) -> Mapping[str, str]:
    group, _, name = row.partition(".")
    return words(lang, "beside")[group][name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The two servers at one point."""

    trait: Trait
    """Of the first that has it."""
    a: Value
    b: Value

    @property
    def same(self) -> bool:
        """Whether nothing that matters differs."""
        if self.a.seconds is not None and self.b.seconds is not None:
            short, long = sorted((self.a.seconds, self.b.seconds))
            return not (long > SLOW and long > TIMES * short)
        return self.a.essence == self.b.essence and not self._status_differs

    @property
    def _status_differs(self) -> bool:
        """Whether both replies have enhanced codes, and others: that one server gives none at all is a point of its own."""
        one, two = (value.reply.status if value.reply is not None else None for value in (self.a, self.b))
        return one is not None and two is not None and one != two

    @property
    def codes_differ(self) -> bool:
        """Whether both answered, and not with the same codes."""
        return self._status_differs or (self.a.reply is not None and self.b.reply is not None and self.a.reply.code != self.b.reply.code)

    @property
    def better(self) -> Side | None:
        """Which of the two does as the standard says, where the other does not."""
        if self.same or self.a.good is None or self.b.good is None or self.a.good is self.b.good:
            return None
        return Side.A if self.a.good else Side.B


@dataclass(frozen=True, slots=True)
class Difference:
    """All points, in the order in which they are shown."""

    points: tuple[Point, ...]

    @property
    def differing(self) -> tuple[Point, ...]:
        """Those that are not alike."""
        return tuple(point for point in self.points if not point.same)

    def better(self, side: Side) -> int:
        """In how many points one of them does better."""
        return sum(point.better is side for point in self.points)


@dataclass(frozen=True, slots=True)
class Traits:
    """All that is known of one server."""

    by_key: Mapping[str, Trait]
    clean: frozenset[Stage] = frozenset()
    """Stages that were gone through: what was not found there is not there."""

    def value(self, other: Trait) -> Value | None:
        """What this server showed at a point of the other; None where the two cannot be compared."""
        if other.key in self.by_key:
            return self.by_key[other.key].value
        absent = ABSENT.get(other.section)
        if absent is None or other.finding is None:
            return absent if Stage.DIALOGUE in self.clean else None
        return replace(absent, good=True if other.finding.stage in self.clean else None)


def difference(a: Traits, b: Traits) -> Difference:
    """Hold two servers against each other: the points of ``a`` in its order, and those that ``b`` alone has behind them, by section."""
    points = []
    for trait in [*a.by_key.values(), *(trait for key, trait in b.by_key.items() if key not in a.by_key)]:
        first, second = a.value(trait), b.value(trait)
        if first is not None and second is not None:
            points.append(Point(trait=trait, a=first, b=second))
    order = tuple(Section)
    return Difference(tuple(sorted(points, key=lambda point: order.index(point.trait.section))))
