"""From the rules as they are written to the index that is loaded: every phrase ready, and found by one of its words.

Used by ``tools/generate_index.py`` and by tests. Knows the shape of ``data/idioms`` and no meaning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from waypost.replies.line.mould import MouldError, mould

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_KEPT = ("name", "category", "sure", "source", "provider", "codes", "commands", "permanence", "because", "scope", "entry")
_KNOWN = {*_KEPT, "phrases", "unless", "statuses", "from", "examples"}


def compiled(written: Mapping[str, Any], keep: Callable[[Mapping[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
    """The index of ``written`` (sections ``rule``, ``list``, ``provider``), of those rules that ``keep`` says.

    Raises MouldError, with the rule's name, for a phrase that cannot be understood or a key that is not known.
    """
    index: dict[str, Any] = {
        "providers": written.get("provider", {}),
        "rules": [],
        "phrases": [],
        "words": {},
        "unless": {},
        "statuses": {},
    }
    for rule in written["rule"]:
        if keep(rule):
            try:
                _add(index, rule, written.get("list", {}))
            except MouldError as error:
                raise MouldError(f"{rule.get('name')}: {error}") from error
    return index


def _add(index: dict[str, Any], rule: Mapping[str, Any], lists: Mapping[str, Any]) -> None:
    strange = set(rule) - _KNOWN
    if strange:
        raise MouldError(f"not known: {', '.join(sorted(strange))}")
    number = len(index["rules"])
    index["rules"].append({name: rule[name] for name in _KEPT if name in rule})
    for phrase in rule.get("phrases", ()):
        made = mould(phrase, lists)
        for word in made.anchor:
            index["words"].setdefault(word, []).append(len(index["phrases"]))
        index["phrases"].append([number, made.pattern, made.needs, made.whole])
    for phrase in rule.get("unless", ()):
        made = mould(phrase, lists, anchored=False)
        index["unless"].setdefault(str(number), []).append(len(index["phrases"]))
        index["phrases"].append([number, made.pattern, [words for words in (made.anchor, *made.needs) if words], made.whole])
    for status in rule.get("statuses", ()):
        index["statuses"].setdefault(rule["provider"], {}).update(dict.fromkeys(_each(status), number))


def _each(status: str) -> list[str]:
    """Every status of a range: ``5.7.606-649``."""
    stem, _, last = status.partition("-")
    head, _, first = stem.rpartition(".")
    return [f"{head}.{number}" for number in range(int(first), int(last or first) + 1)]
