"""The operator's and the submitter's day: accounts, submission with AUTH, the queue by hand, notices that come back."""

from __future__ import annotations

import email
import email.policy
import json
from typing import TYPE_CHECKING, Any

import pytest

from support import messages
from support.dialogue import Dialogue
from support.needs import require
from support.peers import environment, program, run
from support.ports import free_port
from support.server import Waypost, configuration, listener, port_of
from support.sink import EXTENSIONS
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.certificates import Certificates
    from support.sink import Sink

PASSWORD = "correct horse battery staple"


def add_account(server: Waypost, name: str, password: str = PASSWORD) -> None:
    """``waypost user add`` with the password on stdin."""
    import subprocess  # noqa: PLC0415 - with input, which Waypost.command does not give

    from support.server import PROGRAM  # noqa: PLC0415 - likewise

    done = subprocess.run(
        [str(PROGRAM), "user", "add", name, "--config", str(server.config)],
        input=f"{password}\n{password}\n",
        env=server.environ(),
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def submission(folder: Path, certificates: Certificates, next_hop: int) -> dict[str, object]:
    """A server with submission over STARTTLS and implicit TLS."""
    listeners = [listener("submission", tls="starttls"), listener("submission", tls="implicit")]
    return configuration(folder, listeners=listeners, next_hop=next_hop, certificates=certificates, networks=[])


@pytest.mark.peers
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_submits_with_auth(
    start_waypost: Callable[..., Waypost], folder: Path, sink: Sink, certificates: Certificates, mechanism: str, mode: str
) -> None:
    """An account made with ``waypost user add`` submits mail anywhere; a wrong password submits nothing."""
    require("swaks", program("swaks", "usr/bin/swaks"))
    tree = submission(folder, certificates, sink.port)
    server = start_waypost(tree)
    add_account(server, "ada@example.org")
    words = ["perl", str(program("swaks", "usr/bin/swaks")), "--server", "127.0.0.1", "--port", str(port_of(tree, "submission", mode))]
    words += ["--tls" if mode == "starttls" else "--tls-on-connect", "--from", "ada@example.org", "--to", "far@remote.example"]
    words += ["--auth", mechanism, "--auth-user", "ada@example.org", "--body", "hello", "--auth-password"]
    wrong = run([*words, "wrong"], environment("swaks"))
    right = run([*words, PASSWORD], environment("swaks"))
    said = right.stdout.decode()
    assert (wrong.returncode, right.returncode) == (28, 0), wrong.stdout.decode() + said
    heard = sink.wait_for("far@remote.example")
    assert len(sink.heard) == 1
    assert b"ESMTPSA" in heard.content


def test_submission_needs_auth_over_tls(
    start_waypost: Callable[..., Waypost], folder: Path, sink: Sink, certificates: Certificates
) -> None:
    """In the clear AUTH is neither offered nor taken; without AUTH no MAIL is."""
    tree = submission(folder, certificates, sink.port)
    start_waypost(tree)
    with Dialogue(port_of(tree, "submission", "starttls")) as talk:
        assert "AUTH" not in talk.hello()
        assert talk.ask("AUTH PLAIN AGFkYQBwdw==")[:3] in ("530", "538")
        assert talk.ask("MAIL FROM:<ada@example.org>").startswith("530")
        talk.starttls(certificates.client_context())
        assert "AUTH PLAIN LOGIN" in talk.ask("EHLO client.example")
        assert talk.ask("MAIL FROM:<ada@example.org>").startswith("530")


def test_submission_completes_the_header(
    start_waypost: Callable[..., Waypost], folder: Path, sink: Sink, certificates: Certificates
) -> None:
    """Submission adds Date and Message-ID where they are missing, and nothing where they are there."""
    tree = submission(folder, certificates, sink.port)
    server = start_waypost(tree)
    add_account(server, "ada@example.org")
    bare = b"From: ada@example.org\r\nTo: far@remote.example\r\nSubject: bare\r\n\r\nbody\r\n"
    with Dialogue(port_of(tree, "submission", "implicit"), tls=certificates.client_context()) as talk:
        talk.hello()
        import base64  # noqa: PLC0415 - here alone

        credentials = base64.b64encode(f"\0ada@example.org\0{PASSWORD}".encode()).decode()
        assert talk.ask(f"AUTH PLAIN {credentials}").startswith("235")
        assert talk.submit(bare, "bare@remote.example", sender="ada@example.org").startswith("250")
        assert talk.submit(messages.shape("dots"), "full@remote.example", sender="ada@example.org").startswith("250")
    completed = email.message_from_bytes(sink.wait_for("bare@remote.example").content)
    assert completed["Date"]
    assert completed["Message-ID"]
    messages.assert_carried(messages.shape("dots"), sink.wait_for("full@remote.example").content)


def notice_of(content: bytes) -> Any:
    """The parts of a notice, as a standard parser sees them."""
    return email.message_from_bytes(content, policy=email.policy.default)


def test_notice_round_trip(start_waypost: Callable[..., Waypost], start_sink: Callable[..., Sink], folder: Path) -> None:
    """A recipient that fails for good brings its sender one RFC 3464 notice, with ENVID, ORCPT, the reply and the header returned."""
    hop = start_sink(script=lambda stage, _: "550 5.1.1 no such mailbox" if stage == "rcpt" else None)
    home = start_sink()
    transports = [
        {"match": "example.org", "kind": "smtp", "hosts": [f"127.0.0.1:{hop.port}"]},
        {"match": "*", "kind": "smtp", "hosts": [f"127.0.0.1:{home.port}"]},
    ]
    tree = configuration(folder, listeners=[listener("relay")], transports=transports)
    start_waypost(tree)
    with Dialogue(port_of(tree)) as talk:
        talk.hello()
        assert talk.ask("MAIL FROM:<sender@example.net> RET=HDRS ENVID=env+2B1").startswith("250")
        assert talk.ask("RCPT TO:<gone@example.org> NOTIFY=FAILURE ORCPT=rfc822;first+40example.org").startswith("250")
        assert talk.ask("RCPT TO:<silent@example.org> NOTIFY=NEVER").startswith("250")
        assert talk.ask("DATA").startswith("354")
        talk.send(messages.shape("eight-bit") + b".\r\n")
        assert talk.reply().startswith("250")
    heard = home.wait_for("sender@example.net")
    assert heard.reverse_path == ""
    notice = notice_of(heard.content)
    assert notice.get_content_type() == "multipart/report"
    assert notice.get_param("report-type") == "delivery-status"
    text, status, returned = notice.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert "no such mailbox" in text.get_content()
    assert status.get_content_type() == "message/delivery-status"
    whole, *recipients = status.get_payload()
    assert whole["Reporting-MTA"] == "dns; mx.example.org"
    assert whole["Original-Envelope-Id"] == "env+1"
    assert [each["Final-Recipient"] for each in recipients] == ["rfc822; gone@example.org"]
    assert recipients[0]["Action"] == "failed"
    assert recipients[0]["Status"] == "5.1.1"
    assert recipients[0]["Original-Recipient"].replace(" ", "") == "rfc822;first@example.org"
    assert "550 5.1.1 no such mailbox" in recipients[0]["Diagnostic-Code"]
    assert returned.get_content_type() in ("text/rfc822-headers", "message/rfc822")
    assert b"Message-ID: <eight-bit@example.org>" in heard.content
    assert b"Latin-1: Gr" not in heard.content
    assert len(home.heard) == 1


@pytest.mark.parametrize("offers_dsn", [True, False], ids=["next hop with DSN", "next hop without"])
def test_success_asked_for(
    start_waypost: Callable[..., Waypost], start_sink: Callable[..., Sink], folder: Path, *, offers_dsn: bool
) -> None:
    """NOTIFY=SUCCESS is passed on to a next hop that offers DSN; else we tell the sender that the message was relayed beyond DSN."""
    hop = start_sink(extensions=EXTENSIONS if offers_dsn else tuple(each for each in EXTENSIONS if each != "DSN"))
    home = start_sink()
    transports = [
        {"match": "example.org", "kind": "smtp", "hosts": [f"127.0.0.1:{hop.port}"]},
        {"match": "*", "kind": "smtp", "hosts": [f"127.0.0.1:{home.port}"]},
    ]
    tree = configuration(folder, listeners=[listener("relay")], transports=transports)
    server = start_waypost(tree)
    with Dialogue(port_of(tree)) as talk:
        talk.hello()
        talk.ask("MAIL FROM:<sender@example.net> RET=FULL ENVID=abc")
        talk.ask("RCPT TO:<grace@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;grace@example.org")
        talk.ask("DATA")
        talk.send(messages.shape("dots").replace(b"\r\n.", b"\r\n..") + b".\r\n")
        assert talk.reply().startswith("250")
    heard = hop.wait_for("grace@example.org")
    if offers_dsn:
        assert {"RET=FULL", "ENVID=abc"} <= set(heard.mail.split())
        assert {"NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;grace@example.org"} <= set(heard.rcpt[0].split())
        until(lambda: rows(server) == [], what="an empty queue")
        assert home.heard == []
    else:
        _, status, _ = notice_of(home.wait_for("sender@example.net").content).iter_parts()
        assert status.get_payload()[1]["Action"] == "relayed"


def test_no_notice_for_the_null_path(start_waypost: Callable[..., Waypost], start_sink: Callable[..., Sink], folder: Path) -> None:
    """Mail from the null reverse-path that fails brings no notice to anybody."""
    hop = start_sink(script=lambda stage, _: "550 5.1.1 no such mailbox" if stage == "rcpt" else None)
    tree = configuration(folder, listeners=[listener("relay")], next_hop=hop.port)
    server = start_waypost(tree)
    with Dialogue(port_of(tree)) as talk:
        talk.hello()
        assert talk.submit(messages.shape("dots"), "gone@example.org", sender="").startswith("250")
    until(lambda: any("gone@example.org" in line for line in hop.lines), what="an attempt")
    until(lambda: rows(server) == [], what="an empty queue")
    assert hop.heard == []


def rows(server: Waypost) -> list[dict[str, Any]]:
    """``waypost queue list --json``."""
    done = server.command("queue", "list", "--json")
    assert done.returncode == 0, done.stderr
    given = json.loads(done.stdout)
    return list(given if isinstance(given, list) else given["messages"])


def test_queue_by_hand(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """List, show, hold, release, retry and delete work on a running server, and on one that is stopped."""
    tree = configuration(folder, listeners=[listener("relay")], next_hop=free_port(), queue={"retry": [600]})
    server = start_waypost(tree)
    with Dialogue(port_of(tree)) as talk:
        talk.hello()
        for number in range(3):
            talk.submit(messages.shape("dots"), f"m{number}@example.org")
    until(lambda: all("deferred" in json.dumps(row) for row in rows(server)) and len(rows(server)) == 3, what="three deferrals")
    first, second, third = (str(row["id"]) for row in rows(server))
    shown = server.command("queue", "show", first)
    assert shown.returncode == 0
    assert "m0@example.org" in shown.stdout
    assert server.command("queue", "hold", first).returncode == 0
    assert "held" in json.dumps(next(row for row in rows(server) if row["id"] == first))
    assert server.command("queue", "release", first).returncode == 0
    assert "held" not in json.dumps(next(row for row in rows(server) if row["id"] == first))
    assert server.command("queue", "delete", second, "--dry-run").returncode == 0
    assert len(rows(server)) == 3
    assert server.command("queue", "delete", second).returncode == 0
    server.stop()
    assert {str(row["id"]) for row in rows(server)} == {first, third}
    assert server.command("queue", "delete", third).returncode == 0
    assert [str(row["id"]) for row in rows(server)] == [first]


def test_failed_by_hand_tells_the_sender(start_waypost: Callable[..., Waypost], start_sink: Callable[..., Sink], folder: Path) -> None:
    """``queue fail`` gives up, and the sender gets a notice that says so."""
    home = start_sink()
    transports = [
        {"match": "example.org", "kind": "smtp", "hosts": [f"127.0.0.1:{free_port()}"]},
        {"match": "*", "kind": "smtp", "hosts": [f"127.0.0.1:{home.port}"]},
    ]
    tree = configuration(folder, listeners=[listener("relay")], transports=transports, queue={"retry": [600]})
    server = start_waypost(tree)
    with Dialogue(port_of(tree)) as talk:
        talk.hello()
        talk.submit(messages.shape("dots"), "grace@example.org")
    until(lambda: "deferred" in json.dumps(rows(server)), what="a deferral")
    assert server.command("queue", "fail", str(rows(server)[0]["id"])).returncode == 0
    notice = notice_of(home.wait_for("sender@example.net").content)
    assert notice.get_content_type() == "multipart/report"


def test_maildir_delivery(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """The maildir transport delivers with Return-Path on top, and a reader finds the message in new/."""
    path = folder / "mail" / "{local_part}"
    transports = [{"match": "*", "kind": "maildir", "path": str(path)}]
    tree = configuration(folder, listeners=[listener("relay")], transports=transports)
    start_waypost(tree)
    with Dialogue(port_of(tree)) as talk:
        talk.hello()
        talk.submit(messages.shape("dots"), "grace@example.org")
    (kept,) = until(lambda: list((folder / "mail" / "grace" / "new").glob("*")), what="a delivery")
    content = kept.read_bytes()
    assert content.startswith(b"Return-Path: <sender@example.net>")
    assert messages.shape("dots").replace(b"\r\n", b"\n") in content.replace(b"\r\n", b"\n")
