"""A smarthost that asks for a name and a password: another Waypost, spoken to over TLS whose certificate is checked."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from support import messages
from support.dialogue import Dialogue
from support.server import PROGRAM, Waypost, configuration, listener, port_of
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.certificates import Certificates
    from support.sink import Sink

SECRET = "correct horse battery"


def add_account(server: Waypost) -> None:
    """An account at the smarthost, its password from standard input."""
    done = subprocess.run(
        [str(PROGRAM), "user", "add", "relay@example.org", "--config", str(server.config)],
        env=server.environ(),
        input=f"{SECRET}\n",
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def smarthost(
    start_waypost: Callable[..., Waypost], folder: Path, certificates: Certificates, beyond: Sink, mode: str
) -> tuple[Waypost, int]:
    """A submission server with one account, and its port."""
    tree = configuration(
        folder / "smarthost",
        listeners=[listener("submission", tls="implicit" if mode == "implicit" else "starttls")],
        next_hop=beyond.port,
        networks=(),
        certificates=certificates,
    )
    server = start_waypost(tree, name="smarthost")
    add_account(server)
    return server, port_of(tree, "submission")


def ours(folder: Path, certificates: Certificates, port: int, mode: str, password: Path) -> dict[str, object]:
    """Our own configuration: everything goes to the smarthost."""
    transport = {
        "match": "*",
        "kind": "smtp",
        "hosts": [f"localhost:{port}"],
        "tls": mode,
        "username": "relay@example.org",
        "password": f"file:{password}",
        "ca": str(certificates.ca),
    }
    return configuration(folder / "ours", listeners=[listener("relay")], transports=[transport])


def hand_in(server: Waypost) -> None:
    assert server.tree
    with Dialogue(port_of(server.tree)) as talk:
        talk.hello()
        reply = talk.submit(messages.ended(messages.shape("dots")), "ada@elsewhere.example")
    assert reply.startswith("250"), reply


@pytest.mark.parametrize("mode", ["required", "implicit"])
def test_mail_goes_out_over_a_smarthost_with_auth(
    start_waypost: Callable[..., Waypost],
    start_sink: Callable[..., Sink],
    certificates: Certificates,
    folder: Path,
    mode: str,
) -> None:
    """The smarthost authenticates us over verified TLS and passes the message on unchanged; the password is in no log."""
    beyond = start_sink()
    relay, port = smarthost(start_waypost, folder, certificates, beyond, mode)
    password = folder / "password"
    password.write_text(SECRET)
    password.chmod(0o600)
    server = start_waypost(ours(folder, certificates, port, mode, password))
    hand_in(server)
    heard = beyond.wait_for("ada@elsewhere.example")
    messages.assert_carried(messages.shape("dots"), heard.content)
    assert b"with ESMTPSA id" in heard.content
    assert SECRET not in server.output() + relay.output()


def test_a_wrong_password_defers_and_says_why(
    start_waypost: Callable[..., Waypost], start_sink: Callable[..., Sink], certificates: Certificates, folder: Path
) -> None:
    """Nothing is lost to a password that is not right yet: the message waits, and the queue explains it."""
    _, port = smarthost(start_waypost, folder, certificates, start_sink(), "required")
    password = folder / "password"
    password.write_text("not this one")
    password.chmod(0o600)
    server = start_waypost(ours(folder, certificates, port, "required", password))
    hand_in(server)

    def deferred() -> bool:
        rows = json.loads(server.command("queue", "list", "--json").stdout)
        return [one["state"] for row in rows for one in row["recipients"]] == ["deferred"]

    until(deferred)
    (row,) = json.loads(server.command("queue", "list", "--json").stdout)
    shown = json.loads(server.command("queue", "show", row["id"], "--json").stdout)
    (recipient,) = shown["recipients"]
    assert recipient["key"] == "smarthost-auth-failed"
    assert recipient["reply"].startswith("535 5.7.8")
    assert recipient["explanation"]["fix"]
