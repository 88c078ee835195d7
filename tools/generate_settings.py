"""Write ``docs/settings.md`` from the declarations of settings; with ``--check``, only say whether it is fresh."""

from __future__ import annotations

import sys
from pathlib import Path

from waypost.config.document import page

TARGET = Path(__file__).resolve().parent.parent / "docs/settings.md"


def main() -> int:
    """Generate, or check freshness."""
    text = page()
    if "--check" in sys.argv:
        fresh = TARGET.exists() and TARGET.read_text("utf-8") == text
        print("docs/settings.md is fresh" if fresh else "docs/settings.md is stale: run tools/generate_settings.py")
        return 0 if fresh else 1
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
