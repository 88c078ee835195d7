"""The reference of settings, drawn from their declarations. Knows no value that anybody set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.config.schema import EACH, Entry, entries, leaves
from waypost.config.settings import Settings
from waypost.config.words import expected

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = """# Settings

Every setting that a configuration file can hold. Generated from the declarations in the source by `tools/generate_settings.py`:
do not edit. How file, environment and command line work together is told in [configuration.md](configuration.md).
`waypost config explain KEY` says the same as this page, `waypost config show` what holds now.

A change marked *restart* is taken up by a new start, every other by a reload (SIGHUP).
"""


@dataclass(frozen=True, slots=True)
class Described:
    """One setting as the reference tells it."""

    setting: str
    """``limits.recipients``; the rows of a list stand under ``*``: ``listeners.*.bind``."""
    takes: str
    """Its type, bounds and unit in words."""
    default: str
    """As TOML; ``none`` where there is none, ``required`` where it must be given."""
    says: str
    unit: str
    least: float | None
    most: float | None
    secret: bool
    restart: bool


def described() -> Iterator[Described]:
    """Every setting, in the order in which they are declared."""
    for path, entry in leaves():
        yield Described(
            setting=".".join(path),
            takes="file:PATH or cred:NAME" if entry.setting.secret else expected(entry.kind, entry.setting),
            default=_default(entry),
            says=entry.setting.says,
            unit=entry.setting.unit,
            least=entry.setting.least,
            most=entry.setting.most,
            secret=entry.setting.secret,
            restart=entry.setting.restart,
        )


def _default(entry: Entry) -> str:
    if entry.required:
        return "required"
    if entry.name == "hostname" and not entry.default:
        return "the machine's name"
    return as_toml(entry.default)


def as_toml(value: object) -> str:
    """A default as one would write it."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case tuple():
            return f"[{', '.join(as_toml(each) for each in value)}]"
        case dict():
            return "{}"
        case _:
            return f'"{value}"'


def page() -> str:
    """The whole reference, as Markdown."""
    rows = list(described())
    parts = [HEAD]
    for title, prefix, about in _tables():
        own = [row for row in rows if row.setting.startswith(prefix) and "." not in row.setting.removeprefix(prefix)]
        parts.append(f"\n## {title}\n\n{about}\n\n| key | takes | default | what it does |\n|---|---|---|---|\n")
        parts.extend(_line(row, prefix) for row in own)
    return "".join(parts)


def _tables() -> Iterator[tuple[str, str, str]]:
    yield "At the top of the file", "", "Before the first table."
    for entry in entries(Settings):
        if entry.section is not None:
            yield f"`[{entry.name}]`", f"{entry.name}.", _about(entry.section)
        elif entry.row is not None:
            yield f"`[[{entry.name}]]`", f"{entry.name}.{EACH}.", _about(entry.row)


def _about(cls: type) -> str:
    """The first sentence of the section's docstring, without the header that it opens with."""
    text = " ".join((cls.__doc__ or "").split())
    said = text.partition("``: ")[2] or text
    return f"{said[0].upper()}{said[1:]}".replace("``", "`")


def _line(row: Described, prefix: str) -> str:
    says = f"{row.says}{' *restart*' if row.restart else ''}".replace("|", "\\|").replace("<", "&lt;")
    return f"| `{row.setting.removeprefix(prefix)}` | {row.takes} | `{row.default}` | {says} |\n"
