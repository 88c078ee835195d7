"""The page on explaining shows what the program prints, and its Python runs."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs/explain.md"


def test_its_examples_are_what_the_commands_print() -> None:
    """Each block of a command holds its output of today."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/generate_docs_explain.py"), "--check"], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "docs/explain.md is fresh\n", "")


def test_its_python_runs() -> None:
    """Each line of it, with the results that stand there."""
    failed, tried = doctest.testfile(str(PAGE), module_relative=False)
    assert (failed, tried >= 8) == (0, True)


def test_it_names_every_field_of_the_json() -> None:
    """And every kind of input."""
    from waypost.replies import compare, explain, lookup  # noqa: PLC0415 - the page's own names
    from waypost.replies.choose import choices  # noqa: PLC0415 - likewise
    from waypost.replies.explanation import Kind  # noqa: PLC0415 - likewise
    from waypost.replies.shapes import as_json, choice_json, comparison_json, record_json  # noqa: PLC0415 - likewise

    record = lookup("550")
    assert record is not None
    told = as_json(explain("550"))
    values = (told, told["reports"][0], record_json(record), comparison_json(compare("214", "220")), choice_json(choices()["spam"]))
    page = PAGE.read_text("utf-8")
    names = {name for value in values for name in value} | {kind.value for kind in Kind}
    assert [name for name in names if f"`{name}`" not in page and f".{name}`" not in page and f"{name}[]`" not in page] == []
