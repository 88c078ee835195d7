"""How a session by hand is shown: the transcript as users of swaks know it, each refusal explained below it; or all of it as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from waypost.cli import output
from waypost.diagnose.send.transcript import Who, as_json

if TYPE_CHECKING:
    import argparse

    from waypost.diagnose.send.run import Result
    from waypost.diagnose.send.transcript import Explained, Line

_WORDS = {"en": (". ", "Fix: ", "On the server: "), "zh": ("。", "怎样做：", "服务器一方：")}
"""What stands between a title and the meaning, and before the fixes."""
_INDENT = "    "


@dataclass(slots=True)
class Shown:
    """What is shown of a session, as it happens."""

    args: argparse.Namespace
    lines: list[Line] = field(default_factory=list)
    """For JSON, which is printed at the end; else every line is shown at once and forgotten."""
    _told: set[tuple[str, str]] = field(default_factory=set)
    _last: Line | None = None
    """The last line of the message that went out and was only counted."""
    _counted: int = 0
    _failed: bool = False
    """Whether something went wrong so far."""

    def __call__(self, line: Line) -> None:
        """Take one line."""
        if self.args.json:
            if not ((line.content and self.args.suppress_data) or line.raw):
                self.lines.append(line)
            return
        ends = self._last is not None and line.who is Who.CLIENT and line.text == "."
        if (line.content or ends) and self.args.suppress_data:
            self._last, self._counted = line, self._counted + 1
            return
        if self._last is not None:
            counted, self._last = replace(self._last, text=f"{self._counted} lines sent"), None
            self._counted = 0
            if not self._hidden(counted):
                self._show(counted)
        if not self._hidden(line):
            self._show(line)

    def _hidden(self, line: Line) -> bool:
        args = self.args
        wrong = not line.expected and line.who is not Who.CLIENT
        self._failed = self._failed or wrong
        if args.hide_all or args.silent == 3 or (args.silent == 1 and not self._failed):
            return True
        if args.quiet or args.silent == 2:
            return not wrong
        hidden = {Who.SERVER: args.hide_receive, Who.CLIENT: args.hide_send, Who.NOTE: args.hide_informational}
        return bool(hidden.get(line.who, False))

    def _show(self, line: Line) -> None:
        if self.args.timing and line.waited is not None:
            print(f"=== response in {line.waited:.{0 if self.args.timing == 'i' else 3}f}s")
        print(output.painted(f"{self._mark(line)}{line.text}", _style(line)), flush=True)
        if line.explained is not None and not self.args.no_explain:
            self._explain(line.explained)

    def _mark(self, line: Line) -> str:
        args = self.args
        bare = {
            Who.SERVER: args.no_receive_hints or args.no_hints,
            Who.CLIENT: args.no_send_hints or args.no_hints,
            Who.NOTE: args.no_info_hints,
        }
        return "" if bare.get(line.who) else line.mark

    def _explain(self, told: Explained) -> None:
        """What it means and what to do; the same again only by its title."""
        stop, fix, server = _WORDS[self.args.lang]
        if (told.title, told.fix) in self._told:
            output.paragraph(told.title, _INDENT, _INDENT)
            return
        self._told.add((told.title, told.fix))
        output.paragraph(f"{told.title}{stop}{told.meaning}", _INDENT, _INDENT)
        if told.fix:
            output.paragraph(f"{fix}{told.fix}", _INDENT, _INDENT, output.YELLOW)
        if told.operator_fix:
            output.paragraph(f"{server}{told.operator_fix}", _INDENT, _INDENT, output.DIM)


def _style(line: Line) -> str:
    match line.who:
        case Who.CLIENT:
            return output.DIM if line.content else output.BOLD
        case Who.SERVER:
            digit = line.text[:1]
            return output.RED if digit == "5" else output.YELLOW if digit == "4" or not line.expected else output.GREEN
        case Who.NOTE:
            return output.CYAN
        case Who.FAULT:
            return output.RED


def whole(lines: list[Line], result: Result) -> dict[str, Any]:
    """The whole session, for programs."""
    place = result.place
    return {
        "ending": result.ending.name.lower().replace("_", "-"),
        "exit": int(result.ending),
        "server": None if place is None else {"host": place.host, "address": place.address, "port": place.port},
        "tls": result.tls or None,
        "seconds": round(result.seconds, 6),
        "lines": [as_json(line) for line in lines],
    }
