"""From the rules as they are written to the index that is loaded: every phrase ready, and found by one of its words.

Used by ``tools/generate_index.py`` and by tests. Knows the shape of ``data/idioms`` and no meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from waypost.replies.line.mould import MouldError, Words, listed, mould

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_KEPT = ("name", "category", "sure", "source", "provider", "codes", "commands", "permanence", "because", "scope", "entry")
_KNOWN = {*_KEPT, "phrases", "unless", "statuses", "from", "examples"}


def compiled(written: Mapping[str, Any], keep: Callable[[Mapping[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
    """The index of ``written`` (sections ``rule``, ``list``, ``provider``), of those rules that ``keep`` says.

    Raises MouldError, with the rule's name, for a phrase that cannot be understood or a key that is not known.
    """
    words = Words(written.get("list", {}), written.get("frequency", {}))
    index: dict[str, Any] = {
        "providers": written.get("provider", {}),
        "lists": {name: listed(name, words).pattern for name in words.lists},
        "sets": {},
        "doubts": {},
        "rules": [],
        "phrases": [],
        "words": {},
        "unless": {},
        "statuses": {},
    }
    for rule in written["rule"]:
        if keep(rule):
            try:
                _add(index, rule, words)
            except MouldError as error:
                raise MouldError(f"{rule.get('name')}: {error}") from error
    index["sets"] = list(index["sets"])
    index["doubts"] = [list(doubt) for doubt in index["doubts"]]
    return index


def _add(index: dict[str, Any], rule: Mapping[str, Any], words: Words) -> None:
    strange = set(rule) - _KNOWN
    if strange:
        raise MouldError(f"not known: {', '.join(sorted(strange))}")
    number = len(index["rules"])
    index["rules"].append({name: rule[name] for name in _KEPT if name in rule})
    for phrase in rule.get("phrases", ()):
        made = mould(phrase, words)
        for word in made.anchor:
            index["words"].setdefault(word, []).append(len(index["phrases"]))
        index["phrases"].append([number, made.pattern, _sets(index, made.needs), made.whole])
    for phrase in rule.get("unless", ()):
        made = mould(phrase, words, anchored=False)
        needs = _sets(index, [one for one in (made.anchor, *made.needs) if one])
        doubt = index["doubts"].setdefault((made.pattern, tuple(needs), made.whole), len(index["doubts"]))
        index["unless"].setdefault(str(number), []).append(doubt)
    for status in rule.get("statuses", ()):
        index["statuses"].setdefault(rule["provider"], {}).update(dict.fromkeys(_each(status), number))


def _sets(index: dict[str, Any], needs: Iterable[tuple[str, ...]]) -> list[int]:
    """The numbers of sets of words, each kept once."""
    kept = index["sets"]
    return [kept.setdefault(words, len(kept)) for words in needs]


def _each(status: str) -> list[str]:
    """Every status of a range: ``5.7.606-649``."""
    stem, _, last = status.partition("-")
    head, _, first = stem.rpartition(".")
    return [f"{head}.{number}" for number in range(int(first), int(last or first) + 1)]
