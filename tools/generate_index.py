"""Write ``src/waypost/replies/data/index`` from the TOML beside it; with ``--check``, only say whether it is fresh.

Names of shelves (``registry``, ``en-registry``) as arguments limit it to those.
"""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from waypost.replies.line.compile import compiled

DATA = Path(__file__).resolve().parent.parent / "src/waypost/replies/data"
INDEX = DATA / "index"
LANGUAGES = ("en", "zh")


def shelves() -> dict[str, list[Path]]:
    """Each shelf with the files it is made of, in order: facts by their name, prose as ``{lang}-{shelf}``."""
    found = {source.stem: [source] for source in sorted(DATA.glob("*.toml"))}
    for folder in sorted(DATA.iterdir()):
        if folder.is_dir() and folder.name not in (*LANGUAGES, "index"):
            found[folder.name] = sorted(folder.glob("*.toml"))
    for lang in LANGUAGES:
        for folder in sorted((DATA / lang).iterdir()):
            found[f"{lang}-{folder.name}"] = sorted(folder.glob("*.toml"))
    return found


def index(sources: list[Path]) -> str:
    """The files of a shelf as one JSON text: a section that stands in several files is joined."""
    sections: dict[str, Any] = {}
    for source in sources:
        for section, rows in tomllib.loads(source.read_text("utf-8")).items():
            if isinstance(rows, dict):
                sections.setdefault(section, {}).update(rows)
            elif isinstance(rows, list):
                sections.setdefault(section, []).extend(rows)
            else:
                sections[section] = rows
    if sources[0].parent.name == "idioms":  # rules are loaded ready for scanning
        sections = compiled(sections)
    return json.dumps(sections, ensure_ascii=False, separators=(",", ":")) + "\n"


def main() -> int:
    """Generate, or check freshness."""
    asked = [word for word in sys.argv[1:] if not word.startswith("-")]
    wanted = {name: index(sources) for name, sources in shelves().items() if not asked or name in asked}
    if "--check" in sys.argv:
        stale = [name for name, text in wanted.items() if not _is(INDEX / f"{name}.json", text)]
        stale += [found.stem for found in INDEX.glob("*.json") if not asked and found.stem not in wanted]
        print(f"stale: {', '.join(stale)}: run tools/generate_index.py" if stale else "the index is fresh")
        return 1 if stale else 0
    INDEX.mkdir(exist_ok=True)
    for name, text in wanted.items():
        (INDEX / f"{name}.json").write_text(text, "utf-8")
    for found in INDEX.glob("*.json"):
        if not asked and found.stem not in wanted:
            found.unlink()
    return 0


def _is(target: Path, text: str) -> bool:
    return target.exists() and target.read_text("utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
