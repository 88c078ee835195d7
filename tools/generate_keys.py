"""Write ``src/waypost/replies/keys.py`` from the catalogue; with ``--check``, only say whether it is fresh."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src/waypost/replies/data/catalogue.toml"
TARGET = ROOT / "src/waypost/replies/keys.py"
HEAD = '''"""The names of all replies and outcomes. Generated from data/catalogue.toml by tools/generate_keys.py: do not edit."""

from __future__ import annotations

from enum import StrEnum


class Key(StrEnum):
    """One member per row of the catalogue."""

'''


def module() -> str:
    """The text of the generated module."""
    rows = tomllib.loads(SOURCE.read_text("utf-8"))
    members = []
    for key, row in rows.items():
        said = f"{row['code']} {row['says']}" if "code" in row else f"outcome {row['status']}"
        members.append(f'    {key.upper().replace("-", "_")} = "{key}"\n    """{said}"""\n')
    return HEAD + "".join(members)


def main() -> int:
    """Generate, or check freshness."""
    text = module()
    if "--check" in sys.argv:
        fresh = TARGET.exists() and TARGET.read_text("utf-8") == text
        print("keys.py is fresh" if fresh else "keys.py is stale: run tools/generate_keys.py")
        return 0 if fresh else 1
    TARGET.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
