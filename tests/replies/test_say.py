from __future__ import annotations

from string import Formatter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.replies import Key, Reply, Severity, say
from waypost.replies.catalogue import encode, entries, printable, wrap

SPEAKABLE = [key for key in Key if entries()[key].code is not None]
OUTCOMES = [key for key in Key if entries()[key].code is None]
HOSTILE = st.text(max_size=700) | st.sampled_from(
    ["a\r\n250 ok", "\x00", "x" * 5000, "%s%d%", "{hostname}", "é" * 300, "\ud800", "\x7f\x1b[2J", "5.7.2", "", " " * 600]
)


def facts_of(key: Key) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(entries()[key].says) if name is not None}


def sound(reply: Reply) -> None:
    """The wire form of ``reply`` is what every client can read."""
    assert reply.wire.endswith(b"\r\n")
    lines = reply.wire.decode("ascii").split("\r\n")[:-1]
    assert len(lines) == len(reply.lines)
    for number, line in enumerate(lines):
        assert line.isprintable()
        assert len(line) + 2 <= (12_288 if reply.code == 334 else 512)
        assert line[:4] == f"{reply.code}{' ' if number == len(lines) - 1 else '-'}"
        if reply.status is not None:
            assert line[4:].startswith(f"{reply.status} ")


@pytest.mark.parametrize("key", SPEAKABLE)
def test_each_reply_can_be_said(key: Key) -> None:
    """Each key of a reply gives the code and status of its row, in one sound line."""
    reply = say(key, **dict.fromkeys(facts_of(key), "fact"))
    assert (entries()[key].code, entries()[key].status, key.value) == (reply.code, reply.status, reply.key)
    assert len(reply.lines) == 1
    sound(reply)


@pytest.mark.parametrize("key", SPEAKABLE)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_fact_breaks_a_reply(key: Key, data: st.DataObject) -> None:
    """Facts and further lines, however hostile, add no line end, nothing unprintable and no line over 512 octets."""
    facts = {name: data.draw(HOSTILE) for name in sorted(facts_of(key))}
    sound(say(key, more=data.draw(st.lists(HOSTILE, max_size=3)) if key is not Key.AUTH_CHALLENGE else (), **facts))


@pytest.mark.parametrize("key", OUTCOMES)
def test_an_outcome_is_not_said(key: Key) -> None:
    """What became of a recipient is no reply."""
    with pytest.raises(ValueError, match="is an outcome, not a reply"):
        say(key)
    with pytest.raises(ValueError, match="is an outcome, not a reply"):
        say(key, more=["x"])


@pytest.mark.parametrize("key", [key for key in SPEAKABLE if facts_of(key)])
def test_a_missing_fact_is_an_error(key: Key) -> None:
    """A reply with a hole in it is never said."""
    with pytest.raises(KeyError):
        say(key)
    with pytest.raises(KeyError):
        say(key, unheard_of=1)


def test_facts_that_a_reply_does_not_show_are_let_be() -> None:
    """A caller may give more than the words need."""
    assert say(Key.NOOP).wire == say(Key.NOOP, hostname="mx.example.org").wire


@pytest.mark.parametrize(("length", "shown"), [(64, "x" * 64), (65, "x" * 61 + "..."), (254, "x" * 61 + "...")])
def test_what_a_client_sent_is_echoed_shortened(length: int, shown: str) -> None:
    """Of an address 64 characters are shown, the last three of a longer one being dots."""
    assert say(Key.MAILBOX_UNKNOWN, forward_path="x" * length).lines == (f"There is no mailbox {shown} here",)


def test_our_own_name_is_shown_whole() -> None:
    """A host name of 255 octets is not shortened, nor does it make the line too long."""
    reply = say(Key.EHLO, hostname="h" * 255, client="c" * 255)
    assert reply.lines == (f"{'h' * 255} greets {'c' * 61}...",)
    sound(reply)


def test_further_lines_carry_code_and_status() -> None:
    """Each line of a reply carries the status, the last a space after the code and the others a hyphen."""
    assert say(Key.HELP, line="one", more=["two", "three"]).wire == b"214-2.0.0 one\r\n214-2.0.0 two\r\n214 2.0.0 three\r\n"


def test_without_a_status_lines_stand_bare() -> None:
    """The lines of EHLO carry a code alone."""
    assert say(Key.EHLO, hostname="a", client="b", more=["SIZE 1"]).wire == b"250-a greets b\r\n250 SIZE 1\r\n"


@pytest.mark.parametrize(("words", "lines"), [(100, 1), (101, 2)])
def test_a_long_line_goes_on_in_the_next(words: int, lines: int) -> None:
    """A line of exactly 512 octets stays whole, one more word begins a new line, and no word is cut or lost."""
    text = "abcd " * (words - 1) + "a"
    reply = say(Key.HELP, line="x", more=[text])
    assert len(reply.lines) == 1 + lines
    assert " ".join(reply.lines[1:]) == text
    sound(reply)


def test_a_word_longer_than_a_line_is_cut() -> None:
    """A text without spaces is cut where the line ends, and nothing of it is lost."""
    pieces = tuple(wrap("x" * 1100, 500))
    assert [len(piece) for piece in pieces] == [500, 500, 100]


@given(text=st.text(alphabet="ab ", max_size=60), room=st.integers(min_value=4, max_value=20))
def test_wrapping_loses_nothing(text: str, room: int) -> None:
    """Every piece fits, and joined they hold the same letters in the same order."""
    pieces = list(wrap(text, room))
    assert max(map(len, pieces)) <= room
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")


def test_a_challenge_is_never_wrapped() -> None:
    """334 may be as long as a login line may be (4954#4), since BASE64 in two lines would be two challenges."""
    assert say(Key.AUTH_CHALLENGE, challenge="A" * 5000).wire == b"334 " + b"A" * 5000 + b"\r\n"


def test_encode_serves_other_lines_too() -> None:
    """The wire form of any code, status and lines: wrapped, and the status on each line."""
    assert encode(550, "5.7.1", ["a", "b"]) == b"550-5.7.1 a\r\n550 5.7.1 b\r\n"
    assert encode(220, None, ["a"]) == b"220 a\r\n"


def test_only_ascii_that_prints_is_let_through() -> None:
    """Every other character becomes a question mark, one for one."""
    assert printable("a\r\nb\té\x7f~ ") == "a??b???~ "
    assert printable(12) == "12"


@pytest.mark.parametrize(
    ("key", "severity", "accepts", "closes"),
    [
        (Key.NOOP, Severity.POSITIVE, True, False),
        (Key.DATA_START, Severity.INTERMEDIATE, True, False),
        (Key.STORAGE_LOW, Severity.TRANSIENT, False, False),
        (Key.MAIL_FIRST, Severity.PERMANENT, False, False),
    ],
)
def test_a_reply_knows_its_severity(key: Key, severity: Severity, accepts: bool, closes: bool) -> None:  # noqa: FBT001 - rows of a table
    """The first digit says whether the client may go on; 221 and 421 alone end the connection."""
    reply = say(key)
    assert (severity, accepts, closes) == (reply.severity, reply.accepts, reply.closes)


@pytest.mark.parametrize("key", [Key.CLOSING, Key.SHUTDOWN, Key.GREETING_BUSY])
def test_some_replies_close(key: Key) -> None:
    """221 and 421 end the connection."""
    assert say(key, hostname="a").closes
