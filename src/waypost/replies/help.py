"""The text of HELP: which commands there are and what they want, and what a code means. Pure; the session says what it offers.

RFC 5321 section 4.1.1.8. On the wire HELP speaks ASCII English (RFC 6531 section 3.7.4.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.replies.catalogue import wrap
from waypost.replies.library import words
from waypost.replies.registry import basic, class_word, enhanced, nonstandard, split, subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from waypost.replies.prose import Prose

_WIDTH = 96
"""Characters of a line of prose: what a terminal shows without breaking it anywhere."""

_LONGEST_TOPIC = 64
"""Characters of a topic that are looked at: no command and no code is longer."""


def help_lines(topic: str, *, offered: Mapping[str, bool]) -> tuple[str, ...] | None:
    """The lines to say with ``Key.HELP`` (first line, then ``more``), always two or more; None: no such topic, say ``Key.HELP_UNKNOWN``.

    ``offered`` names every command that the session knows in its role and state (upper case, in the order to list them), and whether
    it is allowed now. ``topic`` is the argument of HELP as it came: empty, a command, a code, an enhanced code, or code and enhanced code.
    """
    asked = topic.strip().upper()
    if not asked:
        return tuple(_overview(offered))
    if len(asked) > _LONGEST_TOPIC or not asked.isascii():
        return None
    name, _, rest = asked.partition(" ")
    if name in offered and rest in ("", _keyword(name)):
        return tuple(_usage(name, offered))
    return _codes(asked.split())


def _keyword(name: str) -> str:
    """The word that follows a command as if it were part of it: MAIL FROM, RCPT TO."""
    return {"MAIL": "FROM", "RCPT": "TO"}.get(name, "")


def _overview(offered: Mapping[str, bool]) -> Iterator[str]:
    yield "Commands that this server knows; [not now] marks those that are not allowed at this point"
    commands = words("en", "help")["command"]
    for name, now in offered.items():
        gist = commands[name]["gist"] if name in commands else "has no text here"
        yield f"  {name:9} {gist}{'' if now else ' [not now]'}"
    yield "HELP <command> shows its syntax, its parameters and an example, as in HELP RCPT"
    yield "HELP <code> and HELP <x.y.z> explain a reply, as in HELP 550 and HELP 5.7.1"


def _usage(name: str, offered: Mapping[str, bool]) -> Iterator[str]:
    row = words("en", "help")["command"].get(name)
    if row is None:
        yield f"{name} is known here"
        yield _standing(offered[name])
        return
    yield f"{row['syntax']}"
    yield f"{name} {row['gist']}"
    parameters = [(label, text) for label, text in words("en", "help")["parameter"].items() if label.startswith(f"{name} ")]
    for label, text in parameters:
        parameter = label.removeprefix(f"{name} ")
        if _with(parameter) in offered:
            yield f"  {parameter}  {text['says']}"
    yield f"Allowed: {row['allowed']}. {_standing(offered[name])}"
    yield f"Answers: {row['answers']}"
    yield f"Example: {row['example']}"


def _with(parameter: str) -> str:
    """The command without which a parameter is not offered either: AUTH= of MAIL goes with AUTH; the others with MAIL itself."""
    return "AUTH" if parameter.startswith("AUTH") else "MAIL"


def _standing(now: bool) -> str:  # noqa: FBT001 - the one thing it is about
    return "It is allowed now" if now else "It is not allowed now"


def _codes(asked: list[str]) -> tuple[str, ...] | None:
    """The lines for a code, an enhanced code, or both."""
    match asked:
        case [one]:
            return _basic(one) if one.isdigit() else _enhanced(one)
        case [one, other] if one.isdigit():
            first, second = _basic(one), _enhanced(other)
            return None if first is None or second is None else first + second
        case _:
            return None


def _basic(asked: str) -> tuple[str, ...] | None:
    if len(asked) != 3:
        return None
    return _explained(asked, basic(int(asked)) or nonstandard(int(asked)), class_word(int(asked)))


def _enhanced(asked: str) -> tuple[str, ...] | None:
    parts = split(asked)
    if parts is None:
        return None
    word = class_word(int(parts[0]) * 100) if parts[0].isdigit() else "of any class"
    return _explained(asked, enhanced(asked), f"{word}; about {subject(asked)}")


def _explained(asked: str, meaning: Prose | None, word: str) -> tuple[str, ...] | None:
    if meaning is None:
        return None
    return (
        f"{asked} {meaning.title} ({word})",
        *_folded(f"Meaning: {meaning.meaning}"),
        *_folded(f"When: {meaning.occurs}"),
        *_folded(f"Fix: {meaning.sender_fix}"),
    )


def _folded(text: str) -> Iterator[str]:
    """``text`` in lines of a terminal, the further ones set in."""
    first, *rest = wrap(text, _WIDTH)
    yield first
    yield from (f"  {line}" for line in rest)
