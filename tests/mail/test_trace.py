from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.mail import trace
from waypost.mail.path import Mailbox

MOMENT = 1_795_443_168.9


def received(**parts: object) -> bytes:
    given_parts = {
        "helo": "c.test",
        "client": "192.0.2.7",
        "hostname": "mx.test",
        "protocol": "ESMTP",
        "id": "01ABC",
        "wall": MOMENT,
        **parts,
    }
    return trace.received(**given_parts)  # type: ignore[arg-type]  # rows of tests name any part


def test_received_says_from_whom_by_whom_how_and_when() -> None:
    """One field with its clauses in the order of 5321#4.4."""
    assert received(recipient="b@dst.test", tls="TLSv1.3 TLS_AES_256_GCM_SHA384") == (
        b"Received: from c.test ([192.0.2.7])\r\n"
        b"\t(using TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
        b"\tby mx.test with ESMTP id 01ABC\r\n"
        b"\tfor <b@dst.test>;\r\n"
        b"\t" + trace.date(MOMENT).encode() + b"\r\n"
    )


def test_received_names_ipv6_as_a_literal() -> None:
    """An IPv6 address bears its tag (5321#4.1.3)."""
    assert b"from c.test ([IPv6:2001:db8::1])\r\n" in received(client="2001:db8::1")


def test_received_without_address_leaves_it_out() -> None:
    """A client on a UNIX socket has no address."""
    assert received(client="").startswith(b"Received: from c.test\r\n")


@pytest.mark.parametrize("helo", ["", "a\r\nBcc: x", "a b", "a(b", "a\0", "ü.test", "x" * 256])
def test_received_takes_the_address_where_the_name_is_none(helo: str) -> None:
    """A greeting that is no name cannot shape the field."""
    assert received(helo=helo).startswith(b"Received: from [192.0.2.7] ([192.0.2.7])\r\n")


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_received_is_one_field_whatever_strangers_said(helo: str, recipient: str, tls: str) -> None:
    """Each CRLF in it but the last is followed by a blank, and no other control character is in it."""
    octets = received(helo=helo, recipient=recipient, tls=tls)
    assert octets.endswith(b"\r\n")
    lines = octets[:-2].split(b"\r\n")
    assert all(line.startswith(b"\t") for line in lines[1:])
    assert not any(octet < 32 for line in lines for octet in line.lstrip(b"\t"))


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ({"extended": False}, "SMTP"),
        ({"extended": False, "tls": True, "account": True}, "SMTP"),
        ({}, "ESMTP"),
        ({"account": True}, "ESMTPA"),
        ({"tls": True}, "ESMTPS"),
        ({"tls": True, "account": True}, "ESMTPSA"),
        ({"smtputf8": True}, "UTF8SMTP"),
        ({"smtputf8": True, "tls": True, "account": True}, "UTF8SMTPSA"),
        ({"lmtp": True}, "LMTP"),
        ({"lmtp": True, "tls": True, "account": True}, "LMTPSA"),
        ({"lmtp": True, "smtputf8": True, "tls": True}, "UTF8LMTPS"),
    ],
)
def test_protocol_is_named_as_registered(flags: dict[str, bool], word: str) -> None:
    """The words of 3848 and 6531#4.3."""
    assert trace.protocol(**flags) == word


def test_return_path_is_the_reverse_path() -> None:
    """The null reverse-path is shown as <> (5321#4.4)."""
    assert trace.return_path(None) == b"Return-Path: <>\r\n"
    assert trace.return_path(Mailbox("a", "b.test", "a@b.test")) == b"Return-Path: <a@b.test>\r\n"


def test_date_reads_back_as_the_moment() -> None:
    """What is written is what the standard library reads, to the second."""
    assert parsedate_to_datetime(trace.date(MOMENT)).timestamp() == int(MOMENT)


def test_date_is_written_in_english_whatever_the_place() -> None:
    """Day and month are the words of 5322#3.3."""
    assert trace.date(0) == "Thu, 1 Jan 1970 00:00:00 +0000"


def test_message_id_names_id_and_host() -> None:
    """The identifier is unique by its left side."""
    assert trace.message_id("01ABC", "mx.test") == "<01ABC@mx.test>"
