"""The transcript: its marks, what is explained, what is hidden, and that nothing a server says can do harm."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.cli.main import main
from waypost.diagnose.finding import Finding
from waypost.diagnose.send.transcript import Line, Who, as_json, explain_fault, lines_of, replied
from waypost.diagnose.talk import Said

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.sink import Sink

BASE = ["send", "--server", "127.0.0.1", "--from", "a@example.net", "--to", "b@example.org", "--ehlo", "c.example", "--lang", "en"]


def _lines(*texts: str, good: str = "2", secured: bool = False) -> list[Line]:
    said = Said(tuple(f"{text}\r\n".encode() for text in texts), 0.25)
    return list(replied(said, good, at=1.0, secured=secured, lang="en"))


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        (Line(at=0, who=Who.CLIENT, text=""), " -> "),
        (Line(at=0, who=Who.CLIENT, text="", secured=True), " ~> "),
        (Line(at=0, who=Who.SERVER, text=""), "<-  "),
        (Line(at=0, who=Who.SERVER, text="", secured=True), "<~  "),
        (Line(at=0, who=Who.SERVER, text="", expected=False), "<** "),
        (Line(at=0, who=Who.SERVER, text="", expected=False, secured=True), "<~* "),
        (Line(at=0, who=Who.NOTE, text="", secured=True), "=== "),
        (Line(at=0, who=Who.FAULT, text="", expected=False, secured=True), "*** "),
    ],
)
def test_marks(line: Line, mark: str) -> None:
    """Those of swaks."""
    assert line.mark == mark


@pytest.mark.parametrize(
    ("texts", "good", "mark", "explained"),
    [
        (["250 ok"], "2", "<-  ", False),
        (["354 go"], "3", "<-  ", False),
        (["252 cannot verify"], "2", "<-  ", True),
        (["251 will forward"], "2", "<-  ", True),
        (["354 go"], "2", "<** ", True),
        (["250 ok"], "3", "<** ", True),
        (["550 5.1.1 no"], "2", "<** ", True),
        (["421 bye"], "2", "<** ", True),
        (["999 what"], "2", "<** ", True),
        (["no code"], "2", "<** ", False),
    ],
)
def test_what_is_explained(texts: list[str], good: str, mark: str, explained: bool) -> None:  # noqa: FBT001 - a row of the table
    """Plain success needs no words, all else has them; what has no code is explained by a finding instead."""
    (line,) = _lines(*texts, good=good)
    assert (line.mark, line.explained is not None) == (mark, explained)


def test_a_reply_of_several_lines_is_explained_once() -> None:
    """Below its last line, by all of its text; its time stands at the first."""
    lines = _lines("550-5.7.1 Our system has detected that this message", "550 5.7.1 is likely unsolicited mail")
    assert [line.explained is None for line in lines] == [True, False]
    assert [line.waited for line in lines] == [0.25, None]
    told = as_json(lines[1])
    assert (told["code"], told["status"], told["mark"]) == (550, "5.7.1", "<**")


def test_faults_are_explained_in_both_languages() -> None:
    """From the catalogue of findings, with its key for programs."""
    told = [explain_fault(Finding(key="send-silent", about=""), lang) for lang in ("en", "zh")]
    assert told[0].meaning != told[1].meaning
    line = Line(at=0, who=Who.FAULT, text="x", expected=False, explained=told[0])
    assert (as_json(line)["finding"], as_json(line)["expected"], as_json(line)["code"]) == ("send-silent", False, None)


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=5))
def test_whatever_a_server_says_is_shown_harmlessly(octets: list[bytes]) -> None:
    """Any octets become lines that are printable, and can be written as JSON."""
    for line in replied(Said(tuple(octets), 0.0), "2", at=0.0, secured=False, lang="en"):
        assert line.text.isprintable()
        assert json.loads(json.dumps(as_json(line)))["text"] == line.text


@given(st.binary(max_size=200))
def test_whatever_is_sent_is_shown_line_by_line(octets: bytes) -> None:
    """One line for each that goes out, none of which moves a cursor."""
    shown = lines_of(octets)
    assert len(shown) == octets.count(b"\n") + (not octets.endswith(b"\n") and bool(octets))
    assert all(text.isprintable() for text in shown)


def _server(*answers: bytes) -> int:
    """The port of a server that gives these answers, one for each line that it hears; the first is its greeting."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listening, listening.accept()[0] as talk, talk.makefile("rb") as stream:
            talk.settimeout(10)
            for answer in answers:
                talk.sendall(answer)
                if not stream.readline():
                    return

    threading.Thread(target=serve, daemon=True).start()
    return int(listening.getsockname()[1])


def test_octets_behind_the_220_are_never_used(capsys: pytest.CaptureFixture[str]) -> None:
    """Who adds a reply in the clear behind STARTTLS's 220 ends the session (3207#6)."""
    port = _server(b"220 mx\r\n", b"250-mx\r\n250 STARTTLS\r\n", b"220 go\r\n250 injected\r\n")
    assert main([*BASE, "--port", str(port)]) == 29
    said = capsys.readouterr().out
    assert "octets in the clear came before the handshake" in said
    assert "injected" not in said


@pytest.mark.parametrize(("words", "shown"), [([], False), (["--show-auth"], True)])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_passwords_are_hidden(capsys: pytest.CaptureFixture[str], words: list[str], shown: bool, form: list[str]) -> None:  # noqa: FBT001 - a row
    """In every form of the transcript, unless they are asked for."""
    port = _server(b"220 mx\r\n", b"250-mx\r\n250 AUTH PLAIN\r\n", b"235 ok\r\n", b"221 bye\r\n")
    code = main([*BASE, "--port", str(port), "--auth", "PLAIN", "-au", "ada", "-ap", "s3cret", "--quit-after", "auth", *words, *form])
    said = capsys.readouterr().out
    assert code == 0
    assert ("AGFkYQBzM2NyZXQ=" in said, "AUTH PLAIN <redacted>" in said) == (shown, not shown)


def test_the_same_explanation_stands_once(start_sink: Callable[..., Sink], capsys: pytest.CaptureFixture[str]) -> None:
    """Ten recipients with one fault are told of once; behind that a title is enough."""
    hop = start_sink(script=lambda stage, _: "550 5.1.1 No such user" if stage == "rcpt" else None)
    assert main([*BASE, "--to", "c@example.org,d@example.org", "--port", str(hop.port)]) == 24
    said = capsys.readouterr().out
    assert said.count("The mailbox does not exist (permanent)") == 3
    assert said.count("Fix: ") == 1
    assert main([*BASE, "--port", str(hop.port), "--no-explain"]) == 24
    assert "Fix: " not in capsys.readouterr().out


@pytest.mark.parametrize(("words", "kept"), [([], True), (["-n"], False)])
def test_the_message_in_json(start_sink: Callable[..., Sink], capsys: pytest.CaptureFixture[str], words: list[str], kept: bool) -> None:  # noqa: FBT001 - a row
    """Its lines are marked as content, and left out where they are not wanted."""
    assert main([*BASE, "--port", str(start_sink().port), "--json", *words]) == 0
    lines = json.loads(capsys.readouterr().out)["lines"]
    assert any(line.get("content") for line in lines) == kept
    assert [line["text"] for line in lines if line["who"] == "client" and not line.get("content")][-2:] == [".", "QUIT"]
