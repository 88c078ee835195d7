from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observe.some_events import CLOCK, QID, SESSION, every_event
from waypost.observe.events import AttemptBegan, AttemptMade, MessageAccepted, Refused, ServerChanged, Spoken
from waypost.observe.log import Log, Printer, columns, wants_colour
from waypost.observe.settings import LogFormat, LogLevel, LogSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.observe.events import Event

GOLDEN = Path(__file__).parent / "postfix.log"
FORMS = [LogFormat.JSON, LogFormat.POSTFIX, LogFormat.TERMINAL]
HOSTILE = st.text(st.one_of(st.sampled_from('\r\n\0\t\x1b\x7f\x85\u2028\u202e\u200b\ud800<>,; \\"é漢'), st.characters()), max_size=40)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """The forms with local time are compared in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def logged(form: LogFormat, *events: Event, level: LogLevel = LogLevel.DEBUG, colour: bool = False, name: str = "waypost") -> list[bytes]:
    lines: list[bytes] = []
    log = Log(LogSettings(format=form, level=level, name=name), lines.append, CLOCK, colour=colour, hostname="mx.example.org")
    for event in events:
        log.tell(event)
    return lines


def rows(events: Sequence[Event], level: LogLevel = LogLevel.DEBUG) -> list[dict[str, object]]:
    return [json.loads(line) for line in logged(LogFormat.JSON, *events, level=level)]


@settings(max_examples=100, deadline=None)
@given(HOSTILE, st.sampled_from(FORMS), st.booleans())
def test_no_text_of_a_stranger_makes_a_line_or_moves_a_cursor(word: str, form: LogFormat, colour: bool) -> None:  # noqa: FBT001 - drawn
    """One event is one line (three for an accepted message in the postfix form), printable, whatever stands in it."""
    for event in every_event(word):
        lines = b"".join(logged(form, event, colour=False)).decode()
        expected = (
            0 if isinstance(event, Spoken | AttemptBegan) else 3 if form is LogFormat.POSTFIX and isinstance(event, MessageAccepted) else 1
        )
        assert lines.count("\n") == expected
        assert lines.replace("\n", "").isprintable()
        assert form is not LogFormat.POSTFIX or lines.isascii()
        assert colour is False or b"".join(logged(form, event, colour=True)).count(b"\n") == expected


def test_json_lines_hold_what_happened() -> None:
    """Each event is an object with its moment, level and name, and the fields that have a value."""
    found = rows(every_event())
    assert {row["ts"] for row in found} == {"2023-11-14T22:13:20.250Z"}
    assert [row["event"] for row in found] == [
        *("connect", "connect", "tls", "tls", "auth", "auth", "refused", "accepted"),
        *("delivery", "delivery", "delivery", "delivery", "notice", "removed", "altered", "disconnect", "server", "server", "server"),
    ]
    assert list(found[0])[:3] == ["ts", "level", "event"]
    relayed = next(row for row in found if row.get("status") == "relayed")
    assert relayed == {
        "ts": "2023-11-14T22:13:20.250Z",
        "level": "info",
        "event": "delivery",
        "session": "OUT",
        "qid": QID,
        "from": "word",
        "to": "word",
        "relay": "mx.example.net[192.0.2.25]:25",
        "delay": 11.864,
        "delays": [0.1, 0.004, 0.5, 11.26],
        "dsn": "2.0.0",
        "status": "relayed",
        "key": "relayed",
        "code": 250,
        "text": "250 2.0.0 Queued as word",
        "attempts": 1,
    }
    deferred = next(row for row in found if row.get("status") == "deferred")
    assert (deferred["next"], deferred["detail"], "code" in deferred) == ("2023-11-14T22:18:20Z", "word", False)


def test_a_null_reverse_path_is_shown_as_one() -> None:
    """``<>`` and an absent sender are different things."""
    failed = next(row for row in rows(every_event()) if row.get("status") == "failed")
    assert failed["from"] == "<>"


@pytest.mark.parametrize("form", FORMS)
def test_queue_id_and_reply_key_stand_in_every_line_that_has_them(form: LogFormat) -> None:
    """Log, trace and notice are joined by the same two names."""
    for event in every_event():
        text = b"".join(logged(form, event)).decode()
        if isinstance(event, AttemptMade):
            assert QID in text
            assert event.outcome.key in text
        if isinstance(event, Refused):
            assert "relay-denied" in text
        if isinstance(event, MessageAccepted):
            assert QID in text


def test_the_postfix_form_reads_as_postfix_writes() -> None:
    """The lines that log readers parse, letter for letter."""
    text = b"".join(logged(LogFormat.POSTFIX, *every_event(), name="postfix")).decode()
    assert text.replace(f"[{os.getpid()}]", "[PID]") == GOLDEN.read_text("ascii")


def test_the_terminal_form_reads_well() -> None:
    """Time, what, and what matters, in one line each; no colour unless asked."""
    lines = b"".join(logged(LogFormat.TERMINAL, *every_event())).decode().splitlines()
    assert lines[7] == f"22:13:20 accepted   {QID} from <word@example.org> to 2 recipients, 5120 octets (queued {SESSION})"
    assert lines[8] == f"22:13:20 relayed    {QID} to <word> by mx.example.net[192.0.2.25]:25: 250 2.0.0 Queued as word (relayed OUT)"
    assert [line for line in lines if "\x1b" in line] == []
    assert b"\x1b[31m" in b"".join(logged(LogFormat.TERMINAL, ServerChanged(what="x", severity="error"), colour=True))


@pytest.mark.parametrize(
    ("level", "whats"),
    [
        (LogLevel.INFO, ["ready", "library", "disk-full"]),
        (LogLevel.WARNING, ["library", "disk-full"]),
        (LogLevel.ERROR, ["disk-full"]),
    ],
)
def test_the_level_is_the_least_severity(level: LogLevel, whats: list[str]) -> None:
    """Less severe events are not written."""
    assert [row["what"] for row in rows(every_event(), level) if row["event"] == "server"] == whats


def test_new_settings_hold_from_the_next_event_on() -> None:
    """Form, level and name change between two lines; ``auto`` goes by what standard error was from the first."""
    lines: list[bytes] = []
    log = Log(LogSettings(), lines.append, CLOCK, hostname="mx.example.org")
    event = ServerChanged(what="ready", detail="x", severity="info")
    for later in (LogSettings(format=LogFormat.POSTFIX, name="mail"), LogSettings(level=LogLevel.ERROR), LogSettings()):
        log.tell(event)
        log.apply(later)
    log.tell(event)
    assert [line[:1] == b"{" for line in lines] == [True, False, True]
    assert b" mail/" in lines[1]


def test_greetings_are_details_and_refused_ones_are_not() -> None:
    """A connection turned away is told at level info; one that was greeted only at debug."""
    assert [row["key"] for row in rows(every_event(), LogLevel.INFO) if row["event"] == "connect"] == ["greeting-busy"]


def test_a_severity_that_nobody_knows_is_a_warning() -> None:
    """An event is never lost for a misspelt severity."""
    (row,) = rows([ServerChanged(what="x", severity="odd")])
    assert row["level"] == "warning"


def test_the_printer_writes_at_once(tmp_path: Path) -> None:
    """Without threads: the line is in the file when tell returns; auto means json where there is no terminal."""
    path = tmp_path / "log"
    with path.open("wb") as file:
        Printer(LogSettings(), CLOCK, fd=file.fileno()).tell(ServerChanged(what="ready"))
        assert json.loads(path.read_text("utf-8")) == {
            "ts": "2023-11-14T22:13:20.250Z",
            "level": "info",
            "event": "server",
            "what": "ready",
        }


def test_the_printer_survives_its_reader() -> None:
    """A closed pipe ends no server."""
    reader, writer = os.pipe()
    os.close(reader)
    Printer(LogSettings(), CLOCK, fd=writer).tell(ServerChanged(what="ready"))
    os.close(writer)


def test_colour_is_for_terminals_that_want_it() -> None:
    """A terminal is coloured unless NO_COLOR or a dumb TERM says otherwise; a pipe never."""
    other, terminal = os.openpty()
    reader, pipe = os.pipe()
    assert [wants_colour(terminal, {}), wants_colour(terminal, {"NO_COLOR": "1"}), wants_colour(terminal, {"TERM": "dumb"})] == [
        True,
        False,
        False,
    ]
    assert wants_colour(pipe, {}) is False
    for fd in (other, terminal, reader, pipe):
        os.close(fd)


def test_what_is_no_terminal_is_eighty_columns_wide() -> None:
    """A pipe has no width of its own."""
    reader, pipe = os.pipe()
    assert columns(pipe) == 80
    os.close(reader)
    os.close(pipe)


def test_dropped_lines_are_told_in_the_form_of_the_log() -> None:
    """What says that lines are missing is itself a line like the others."""
    log = Log(LogSettings(format=LogFormat.JSON), lambda _: None, CLOCK)
    row = json.loads(log.lost(7))
    assert (row["level"], row["what"], row["detail"]) == ("warning", "log-lines-dropped", "7")


@pytest.mark.parametrize("word", ["\ud800", "a\x7fb", "\U000e0001", "\u202egnp.exe", "\x1b]0;x\x07"])
def test_json_holds_the_text_whatever_it_is(word: str) -> None:
    """Every letter comes back from the JSON; a lone surrogate, which JSON cannot hold, as its escape."""
    (row,) = rows([ServerChanged(what="x", detail=word)])
    assert row["detail"] == (word if word != "\ud800" else "\\ud800")
