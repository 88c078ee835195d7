from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.replies.line.split import split

NOBODY = "<nobody@example.org>: Recipient address rejected: User unknown"


@pytest.mark.parametrize(
    ("text", "code", "status", "host", "recipient", "whole"),
    [
        ("550 No such user", 550, None, None, None, "550 No such user"),
        ("550 5.1.1 No such user", 550, "5.1.1", None, None, "550 5.1.1 No such user"),
        ("550-5.1.1 No such\r\n550 5.1.1 user", 550, "5.1.1", None, None, "550 5.1.1 No such user"),
        ("550-5.1.1 No such\n550 5.1.1 user", 550, "5.1.1", None, None, "550 5.1.1 No such user"),
        (r"550-5.1.1 No such\r\n550 5.1.1 user", 550, "5.1.1", None, None, "550 5.1.1 No such user"),
        ("550-5.1.1 No such 550 5.1.1 user", 550, "5.1.1", None, None, "550 5.1.1 No such user"),
        ("5.7.1 Relaying denied", None, "5.7.1", None, None, "5.7.1 Relaying denied"),
        ("User unknown", None, None, None, None, "User unknown"),
        ("550 #5.1.0 Address rejected.", 550, "5.1.0", None, None, "550 #5.1.0 Address rejected."),
        ("553 sorry, no mailbox here (#5.1.1)", 553, "5.1.1", None, None, "553 sorry, no mailbox here (#5.1.1)"),
        ("550 cuda_nsu 5.1.1 No such user", 550, "5.1.1", None, None, "550 cuda_nsu 5.1.1 No such user"),
        ("554 192.0.2.1 is listed", 554, None, None, None, "554 192.0.2.1 is listed"),
        (
            f"host mx.example.org[192.0.2.1] said: 550 5.1.1 {NOBODY} (in reply to RCPT TO command)",
            550,
            "5.1.1",
            "mx.example.org",
            None,
            f"550 5.1.1 {NOBODY}",
        ),
        ("<a@example.org>: host mx.example.org[192.0.2.1] said: 550 no", 550, None, "mx.example.org", "a@example.org", "550 no"),
        ("host MX.example.org[2001:db8::1] refused to talk to me: 421 busy", 421, None, "mx.example.org", None, "421 busy"),
        (
            "SMTP error from remote mail server after RCPT TO:<a@example.org>: host mx.example.org [192.0.2.1]: 550 no",
            550,
            None,
            "mx.example.org",
            "a@example.org",
            "550 no",
        ),
        (
            "host mx.example.org [192.0.2.1] SMTP error from remote mail server after MAIL FROM:<b@example.com> SIZE=9: 421 busy",
            421,
            None,
            "mx.example.org",
            None,
            "421 busy",
        ),
        ("192.0.2.1 does not like recipient.\nRemote host said: 550 no", 550, None, None, None, "550 no"),
        ("Remote Server returned '550 5.1.1 not found'", 550, "5.1.1", None, None, "550 5.1.1 not found'"),
        ("#< #5.1.1 smtp;550 not found>", 550, "5.1.1", None, None, "550 not found>"),
        ("Diagnostic-Code: smtp; 550 5.1.1 no", 550, "5.1.1", None, None, "550 5.1.1 no"),
        (
            "Final-Recipient: rfc822; a@example.org\nStatus: 5.2.2\nRemote-MTA: dns; mx.example.org\nDiagnostic-Code: smtp; 552 full",
            552,
            "5.2.2",
            "mx.example.org",
            "a@example.org",
            "552 full",
        ),
        ("<<< 550 no", 550, None, None, None, "550 no"),
        ("", None, None, None, None, ""),
    ],
)
def test_a_reply_is_taken_apart(
    text: str, code: int | None, status: str | None, host: str | None, recipient: str | None, whole: str
) -> None:
    """Code, status, host and recipient are found in whatever a server or report puts around a reply, and the reply on one line."""
    parts = split(text)
    assert (code, status, host, recipient, whole) == (parts.code, parts.status, parts.host, parts.recipient, parts.text)


def test_the_command_that_was_answered_is_told() -> None:
    """What stands behind the reply in brackets is no part of it, but says what it answers."""
    parts = split("host mx.example.org[192.0.2.1] said: 550 no (in reply to MAIL FROM command)")
    assert (parts.command, parts.said) == ("MAIL", "no")
    assert split("x.example.org said: 550 no (in reply to end of DATA command)").command == "DATA"


@given(
    code=st.sampled_from(["421", "450", "550", "554"]),
    status=st.sampled_from(["", "5.7.1", "4.2.2"]),
    lines=st.lists(st.text(alphabet="abc xyz,", min_size=1, max_size=20).filter(str.strip), min_size=1, max_size=4),
)
def test_line_ends_make_no_difference(code: str, status: str, lines: list[str]) -> None:
    """The same reply with CRLF, LF, CR, written-out line ends, or run together, has the same parts."""
    said = [f"{code}{'-' if number < len(lines) else ' '}{status}{' ' if status else ''}{line}" for number, line in enumerate(lines, 1)]
    forms = {end: split(end.join(said)) for end in ("\r\n", "\n", "\r", r"\r\n", r"\n")}
    if len(said) > 1:
        forms[" "] = split(" ".join(said))
    assert len(set(forms.values())) == 1, forms


@settings(max_examples=300)
@given(st.text(alphabet=st.sampled_from("0123456789.-#<>@[]() :;\r\n\\nabsaidhostSMTPerror"), max_size=200))
def test_any_text_has_parts(text: str) -> None:
    """Whatever is given, a code is one of 200 to 599, a status is well formed, and the text is one line."""
    parts = split(text)
    assert parts.code is None or 200 <= parts.code <= 599
    assert parts.status is None or len(parts.status.split(".")) == 3
    assert "\n" not in parts.text
