"""Conversations, one file each: what the client says (C), what the server must answer (S, the beginning of each line), and why (#)."""

from __future__ import annotations

import ast
from itertools import groupby
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from support.yes_driver import YesDriver
from waypost.replies import Key, say
from waypost.smtp.terms import Role, Terms, TlsMode

FOLDER = Path(__file__).parent / "dialogues"
FILES = sorted(FOLDER.glob("*.txt"))


def _terms(lines: list[str]) -> tuple[Terms, dict[str, Any]]:
    """Lines ``T: name=value``: fields of Terms, ``secured`` and ``greeting``."""
    given = dict(line[3:].strip().split("=", 1) for line in lines if line.startswith("T:"))
    session: dict[str, Any] = {}
    if given.pop("secured", None):
        session["secured"] = True
    if "greeting" in given:
        session["greeting"] = say(Key(given.pop("greeting")), hostname="mx.example.org", software="Waypost")
    kinds = get_type_hints(Terms)
    values: dict[str, Any] = {}
    for name, text in given.items():
        match kinds[name].__name__:
            case "Role":
                values[name] = Role(text)
            case "TlsMode":
                values[name] = TlsMode(text)
            case "tuple":
                values[name] = tuple(text.split(","))
            case "str":
                values[name] = text
            case _:
                values[name] = ast.literal_eval(text)
    return Terms(**{"hostname": "mx.example.org", **values}), session


def _octets(line: str) -> bytes:
    r"""``C: text`` with CRLF behind it, ``C- text`` without; ``\r``, ``\n``, ``\0``, ``\xHH`` and ``{n*x}`` are what they look like."""
    text = line[3:]
    while "{" in text and "*" in text:
        before, _, rest = text.partition("{")
        repeat, _, after = rest.partition("}")
        number, _, piece = repeat.partition("*")
        text = before + piece * int(number) + after
    octets = text.encode("utf-8").decode("unicode_escape").encode("latin-1") if "\\" in text else text.encode("utf-8")
    return octets + (b"\r\n" if line[1] == ":" else b"")


def _runs(lines: list[str]) -> list[tuple[bytes, list[str]]]:
    """What is said in one go, with the lines that must answer it."""
    spoken = [line for line in lines if line[:2] in ("C:", "C-", "S:", "X:")]
    runs: list[tuple[bytes, list[str]]] = []
    for who, group in groupby(spoken, key=lambda line: line[0] == "C"):
        if who:
            runs.append((b"".join(map(_octets, group)), []))
        else:
            runs[-1][1].extend(group)
    return runs


@pytest.mark.parametrize("cut", ["whole", "octet-by-octet"])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_dialogue(file: Path, cut: str) -> None:
    """Each line of the server's answers begins as the file says, however the client's octets are cut."""
    lines = file.read_text("utf-8").splitlines()
    terms, session = _terms(lines)
    driver = YesDriver(terms, **session)
    for octets, expected in _runs(lines):
        said = driver.send_cut(octets, range(1, len(octets)) if cut == "octet-by-octet" else ())
        answers = said.decode("ascii").split("\r\n")[:-1]
        wanted = [line[3:].strip() for line in expected if line.startswith("S:")]
        assert wanted == [answer[: len(want)] for want, answer in zip(wanted, answers, strict=False)], (octets, answers)
        assert len(wanted) == len(answers), (octets, answers)
        assert any(line.startswith("X:") for line in expected) == driver.session.over, octets
