"""What a client puts on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.mail.envelope import Envelope, Notify, Recipient, Return
from waypost.mail.path import Mailbox
from waypost.smtp.errors import LocalProtocolError
from waypost.smtp.offers import NOTHING, Offers, read_offers
from waypost.smtp.outgoing import DotStuffer, mail_command, rcpt_command

EVERYTHING = Offers(pipelining=True, chunking=True, eight_bit=True, smtputf8=True, dsn=True, sized=True)
BOB = Mailbox("bob", "there.example", "bob@there.example")


def envelope(**fields: object) -> Envelope:
    return Envelope(id="1", reverse_path=fields.pop("sender", BOB), recipients=(), arrived=0.0, **fields)


def stuffed(*pieces: bytes) -> bytes:
    stuffer = DotStuffer()
    return b"".join(stuffer.stuff(piece) for piece in pieces) + stuffer.end()


def unstuffed(octets: bytes) -> bytes:
    """What a receiver makes of it, line by line (5321#4.5.2)."""
    lines = octets.split(b"\r\n")
    end = lines.index(b".")
    return b"".join(line.removeprefix(b".") + b"\r\n" for line in lines[:end])


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".a\r\n", b"..a\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\n.\r\n", b"a\r\n..\r\n..\r\n.\r\n"),
        (b"a\r\n.", b"a\r\n..\r\n.\r\n"),
        (b"no end", b"no end\r\n.\r\n"),
        (b"a.\r\n", b"a.\r\n.\r\n"),
    ],
)
def test_dots_are_stuffed(content: bytes, wire: bytes) -> None:
    """A dot that begins a line is doubled, the first line's too, and the end is a dot on its own line."""
    assert wire == stuffed(content)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([b"\r\n", b".", b"a", b"..", b"\r\n.", b"x.y"]), max_size=30).map(b"".join),
    st.lists(st.integers(0, 60), max_size=5),
)
def test_stuffing_survives_every_cut(content: bytes, cuts: list[int]) -> None:
    """Cut anywhere, the wire is the same, and the receiver gets the content back."""
    places = sorted({cut for cut in cuts if cut < len(content)})
    pieces = [content[start:end] for start, end in zip([0, *places], [*places, len(content)], strict=True)]
    assert stuffed(content) == stuffed(*pieces)
    assert stuffed(content) == stuffed(*(content[place : place + 1] for place in range(len(content))))
    whole = content if not content or content.endswith(b"\r\n") else content + b"\r\n"
    assert whole == unstuffed(stuffed(content))


@pytest.mark.parametrize(
    "pieces",
    [(b"a\nb\r\n",), (b"a\rb\r\n",), (b"a\r", b"b"), (b"a", b"\nb"), (b"\nb",), (b"a\r\r\n",), (b"a\n\r\n",), (b"a\r",), (b"a\0b",)],
)
def test_stray_line_ends_never_leave(pieces: tuple[bytes, ...]) -> None:
    """A bare CR, a bare LF or a NUL is refused here, also where the cut hides it."""
    with pytest.raises(LocalProtocolError):
        stuffed(*pieces)


def test_mail_says_what_the_next_hop_knows() -> None:
    """Every parameter of the message goes to a next hop that knows them all, none to one that knows none."""
    message = envelope(smtputf8=True, ret=Return.HDRS, envid="QQ+2B314")
    said = b"MAIL FROM:<bob@there.example> SIZE=42 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B314\r\n"
    assert said == mail_command(message, EVERYTHING, size=42, eight_bit=True)
    assert mail_command(message, NOTHING, size=42, eight_bit=True) == b"MAIL FROM:<bob@there.example>\r\n"


def test_mail_adds_nothing_of_its_own() -> None:
    """RET and ENVID that were not given are not made up, and the null reverse-path stays null (3461#5.2.1)."""
    assert mail_command(envelope(sender=None), Offers(dsn=True), size=1, eight_bit=False) == b"MAIL FROM:<>\r\n"


@pytest.mark.parametrize(
    ("recipient", "said"),
    [
        (Recipient(BOB), b"RCPT TO:<bob@there.example> ORCPT=rfc822;bob@there.example\r\n"),
        (Recipient(BOB, frozenset({Notify.NEVER})), b"RCPT TO:<bob@there.example> NOTIFY=NEVER ORCPT=rfc822;bob@there.example\r\n"),
        (
            Recipient(BOB, frozenset({Notify.DELAY, Notify.SUCCESS}), "rfc822;Old+2Bone@x.example"),
            b"RCPT TO:<bob@there.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Old+2Bone@x.example\r\n",
        ),
        (Recipient(Mailbox("a+b", "x.example", "a+b@x.example")), b"RCPT TO:<a+b@x.example> ORCPT=rfc822;a+2Bb@x.example\r\n"),
        (Recipient(Mailbox("grün", "x.example", "grün@x.example")), "RCPT TO:<grün@x.example>\r\n".encode()),
    ],
)
def test_rcpt_passes_requests_on(recipient: Recipient, said: bytes) -> None:
    """NOTIFY and ORCPT go on as they came where DSN is offered; a missing ORCPT is made from the address."""
    assert said == rcpt_command(recipient, EVERYTHING)


def test_rcpt_keeps_requests_from_those_who_do_not_know_them() -> None:
    """Without DSN there is neither NOTIFY nor ORCPT (3461#5.2.2)."""
    assert rcpt_command(Recipient(BOB, frozenset({Notify.NEVER}), "rfc822;x"), NOTHING) == b"RCPT TO:<bob@there.example>\r\n"


@pytest.mark.parametrize("text", ["a@b\r\nRCPT TO:<evil@x", "a@b\nx", "a@b\0x"])
def test_no_address_becomes_a_command(text: str) -> None:
    """An address with a line end in it is our own fault and never leaves."""
    with pytest.raises(LocalProtocolError):
        rcpt_command(Recipient(Mailbox("a", "b", text)), NOTHING)


def test_offers_are_read_in_any_case() -> None:
    """Keywords are read in any case, with their parameters; AUTH also in the form with an equals sign."""
    offers = read_offers(("hop", "pipelining", "Size 1024", "AUTH PLAIN", "AUTH=LOGIN CRAM-MD5", "8bitmime", "X-OTHER 1 2", ""))
    assert Offers(pipelining=True, sized=True, size=1024, eight_bit=True, mechanisms=frozenset({"PLAIN", "LOGIN", "CRAM-MD5"})) == offers


@pytest.mark.parametrize(
    ("line", "size"), [("SIZE", 0), ("SIZE 0", 0), ("SIZE x", 0), ("SIZE " + "9" * 21, 0), ("SIZE " + "9" * 20, 10**20 - 1), ("SIZE ²", 0)]
)
def test_odd_sizes_are_no_limit(line: str, size: int) -> None:
    """A SIZE without a usable number names no limit."""
    assert (True, size) == (read_offers(("hop", line)).sized, read_offers(("hop", line)).size)
