"""SQL in files: named blocks with sentences."""

from __future__ import annotations

import pytest

from waypost.store.queries import parse


def test_blocks_are_cut_by_their_names() -> None:
    """Each block gives its statement without comments and the closing semicolon."""
    text = "-- All of it.\n\n-- one --\n-- Finds one.\nSELECT 1\nFROM x;\n\n-- two --\n-- Finds two.\n-- More of it.\nSELECT 2;\n"
    assert parse(text) == {"one": "SELECT 1\nFROM x", "two": "SELECT 2"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("-- one --\nSELECT 1;", "no sentence"),
        ("-- one --\n-- Finds one.\n", "no statement"),
        ("SELECT 1;\n-- one --\n-- Finds.\nSELECT 1;", "without a name"),
        ("-- one --\n-- Finds.\nSELECT 1;\n-- one --\n-- Finds.\nSELECT 2;", "twice"),
    ],
)
def test_careless_files_are_refused(text: str, says: str) -> None:
    """A statement without name or sentence is an error of the developer."""
    with pytest.raises(ValueError, match=says):
        parse(text)
