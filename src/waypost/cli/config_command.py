"""``waypost config``: what is wrong with the configuration, what holds and where it comes from, what a setting means."""

from __future__ import annotations

import difflib
import json
import sys
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from waypost.cli import output
from waypost.cli.exits import Exit, UsageError
from waypost.cli.options import Verbs, add_data_options, add_json_option, chosen_file, resolve
from waypost.cli.tables import Column
from waypost.config.check import check
from waypost.config.dev import PROFILE
from waypost.config.document import described
from waypost.config.problem import ConfigError, Problem, Severity, dotted
from waypost.config.schema import entries

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from _typeshed import DataclassInstance

    from waypost.cli.options import Parser
    from waypost.config.load import Loaded
    from waypost.config.problem import Keys

HELP = "check, show and explain the configuration"
HIDDEN = "(hidden)"
_COLUMNS = (Column("SETTING"), Column("VALUE", least=16, wraps=True), Column("FROM", least=12, leave=1))


def configure(parser: Parser) -> None:
    """The verbs and their options."""
    verbs = Verbs(parser)
    checks = verbs.add("check", "name everything that is wrong", "Name everything that is wrong; exit 78 on errors.")
    shows = verbs.add("show", "show what holds, and where it comes from", "Show every setting that holds, or those of a table.")
    explains = verbs.add("explain", "say what a setting does", "Say what a setting does, its bounds and its default.")
    shows.add_argument("key", metavar="KEY", nargs="?", help="a setting or a table, such as limits or limits.recipients")
    explains.add_argument("key", metavar="KEY", help="a setting or a table, such as limits or limits.recipients")
    for verb in (checks, shows, explains):
        add_json_option(verb)
    add_data_options(checks)
    add_data_options(shows)


def run(args: argparse.Namespace) -> int:
    """Do the verb."""
    match args.verb:
        case "check":
            return _check(args)
        case "show":
            return _show(args)
        case _:
            return _explain(args)


def _check(args: argparse.Namespace) -> int:
    try:
        loaded = resolve(args, reveal=True)
        problems: Sequence[Problem] = check(loaded)
    except ConfigError as fault:
        problems = fault.problems
    errors = sum(problem.severity is Severity.ERROR for problem in problems)
    if args.json:
        output.json_out([_row(problem) for problem in problems])
    else:
        for problem in problems:
            print(output.printable(f"{problem.severity}: {problem}"), file=sys.stderr)
        output.line(f"{chosen_file(args) or PROFILE}: {_counted(errors, 'error')}, {_counted(len(problems) - errors, 'warning')}")
    return Exit.CONFIG if errors else Exit.OK


def _row(problem: Problem) -> dict[str, object]:
    return {
        "severity": str(problem.severity),
        "file": problem.place.source,
        "line": problem.place.line or None,
        "setting": problem.setting,
        "says": problem.says,
    }


def _counted(many: int, noun: str) -> str:
    return f"{many or 'no'} {noun}{'' if many == 1 else 's'}"


def _show(args: argparse.Namespace) -> int:
    loaded = resolve(args)
    rows = [(dotted(keys), value, str(loaded.place(keys))) for keys, value in _values(loaded)]
    if args.key:
        rows = [row for row in rows if _is_within(row[0], args.key)] or _no_such(args.key, [row[0] for row in rows])
    if args.json:
        output.json_out([{"setting": setting, "value": value, "from": place} for setting, value, place in rows])
    else:
        output.table(_COLUMNS, [(setting, _toml(value), place) for setting, value, place in rows])
    return Exit.OK


def _values(loaded: Loaded) -> Iterator[tuple[Keys, Any]]:
    yield from _flat(loaded.settings, ())


def _flat(settings: DataclassInstance, above: Keys) -> Iterator[tuple[Keys, Any]]:
    secret = {entry.name for entry in entries(type(settings)) if entry.setting.secret}
    for field in fields(settings):
        value, keys = getattr(settings, field.name), (*above, field.name)
        if is_dataclass(value) and not isinstance(value, type):
            yield from _flat(value, keys)
        elif isinstance(value, tuple) and value and is_dataclass(value[0]):
            for position, row in enumerate(value):
                yield from _flat(row, (*keys, position))
        else:
            yield keys, HIDDEN if field.name in secret and value is not None else value


def _toml(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool() | int() | float():
            return json.dumps(value)
        case tuple() | list():
            return f"[{', '.join(_toml(each) for each in value)}]"
        case dict():
            return f"{{ {', '.join(f'{_toml(key)} = {_toml(each)}' for key, each in value.items())} }}" if value else "{}"
        case _:
            return json.dumps(str(value), ensure_ascii=False)


def _explain(args: argparse.Namespace) -> int:
    rows = {row.setting: row for row in described()}
    wanted = ".".join("*" if part.isdigit() else part for part in args.key.split("."))
    chosen = [row for setting, row in rows.items() if _is_within(setting, wanted)] or _no_such(args.key, list(rows))
    if args.json:
        output.json_out([{field.name: getattr(row, field.name) for field in fields(row)} for row in chosen])
        return Exit.OK
    for number, row in enumerate(chosen):
        if number:
            print()
        restart = "; needs a restart" if row.restart else ""
        output.title(row.setting)
        output.paragraph(row.says, "  ", "  ")
        default = row.default if row.default == "required" else f"default {row.default}"
        output.paragraph(f"Takes {row.takes}; {default}{restart}.", "  ", "  ")
    return Exit.OK


def _is_within(setting: str, key: str) -> bool:
    return setting == key or setting.startswith(f"{key}.")


def _no_such(key: str, names: list[str]) -> Any:
    tables = {name.rpartition(".")[0] for name in names} - {""}
    close = difflib.get_close_matches(key, [*names, *tables], n=1)
    raise UsageError(f"there is no setting {key}{f'; did you mean {close[0]}?' if close else ': docs/settings.md lists all'}")
