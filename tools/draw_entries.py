"""Draw entries of the catalogue for a second reader: the seed, then each entry whole, its facts and both languages side by side.

    draw_entries.py [--seed N] [--count N] [--section NAME ...]

Without ``--seed`` one is made up; as it is printed first, the same draw can be had again. An entry that is added later may enter an old
draw, but moves no other one about. Reads the TOML through the index, so run ``generate_index.py`` before.
"""

from __future__ import annotations

import argparse
import hashlib
import secrets
import sys
from typing import TYPE_CHECKING, Any

from waypost.replies.library import LANGUAGES, facts, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHELVES = ("registry", "catalogue")
SEEDS = 1_000_000


def entries() -> dict[str, tuple[str, str, str]]:
    """Every entry that has prose in all languages, as ``section.name``: its shelf, section and name."""
    return {
        f"{section}.{name}": (shelf, section, name)
        for shelf in SHELVES
        for section, rows in words(LANGUAGES[0], shelf).items()
        for name in rows
        if all(name in words(lang, shelf).get(section, {}) for lang in LANGUAGES)
    }


def drawn(names: list[str], seed: int, count: int) -> list[str]:
    """As many names as asked for (all, where there are fewer), in the order of the draw: by a hash of seed and name."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())[:count]


def told(shelf: str, section: str, name: str) -> Iterator[str]:
    """An entry as lines: its facts, then each field in every language, one under the other."""
    rows: Mapping[str, Any] = facts(shelf).get(section, {}) if shelf == "registry" else facts(shelf)
    for field, value in rows.get(name, {}).items():
        if isinstance(value, list) and any(isinstance(line, dict) or len(str(line)) > 30 for line in value):
            yield f"  {field}:"
            yield from (f"    {line}" for line in value)
        else:
            yield f"  {field}: {value}"
    sides = [flat(words(lang, shelf)[section][name]) for lang in LANGUAGES]
    for field in dict.fromkeys(field for side in sides for field in side):
        yield f"  [{field}]"
        yield from (f"    {lang}: {side.get(field, '(missing)')}" for lang, side in zip(LANGUAGES, sides, strict=True))


def flat(row: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a row's prose, those of a table within it under its name."""
    found: dict[str, str] = {}
    for field, value in row.items():
        found |= {f"{field}.{each}": str(text) for each, text in value.items()} if isinstance(value, dict) else {field: str(value)}
    return found


def main() -> int:
    """Print a draw."""
    wanted = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    wanted.add_argument("--seed", type=int, help="the draw with this number; one is made up without it")
    wanted.add_argument("--count", type=int, default=60, help="how many entries (60)")
    wanted.add_argument("--section", action="append", help="from this section alone (basic, enhanced, pair, ...); may be repeated")
    asked = wanted.parse_args()
    seed = asked.seed if asked.seed is not None else secrets.randbelow(SEEDS)
    every = entries()
    names = [name for name, (_, section, _) in every.items() if asked.section is None or section in asked.section]
    print(f"seed {seed}: {min(asked.count, len(names))} of {len(names)} entries")
    for number, name in enumerate(drawn(names, seed, asked.count), 1):
        print(f"\n{number}. {name}")
        print("\n".join(told(*every[name])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
