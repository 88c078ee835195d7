"""The rules: phrases that servers utter, each with what it means; and the one scan that finds those which stand in a text.

Loaded when first a text is judged; a pattern is compiled when first its words are met. Knows no prose and no registry.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from waypost.replies.library import facts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from waypost.replies.line.fold import Folded


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What it means when one of a rule's phrases is said."""

    name: str
    category: str
    sure: float
    """From 0 to 1: how sure its words alone make one."""
    source: str
    provider: str = ""
    """Only of this provider's servers; empty: whoever says it."""
    codes: tuple[str, ...] = ()
    """Only with one of these: the beginning of a code, a status (``5.7.1``, ``5.7.*``), ``none`` for no number; empty: with any."""
    commands: tuple[str, ...] = ()
    """Only in what is known to answer one of these commands; empty: any."""
    permanence: str = ""
    """Overrules the first digit, if given."""
    because: str = ""
    scope: str = ""
    """Of what, if not what the category usually is about."""
    entry: str = ""
    """The record of the catalogue that tells what this provider means."""


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that holds for a text."""

    rule: Rule
    start: int
    end: int
    """Where its words stand; start equals end where a status alone did it."""
    doubted: bool = False
    """Whether words stand beside that mostly make them mean something else."""


@dataclass(slots=True)
class _Phrase:
    """A phrase made ready when first its words are met."""

    rule: int
    pattern: str | re.Pattern[str]
    """Compiled when first it is tried."""
    needs: tuple[frozenset[str], ...]
    """Of each of these sets a word must be in the text."""
    whole: bool
    """Whether it looks at addresses and links too."""


_LISTED = re.compile("<([a-z]+)>")
"""A list named in a pattern."""


class Rules:
    """The rules of one index, ready for scanning."""

    __slots__ = ("_doubts", "_lists", "_phrases", "_ready", "_rules", "_sets", "_statuses", "_unless", "_words")

    def __init__(self, index: Mapping[str, Any]) -> None:
        self._phrases: list[list[Any]] = index["phrases"]
        self._ready: list[_Phrase | None] = [None] * len(self._phrases)
        self._doubts: list[list[Any] | _Phrase] = list(index["doubts"])
        self._sets: list[Sequence[str] | frozenset[str]] = list(index["sets"])
        self._rules: list[Rule | Mapping[str, Any]] = list(index["rules"])
        self._words: Mapping[str, Sequence[int]] = index["words"]
        self._unless: Mapping[str, Sequence[int]] = index["unless"]
        self._statuses: Mapping[str, Mapping[str, int]] = index["statuses"]
        self._lists: Mapping[str, str] = index["lists"]

    def matches(self, folded: Folded, *, speakers: tuple[str, ...], numbers: tuple[str, ...], command: str) -> list[Match]:
        """The rules that hold, each once, in no order; ``speakers`` are the provider and whom it is like, ``numbers`` code and status."""
        found = self._scan(folded)
        found |= self._by_status(speakers, numbers)
        held = {number: match for number, match in found.items() if _holds(match.rule, speakers, numbers, command)}
        return [replace(match, doubted=True) if self._excepted(number, folded) else match for number, match in held.items()]

    def rule(self, number: int) -> Rule:
        """The rule of that number."""
        kept = self._rules[number]
        if isinstance(kept, Rule):
            return kept
        row: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in kept.items()}
        made = self._rules[number] = Rule(**row)
        return made

    def _scan(self, folded: Folded) -> dict[int, Match]:
        """One loop, for it is where the time goes: phrases by the words that are there, patterns last."""
        found: dict[int, Match] = {}
        tokens, words, ready = folded.tokens, self._words, self._ready
        for anchor in folded.order:
            for number in words.get(anchor, ()):
                phrase = ready[number] or self._prepared(number)
                if phrase.rule in found:
                    continue
                for needed in phrase.needs:
                    if needed.isdisjoint(tokens):
                        break
                else:
                    met = self._pattern(phrase).search(folded.whole if phrase.whole else folded.words)
                    if met:
                        found[phrase.rule] = Match(self.rule(phrase.rule), *met.span())
        return found

    def _prepared(self, number: int) -> _Phrase:
        rule, pattern, needs, whole = self._phrases[number]
        made = self._ready[number] = _Phrase(rule, pattern, tuple([self._set(one) for one in needs]), whole)
        return made

    def _set(self, number: int) -> frozenset[str]:
        kept = self._sets[number]
        if isinstance(kept, frozenset):
            return kept
        made = self._sets[number] = frozenset(kept)
        return made

    def _pattern(self, phrase: _Phrase) -> re.Pattern[str]:
        if isinstance(phrase.pattern, str):
            phrase.pattern = re.compile(_LISTED.sub(lambda found: self._lists[found[1]], phrase.pattern))
        return phrase.pattern

    def _excepted(self, rule: int, folded: Folded) -> bool:
        tokens = folded.tokens
        for number in self._unless.get(str(rule), ()):
            doubt = self._doubts[number]
            if isinstance(doubt, list):
                doubt = self._doubts[number] = _Phrase(-1, doubt[0], tuple([self._set(one) for one in doubt[1]]), doubt[2])
            for needed in doubt.needs:
                if needed.isdisjoint(tokens):
                    break
            else:
                if self._pattern(doubt).search(folded.whole if doubt.whole else folded.words):
                    return True
        return False

    def _by_status(self, speakers: tuple[str, ...], numbers: tuple[str, ...]) -> dict[int, Match]:
        known = [self._statuses[speaker] for speaker in speakers if speaker in self._statuses]
        hits = [rules[number] for rules in known for number in numbers if number in rules]
        return {rule: Match(self.rule(rule), 0, 0) for rule in hits}


def _holds(rule: Rule, speakers: tuple[str, ...], numbers: tuple[str, ...], command: str) -> bool:
    if rule.provider and rule.provider not in speakers:
        return False
    if rule.commands and command not in rule.commands:
        return False
    if not rule.codes:
        return True
    if not numbers:  # a class is asked for, or that none be said
        return rule.codes[0] == "none" or len(rule.codes[0]) == 1
    return any(_fits(wanted, number) for wanted in rule.codes for number in numbers)


def _fits(wanted: str, number: str) -> bool:
    if "." not in wanted:
        return number.startswith(wanted)
    return number.startswith(wanted[:-1]) if wanted.endswith("*") else number == wanted


@cache
def rules() -> Rules:
    """The rules of the catalogue."""
    return Rules(facts("idioms"))
