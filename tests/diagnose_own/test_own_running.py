"""The check from inside of servers that run: in order, and each listener in conflict with its configuration, on real sockets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import smtplib
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization

from support.broken_servers import QUICK
from support.chains import Leaf, make, pem, root_file
from support.ports import free_port
from support.server import Waypost, configuration, listener
from support.small_names import SmallNames
from waypost.cli import main as door
from waypost.config.load import load
from waypost.daemon.selfcheck import gather
from waypost.diagnose.check import check as check_all
from waypost.diagnose.lookup import DnsLookup
from waypost.diagnose.own.steps import steps, target
from waypost.net.control import ControlError, ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Check = Callable[..., dict[str, Any]]

RELAY, PLAIN, START, FIRST, SOCKET, INBOX = range(6)
"""The listeners of the server, by position."""


@pytest.fixture(scope="module")
def names() -> Iterator[str]:
    """A resolver that knows nothing, at once."""
    served = SmallNames({}).start()
    yield served.address
    served.stop()


def _certificate(folder: Path, leaf: Leaf) -> None:
    chain, key = make(leaf)
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "both.pem").write_bytes(pem(chain) + secret)
    (folder / "both.pem").chmod(0o600)


def _tree(folder: Path, names: str, **more: Any) -> dict[str, Any]:
    return configuration(
        folder,
        listeners=[
            listener("relay", tls="starttls"),
            listener("relay"),
            listener("submission", tls="starttls"),
            listener("submission", tls="implicit"),
            {"role": "lmtp", "bind": f"unix:{folder}/lmtp.sock", "tls": "none"},
            listener("lmtp"),
        ],
        domains={"mailboxes": ["ada@example.org"], "postmaster": "ada@example.org"},
        tls={"certificate": str(folder / "both.pem"), "key": str(folder / "both.pem")},
        dns={"resolvers": [names]},
        **{"networks": [], **more},
    )


@pytest.fixture(scope="module")
def server(module_folder: Path, names: str) -> Iterator[Waypost]:
    """A server with every kind of listener."""
    _certificate(module_folder, Leaf(names=("mx.example.org",), common_name="mx.example.org"))
    running = Waypost(module_folder / "server", _tree(module_folder, names, web={"bind": f"127.0.0.1:{free_port()}"}))
    yield running.start()
    running.stop()


def checking(server: Waypost, capsys: pytest.CaptureFixture[str], authority: Path) -> Check:
    """``waypost check --self --json`` in this process, against that server."""

    def run(*words: str) -> dict[str, Any]:
        capsys.readouterr()
        known = ["check", "--self", "--json", "--lang", "en", "--config", str(server.config), "--ca", str(authority)]
        code = door.main([*known, *(part for word in words for part in ("--set", word))])
        return {**json.loads(capsys.readouterr().out), "code": code}

    return run


@pytest.fixture
def check(server: Waypost, capsys: pytest.CaptureFixture[str], module_folder: Path) -> Check:
    """The check of the server of this module."""
    return checking(server, capsys, root_file(module_folder))


def told(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Findings by key, without those of the DNS, which knows nothing here; no probe may have broken."""
    keys = {each["key"]: each for each in found["findings"] if each["stage"] not in ("names", "domain")}
    assert not {"probe-broke", "cut-short"} & set(keys)
    return keys


def test_every_listener_does_what_it_should(check: Check, server: Waypost) -> None:
    """Each listener, the UNIX socket among them, is gone to; nothing but the account of root is at fault; the check is quick."""
    began = time.monotonic()
    found = check()
    assert time.monotonic() - began < 5
    sound = [each["about"] for each in found["findings"] if each["key"] == "own-door-sound"]
    assert len(sound) == 6
    assert any("unix:" in about for about in sound)
    faults = {key for key, each in told(found).items() if each["severity"] in ("warning", "error")}
    assert faults <= {"own-root", "own-config-warning", "own-data-volatile"}
    assert len([each for each in found["findings"] if each["key"] == "own-port-ours"]) == 7
    assert told(found)["own-running"]["facts"]["process"] == str(server.pid)
    assert {"postmaster-accepted", "own-relay-closed", "own-queue-empty", "own-descriptors-enough"} <= set(told(found))
    assert "any-mailbox-accepted" not in told(found)
    assert found["code"] == 1


@pytest.mark.parametrize(
    ("settings", "key", "position"),
    [
        ([f"listeners.{PLAIN}.tls=starttls"], "own-starttls-missing", PLAIN),
        ([f"listeners.{RELAY}.tls=none"], "own-starttls-unwanted", RELAY),
        ([f"listeners.{PLAIN}.tls=implicit"], "own-tls-first-missing", PLAIN),
        ([f"listeners.{FIRST}.tls=starttls"], "own-tls-first-unwanted", FIRST),
        ([f"listeners.{RELAY}.role=submission"], "own-auth-missing", RELAY),
        ([f"listeners.{INBOX}.role=relay"], "own-hello-refused", INBOX),
        (["hostname=other.example.org"], "own-name-differs", RELAY),
    ],
)
def test_a_configuration_that_was_changed_since(check: Check, server: Waypost, settings: list[str], key: str, position: int) -> None:
    """What the running server does not do as the file says now is told for that very listener."""
    found = check(*settings)
    wrong = [each for each in found["findings"] if each["key"] == key]
    assert server.tree is not None
    place = server.tree["listeners"][position]["bind"]  # type: ignore[index] # configuration() made it a list of tables
    assert place in [each["facts"]["place"] for each in wrong]
    assert told(found)
    assert found["code"] == 1


def test_a_listener_that_was_added_or_moved(check: Check, server: Waypost) -> None:
    """A place that is not open yet, and one that is open still, are told, and that a restart mends both."""
    port = free_port()
    found = told(check(f"listeners.{RELAY}.bind=127.0.0.1:{port}"))
    assert found["own-port-unbound"]["facts"]["place"] == f"127.0.0.1:{port}"
    assert "Restart the server" in found["own-restart-needed"]["fix"]
    assert server.tree is not None
    assert server.tree["listeners"][RELAY]["bind"] not in found["own-restart-needed"]["facts"]["names"]  # type: ignore[index] # likewise


def test_a_place_of_another_while_we_run(check: Check) -> None:
    """A place that the configuration names and another program has is told, and not talked to."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        place = f"127.0.0.1:{other.getsockname()[1]}"
        found = told(check(f"listeners.{RELAY}.bind={place}"))
    assert found["own-port-taken"]["facts"]["place"] == place


def test_limits_that_descriptors_do_not_allow(check: Check) -> None:
    """A wish for more connections than files may be open is told with both numbers."""
    short = told(check("limits.connections=1000000"))["own-descriptors-short"]
    assert short["facts"]["wanted"] == "1000000"


def test_a_trusted_machine_proves_nothing(check: Check) -> None:
    """Where every address of this machine may relay, the question is left to a check from elsewhere."""
    keys = told(check('relay.networks=["127.0.0.0/8"]'))
    assert "own-relay-untried" in keys
    assert "own-relay-closed" not in keys


def test_a_certificate_that_was_renewed(check: Check, module_folder: Path) -> None:
    """The file's certificate is newer than what is shown: a reload is missing. With it the finding is gone."""
    _certificate(module_folder, Leaf(names=("mx.example.org",), common_name="mx.example.org", days=200))
    found = told(check())
    assert "kill -HUP" in found["own-certificate-not-loaded"]["fix"]


def test_nothing_is_delivered(check: Check, server: Waypost, capsys: pytest.CaptureFixture[str]) -> None:
    """After many checks the queue is as empty as before."""
    check()
    listed = server.command("queue", "list", "--json")
    assert json.loads(listed.stdout) == []


# ---- servers of other configurations ---------------------------------------------------------------------------


def test_open_to_strangers(start_waypost: Callable[..., Waypost], folder: Path, names: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A running server that trusts everybody here, while the file trusts nobody, is found to relay for strangers."""
    _certificate(folder, Leaf(names=("mx.example.org",)))
    running = start_waypost(_tree(folder, names, networks=["127.0.0.0/8"]))
    found = told(checking(running, capsys, root_file(folder))("relay.networks=[]"))
    assert "C: RCPT TO:<relay-probe@example.net>" in found["own-relay-open"]["evidence"]
    assert json.loads(running.command("queue", "list", "--json").stdout) == []


def test_passwords_in_the_clear(
    start_waypost: Callable[..., Waypost], folder: Path, names: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that takes any password in the clear is told so; that every domain is local is told as well."""
    _certificate(folder, Leaf(names=("mx.example.org",)))
    tree = _tree(folder, names, transports=[{"match": "*", "kind": "capture"}], auth={"anyone": True})
    running = start_waypost(tree)
    found = told(checking(running, capsys, root_file(folder))())
    assert {"own-auth-in-clear", "own-takes-all"} <= set(found)


def test_few_descriptors(start_waypost: Callable[..., Waypost], folder: Path, names: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A server that may open few files is told what to set."""
    _certificate(folder, Leaf(names=("mx.example.org",)))
    running = start_waypost(_tree(folder, names), prefix=("prlimit", "--nofile=300"))
    found = told(checking(running, capsys, root_file(folder))())
    assert "LimitNOFILE" in found["own-descriptors-few"]["fix"]


def test_a_client_that_is_turned_away(
    start_waypost: Callable[..., Waypost], folder: Path, names: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that refuses its own machine is told as any greeting that refuses."""
    _certificate(folder, Leaf(names=("mx.example.org",)))
    tree = _tree(folder, names)
    tree["relay"] = {"refused": ["127.0.0.0/8"]}
    running = start_waypost(tree)
    found = told(checking(running, capsys, root_file(folder))())
    assert "greeting-refused" in found


def test_mail_that_is_held(start_waypost: Callable[..., Waypost], folder: Path, names: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What waits is counted, with the server running and stopped."""
    _certificate(folder, Leaf(names=("mx.example.org",)))
    tree = _tree(folder, names)
    running = start_waypost(tree)
    port = int(tree["listeners"][PLAIN]["bind"].rpartition(":")[2])
    with smtplib.SMTP("127.0.0.1", port) as client:
        for _ in range(3):
            client.sendmail("grace@example.net", ["ada@example.org"], b"Subject: x\r\n\r\nx\r\n")
    check = checking(running, capsys, root_file(folder))
    assert told(check())["own-queue-held"]["facts"]["count"] == "3"
    running.stop()
    found = check()
    assert told(found)["own-queue-held"]["facts"]["count"] == "3"
    assert found["code"] == 2


def test_a_server_that_hangs(
    start_waypost: Callable[..., Waypost], folder: Path, names: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that holds its ports and answers nothing is told to be stuck, within the time of a check; nobody waits for more."""
    _certificate(folder, Leaf(names=("mx.example.org",)))
    running = start_waypost(_tree(folder, names))
    monkeypatch.setattr("waypost.daemon.selfcheck._PATIENCE", 0.5)
    workers = running.workers()
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    try:
        own = gather(load(running.config, environ={}), command="waypost serve")
        found = asyncio.run(check_all(target(own), limits=QUICK, lookup=DnsLookup((names,)), probes=steps(own)))
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGCONT)
    keys = [finding.key for finding in found.findings]
    assert {"own-mute", "own-door-silent", "own-handshake-failed", "own-queue-unread"} <= set(keys)
    assert not {"probe-broke", "cut-short", "own-port-taken", "own-port-unbound"} & set(keys)
    assert (found.exit_code, found.verdict.value) == (2, "does-not-work")
    assert found.next_finding is not None
    assert found.next_finding.key == "own-mute"


def test_several_workers(start_waypost: Callable[..., Waypost], folder: Path, names: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Ports that several processes share are ours."""
    _certificate(folder, Leaf(names=("mx.example.org",)))
    running = start_waypost(_tree(folder, names, workers=2))
    keys = told(checking(running, capsys, root_file(folder))())
    assert "own-port-taken" not in keys
    assert "own-door-sound" in keys


def test_the_dev_server(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """A server without a configuration is in order: exit code 0, and no question to the DNS."""
    ports = [free_port() for _ in range(3)]
    words = [f"listeners.{number}.bind=127.0.0.1:{port}" for number, port in enumerate(ports)] + ["web.bind="]
    settings = [part for word in words for part in ("--set", word)]
    running = start_waypost(None, arguments=settings)
    done = running.command("check", "--self", "--json", "--lang", "en", *settings)
    found = json.loads(done.stdout)
    assert (done.returncode, found["verdict"]) == (0, "works")
    assert {each["stage"] for each in found["findings"]} == {"own"}
    assert sorted(port["port"] for each in found["servers"] for port in each["ports"]) == sorted(ports)


def test_an_older_server(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """A running server whose control socket does not know the question is looked at by what the kernel tells."""

    async def older(path: Path, verb: str, args: dict[str, Any], *, seconds: float | None = None) -> Any:
        if verb == "about":
            raise ControlError("'about' is no verb of this server")
        return await ask(path, verb, args, seconds=seconds)

    monkeypatch.setattr("waypost.daemon.selfcheck.ask", older)
    keys = told(check())
    assert {"own-running", "own-port-ours", "own-door-sound", "own-queue-empty"} <= set(keys)
    assert "own-descriptors-enough" not in keys
