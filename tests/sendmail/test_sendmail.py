"""``waypost sendmail`` as programs call it beside a server that runs."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING

import pytest

from sendmail.sendmail_kit import arrived, call, inbox, tree_of
from support.server import Waypost
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waypost]:
    """One that runs, for the tests that change nothing of it."""
    folder = tmp_path_factory.mktemp("sendmail")
    running = Waypost(folder, tree_of(folder, everyone=True)).start()
    yield running
    running.stop()


def test_a_message_arrives_with_its_envelope_and_every_field_that_was_missing(server: Waypost) -> None:
    """Sender and recipients get a domain; From, Date and Message-ID are added, and the trace field names the account."""
    done = call(server, "-i", "-FRoot of all", "ada", "grace@example.org", given=b"Subject: envelope\n\nhello\n.\nmore \xc3\xa9\rx\n")
    assert (done.returncode, done.stderr) == (0, b"")
    mail = arrived(server, "envelope")
    account = mail["account"]
    assert (f"{account}@example.org", ["ada@example.org", "grace@example.org"]) == (mail["from"], mail["to"])
    head, body = mail["octets"].split(b"\r\n\r\n", 1)
    assert body == b"hello\r\n.\r\nmore \xc3\xa9\r\nx\r\n"
    assert f"From: Root of all <{account}@example.org>".encode() in head.split(b"\r\n")
    assert {b"date", b"message-id", b"received"} <= {line.split(b":")[0].lower() for line in head.split(b"\r\n")}
    assert f"from {account}".encode() in head
    assert b"with local id " + mail["id"].encode() in head


def test_t_takes_recipients_from_the_message_and_bcc_out(server: Waypost) -> None:
    """-t reads To, Cc and Bcc, adds those of the command line, and nobody sees Bcc."""
    text = b'To: "Ada" <ada@example.org>,\n root\nCc: grace (G)\nBcc: hidden@example.net\nSubject: extracted\n\nx\n'
    assert call(server, "-t", "more@example.com", "-f", "<>", given=text).returncode == 0
    mail = arrived(server, "extracted")
    assert ("<>", {"more@example.com", "ada@example.org", "grace@example.org", "hidden@example.net"}) == (mail["from"], set(mail["to"]))
    assert b"hidden" not in mail["octets"]
    assert b"Cc: grace@example.org (G)\r\n" in mail["octets"]


def test_resent_fields_are_the_ones_that_count(server: Waypost) -> None:
    """A message that is sent again goes to Resent-To alone, and Resent-Bcc is taken out."""
    text = b"From: a@example.net\nTo: ada@example.org\nResent-To: grace@example.org\nResent-Bcc: x@example.com\nSubject: again\n\nx\n"
    assert call(server, "-t", given=text).returncode == 0
    mail = arrived(server, "again")
    assert {"grace@example.org", "x@example.com"} == set(mail["to"])
    assert b"Resent-Bcc" not in mail["octets"]
    assert b"Resent-From: " in mail["octets"]


def test_a_dot_ends_the_message_unless_it_may_not(server: Waypost) -> None:
    """Without -i a line with a dot alone is the end."""
    assert call(server, "ada", given=b"Subject: dotted\n\nkept\n.\nlost\n").returncode == 0
    assert arrived(server, "dotted")["octets"].endswith(b"\r\n\r\nkept\r\n")


def test_text_without_header_is_all_body(server: Waypost) -> None:
    """What is piped in without a single field is carried as text, and a mailbox file's From line goes."""
    assert call(server, "ada", "-fno-head@example.net", given=b"From x Mon\njust text: is it\nnot").returncode == 0
    found = until(lambda: inbox(server, "from:no-head@example.net"))
    source = json.loads(server.command("inbox", "show", "--json", found[0]["id"]).stdout)["source"]
    assert base64.b64decode(source).endswith(b"\r\n\r\njust text: is it\r\nnot\r\n")


def test_a_recipient_that_is_unknown_is_told_to_the_sender(server: Waypost) -> None:
    """Those that are known get the message, the sender a notice about the others."""
    assert call(server, "-fgrace@example.org", "ada", "nobody", given=b"Subject: half\n\nx\n").returncode == 0
    assert arrived(server, "half")["to"] == ["ada@example.org"]
    notice = until(lambda: [one for one in inbox(server, "from:<>", "to:grace@example.org") if "nobody" in one["subject"]])
    assert notice[0]["subject"] == "Not delivered: your mail to nobody@example.org"


def test_wishes_for_notices_go_along(server: Waypost) -> None:
    """-N, -R and -V reach the envelope: a success that was asked for is told, with the id."""
    assert call(server, "-N", "success,failure", "-Rhdrs", "-V", "id+1", "-fgrace@example.org", "ada").returncode == 0
    notice = until(lambda: [one for one in inbox(server, "from:<>", "to:grace@example.org") if one["subject"].startswith("Delivered")])
    source = json.loads(server.command("inbox", "show", "--json", notice[0]["id"]).stdout)["source"]
    assert b"Original-Envelope-Id: id+1" in base64.b64decode(source)


def test_smtp_on_standard_input(server: Waypost) -> None:
    """-bs speaks the server's own SMTP, and 250 is said for what is safe."""
    said = (
        b"EHLO me\r\nMAIL FROM:<b@example.net> BODY=8BITMIME\r\nRCPT TO:<ada@example.org>\r\nRCPT TO:<grace@example.org>\r\nDATA\r\n"
        b"Subject: by bs\r\n\r\n..dot\r\n.\r\nRSET\r\nNONSENSE\r\nQUIT\r\n"
    )
    done = call(server, "-bs", given=said)
    codes = re.findall(rb"^(\d{3}) ", done.stdout, re.MULTILINE)
    assert (done.returncode, codes) == (0, [b"220", b"250", b"250", b"250", b"250", b"354", b"250", b"250", b"500", b"221"])
    mail = arrived(server, "by bs")
    assert (mail["from"], mail["to"]) == ("b@example.net", ["ada@example.org", "grace@example.org"])
    assert mail["octets"].endswith(b"\r\n\r\n.dot\r\n")


def test_smtp_on_standard_input_of_a_person(server: Waypost) -> None:
    """Who types at a terminal ends lines with LF alone, and is understood; the message rests with CRLF."""
    said = b"EHLO me\nMAIL FROM:<b@example.net>\nRCPT TO:<ada@example.org>\nDATA\nSubject: typed\n\nby hand\n.\nQUIT\n"
    done = call(server, "-bs", given=said)
    codes = re.findall(rb"^(\d{3}) ", done.stdout, re.MULTILINE)
    assert (done.returncode, codes) == (0, [b"220", b"250", b"250", b"250", b"354", b"250", b"221"])
    assert arrived(server, "typed")["octets"].endswith(b"\r\n\r\nby hand\r\n")


def test_smtp_on_standard_input_keeps_what_each_recipient_asked_for(server: Waypost) -> None:
    """NOTIFY and ORCPT are each recipient's own."""
    said = (
        b"EHLO me\r\nMAIL FROM:<grace@example.org> ENVID=each\r\nRCPT TO:<ada@example.org> NOTIFY=SUCCESS ORCPT=rfc822;old+2Bada@x.test\r\n"
        b"RCPT TO:<other@example.com> NOTIFY=NEVER\r\nDATA\r\n\r\nx\r\n.\r\nQUIT\r\n"
    )
    assert call(server, "-bs", given=said).returncode == 0

    def notices() -> list[bytes]:
        found = [one["id"] for one in inbox(server, "from:<>", "to:grace@example.org")]
        shown = [json.loads(server.command("inbox", "show", "--json", id_).stdout)["source"] for id_ in found]
        return [octets for source in shown if b"Original-Envelope-Id: each" in (octets := base64.b64decode(source))]

    (notice,) = until(notices, what="the notice")
    assert re.search(rb"^Original-Recipient: rfc822; ?old(\+2B|\+)ada@x\.test\r$", notice, re.MULTILINE), notice.decode()
    assert b"other@example.com" not in notice.split(b"message/delivery-status")[-1]


def test_options_that_mean_nothing_here_are_taken(server: Waypost) -> None:
    """What programs pass along out of habit never stops a message."""
    habits = [
        "-oem",
        "-oi",
        "-odb",
        "-B8BITMIME",
        "-Am",
        "-h5",
        "-Ltag",
        "-m",
        "-n",
        "-pESMTP:host",
        "-U",
        "-x",
        "-G",
        "-d0.1",
        "-ODeliveryMode=b",
    ]
    assert call(server, *habits, "-em", "-bm", "--", "ada", given=b"Subject: habits\n\nx\n").returncode == 0
    assert arrived(server, "habits")["to"] == ["ada@example.org"]
