"""What sendmail makes of any text and any command line: properties."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.cli.exits import FailureError, UsageError
from waypost.cli.programs.asked import Mode, asked
from waypost.cli.programs.letter import addresses, crlf, head, mailbox, named_in, said, written

_PIECES = (b"a", b".", b"..", b"\r", b"\n", b"\r\n", b"\0", b":", b" ", b"To: x", b"From: y (z)", b"\xe9", b"x" * 70_000)
LINES = st.lists(st.sampled_from(_PIECES))


def carried(text: bytes, *, dots: bool = False) -> bytes:
    """What is written into the drop folder."""
    return b"".join(crlf(io.BytesIO(text), dots=dots))


@given(LINES)
def test_every_line_end_becomes_crlf_and_nothing_else_changes(parts: list[bytes]) -> None:
    """No bare CR or LF, no NUL, a line end at the end; the text between line ends is the same; doing it twice changes nothing."""
    text = b"".join(parts)
    done = carried(text)
    assert b"\0" not in done
    bare = done.replace(b"\r\n", b"")
    assert (b"\r" in bare, b"\n" in bare) == (False, False)
    assert not done or done.endswith(b"\r\n")
    assert bare == text.translate(None, b"\0\r\n")
    assert done == carried(done)


@given(LINES)
def test_head_and_rest_together_are_the_whole_message(parts: list[bytes]) -> None:
    """However a text begins, no octet of it is lost between the header section and the body but blank line and mailbox line."""
    text = carried(b"".join(parts))
    lines = crlf(io.BytesIO(text), dots=False)
    fields, begun = head(lines)
    rest = begun + b"".join(lines)
    blank = b"" if begun or not rest else b"\r\n"
    together = b"".join(field.raw for field in fields) + blank + rest
    assert text in (together, together + b"\r\n", b"".join(field.raw for field in fields) + rest)


@given(st.lists(st.text(alphabet="-tifFNRVoOBqbsmpXC=@.a<> 1", max_size=6), max_size=6))
def test_any_command_line_is_understood_or_refused(words: list[str]) -> None:
    """Never a traceback: a wish, or one line that says why not."""
    try:
        wanted = asked(words)
    except UsageError:
        return
    assert wanted.mode in Mode


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    """What comes out has a domain and nothing that could end a line."""
    for address in addresses([text]):
        try:
            whole = mailbox(address, "example.org")
        except FailureError:
            continue
        assert "@" in whole
        assert not set("\r\n\0") & set(whole)


@given(st.text(max_size=40))
def test_an_address_of_the_command_line_is_never_guessed(text: str) -> None:
    """What is taken out of a word stands in it, letter by letter."""
    try:
        found = said([text])
    except FailureError:
        return
    assert all(address in text for address in found)
    assert found or not text.strip()


@pytest.mark.parametrize(
    ("field", "becomes"),
    [
        (b"To: root", b"To: root@example.org"),
        (b"From: root (Cron Daemon)", b"From: root@example.org (Cron Daemon)"),
        (b"Cc: ada, grace (G)", b"Cc: ada@example.org, grace@example.org (G)"),
        (b"Cc: ada, grace (G, H)", b"Cc: ada, grace (G, H)"),
        (b'To: "Ada, L" <ada>, b@x.test', b'To: "Ada, L" <ada@example.org>, b@x.test'),
        (b"To: Ada Lovelace <ada@x.test>", b"To: Ada Lovelace <ada@x.test>"),
        (b"To: undisclosed-recipients:;", b"To: undisclosed-recipients:;"),
        (b"Subject: root", b"Subject: root"),
    ],
)
def test_bare_names_in_fields_get_a_domain(field: bytes, becomes: bytes) -> None:
    """Only where nothing else can be meant."""
    fields, _ = head(iter([field + b"\r\n", b"\r\n"]))
    assert becomes in written(fields, sender="me@example.org", name="", domain="example.org").split(b"\r\n")


def test_what_nobody_may_see_is_taken_out() -> None:
    """Bcc with its folds, in any case; and it still names recipients."""
    fields, _ = head(iter([b"bCC: a@x.test,\r\n", b" b@x.test\r\n", b"To: c\r\n", b"\r\n"]))
    assert named_in(fields) == ["a@x.test", "b@x.test", "c"]
    assert b"x.test" not in written(fields, sender="me@example.org", name="", domain="example.org")
