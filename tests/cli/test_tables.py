"""Tables that fit a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.cli.tables import Cell, Column, drawn
from waypost.observe.layout import columns as taken

COLUMNS = (Column("ID"), Column("SIZE", right=True, leave=1), Column("TO", least=6), Column("SUBJECT", least=8, leave=2))
ROWS = [
    (Cell("A1"), Cell("5 B"), Cell("ada@example.org"), Cell("Hello, and welcome")),
    (Cell("A1"), Cell("5 B"), Cell("bob@example.org"), Cell("Hello, and welcome")),
    (Cell("B22"), Cell("12 KiB"), Cell("eve@example.org"), Cell("你好，世界")),
]


def plain(text: str, style: str) -> str:
    return text if not style or style == "1" else f"<{text}>"


def shown(width: int, *, group: int = 0) -> list[str]:
    return list(drawn(COLUMNS, ROWS, width, group=group, paint=plain))


def test_where_there_is_room_nothing_is_cut() -> None:
    """Each column is as wide as its widest cell; numbers end at the same place; wide letters count twice."""
    assert shown(80) == [
        "ID     SIZE  TO               SUBJECT",
        "A1      5 B  ada@example.org  Hello, and welcome",
        "A1      5 B  bob@example.org  Hello, and welcome",
        "B22  12 KiB  eve@example.org  你好，世界",
    ]


def test_what_is_long_is_shortened_before_anything_is_left_out() -> None:
    """The widest gives way first, and an ellipsis says that there is more."""
    assert shown(36)[1:] == [
        "A1      5 B  ada@examp…  Hello, and…",
        "A1      5 B  bob@examp…  Hello, and…",
        "B22  12 KiB  eve@examp…  你好，世界",
    ]


@pytest.mark.parametrize(
    ("width", "heading"),
    [(29, "ID     SIZE  TO      SUBJECT"), (28, "ID   TO          SUBJECT"), (21, "ID   TO      SUBJECT"), (20, "ID   TO"), (1, "ID   TO")],
)
def test_what_matters_least_is_left_out_first(width: int, heading: str) -> None:
    """In the order that the columns say; what may never go stays, however narrow it is."""
    assert shown(width)[0] == heading


def test_cells_that_repeat_are_shown_once() -> None:
    """The rows of one message read as one."""
    assert [line[:11] for line in shown(80, group=2)] == ["ID     SIZE", "A1      5 B", "           ", "B22  12 KiB"]


def test_styles_are_handed_to_the_painter_after_the_layout() -> None:
    """Colour takes no room; the end of a line is not padded."""
    rows = [(Cell("a", style="31"), Cell("long", style="32")), (Cell("bb"), Cell("x"))]
    assert list(drawn((Column("N"), Column("V")), rows, 80, paint=plain)) == ["N   V", "<a >  <long>", "bb  x"]


def test_a_column_may_wrap_instead() -> None:
    """Values that must be read whole go on in the next line."""
    columns = (Column("NAME"), Column("VALUE", least=8, wraps=True))
    assert list(drawn(columns, [(Cell("n"), Cell("one two three"))], 14, paint=plain)) == ["NAME  VALUE", "n     one two", "      three"]


@settings(max_examples=150)
@given(st.lists(st.tuples(*[st.text(st.characters(blacklist_categories=("C", "Z")), max_size=40)] * 4), max_size=5), st.integers(1, 200))
def test_no_line_is_wider_than_the_terminal_unless_it_must_be(rows: list[tuple[str, ...]], width: int) -> None:
    """Whatever the cells hold, one row is one line, and it fits if what may not be cut does."""
    cells = [[Cell(text) for text in row] for row in rows]
    lines = list(drawn(COLUMNS, cells, width, paint=plain))
    must = max([2, *(taken(row[0]) for row in rows)]) + 2 + min(6, max([2, *(taken(row[2]) for row in rows)]))
    assert len(lines) == len(rows) + 1
    assert all(taken(line) <= max(width, must) for line in lines)
