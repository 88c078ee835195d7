from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import waypost
from waypost.replies import Key

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(waypost.__file__).parent
REPLY = re.compile(r"(?!\d{3}-\d{3}$)[2-5]\d\d[ -]")
"""How a reply begins; 214-220 alone is the name of a pair."""
OUTSIDE = [source for source in sorted(ROOT.rglob("*.py")) if ROOT / "replies" not in source.parents]


def literals(source: str) -> Iterator[tuple[int, str]]:
    """Every string and octet literal of a program that is no docstring, with its line."""
    tree = ast.parse(source)
    comments = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes) and id(node) not in comments:
            yield node.lineno, node.value if isinstance(node.value, str) else node.value.decode("latin-1")


def test_no_reply_is_written_outside_the_catalogue() -> None:
    """No string of the program begins like a reply: all that we say comes from the catalogue."""
    found = [
        f"{source.relative_to(ROOT)}:{line}: {text[:60]!r}"
        for source in OUTSIDE
        for line, text in literals(source.read_text("utf-8"))
        if REPLY.match(text)
    ]
    assert found == []


def test_the_search_would_find_one() -> None:
    """The search sees plain, formatted and octet strings, and passes over docstrings."""
    program = '"""250 a docstring."""\nx = "550 no"\ny = f"250-{x}"\nz = b"421 bye"\np = "214-220"\n'
    assert [(line, bool(REPLY.match(text))) for line, text in literals(program)] == [(2, True), (4, True), (5, False), (3, True)]


def test_every_key_is_uttered_somewhere() -> None:
    """No row of the catalogue is idle: each is named by the program that says or records it."""
    text = "\n".join(source.read_text("utf-8") for source in OUTSIDE)
    idle = [key.name for key in Key if not re.search(rf"\bKey\.{key.name}\b", text)]
    assert idle == []
