"""Finding the line of every key in TOML."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.config.locate import locate


def paths(tree: Any, above: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    rows = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    found = set()
    for key, value in rows:
        found |= {(*above, key)} | paths(value, (*above, key))
    return found


ODD = '''\
# a comment = 1
"quoted key" = 'single # not a comment'
a.b."c.d" = """
multi = 1
[not.a.header] \\
  "quotes" inside and at the end"""""

list = [ # comment
  1, [2,
  3], { x = 1, y.z = [4] },
  \'\'\'
] in a string\'\'\'\'\'
]
date = 1979-05-27 07:32:00
[table."x y"] # comment
k = "]"
[[rows]]
n = 1
[rows.sub]
m = 2
[[rows]]
[[rows.inner]]
v = inf
[[rows.inner]]
v = +1_000
[late.child]
k = 1
[late]
own = true
'''


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_path_of_odd_toml_has_its_line(newline: str) -> None:
    """Dotted and quoted keys, multi-line strings and lists, inline tables, lists of tables: each path stands on its line."""
    lines = locate(ODD.replace("\n", newline))

    assert paths(tomllib.loads(ODD)) == set(lines)
    text = ODD.splitlines()
    for path, wanted in [
        (("quoted key",), '"quoted key"'),
        (("a", "b", "c.d"), "a.b"),
        (("list",), "list ="),
        (("list", 1), "1, [2,"),
        (("list", 1, 1), "3], {"),
        (("list", 2, "y", "z", 0), "3], {"),
        (("list", 3), "'''"),
        (("date",), "date"),
        (("table", "x y"), '[table."x y"]'),
        (("rows", 0, "sub", "m"), "m = 2"),
        (("rows", 1, "inner", 1, "v"), "+1_000"),
        (("late",), "[late]"),
        (("late", "child"), "[late.child]"),
        (("late", "own"), "own"),
    ]:
        assert wanted in text[lines[path] - 1]


KEYS = st.one_of(st.text("abcXYZ09-_", min_size=1, max_size=4), st.text(min_size=0, max_size=4).filter(lambda text: text.isprintable()))
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
VALUES = st.recursive(
    st.one_of(st.integers(-(2**40), 2**40), st.booleans(), TEXTS, st.just("\n"), st.just('"'), st.just("'''")),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
TREES = st.dictionaries(KEYS, VALUES, max_size=5)


def written_key(key: str) -> str:
    return key if key and all(letter in "abcXYZ09-_" for letter in key) else json.dumps(key, ensure_ascii=False)


def written(value: Any, choice: st.DataObject) -> str:  # noqa: PLR0911 - one return for each form
    """A value as TOML, in one of the ways in which people write it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case list():
            gap = choice.draw(st.sampled_from([" ", "\n", "\n# ] , comment\n\n"]))
            return f"[{gap}{f',{gap}'.join(written(each, choice) for each in value)}{gap}]"
        case dict():
            return "{ " + ", ".join(f"{written_key(key)} = {written(each, choice)}" for key, each in value.items()) + " }"
        case _:
            plain = "'" not in value and "\n" not in value
            ways = ["basic", *(["literal", "many"] if plain else [])]
            match choice.draw(st.sampled_from(ways)):
                case "literal":
                    return f"'{value}'"
                case "many":
                    return f"'''\n{value}\n'''"
                case _:
                    return json.dumps(value, ensure_ascii=False)


@settings(max_examples=150, deadline=None)
@given(tree=TREES, choice=st.data())
def test_paths_are_those_that_tomllib_finds(tree: dict[str, Any], choice: st.DataObject) -> None:
    """For any tree, written in any of several ways, the paths found are tomllib's, and each top key stands on the line found."""
    plain = {key: value for key, value in tree.items() if not isinstance(value, dict) or not choice.draw(st.booleans())}
    source = "".join(f"{written_key(key)} = {written(value, choice)}\n" for key, value in plain.items())
    for key, value in tree.items():
        if key not in plain:
            source += f"[ {written_key(key)} ]\n" + "".join(
                f"{written_key(name)} = {written(each, choice)}\n" for name, each in value.items()
            )

    lines = locate(source)

    assert paths(tomllib.loads(source)) == set(lines)
    for key in tree:
        assert written_key(key) in source.split("\n")[lines[(key,)] - 1]
