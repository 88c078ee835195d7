from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from report.notice_facts import BODY, HEAD, a_mailbox, a_notice, a_settled, an_envelope, an_outcome
from waypost.mail.envelope import Body, Return
from waypost.mail.outcome import Action, Heard
from waypost.report.facts import remote_name
from waypost.report.settings import Language, NoticeSettings

if TYPE_CHECKING:
    from email.message import Message

pytestmark = pytest.mark.usefixtures("plain_words")
GOLDEN = Path(__file__).parent / "golden"


def parsed(octets: bytes) -> Message:
    return message_from_bytes(octets, policy=default)


def parts(octets: bytes) -> list[Message]:
    message = parsed(octets)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    return message.get_payload()  # type: ignore[return-value]  # a multipart's payload is a list


def groups(octets: bytes) -> list[dict[str, str]]:
    """The field groups of the second part."""
    status = parts(octets)[1]
    return [{name: str(value) for name, value in group.items()} for group in status.get_payload() if group.items()]  # type: ignore[union-attr]  # message parts are lists


LATE = an_outcome(Action.DEFERRED, detail="connection refused", next_hop="mx.example.net[192.0.2.25]:25")
MISSING = Heard(code=550, status=None, lines=("no",), command="RCPT")
CASES = {
    "failed": lambda: a_notice(an_envelope(envid="QQ+20314159"), a_settled(orcpt="rfc822;Ada+2BLunch@Example.NET")),
    "delayed": lambda: a_notice(an_envelope(), a_settled(outcome=LATE)),
    "delivered": lambda: a_notice(an_envelope(), a_settled(outcome=an_outcome(Action.DELIVERED), notify="SUCCESS")),
    "relayed": lambda: a_notice(
        an_envelope(),
        a_settled(
            outcome=an_outcome(
                Action.RELAYED,
                heard=Heard(code=250, status="2.0.0", lines=("Queued as 4711",), command="end of data"),
                next_hop="[192.0.2.25]:25",
            ),
            notify="SUCCESS",
        ),
    ),
    "mixed": lambda: a_notice(
        an_envelope(),
        *(a_settled(f"user{number}@example.net") for number in range(22)),
        a_settled("late@example.net", LATE),
        a_settled("list@example.org", an_outcome(Action.DELIVERED, key="expanded"), notify="SUCCESS"),
    ),
    "returned": lambda: a_notice(an_envelope(ret=Return.FULL), a_settled()),
    "international": lambda: a_notice(
        an_envelope(reverse_path=a_mailbox("阿达@example.org"), smtputf8=True, ret=Return.FULL),
        a_settled("grüße@example.net", orcpt="utf-8;gr\\x{FC}\\x{DF}e@example.net"),
        head=HEAD.replace(b"Lunch", "Mittag für Zwei".encode()),
        whole=HEAD.replace(b"Lunch", "Mittag für Zwei".encode()) + BODY,
    ),
    "bilingual": lambda: a_notice(an_envelope(), a_settled(), settings=NoticeSettings(languages=(Language.EN, Language.ZH))),
}


@pytest.mark.parametrize("name", CASES)
def test_notices_read_as_they_always_did(name: str) -> None:
    """Each kind of notice equals its golden file, octet for octet."""
    assert CASES[name]().content.octets == (GOLDEN / f"{name}.eml").read_bytes()


@pytest.mark.parametrize("name", CASES)
def test_every_notice_is_a_sound_report(name: str) -> None:
    """Three parts of the right kinds, no defects, CRLF alone, lines of at most 998 octets, fields that are demanded."""
    octets = CASES[name]().content.octets
    message = parsed(octets)
    assert [list(part.defects) for part in message.walk()] == [[] for _ in message.walk()]
    assert len(parts(octets)) == 3
    assert octets.count(b"\n") == octets.count(b"\r") == octets.count(b"\r\n")
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert message["Auto-Submitted"] == "auto-replied"
    assert [name for name in ("Date", "From", "To", "Subject", "Message-ID", "MIME-Version") if not message[name]] == []


def test_the_report_carries_what_was_asked_and_what_was_said() -> None:
    """ENVID and ORCPT come back decoded, the reply as it was heard, the key of the catalogue beside it."""
    message, recipient = groups(CASES["failed"]().content.octets)
    assert message["Original-Envelope-Id"] == "QQ 314159"
    assert message["Reporting-MTA"] == "dns; mx.example.org"
    assert message["Received-From-MTA"] == "dns; laptop.example.org ([192.0.2.7])"
    assert message["X-Waypost-Queue-ID"] == "01HF7YAT00QX8V6PGK5RTC2Z0N"
    assert recipient == {
        "Original-Recipient": "rfc822; Ada+Lunch@Example.NET",
        "Final-Recipient": "rfc822; ada@example.net",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx.example.net",
        "Diagnostic-Code": "smtp; 550-5.1.1 <ada@example.net>: No such user 550 5.1.1 See https://example.net/help",
        "Last-Attempt-Date": "Wed, 15 Nov 2023 02:13:19 +0000",
        "X-Waypost-Key": "remote-rejected",
    }


def test_a_delay_says_until_when() -> None:
    """Will-Retry-Until stands in delays alone; without a reply there is no Remote-MTA."""
    _, recipient = groups(CASES["delayed"]().content.octets)
    assert recipient["Will-Retry-Until"] == "Sun, 19 Nov 2023 22:13:20 +0000"
    assert recipient["Diagnostic-Code"] == "x-waypost; connection refused"
    assert "Remote-MTA" not in recipient
    assert all("Will-Retry-Until" not in group for group in groups(CASES["failed"]().content.octets))


def test_no_envid_and_no_orcpt_leave_no_field() -> None:
    """What was not given is not made up (RFC 3461 section 6.3)."""
    message, recipient = groups(CASES["returned"]().content.octets)
    assert ("Original-Envelope-Id" in message, "Original-Recipient" in recipient) == (False, False)


def test_a_failure_never_attempted_has_no_attempt_date() -> None:
    """An operator's failing of fresh mail tells no date of an attempt that was not made."""
    settled = replace(a_settled(outcome=an_outcome(key="failed-by-operator", heard=None, status="5.3.0")), attempts=0)
    assert "Last-Attempt-Date" not in groups(a_notice(an_envelope(), settled).content.octets)[1]


def test_a_status_that_is_none_is_replaced_by_its_class() -> None:
    """A status field is always well formed."""
    settled = a_settled(outcome=an_outcome(status="5.01.x\r\nX: y", heard=MISSING))
    assert groups(a_notice(an_envelope(), settled).content.octets)[1]["Status"] == "5.0.0"


def returned(**changes: object) -> Message:
    facts = {"ret": Return.FULL} | {name: value for name, value in changes.items() if name in ("ret", "body", "smtputf8", "reverse_path")}
    more = {name: value for name, value in changes.items() if name in ("head", "whole", "settings", "settled")}
    settled = more.pop("settled", None) or a_settled()
    return parts(a_notice(an_envelope(**facts), settled, **more).content.octets)[2]


def test_the_whole_message_comes_back_when_asked() -> None:
    """RET=FULL on a failure returns the message octet for octet."""
    part = returned()
    assert part.get_content_type() == "message/rfc822"
    assert (HEAD + BODY) in CASES["returned"]().content.octets


@pytest.mark.parametrize("ret", [None, Return.HDRS])
def test_else_the_header_section_comes_back(ret: Return | None) -> None:
    """Without RET=FULL the header alone is returned, whole."""
    part = returned(ret=ret)
    assert part.get_content_type() == "text/rfc822-headers"
    assert part.get_payload(decode=True) == HEAD.removesuffix(b"\r\n")


def test_success_and_delay_return_no_content() -> None:
    """RET=FULL concerns failures alone (RFC 3461 section 4.3)."""
    assert returned(settled=a_settled(outcome=LATE)).get_content_type() == "text/rfc822-headers"


def test_the_bound_of_what_is_returned() -> None:
    """At the bound the whole is returned, one octet past it the header section."""
    size = len(HEAD + BODY)
    assert returned(settings=NoticeSettings(returned_size=size)).get_content_type() == "message/rfc822"
    assert returned(settings=NoticeSettings(returned_size=size - 1)).get_content_type() == "text/rfc822-headers"


def test_eight_bits_come_back_only_the_way_they_came() -> None:
    """Eight-bit content is returned whole only when it came by 8BITMIME; else its header, so that the notice always arrives."""
    whole = HEAD + "Grüße\r\n".encode()
    part = returned(whole=whole, body=Body.EIGHT_BIT)
    assert (part.get_content_type(), part["Content-Transfer-Encoding"]) == ("message/rfc822", "8bit")
    assert returned(whole=whole).get_content_type() == "text/rfc822-headers"


def test_a_header_with_eight_bits_is_encoded() -> None:
    """Raw eight-bit fields are returned as quoted-printable."""
    head = b"Subject: caf\xe9\r\nX: " + b"y" * 2000 + b" \r\n\r\n"
    part = returned(ret=None, head=head)
    assert part["Content-Transfer-Encoding"] == "quoted-printable"
    assert part.get_payload(decode=True) == head.removesuffix(b"\r\n")


def test_utf8_mail_goes_back_encoded_to_an_ascii_sender() -> None:
    """The way back is not known to carry UTF-8: seven-bit encodings, and the address in its seven-bit form (RFC 6533)."""
    head = "Subject: Grüße\r\n\r\n".encode()
    notice = a_notice(
        an_envelope(smtputf8=True, ret=Return.FULL),
        a_settled("grüße@example.net", orcpt="utf-8;grüße@example.net"),
        head=head,
        whole=head + "ß\r\n".encode(),
    )
    octets = notice.content.octets
    assert octets.isascii()
    assert not notice.envelope.smtputf8
    assert parts(octets)[1].get_content_type() == "message/delivery-status"
    assert parts(octets)[2].get_content_type() == "message/global"
    recipient = groups(octets)[1]
    assert recipient["Final-Recipient"] == "utf-8; gr\\x{FC}\\x{DF}e@example.net"
    assert recipient["Original-Recipient"] == "utf-8; gr\\x{FC}\\x{DF}e@example.net"


def test_utf8_mail_goes_back_as_it_is_to_a_utf8_sender() -> None:
    """message/global and native addresses where the address itself proves the way (RFC 6533)."""
    octets = CASES["international"]().content.octets
    assert [part.get_content_type() for part in parts(octets)[1:]] == ["message/global-delivery-status", "message/global"]
    assert "Final-Recipient: utf-8; grüße@example.net\r\n".encode() in octets
    assert "Original-Recipient: utf-8; grüße@example.net\r\n".encode() in octets


def test_the_notice_stands_beside_its_message() -> None:
    """In-Reply-To and References hold the Message-ID when it is one, and nothing otherwise."""
    message = parsed(CASES["failed"]().content.octets)
    assert (message["In-Reply-To"], message["References"]) == ("<lunch.1@example.org>", "<lunch.1@example.org>")
    odd = parsed(a_notice(an_envelope(), a_settled(), head=b"Message-ID: <a b>\r\n\r\n").content.octets)
    assert (odd["In-Reply-To"], odd["References"]) == (None, None)


def test_a_postmaster_that_is_no_ascii_address_is_replaced() -> None:
    """From is always an address that a human can be reached at."""
    message = parsed(a_notice(an_envelope(), a_settled(), postmaster="postmästare@example.org").content.octets)
    assert message["From"] == "Mail Delivery System <postmaster@mx.example.org>"


@pytest.mark.parametrize(
    ("action", "notify", "status"),
    [
        (Action.FAILED, "", "5.0.0"),
        (Action.DEFERRED, "", "4.0.0"),
        (Action.DELIVERED, "SUCCESS", "2.0.0"),
        (Action.RELAYED, "SUCCESS", "2.0.0"),
    ],
)
def test_each_outcome_has_a_class_to_fall_back_on(action: Action, notify: str, status: str) -> None:
    """Where no status fits, the class alone is told (RFC 3461 section 6.3)."""
    settled = a_settled(outcome=an_outcome(action, status=""), notify=notify)
    assert groups(a_notice(an_envelope(), settled).content.octets)[1]["Status"] == status


def test_a_delay_without_a_plan_promises_no_time() -> None:
    """Without a known next attempt the notice says only that attempts go on."""
    settled = replace(a_settled(outcome=LATE), next_attempt=None, expires=None)
    octets = a_notice(an_envelope(), settled).content.octets
    assert b"attempts go on" in octets
    assert b"Will-Retry-Until" not in octets


@pytest.mark.parametrize("size", [65_536, 65_537])
def test_the_bound_of_a_returned_header(size: int) -> None:
    """A header section of 64 KiB is returned whole; of a larger one what ends with a line before that."""
    line = b"X: " + b"y" * 59 + b"\r\n"
    head = (line * (size // 64 + 1))[: size - size % 64]
    head += b"Z: " + b"z" * (size % 64) + b"\r\n" if size % 64 else b""
    part = parts(a_notice(an_envelope(), a_settled(), head=head + b"\r\n").content.octets)[2]
    returned_head = part.get_payload(decode=True)
    assert isinstance(returned_head, bytes)
    assert (len(returned_head), head.startswith(returned_head)) == (65_536, True)


def test_a_header_of_one_endless_line_is_cut() -> None:
    """Even without a line end in sight no more than 64 KiB go back."""
    part = parts(a_notice(an_envelope(), a_settled(), head=b"X: " + b"y" * 100_000 + b"\r\n\r\n").content.octets)[2]
    returned_head = part.get_payload(decode=True)
    assert isinstance(returned_head, bytes)
    assert len(returned_head) == 65_536 + 2


@pytest.mark.parametrize(
    ("action", "key", "notify"),
    [
        (Action.DELIVERED, "delivered", "SUCCESS"),
        (Action.FAILED, "mailbox-unwritable", ""),
        (Action.DEFERRED, "mailbox-full", "DELAY"),
        (Action.FAILED, "expired", ""),
    ],
)
def test_what_is_ours_stays_ours(action: Action, key: str, notify: str) -> None:
    """Paths and accounts of this machine are in no notice."""
    settled = a_settled(outcome=an_outcome(action, key=key, heard=None, next_hop="maildir", detail="/var/mail/ada"), notify=notify)
    assert b"/var/mail" not in a_notice(an_envelope(), settled).content.octets


@pytest.mark.parametrize(
    ("next_hop", "name"),
    [
        ("mx.example.net[192.0.2.25]:25", "mx.example.net"),
        ("192.0.2.25[192.0.2.25]:25", "[192.0.2.25]"),
        ("[192.0.2.25]:25", "[192.0.2.25]"),
        ("mx.example.net:25", "mx.example.net"),
        ("maildir", ""),
        ("", ""),
        ("unix:/run/lmtp", ""),
        ("a b[192.0.2.25]:25", ""),
    ],
)
def test_the_remote_server_is_named_by_name_or_literal(next_hop: str, name: str) -> None:
    """Remote-MTA holds a domain or an address literal, and nothing for what is no host (RFC 3461 section 9.3)."""
    assert remote_name(next_hop) == name
