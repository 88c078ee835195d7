"""The life of a server process: start, sockets handed over, reload, a next hop that goes and comes, privileges, the end."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import sqlite3
import ssl
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import messages
from support.certificates import make_certificates
from support.dialogue import Dialogue
from support.needs import require, require_root
from support.ports import free_port
from support.server import Waypost, configuration, listener, port_of
from support.sink import Sink
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.certificates import Certificates


def hand_in(port: int, *recipients: str, host: str = "127.0.0.1", shape: str = "dots") -> str:
    """Hand one message over; the final reply."""
    with Dialogue(port, host=host) as talk:
        talk.hello()
        return talk.submit(messages.ended(messages.shape(shape)), *recipients)


def test_next_hop_that_comes_back(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """While the next hop is down mail waits in the queue; when it is back, mail goes out without anybody's hand."""
    port = free_port()
    tree = configuration(folder, listeners=[listener("relay")], next_hop=port, queue={"retry": [1], "jitter": 0})
    server = start_waypost(tree)
    assert hand_in(port_of(tree), "grace@example.org").startswith("250")
    until(lambda: "deferred" in server.command("queue", "list", "--json").stdout, what="a deferral")
    hop = Sink(port=port).start()
    try:
        messages.assert_carried(messages.shape("dots"), hop.wait_for("grace@example.org", seconds=15).content)
        until(lambda: "grace@example.org" not in server.command("queue", "list", "--json").stdout, what="an empty queue")
    finally:
        hop.stop()


def test_greylisting_next_hop(start_waypost: Callable[..., Waypost], start_sink: Callable[..., Sink], folder: Path) -> None:
    """A next hop that first says 451 gets the message again later, once."""
    said: list[str] = []

    def script(stage: str, text: str) -> str | None:
        if stage != "rcpt":
            return None
        said.append(text)
        return "451 4.7.1 come back later" if len(said) == 1 else None

    hop = start_sink(script=script)
    tree = configuration(folder, listeners=[listener("relay")], next_hop=hop.port, queue={"retry": [1], "jitter": 0})
    start_waypost(tree)
    hand_in(port_of(tree), "grace@example.org")
    hop.wait_for("grace@example.org")
    time.sleep(0.5)
    assert (len(said), len(hop.heard)) == (2, 1)


def test_mail_outlives_a_restart(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """What waits when the server is stopped goes out when it is started again."""
    port = free_port()
    tree = configuration(folder, listeners=[listener("relay")], next_hop=port, queue={"retry": [1], "jitter": 0})
    server = start_waypost(tree)
    for shape in messages.SHAPES:
        assert hand_in(port_of(tree), f"{shape}@example.org", shape=shape).startswith("250")
    server.stop()
    hop = Sink(port=port).start()
    try:
        server.start()
        for shape in messages.SHAPES:
            messages.assert_carried(messages.shape(shape), hop.wait_for(f"{shape}@example.org").content)
        server.stop()
    finally:
        hop.stop()


def serial(port: int) -> int:
    """The serial number of the certificate that a listener shows."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 5) as raw, context.wrap_socket(raw) as secured:
        from cryptography import x509  # noqa: PLC0415 - needed here alone

        return x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"").serial_number


def test_sighup_takes_a_new_certificate(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """After SIGHUP new sessions see the new certificate, and a session that was open goes on."""
    certificates = make_certificates(folder / "tls")
    tree = configuration(folder, listeners=[listener("relay"), listener("relay", tls="implicit")], certificates=certificates)
    server = start_waypost(tree)
    first = serial(port_of(tree, tls="implicit"))
    with Dialogue(port_of(tree, tls="none")) as talk:
        talk.hello()
        make_certificates(folder / "tls")
        os.kill(server.pid, signal.SIGHUP)
        until(lambda: serial(port_of(tree, tls="implicit")) != first, what="the new certificate")
        assert talk.ask("NOOP").startswith("250")


def test_sighup_with_a_broken_file_keeps_the_old_configuration(start_waypost: Callable[..., Waypost], folder: Path, sink: Sink) -> None:
    """A configuration that cannot be read changes nothing, and the log says where it is wrong."""
    tree = configuration(folder, listeners=[listener("relay")], next_hop=sink.port)
    server = start_waypost(tree)
    server.config.write_text(server.config.read_text() + "\n[nonsense]\nkey = 1\n")
    os.kill(server.pid, signal.SIGHUP)
    until(lambda: "nonsense" in server.output(), what="the complaint")
    assert hand_in(port_of(tree), "grace@example.org").startswith("250")
    sink.wait_for("grace@example.org")


HAND_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""
"""What a service supervisor does: the socket becomes descriptor 3 of the process that is told so."""


def test_sockets_handed_over(start_waypost: Callable[..., Waypost], folder: Path, sink: Sink) -> None:
    """With LISTEN_FDS the server listens on the socket that it was given (sd_listen_fds)."""
    with socket.create_server(("127.0.0.1", 0)) as given:
        port = given.getsockname()[1]
        tree = configuration(folder, listeners=[listener("relay", port)], next_hop=sink.port)
        start_waypost(tree, prefix=[sys.executable, "-c", HAND_OVER, str(given.fileno())], fds=[given.fileno()])
        assert hand_in(port, "grace@example.org").startswith("250")
        sink.wait_for("grace@example.org")


def test_root_is_given_up(
    start_waypost: Callable[..., Waypost], start_sink: Callable[..., Sink], folder: Path, certificates: Certificates
) -> None:
    """Started as root with ``user``, no process that serves is root; TLS, AUTH, delivery, notices and reload work without it."""
    require_root()
    account = pwd.getpwnam("nobody")
    hop = start_sink(script=lambda stage, text: "550 5.1.1 unknown" if stage == "rcpt" and "gone@" in text else None)
    listeners = [listener("relay", tls="starttls"), listener("submission", tls="implicit")]
    tree = configuration(folder, listeners=listeners, next_hop=hop.port, user="nobody", certificates=certificates)
    server = start_waypost(tree)
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in [server.pid, *server.workers()]}
    status = Path(f"/proc/{server.workers()[0]}/status").read_text()
    assert owners == {account.pw_uid}
    assert f"Uid:\t{account.pw_uid}\t{account.pw_uid}\t{account.pw_uid}\t{account.pw_uid}" in status
    with Dialogue(port_of(tree)) as talk:
        talk.hello()
        talk.starttls(certificates.client_context())
        talk.ask("EHLO client.example")
        assert talk.submit(messages.shape("large"), "grace@example.org", "gone@example.org").startswith("250")
    with Dialogue(port_of(tree, "submission"), tls=certificates.client_context()) as talk:
        talk.hello()
        assert talk.ask("AUTH PLAIN AGFkYQB3cm9uZw==").startswith("535")
    hop.wait_for("grace@example.org")
    assert b"multipart/report" in hop.wait_for("sender@example.net").content
    os.kill(server.pid, signal.SIGHUP)
    until(lambda: "reloaded" in server.output(), what="the reload")
    assert "worker-lost" not in server.output()


@pytest.mark.parametrize("whole_group", [False, True], ids=["one process", "whole group"])
def test_sigterm_drains(start_waypost: Callable[..., Waypost], folder: Path, sink: Sink, *, whole_group: bool) -> None:
    """SIGTERM: idle sessions hear 421, a message under way is finished and answered, the exit code is 0 within 10 s."""
    tree = configuration(folder, listeners=[listener("relay")], next_hop=sink.port)
    server = start_waypost(tree)
    port = port_of(tree)
    with Dialogue(port) as idle, Dialogue(port) as busy:
        idle.hello()
        busy.hello()
        for command in ("MAIL FROM:<a@example.net>", "RCPT TO:<grace@example.org>", "DATA"):
            busy.ask(command)
        busy.send(b"Subject: under way\r\n\r\nfirst half\r\n")
        (os.killpg if whole_group else os.kill)(server.pid, signal.SIGTERM)
        assert idle.reply().startswith("421")
        busy.send(b"second half\r\n.\r\n")
        assert busy.reply().startswith("250")
        assert server.process
        assert server.process.wait(11) == 0
    assert "Traceback" not in server.output()
    server.start()
    assert b"second half" in sink.wait_for("grace@example.org").content


def test_ipv6(start_waypost: Callable[..., Waypost], folder: Path, sink: Sink) -> None:
    """A listener on the IPv6 loopback takes mail, and the trace field shows the address in its own form."""
    try:
        port = free_port("::1")
    except OSError:
        require("IPv6", None, "the loopback address ::1 is not there")
    tree = configuration(folder, listeners=[listener("relay", port, host="::1")], next_hop=sink.port)
    start_waypost(tree)
    assert hand_in(port, "grace@example.org", host="::1").startswith("250")
    assert b"[IPv6:::1]" in sink.wait_for("grace@example.org").content


def test_two_workers_share_one_port(start_waypost: Callable[..., Waypost], folder: Path, sink: Sink) -> None:
    """Two workers take connections of one port, each with a shard of its own, and all mail goes out."""
    tree = configuration(folder, listeners=[listener("relay")], next_hop=sink.port, workers=2)
    server = start_waypost(tree)
    assert len(server.workers()) == 2
    for number in range(20):
        assert hand_in(port_of(tree), f"m{number}@example.org").startswith("250")
    assert {address for heard in sink.wait(20) for address in heard.recipients} == {f"m{number}@example.org" for number in range(20)}


def test_many_recipients_each_once(start_waypost: Callable[..., Waypost], folder: Path, sink: Sink) -> None:
    """A message to 250 recipients of three domains reaches each of them exactly once."""
    tree = configuration(folder, listeners=[listener("relay")], next_hop=sink.port, local=["a.example", "b.example", "c.example"])
    start_waypost(tree)
    recipients = [f"u{number}@{'abc'[number % 3]}.example" for number in range(250)]
    assert hand_in(port_of(tree), *recipients).startswith("250")
    until(lambda: sum(len(heard.recipients) for heard in sink.heard) >= 250, what="250 copies")
    time.sleep(0.3)
    assert sorted(address for heard in sink.heard for address in heard.recipients) == sorted(recipients)


def test_pipelined_session(start_waypost: Callable[..., Waypost], folder: Path, sink: Sink, certificates: Certificates) -> None:
    """Two whole transactions, each envelope in one segment, answered in order."""
    tree = configuration(folder, listeners=[listener("relay")], next_hop=sink.port)
    start_waypost(tree)
    with Dialogue(port_of(tree)) as talk:
        talk.hello()
        for number in range(2):
            talk.send(
                b"MAIL FROM:<a@example.net>\r\nRCPT TO:<one%d@example.org>\r\nRCPT TO:<two%d@example.org>\r\nDATA\r\n" % (number, number)
            )
            assert [talk.reply()[:3] for _ in range(4)] == ["250", "250", "250", "354"]
            talk.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
            assert talk.reply().startswith("250")
    assert sum(len(heard.recipients) for heard in sink.wait(2)) == 4


def test_the_data_directory_is_private(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """Nobody else may look into the data directory, and its databases are whole after an orderly end."""
    tree = configuration(folder, listeners=[listener("relay")])
    server = start_waypost(tree)
    hand_in(port_of(tree), "grace@example.org")
    assert (folder / "data").stat().st_mode & 0o077 == 0
    server.stop()
    databases = [path for path in (folder / "data").rglob("*") if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3"]
    assert databases
    for path in databases:
        connection = sqlite3.connect(path)
        try:
            assert connection.execute("pragma integrity_check").fetchall() == [("ok",)]
        finally:
            connection.close()
