"""The console script: finds the command, runs it, turns what went wrong into one line and an exit code. Knows no command's inside.

One module per command, imported only when it is asked for, with ``configure(parser)`` and ``run(args) -> int``.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import TYPE_CHECKING, Any

from waypost.cli.exits import Exit, FailureError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMANDS: Mapping[str, tuple[str, str]] = {
    "serve": ("waypost.cli.serve", "run the server"),
    "send": ("waypost.cli.send", "send a message by hand, and explain what the server answers"),
    "queue": ("waypost.cli.queue", "list, show and change the messages that wait"),
    "inbox": ("waypost.cli.inbox", "list, show, wait for and delete captured mail"),
    "trace": ("waypost.cli.trace", "a stored conversation, explained"),
    "explain": ("waypost.cli.explain", "explain a reply code, a reply, a log line or a bounce: what it means and what to do"),
    "compare": ("waypost.cli.compare", "compare two reply codes"),
    "codes": ("waypost.cli.codes", "the reference of all reply codes; which one to answer with"),
    "check": ("waypost.cli.check", "find out why a mail server does not answer, or answers no"),
    "compare-servers": ("waypost.cli.compare_servers", "hold two mail servers beside each other: what differs, and who does it better"),
    "user": ("waypost.cli.user", "add, change, remove and list the accounts that may authenticate"),
    "config": ("waypost.cli.config_command", "check, show and explain the configuration"),
    "sendmail": ("waypost.cli.programs.sendmail", "hand over a message, as /usr/sbin/sendmail does"),
    "mailq": ("waypost.cli.programs.mailq", "list the queue, as Postfix's mailq does"),
    "newaliases": ("waypost.cli.programs.newaliases", "nothing: aliases are in the configuration"),
    "postqueue": ("waypost.cli.programs.postqueue", "list and flush the queue, as Postfix's does"),
    "postsuper": ("waypost.cli.programs.postsuper", "delete, hold and release messages, as Postfix's does"),
    "postcat": ("waypost.cli.programs.postcat", "show a message of the queue, as Postfix's does"),
}
"""Every command: its module, and what it does in a line. One with ``run_words`` reads its command line itself, as the program that it
stands in for does; called by that program's name (a link), the console script is that program.
"""
PROGRAMS = frozenset({"sendmail", "mailq", "newaliases", "postqueue", "postsuper", "postcat"})
"""Those that stand in for a program of that name."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``argv``; the exit code."""
    given = [*_called(), *sys.argv[1:]] if argv is None else list(argv)
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a letter that the terminal has not, or half a letter in a file's name, is no fault
            stream.reconfigure(errors="replace")
    try:
        code = _run(given)
        sys.stdout.flush()
    except BrokenPipeError:
        _close_output()
        return Exit.PIPE
    except KeyboardInterrupt:
        if sys.stderr.isatty():  # what follows begins a line of its own, not behind ^C or a prompt
            print(file=sys.stderr)
        return Exit.INTERRUPTED
    except SystemExit as end:  # --help of argparse
        return _flushed(end.code)
    except Exception as fault:  # the border to the operator: every fault becomes one line and a code
        if os.environ.get("WAYPOST_TRACEBACK"):
            raise
        return _told(fault)
    return code


def _open_what_is_closed() -> None:
    """Whoever starts a sendmail may close its output first: a stream that is not there must fail nothing, nor its number be a file's."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - for the life of the process


def _called() -> list[str]:
    """The command that the console script's own name means."""
    name = os.path.basename(sys.argv[0]) if sys.argv else ""  # noqa: PTH119 - a name, perhaps of no file
    return [name] if name in PROGRAMS else []


def _run(argv: list[str]) -> int:
    match argv:
        case []:
            print(_help(), file=sys.stderr)
            return Exit.USAGE
        case ["-h" | "--help" | "help"]:
            print(_help())
            return Exit.OK
        case ["--version" | "-V"]:
            from waypost.cli.version import version  # noqa: PLC0415 - reads the package's metadata from disk

            print(f"waypost {version()}")
            return Exit.OK
        case ["help", command, *_]:
            return _command(command, ["--help"])
        case [command, *rest]:
            return _command(command, rest)
    return Exit.USAGE


def _command(name: str, rest: list[str]) -> int:
    if name not in COMMANDS:
        raise UsageError(_unknown(name))
    from waypost.cli.options import Parser  # noqa: PLC0415 - argparse is not needed for `waypost --help`

    module_name, about = COMMANDS[name]
    module: Any = importlib.import_module(module_name)
    if hasattr(module, "run_words"):
        return int(module.run_words(rest))
    parser = Parser(prog=f"waypost {name}", description=f"{about[0].upper()}{about[1:]}.", allow_abbrev=False)
    module.configure(parser)
    return int(module.run(parser.parse_args(rest)))


def _unknown(name: str) -> str:
    if name.startswith("-"):
        return f"unknown option {name} (see `waypost --help`)"
    import difflib  # noqa: PLC0415 - only a wrong name needs it

    close = difflib.get_close_matches(name, COMMANDS, n=1)
    return f"unknown command {name}{f'; did you mean {close[0]}?' if close else ''} (see `waypost --help`)"


def _help() -> str:
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:{width}}  {about}" for name, (_, about) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: waypost COMMAND ...",
            "",
            "A mail server that explains itself.",
            "",
            *lines,
            "",
            "`waypost COMMAND --help` tells of one; `waypost --version` tells the version.",
        ]
    )


def _told(fault: Exception) -> int:
    """One line on standard error for each thing that is wrong; the exit code."""
    from waypost.cli.output import error  # noqa: PLC0415 - needed only now
    from waypost.config.problem import ConfigError  # noqa: PLC0415 - likewise

    match fault:
        case FailureError():
            error(str(fault))
            return fault.code
        case ConfigError():
            for problem in fault.problems:
                error(str(problem))
            return Exit.CONFIG
        case PermissionError():
            error(_system_error(fault))
            return Exit.NO_PERMISSION
        case OSError():
            error(_system_error(fault))
            return Exit.IO
        case _:
            error(f"a fault in Waypost: {type(fault).__name__}: {fault} (WAYPOST_TRACEBACK=1 shows where)")
            return Exit.SOFTWARE


def _system_error(fault: OSError) -> str:
    said = fault.strerror or str(fault)
    return f"{fault.filename}: {said}" if fault.filename else said


def _flushed(code: str | int | None) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _close_output()
        return Exit.PIPE
    return code if isinstance(code, int) else Exit.OK


def _close_output() -> None:
    """Let the interpreter's own last flush go nowhere, instead of erroring."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
