"""Report rules that can never fire, phrases that another rule always speaks over, and examples not read as their rule says.

    check_idioms.py [--all]

Each phrase is said in several ways, as it stands in the rule; of the weak rules, which yield to others by design, only ``--all`` tells.
"""

from __future__ import annotations

import random
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waypost.replies.line import mould, read
from waypost.replies.line.compile import compiled
from waypost.replies.line.fold import fold
from waypost.replies.line.phrases import Rules

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

IDIOMS = Path(__file__).resolve().parent.parent / "src/waypost/replies/data/idioms"
SAMPLES = 6
WEAK = 0.7
"""Rules less sure than this are there for what no other knows."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """What is wrong with a rule."""

    rule: str
    fault: str
    """``never`` (no way of saying it makes the rule fire), ``shadowed`` (another rule always wins), ``example`` (read otherwise)."""
    words: str


def written() -> dict[str, Any]:
    """The rules as they are written, with lists, providers and the frequency of words."""
    sections: dict[str, Any] = {"rule": [], "list": {}, "provider": {}, "frequency": {}}
    for source in sorted(IDIOMS.glob("*.toml")):
        found = tomllib.loads(source.read_text("utf-8"))
        sections["rule"] += found.get("rule", [])
        for name in ("list", "provider", "frequency"):
            sections[name].update(found.get(name, {}))
    return sections


def complaints(sections: Mapping[str, Any], *, weak: bool = False) -> Iterator[Complaint]:
    """What is wrong with these rules."""
    rules = Rules(compiled(sections))
    for rule in sections["rule"]:
        yield from _examples(rule, rules)
        for phrase in rule.get("phrases", ()):
            yield from _phrase(rule, phrase, sections, rules, weak=weak)


def _examples(rule: Mapping[str, Any], rules: Rules) -> Iterator[Complaint]:
    for example in rule.get("examples", ()):
        said = read.reading(example, rules)
        if said.category != rule["category"]:
            yield Complaint(rule["name"], "example", f"{example} -> {said.category} by {said.evidence[0].rule}")
    if not rule.get("examples"):
        yield Complaint(rule["name"], "example", "it has none")


def _phrase(rule: Mapping[str, Any], phrase: str, sections: Mapping[str, Any], rules: Rules, *, weak: bool) -> Iterator[Complaint]:
    ways = list(_ways(phrase, sections["list"]))
    fired = [way for way in ways if _fires(rule, way, rules)]
    if not fired:
        yield Complaint(rule["name"], "never", f"{phrase} | {ways[0]}")
        return
    hosts = sections["provider"].get(rule.get("provider", ""), {}).get("hosts", ())
    read_as = {way: read.reading(_numbered(rule, way), rules, hosts[0] if hosts else None) for way in fired}
    if all(said.category != rule["category"] for said in read_as.values()) and (weak or rule["sure"] >= WEAK):
        first = read_as[fired[0]]
        yield Complaint(rule["name"], "shadowed", f"{fired[0]} -> {first.category} by {first.evidence[0].rule} | {phrase[:80]}")


def _fires(rule: Mapping[str, Any], way: str, rules: Rules) -> bool:
    numbers = tuple(_number(rule).split())
    command = rule.get("commands", [""])[0]
    found = rules.matches(fold(way), speakers=(rule.get("provider", ""),), numbers=numbers, command=command)
    return any(match.rule.name == rule["name"] and not match.doubted for match in found)


def _number(rule: Mapping[str, Any]) -> str:
    """Code and status with which a rule may fire."""
    if rule.get("codes") == ["none"]:
        return ""
    wanted = rule.get("codes", ["5"])[0].replace("*", "0").replace(".00", ".0")
    if "." in wanted:
        return f"{wanted[0]}50 {wanted}"
    return (wanted + "50")[:3] if wanted in ("4", "5") else (wanted + "00")[:3]


def _numbered(rule: Mapping[str, Any], way: str) -> str:
    line = f"{_number(rule)} {way}".strip()
    return f"mx.example.org said: {line} (in reply to {rule['commands'][0]} command)" if rule.get("commands") else line


def _ways(phrase: str, lists: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Ways of saying a phrase, the first alternatives first, then by a fixed lot."""
    lot = random.Random(phrase)  # noqa: S311 - a lot, no secret
    for number in range(SAMPLES):
        parts = mould._parts(phrase.removeprefix("link:"))  # noqa: SLF001 - the parser's own parts
        if "|" in parts and "(" not in parts:
            parts = ["(", *parts, ")"]
        yield " ".join(_said(parts, lists, lot, first=number == 0)[0].split())


def _said(parts: list[str], lists: Mapping[str, Sequence[str]], lot: random.Random, *, first: bool) -> tuple[str, list[str]]:
    words: list[str] = []
    while parts and parts[0] not in ("|", ")", ")?"):
        part, parts = parts[0], parts[1:]
        if part != "(":
            words.append(_one(part, lists, lot, first=first))
            continue
        ways: list[str] = []
        closing = "|"
        while closing == "|":
            way, parts = _said(parts, lists, lot, first=first)
            ways.append(way)
            closing, parts = parts[0], parts[1:]
        words.append(ways[0] if first else lot.choice([*ways, ""] if closing == ")?" else ways))
    return " ".join(words), parts


def _one(part: str, lists: Mapping[str, Sequence[str]], lot: random.Random, *, first: bool) -> str:
    if part in ("..", "...", "^", "$"):
        return ""
    plain = part.removesuffix("*").removesuffix("?").replace("-?", "-").replace(".?", " ")
    if plain.startswith("{"):
        entries = lists[plain[1:-1]]
        return entries[0] if first else lot.choice(list(entries))
    return {"@": "<someone@example.com>", "#": "42"}.get(plain, plain)


def main() -> int:
    """Check and print."""
    found = list(complaints(written(), weak="--all" in sys.argv))
    for complaint in found:
        print(f"{complaint.fault:9} {complaint.rule}: {complaint.words}")
    print(
        f"idioms: {len(found)} complaints"
        if found
        else f"idioms: {len(written()['rule'])} rules, each can fire and none is always spoken over"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
