"""How a stored conversation is shown: who said what when, each reply explained in a line, a refusal with its fix."""

from __future__ import annotations

from typing import Any

from waypost.cli import output

_MARKS = {"client": "->", "server": "<-", "note": "~ "}
"""As the live view of ``serve`` has them."""
_WORDS = {"en": (". ", "Fix: "), "zh": ("。", "怎样做：")}
"""What stands between a title and the meaning, and before the fix."""
_BLANK = " " * 11
_INDENT = " " * 14


def show_conversation(conversation: dict[str, Any], lang: str) -> None:
    """Print it; ``lang`` is the language of its explanations."""
    for entry in conversation["lines"]:
        _entry(entry, *_WORDS[lang])


def _entry(entry: dict[str, Any], stop: str, fix: str) -> None:
    style = _style(entry)
    for number, text in enumerate(entry["lines"]):
        when = f"{entry['after']:8.3f} s " if number == 0 else _BLANK
        output.paragraph(text, f"{output.painted(when, output.DIM)}{output.painted(_MARKS[entry['who']], style)} ", _INDENT, style)
    told = entry["explanation"]
    if not told:
        return
    if (entry["code"] or 0) >= 400:
        output.paragraph(f"{told['title']}{stop}{told['meaning']}", _INDENT, _INDENT)
        output.paragraph(f"{fix}{told['fix']}", _INDENT, _INDENT, output.YELLOW)
    else:
        output.paragraph(told["title"], _INDENT, _INDENT, output.DIM)


def _style(entry: dict[str, Any]) -> str:
    if entry["who"] != "server":
        return output.BOLD if entry["who"] == "client" else output.CYAN
    code = entry["code"] or 0
    return output.RED if code >= 500 else output.YELLOW if code >= 400 else output.GREEN
