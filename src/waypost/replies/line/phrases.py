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


_Phrase = tuple[int, str, tuple[frozenset[str], ...], bool]
"""Its rule, its pattern, the words that it needs, whether it looks at addresses and links too."""

_LISTED = re.compile("<([a-z]+)>")
"""A list named in a pattern."""


class Rules:
    """The rules of one index, ready for scanning."""

    __slots__ = ("_compiled", "_lists", "_phrases", "_rules", "_statuses", "_unless", "_words")

    def __init__(self, index: Mapping[str, Any]) -> None:
        sets = [frozenset(words) for words in index["sets"]]
        self._phrases: list[_Phrase] = [
            (rule, pattern, tuple([sets[one] for one in needs]), whole) for rule, pattern, needs, whole in index["phrases"]
        ]
        self._rules: list[Rule | Mapping[str, Any]] = list(index["rules"])
        self._words: Mapping[str, Sequence[int]] = index["words"]
        self._unless: Mapping[str, Sequence[int]] = index["unless"]
        self._statuses: Mapping[str, Mapping[str, int]] = index["statuses"]
        self._lists: Mapping[str, str] = index["lists"]
        self._compiled: dict[int, re.Pattern[str]] = {}

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
        tokens, words, phrases = folded.tokens, self._words, self._phrases
        for anchor in folded.order:
            for number in words.get(anchor, ()):
                phrase = phrases[number]
                if phrase[0] in found:
                    continue
                for needed in phrase[2]:
                    if needed.isdisjoint(tokens):
                        break
                else:
                    met = self._pattern(number).search(folded.whole if phrase[3] else folded.words)
                    if met:
                        found[phrase[0]] = Match(self.rule(phrase[0]), *met.span())
        return found

    def _pattern(self, number: int) -> re.Pattern[str]:
        pattern = self._compiled.get(number)
        if pattern is None:
            written = _LISTED.sub(lambda found: self._lists[found[1]], self._phrases[number][1])
            pattern = self._compiled[number] = re.compile(written)
        return pattern

    def _excepted(self, rule: int, folded: Folded) -> bool:
        tokens = folded.tokens
        for number in self._unless.get(str(rule), ()):
            phrase = self._phrases[number]
            if not any(needed.isdisjoint(tokens) for needed in phrase[2]) and self._pattern(number).search(folded.words):
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
