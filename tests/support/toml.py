"""Write TOML from plain values: enough for configurations made by tests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case Mapping():
            return "{ " + ", ".join(f"{json.dumps(str(key))} = {_value(inner)}" for key, inner in value.items()) + " }"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Sequence():
            return "[" + ", ".join(_value(inner) for inner in value) + "]"
        case _:
            return json.dumps(str(value))


def dump(tree: Mapping[str, object]) -> str:
    """TOML text: plain values first, then ``[tables]`` and ``[[arrays of tables]]``."""
    lines = [f"{key} = {_value(value)}" for key, value in tree.items() if not isinstance(value, Mapping) and not _is_tables(value)]
    for key, value in tree.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{key}]", *(f"{inner} = {_value(held)}" for inner, held in value.items())]
        elif _is_tables(value):
            for table in value:  # type: ignore[attr-defined] # _is_tables has seen that it is a list
                lines += ["", f"[[{key}]]", *(f"{inner} = {_value(held)}" for inner, held in table.items())]
    return "\n".join(lines) + "\n"


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(table, Mapping) for table in value)
