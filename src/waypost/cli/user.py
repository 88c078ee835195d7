"""``waypost user``: accounts that may authenticate. A password comes from a hidden prompt, a file or standard input, never by argument."""

from __future__ import annotations

import getpass
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from waypost.cli import output
from waypost.cli.exits import Exit, FailureError, UsageError
from waypost.cli.options import Verbs, add_data_options, add_json_option, resolve
from waypost.clock import SYSTEM
from waypost.directory.accounts import AccountError, AccountExistsError, AccountMissingError, AccountNameError, Accounts
from waypost.directory.passwords import LONGEST, PasswordError

if TYPE_CHECKING:
    import argparse

    from waypost.cli.options import Parser

_CODES: tuple[tuple[type[Exception], Exit], ...] = (
    (AccountExistsError, Exit.CANNOT_CREATE),
    (AccountMissingError, Exit.NO_USER),
    (AccountNameError, Exit.DATA),
    (PasswordError, Exit.DATA),
    (AccountError, Exit.IO),
)
HELP = "add, change, remove and list the accounts that may authenticate"
_VERBS = {
    "add": "make an account",
    "passwd": "give an account another password",
    "remove": "remove an account",
    "list": "list all accounts",
}


def configure(parser: Parser) -> None:
    """The verbs and their options."""
    verbs = Verbs(parser)
    for verb, about in _VERBS.items():
        sub = verbs.add(verb, about)
        if verb != "list":
            sub.add_argument("name", metavar="NAME", help="the account's name, such as ada@example.org; case does not matter")
        if verb in ("add", "passwd"):
            sub.add_argument(
                "--password-file",
                metavar="FILE",
                help="take the password from the first line of FILE, - for standard input; without it from a hidden prompt on a terminal, "
                "else from the first line of standard input",
            )
        add_json_option(sub)
        add_data_options(sub)


def run(args: argparse.Namespace) -> int:
    """Do the verb."""
    accounts = Accounts(resolve(args).settings.data, SYSTEM)
    try:
        return _do(args, accounts)
    except (AccountError, PasswordError) as fault:
        code = next(code for kind, code in _CODES if isinstance(fault, kind))
        if isinstance(fault.__cause__, PermissionError):
            code = Exit.NO_PERMISSION
        raise FailureError(str(fault), code) from fault


def _do(args: argparse.Namespace, accounts: Accounts) -> int:
    match args.verb:
        case "add":
            accounts.require(args.name, present=False)
            accounts.add(args.name, _password(args))
            _done(args, "added")
        case "passwd":
            accounts.require(args.name, present=True)
            accounts.passwd(args.name, _password(args))
            _done(args, "changed")
        case "remove":
            accounts.remove(args.name)
            _done(args, "removed")
        case _:
            _list(args, accounts)
    return Exit.OK


def _done(args: argparse.Namespace, what: str) -> None:
    if args.json:
        output.json_out({"name": args.name, "done": what})
    else:
        output.line(f"{what} {args.name}")


def _list(args: argparse.Namespace, accounts: Accounts) -> None:
    rows = [(account.name, _moment(account.created), _moment(account.changed)) for account in accounts.list()]
    if args.json:
        output.json_out([{"name": name, "created": created, "changed": changed} for name, created, changed in rows])
    else:
        output.table(("NAME", "CREATED", "PASSWORD SET"), rows, empty="There is no account yet: `waypost user add NAME` makes one.")


def _moment(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="seconds")


def _password(args: argparse.Namespace) -> str:
    source = args.password_file
    if source is not None and source != "-":
        try:
            with Path(source).open("rb") as opened:
                return _first_line(opened, source)
        except OSError as fault:
            raise FailureError(f"{source}: {fault.strerror}", Exit.NO_INPUT) from fault
    if source == "-" or not sys.stdin.isatty():
        return _first_line(sys.stdin.buffer, "standard input")
    return _prompted(args.name)


def _first_line(source: BinaryIO, name: str) -> str:
    octets = source.readline(LONGEST + 3)
    if len(octets.rstrip(b"\r\n")) > LONGEST:
        raise PasswordError(f"a password has at most {LONGEST} octets")
    try:
        text = octets.decode()
    except UnicodeDecodeError as fault:
        raise FailureError(f"{name} is not UTF-8", Exit.DATA) from fault
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise FailureError(f"there is no password on the first line of {name}", Exit.DATA)
    return text


def _prompted(name: str) -> str:
    try:
        first = getpass.getpass(f"Password for {name}: ")
        again = getpass.getpass("The same again: ")
    except EOFError as fault:
        raise UsageError("no password was given") from fault
    if first != again:
        raise FailureError("the two passwords differ: nothing was changed", Exit.DATA)
    return first
