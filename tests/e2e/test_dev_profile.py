"""The dev profile as a developer meets it: no configuration, the default settings of popular libraries, everything captured."""

from __future__ import annotations

import email
import email.policy
import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from support import evidence, messages
from support.clients import node, php, send_nodemailer, send_symfony
from support.dialogue import Dialogue
from support.needs import require
from support.peers import environment, program, run
from support.ports import free_port
from support.server import PROGRAM, Waypost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Dev:
    """A dev profile on ports of its own."""

    server: Waypost
    plain: int
    starttls: int
    implicit: int

    def inbox(self, *words: str) -> subprocess.CompletedProcess[str]:
        """``waypost inbox ...``."""
        return subprocess.run(
            [str(PROGRAM), "inbox", *words], env=self.server.environ(), text=True, capture_output=True, timeout=60, check=False
        )

    def wait(self, recipient: str) -> str:
        """The queue id of the message captured for a recipient."""
        done = self.inbox("wait", f"to:{recipient}", "--json")
        if done.returncode:
            done = self.inbox("list", "--json")
        rows = json.loads(done.stdout)
        found = [row for row in (rows if isinstance(rows, list) else [rows]) if recipient in json.dumps(row)]
        assert found, done.stdout + done.stderr
        return str(found[0]["id"])


@pytest.fixture(scope="module")
def dev(module_folder: Path) -> Iterator[Dev]:
    """``waypost serve`` without a configuration; only the ports are other ones, so that tests can run beside each other."""
    ports = free_port(), free_port(), free_port()
    arguments = [word for at, port in enumerate(ports) for word in ("--set", f"listeners.{at}.bind=127.0.0.1:{port}")]
    arguments += ["--set", "web.bind="]
    server = Waypost(module_folder, None, arguments).start()
    yield Dev(server, *ports)
    try:
        server.stop()
    finally:
        server.kill()


@pytest.mark.peers
@pytest.mark.parametrize("auth", [False, True], ids=["no auth", "any credentials"])
def test_nodemailer_defaults(dev: Dev, folder: Path, *, auth: bool) -> None:
    """Nodemailer with host and port alone, and with credentials, delivers into the inbox."""
    require("nodemailer", node())
    port = dev.starttls if auth else dev.plain
    options: dict[str, object] = {"host": "127.0.0.1", "port": dev.plain if not auth else port}
    if auth:
        options = {"host": "127.0.0.1", "port": dev.plain, "auth": {"user": "any", "pass": "thing"}}
    recipient = f"nodemailer-{auth}@example.org".lower()
    said = send_nodemailer(folder, options, {"from": "app@example.net", "to": recipient, "subject": "Grüße", "text": "hello"})
    assert said.startswith("250")
    assert dev.wait(recipient)
    evidence.record("client", client="nodemailer", mode="plain", greeting="default settings")


@pytest.mark.peers
@pytest.mark.parametrize("login", ["", "any:thing@"], ids=["no auth", "any credentials"])
def test_symfony_defaults(dev: Dev, folder: Path, login: str) -> None:
    """Symfony Mailer with a plain DSN, with and without credentials, delivers into the inbox."""
    require("Symfony Mailer", php())
    recipient = f"symfony-{bool(login)}@example.org".lower()
    send_symfony(folder, f"smtp://{login}127.0.0.1:{dev.plain}", "app@example.net", recipient, "Grüße", "hello")
    assert dev.wait(recipient)
    evidence.record("client", client="symfony", mode="plain", greeting="default settings")


@pytest.mark.peers
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("how", ["plain", "starttls", "implicit"])
def test_any_credentials(dev: Dev, mechanism: str, how: str) -> None:
    """PLAIN and LOGIN take any credentials, without TLS too."""
    require("swaks", program("swaks", "usr/bin/swaks"))
    port, tls = {"plain": (dev.plain, []), "starttls": (dev.starttls, ["--tls"]), "implicit": (dev.implicit, ["--tls-on-connect"])}[how]
    recipient = f"{mechanism}-{how}@anywhere.example".lower()
    words = ["perl", str(program("swaks", "usr/bin/swaks")), "--server", "127.0.0.1", "--port", str(port), *tls, "--auth", mechanism]
    words += ["--auth-user", "any", "--auth-password", "thing", "--from", "app@example.net", "--to", recipient]
    done = run(words, environment("swaks"))
    assert done.returncode == 0, done.stdout.decode()
    assert dev.wait(recipient)


def test_captured_message_is_whole(dev: Dev) -> None:
    """What is captured can be listed, shown, and holds what was sent, with Return-Path and Received on top."""
    with Dialogue(dev.plain) as talk:
        assert "STARTTLS" not in talk.hello()
        reply = talk.submit(messages.shape("eight-bit"), "whole@example.org")
    assert reply.startswith("250")
    identifier = dev.wait("whole@example.org")
    assert identifier in reply
    shown = dev.inbox("show", identifier)
    assert shown.returncode == 0, shown.stderr
    assert "sender@example.net" in shown.stdout
    assert "whole@example.org" in shown.stdout


def test_deleted_is_gone(dev: Dev) -> None:
    """``inbox delete`` removes what it is told to."""
    with Dialogue(dev.plain) as talk:
        talk.hello()
        talk.submit(messages.shape("dots"), "delete-me@example.org")
    identifier = dev.wait("delete-me@example.org")
    done = dev.inbox("delete", identifier)
    assert done.returncode == 0, done.stderr
    assert identifier not in dev.inbox("list", "--json").stdout


def test_nothing_leaves(dev: Dev) -> None:
    """Whatever the recipient, mail is captured; the queue stays empty."""
    with Dialogue(dev.plain) as talk:
        talk.hello()
        assert talk.submit(messages.shape("dots"), "somebody@gmail.example", "else@another.example").startswith("250")
    assert dev.wait("somebody@gmail.example")
    done = subprocess.run(
        [str(PROGRAM), "queue", "list", "--json"], env=dev.server.environ(), text=True, capture_output=True, timeout=60, check=False
    )
    rows: Any = json.loads(done.stdout)
    assert rows in ([], {"messages": []})


def test_where_it_listens_is_said(dev: Dev) -> None:
    """The server says where it listens, then that it is ready."""
    said = dev.server.output()
    for port in (dev.plain, dev.starttls, dev.implicit):
        assert f"127.0.0.1:{port}" in said
        assert said.index(f"127.0.0.1:{port}") < said.lower().index("ready")


def test_header_is_readable(dev: Dev) -> None:
    """A standard parser reads what the inbox gives back."""
    with Dialogue(dev.plain) as talk:
        talk.hello()
        talk.submit(messages.shape("dots"), "parse@example.org")
    shown = dev.inbox("show", dev.wait("parse@example.org"), "--json")
    row = json.loads(shown.stdout)
    raw = next((row[key] for key in ("raw", "content", "source") if key in row), "")
    parsed = email.message_from_string(raw or shown.stdout, policy=email.policy.default)
    assert parsed["Subject"] == "lines that begin with dots" or "lines that begin with dots" in shown.stdout
