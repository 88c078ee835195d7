"""Write what the commands in docs/explain.md print today into that page; with ``--check``, only say whether it is fresh.

A block that begins with ``$ waypost ...`` shows that command on a terminal of 100 columns; ``| head -N`` keeps its first lines.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
from contextlib import redirect_stdout
from pathlib import Path

from waypost.cli.main import main as waypost

PAGE = Path(__file__).resolve().parent.parent / "docs/explain.md"
BLOCK = re.compile(r"```console\n\$ waypost (?P<command>[^\n|]+?)(?P<head> \| head -(?P<lines>\d+))?\n.*?```", re.DOTALL)


class Terminal(io.StringIO):
    """A terminal to write on."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def shown(block: re.Match[str]) -> str:
    """The block, with what its command prints."""
    screen = Terminal()
    with redirect_stdout(screen):
        waypost([*shlex.split(block["command"]), "--lang", "en"])
    lines = [line.rstrip() for line in screen.getvalue().splitlines()]
    if block["lines"] and len(lines) > int(block["lines"]):
        lines = [*lines[: int(block["lines"])], "..."]
    return "\n".join([f"```console\n$ waypost {block['command']}{block['head'] or ''}", *lines, "```"])


def main() -> int:
    """Generate, or check freshness."""
    os.environ.update(COLUMNS="100", NO_COLOR="1", TERM="dumb")
    old = PAGE.read_text("utf-8")
    new = BLOCK.sub(shown, old)
    if "--check" in sys.argv:
        print("docs/explain.md is fresh" if new == old else "docs/explain.md is stale: run tools/generate_docs_explain.py")
        return 0 if new == old else 1
    PAGE.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
