"""The rules of the house that no linter knows: sizes, openings, exports, pins to the standards, fragments, foreign paths.

Each rule is a function that yields complaints; all are said, and the exit code is 1 when there is one.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = Path(__file__).resolve().parent.parent
SOURCE = HOME / "src" / "waypost"
RFCS = HOME / "docs" / "rfc.toml"
FRAGMENTS = HOME / "changelog.d"

FILE_LINES = 400
FUNCTION_LINES = 50
STATUSES = ("yes", "partial", "planned", "no")
KINDS = ("added", "changed", "fixed", "security")

PIN = re.compile(r"(?<![\w#&])(\d{3,4})#(?=[\dA-Z])")
"""A pin: RFC number, ``#``, section."""
REFERENCE = {"registry", "idioms", "findings"}
"""Folders of data about what any server may say."""
FOREIGN = re.compile(r"(?<![\w.~])/(?:work|root|home/\w+|tmp/brief)/(?!\.)[\w.-]+")
"""A path of one person's machine."""
EXEMPT = ("tools/check_house.py", "requirements/")


def modules() -> list[Path]:
    """Every module of the package."""
    return sorted(SOURCE.rglob("*.py"))


def programs() -> list[Path]:
    """What is written for developers: tests, tools, scripts."""
    written = (path for folder in ("tests", "tools") for path in (HOME / folder).rglob("*.py"))
    return sorted([*written, *(path for path in (HOME / "scripts").iterdir() if path.is_file())])


def named(path: Path) -> str:
    """A path as people say it."""
    return str(path.relative_to(HOME))


def long_files() -> Iterator[str]:
    """No file over 400 lines, whether of the package, a test or a tool; what is generated says so in its first lines and is let off."""
    for path in [*modules(), *programs()]:
        text = path.read_text()
        lines = text.count("\n")
        if lines > FILE_LINES and "generated" not in text[:400].lower():
            yield f"{named(path)}: {lines} lines, {FILE_LINES} at most"


def long_functions() -> Iterator[str]:
    """No function over 50 lines."""
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    yield f"{named(path)}:{node.lineno}: {node.name} has {lines} lines, {FUNCTION_LINES} at most"


def openings() -> Iterator[str]:
    """Each module opens with its sentence."""
    for path in [*modules(), *sorted((HOME / "tools").rglob("*.py"))]:
        if not ast.get_docstring(ast.parse(path.read_text())):
            yield f"{named(path)}: it opens with no docstring"


def _later(node: ast.stmt) -> bool:
    """Whether a statement is part of exporting names when they are first asked for (PEP 562)."""
    match node:
        case ast.FunctionDef(name="__getattr__") | ast.Assign(targets=[ast.Name(id="_HOMES")]):
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=[]):
            return all(isinstance(each, ast.Import | ast.ImportFrom) for each in body)
        case _:
            return False


def exports() -> Iterator[str]:
    """An ``__init__`` exports, and does nothing else."""
    for path in SOURCE.rglob("__init__.py"):
        for node in ast.parse(path.read_text()).body:
            names = [target.id for target in node.targets if isinstance(target, ast.Name)] if isinstance(node, ast.Assign) else []
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            if not (docstring or isinstance(node, ast.Import | ast.ImportFrom) or names in (["__all__"], ["__version__"]) or _later(node)):
                yield f"{named(path)}:{node.lineno}: an __init__ only exports"


def foreign_paths() -> Iterator[str]:
    """No path of one person's machine anywhere."""
    listed = subprocess.run(["git", "ls-files"], cwd=HOME, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        path = HOME / name
        if name.startswith(EXEMPT) or not path.is_file():
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for found in FOREIGN.finditer(text):
            yield f"{name}:{text.count(chr(10), 0, found.start()) + 1}: a path of somebody's machine: {found[0]}"


def fragments() -> Iterator[str]:
    """Changes are told to operators in fragments of the four kinds."""
    found = [path for path in FRAGMENTS.iterdir() if path.suffix == ".md"] if FRAGMENTS.is_dir() else []
    if not found and not (HOME / "CHANGELOG.md").exists():
        yield "changelog.d: there is no fragment, and no CHANGELOG.md"
    for path in found:
        if path.name.count(".") < 2 or path.name.split(".")[-2] not in KINDS:
            yield f"{named(path)}: a fragment is called topic.{'|'.join(KINDS)}.md"
        if not path.read_text().strip():
            yield f"{named(path)}: it says nothing"


def standards() -> dict[str, dict[str, object]]:
    """The RFCs of docs/rfc.toml by number."""
    return dict(tomllib.loads(RFCS.read_text())["rfc"]) if RFCS.exists() else {}


def pinned() -> Iterator[Path]:
    """The files whose pins speak of this server: not what the reference cites of other servers, by documents that it need not obey."""
    yield from modules()
    yield from (path for path in SOURCE.rglob("*.toml") if not REFERENCE & set(path.parts))
    yield from SOURCE.rglob("*.sql")


def pins() -> Iterator[str]:
    """Every pin names an RFC that docs/rfc.toml knows as obeyed."""
    known = standards()
    for path in pinned():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for rfc in PIN.findall(line):
                if rfc not in known:
                    yield f"{named(path)}:{number}: RFC {rfc} is pinned but not in docs/rfc.toml"
                elif known[rfc]["status"] == "no" and path.suffix == ".py":  # data cites facts about others too
                    yield f"{named(path)}:{number}: RFC {rfc} is pinned, but docs/rfc.toml says that it is not obeyed"


def rfc_table() -> Iterator[str]:
    """docs/rfc.toml is well formed, and what it points at is there."""
    if not RFCS.exists():
        yield "docs/rfc.toml: it is not there"
    for number, row in standards().items():
        if row.get("status") not in STATUSES:
            yield f"docs/rfc.toml: RFC {number}: status is one of {', '.join(STATUSES)}"
        if not row.get("title"):
            yield f"docs/rfc.toml: RFC {number}: it has no title"
        if row.get("status") in ("yes", "partial") and not row.get("where"):
            yield f"docs/rfc.toml: RFC {number}: where is it obeyed?"
        if row.get("status") == "partial" and not row.get("note"):
            yield f"docs/rfc.toml: RFC {number}: what is left out?"
        places = row.get("where") or []
        for place in places if isinstance(places, list) else [places]:
            if not (SOURCE / str(place)).exists():
                yield f"docs/rfc.toml: RFC {number}: {place} is not in src/waypost"


RULES = (long_files, long_functions, openings, exports, foreign_paths, fragments, rfc_table, pins)


def main() -> int:
    """Ask every rule."""
    complaints = [complaint for rule in RULES for complaint in rule()]
    for complaint in complaints:
        print(complaint)
    print(f"house: {len(complaints)} complaints" if complaints else f"house: {len(modules())} modules keep its rules")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
