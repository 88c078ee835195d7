"""The message that is sent: tokens, fields, MIME, and nothing that could smuggle a field in."""

from __future__ import annotations

import email
from dataclasses import replace
from email import policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.diagnose.send.message import Attachment, Draft, MessageError, compose, parse_field
from waypost.diagnose.send.transfer import stuffed

DRAFT = Draft(sender="a@example.net", recipients=("b@example.org", "c@example.org"), host="h.example", wall=1.0, identifier="ID1")


def _parsed(octets: bytes) -> email.message.EmailMessage:
    message = email.message_from_bytes(octets, policy=policy.default)
    assert isinstance(message, email.message.EmailMessage)
    return message


def test_the_usual_message() -> None:
    """What a message needs is there, plain text stays plain."""
    message = _parsed(compose(DRAFT))
    assert message["From"] == "a@example.net"
    assert message["To"] == "b@example.org, c@example.org"
    assert message["Message-ID"] == "<ID1@h.example>"
    assert message["Subject"].startswith("test ")
    assert message["MIME-Version"] is None
    assert compose(DRAFT).endswith(b"\r\n\r\nThis is a test mailing\r\n")


def test_tokens_of_a_template() -> None:
    """Each is replaced, swaks' names too; what comes in is not searched again; line ends become CRLF and an mbox line goes."""
    template = b"From x@y Mon\nFrom: %FROM_ADDRESS%\nTo: %TO%\nX: %MESSAGEID% %SUBJECT%\n%NEW_HEADERS%\n\na%NEWLINE%%BODY%end\n"
    draft = replace(DRAFT, template=template, subject="%TO%", body=b"body %FROM%", added=(("Y", "z"),))
    expected = b"From: a@example.net\r\nTo: b@example.org, c@example.org\r\nX: ID1@h.example %TO%\r\nY: z\r\n\r\na\r\nbody %FROM%end\r\n"
    assert compose(draft) == expected


def test_fields_take_the_place_of_others() -> None:
    """--header replaces, folded fields too, or adds; --add-header adds."""
    template = b"Subject: a\r\n b\r\nFROM: x\r\nsubject: c\r\n\r\ntext\r\n"
    draft = replace(DRAFT, template=template, headers=(("Subject", "new"), ("Z", "1")), added=(("From", "two"),))
    assert compose(draft) == b"Subject: new\r\nFROM: x\r\nFrom: two\r\nZ: 1\r\n\r\ntext\r\n"


def test_text_beyond_ascii() -> None:
    """Encoded words and a MIME body for servers of any age; UTF-8 in the header where SMTPUTF8 is said."""
    draft = replace(DRAFT, subject="Grüße, 世界 " * 9, body="Größe\n".encode())
    octets = compose(draft)
    message = _parsed(octets)
    assert octets.isascii()
    assert message["Subject"].strip() == ("Grüße, 世界 " * 9).strip()
    assert message.get_content().splitlines() == ["Größe"]
    assert "Grüße".encode() in compose(replace(draft, utf8=True))


def test_attachments() -> None:
    """They keep their octets, type and name."""
    parts = (Attachment(b"\x00\xff.\r\n.\n", "image/png", "ä b.png"), Attachment(b"plain", "text/plain"))
    message = _parsed(compose(replace(DRAFT, attachments=parts)))
    assert message.get_content_type() == "multipart/mixed"
    found = list(message.iter_attachments())
    assert [part.get_payload(decode=True) for part in found] == [b"\x00\xff.\r\n.\n", b"plain"]
    assert [(part.get_content_type(), part.get_filename()) for part in found] == [("image/png", "ä b.png"), ("text/plain", None)]
    body = message.get_body()
    assert body is not None
    assert body.get_content().splitlines() == ["This is a test mailing"]


@pytest.mark.parametrize(
    "draft",
    [
        replace(DRAFT, subject="a\r\nBcc: x@example.org"),
        replace(DRAFT, headers=(("X", "a\nBcc: x"),)),
        replace(DRAFT, added=(("X\r\nBcc", "a"),)),
        replace(DRAFT, added=(("X Y", "a"),)),
        replace(DRAFT, recipients=("a@example.org\rBcc: x",)),
        replace(DRAFT, attachments=(Attachment(b"", "text/plain", "a\r\nBcc: x"),)),
        replace(DRAFT, attachments=(Attachment(b"", "text/plain\r\nBcc: x"),)),
        replace(DRAFT, attachments=(Attachment(b"", "message/rfc822"),)),
        replace(DRAFT, attachments=(Attachment(b"", "text"),)),
        replace(DRAFT, body=b"\xff"),
    ],
)
def test_what_cannot_be_a_message_is_refused(draft: Draft) -> None:
    """A line end in a value would be a field of somebody else's; types and names are what they say."""
    with pytest.raises(MessageError):
        compose(draft)


@pytest.mark.parametrize("text", ["nocolon", ": value", "a b: c", "X: a\nB: c", "ä: b"])
def test_fields_that_are_none(text: str) -> None:
    """``Name: value`` on one line, or nothing."""
    with pytest.raises(MessageError):
        parse_field(text)


@given(st.binary(max_size=300), st.text(max_size=40))
def test_every_line_of_a_message_ends_with_crlf(body: bytes, subject: str) -> None:
    """Whatever the body and the subject: no bare CR, no bare LF, and the header says what it was told."""
    draft = replace(DRAFT, body=body, subject=subject)
    try:
        octets = compose(draft)
    except MessageError:
        return
    assert octets.replace(b"\r\n", b"").count(b"\r") + octets.replace(b"\r\n", b"").count(b"\n") == 0
    assert octets.endswith(b"\r\n")
    assert len(_parsed(octets).get_all("From", [])) == 1


@given(st.lists(st.sampled_from([b".", b"..", b"a", b"", b".a"]), max_size=6))
def test_dots_are_stuffed(lines: list[bytes]) -> None:
    """No line of content can be taken for its end, and unstuffing gives the content back (5321#4.5.2)."""
    content = b"".join(line + b"\r\n" for line in lines)
    sent = stuffed(content)
    assert b".\r\n" not in sent.split(b"\r\n")
    assert b"." not in sent.split(b"\r\n")
    assert b"\r\n".join(line[1:] if line.startswith(b".") else line for line in sent.split(b"\r\n")) == content


def test_an_end_of_ones_own() -> None:
    """The last line end is left to whoever ends the content otherwise."""
    assert stuffed(b"a\r\n", b"\n.\n") == b"a"
