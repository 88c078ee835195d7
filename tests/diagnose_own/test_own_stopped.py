"""The check from inside of a server that is stopped: what can be seen is looked at all the same, and each fault is told with its remedy."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import stat
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization

from support import toml
from support.chains import Leaf, root_file
from support.needs import require_root
from support.ports import free_port
from waypost.cli import main as door
from waypost.store.lock import Lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from diagnose_own.own_kit import House
    from support.sink import Sink

    Fault = Callable[["House"], None]


@pytest.fixture
def check(house: House, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """``waypost check --self --json`` in this process."""

    def run(*words: str) -> dict[str, Any]:
        config = house.folder / "waypost.toml"
        config.write_text(toml.dump(house.tree))
        authority = root_file(house.folder)
        capsys.readouterr()
        code = door.main(["check", "--self", "--json", "--lang", "en", "--config", str(config), "--ca", str(authority), *words])
        out = capsys.readouterr().out
        return {**json.loads(out), "code": code}

    return run


def told(found: dict[str, Any], *, local: bool = True) -> dict[str, dict[str, Any]]:
    """Findings by key; those of the DNS, which knows nothing here, left out."""
    return {each["key"]: each for each in found["findings"] if not local or each["stage"] not in ("names", "domain")}


def test_in_order_but_stopped(check: Callable[..., dict[str, Any]], house: House) -> None:
    """That it is stopped is the one fault, the exit code is 2, and the remedy is the command that starts this very server."""
    found = check()
    faults = [key for key, each in told(found).items() if each["severity"] in ("warning", "error") and key != "own-data-volatile"]
    assert faults == ["own-stopped", "own-config-warning"]  # nobody can log in yet
    assert (found["verdict"], found["code"]) == ("does-not-work", 2)
    assert f"waypost serve --config {house.folder}/waypost.toml" in found["next_step"]
    assert {"own-port-free", "own-data-sound", "own-disk-room", "own-queue-empty", "certificate-sound"} <= set(told(found))
    assert [port["state"] for server in found["servers"] for port in server["ports"]] == ["refused", "refused"]


def _no_certificate(house: House) -> None:
    house.certificate.unlink()


def _foreign_key(house: House) -> None:
    before = house.certificate.read_bytes()
    house.shows(Leaf(names=("mx.example.org",)))
    house.certificate.write_bytes(before)


def _locked_key(house: House) -> None:
    key = serialization.load_pem_private_key(house.key.read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"secret")
    house.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))


def _garbage(house: House) -> None:
    house.certificate.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


def _weak(house: House) -> None:
    house.key.write_text("no key\n")


def _open_key(house: House) -> None:
    house.key.chmod(0o644)


def _shows(leaf: Leaf) -> Fault:
    return lambda house: house.shows(leaf)


def _others_account(house: House) -> None:
    house.tree["user"] = "nobody"
    shutil.chown(house.data, "nobody")


def _foreign_data(house: House) -> None:
    house.tree["user"] = "nobody"
    shutil.chown(house.key, "nobody")


def _open_data(house: House) -> None:
    house.data.chmod(0o755)


def _no_data(house: House) -> None:
    house.data.rmdir()


def _data_is_a_file(house: House) -> None:
    house.data.rmdir()
    house.data.write_text("")


def _full(house: House) -> None:
    house.tree["queue"] = {"free_space": 1_099_511_627_776}


def _low(house: House) -> None:
    found = os.statvfs(house.data)
    house.tree["queue"] = {"free_space": found.f_bavail * found.f_frsize // 4}


def _future(house: House) -> None:
    shard = house.data / "shards" / "none"
    shard.mkdir(parents=True)
    file = shard / "spool.db"
    file.touch()
    os.utime(file, (4_000_000_000, 4_000_000_000))


def _wide(house: House) -> None:
    house.tree["relay"] = {"networks": ["0.0.0.0/0"]}


def _wrong(house: House) -> None:
    house.tree["transports"] = [{"match": "elsewhere.example", "kind": "hold"}]


def _dead_hop(house: House) -> None:
    house.tree["transports"] = [{"match": "*", "kind": "smtp", "hosts": [f"127.0.0.1:{free_port()}"]}]


def _dead_socket(house: House) -> None:
    house.tree["transports"] = [{"match": "*", "kind": "lmtp", "hosts": [f"unix:{house.folder}/no.sock"]}]


def _closed_mail(house: House) -> None:
    house.tree["user"] = "nobody"
    (house.folder / "mail").mkdir(mode=0o700)
    house.tree["transports"] = [{"match": "*", "kind": "maildir", "path": f"{house.folder}/mail/{{domain}}/{{local_part}}"}]


def _any_port(house: House) -> None:
    house.tree["listeners"][0]["bind"] = "127.0.0.1:0"


def _no_tls(house: House) -> None:
    house.tree["listeners"] = [{"role": "relay", "bind": f"0.0.0.0:{free_port()}", "tls": "none"}]
    del house.tree["tls"]


NAME = "mx.example.org"


FAULTS: tuple[tuple[str, Fault, str, str], ...] = (
    ("no certificate", _no_certificate, "own-file-missing", "Correct the path"),
    ("key of another", _foreign_key, "own-key-wrong", "fullchain.pem"),
    ("key with a passphrase", _locked_key, "own-key-locked", "openssl pkey"),
    ("no PEM", _garbage, "own-certificate-unusable", "PEM files"),
    ("no key in the file", _weak, "own-certificate-unusable", "PEM files"),
    ("key open to all", _open_key, "own-key-open", "chmod 640"),
    ("key closed to the account", _others_account, "own-file-denied", "nobody"),
    ("expired", _shows(Leaf(names=(NAME,), days=-1, age=90)), "certificate-expired", ""),
    ("expires soon", _shows(Leaf(names=(NAME,), days=5)), "certificate-expires-soon", ""),
    ("other name", _shows(Leaf(names=("www.example.org",))), "certificate-name-wrong", ""),
    ("self-signed", _shows(Leaf(names=(NAME,), issuer="self", common_name=NAME)), "certificate-self-signed", ""),
    ("without its intermediate", _shows(Leaf(names=(NAME,), issuer="intermediate", fetchable=True)), "certificate-chain-incomplete", ""),
    ("other name, seen by users", _shows(Leaf(names=("www.example.org",))), "submission-certificate", ""),
    ("data of another account", _foreign_data, "own-data-unwritable", "chown -R nobody"),
    ("data open to all", _open_data, "own-data-open", "chmod 700"),
    ("a file in place of the data", _data_is_a_file, "own-config-error", "data"),
    ("no data yet", _no_data, "own-data-missing", ""),
    ("disk full", _full, "own-disk-full", "Free some space"),
    ("disk nearly full", _low, "own-disk-low", "waypost inbox delete"),
    ("clock set back", _future, "own-clock-behind", "NTP"),
    ("everybody trusted", _wide, "own-networks-wide", "192.0.2.0/24"),
    ("a rule is broken", _wrong, "own-config-error", "waypost config check"),
    ("next hop down", _dead_hop, "own-hop-dead", "waypost queue retry all"),
    ("socket of the next hop gone", _dead_socket, "own-hop-dead", "waypost queue retry all"),
    ("mail folder of another account", _closed_mail, "own-maildir-closed", "nobody"),
    ("any port", _any_port, "own-port-any", "Name a port"),
    ("mail in the clear", _no_tls, "own-tls-off", "certbot"),
)


@pytest.mark.parametrize(("spoil", "key", "remedy"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_each_fault(check: Callable[..., dict[str, Any]], house: House, spoil: Fault, key: str, remedy: str) -> None:
    """What is spoilt is told, with a remedy that names it; no probe breaks over it."""
    require_root()
    spoil(house)
    found = check()
    keys = told(found)
    assert key in keys
    assert remedy in keys[key]["fix"]
    assert re.search(r"\{[a-z_]+\}", keys[key]["title"] + keys[key]["meaning"]) is None
    assert not {"probe-broke", "cut-short"} & set(keys)
    assert found["code"] == 2


def test_next_hops(check: Callable[..., dict[str, Any]], house: House, sink: Sink) -> None:
    """A next hop that answers is told to, by name too; of two of which one is down, that one is named."""
    live, dead = f"localhost:{sink.port}", f"127.0.0.1:{free_port()}"
    house.tree["transports"] = [{"match": ["a.example", "b.example"], "kind": "smtp", "hosts": [live]}, {"match": "*", "kind": "hold"}]
    assert told(check())["own-hop-answers"]["facts"]["match"] == "a.example, b.example"
    house.tree["transports"] = [{"match": "*", "kind": "smtp", "hosts": [live, dead]}]
    partly = told(check())["own-hop-partly"]
    assert partly["facts"]["dead"] == dead
    assert partly["evidence"] == [f"{live}: 220", f"{dead}: connection refused"]
    assert sink.heard == []


def test_another_program_on_the_port(check: Callable[..., dict[str, Any]], house: House) -> None:
    """Who it is, is told by name and process."""
    with socket.create_server(("127.0.0.1", house.port)):
        found = check()
    taken = told(found)["own-port-taken"]
    assert f"[{os.getpid()}]" in taken["facts"]["holder"]
    assert taken["facts"]["setting"] == "listeners.0.bind"
    assert found["code"] == 2


def test_data_that_is_held_by_somebody_silent(check: Callable[..., dict[str, Any]], house: House) -> None:
    """A process that holds the data and answers nothing is told to be waited for, or ended."""
    held = Lock(house.data / "lock")
    try:
        mute = told(check())["own-mute"]
    finally:
        held.release()
    assert mute["facts"]["process"] == str(os.getpid())


def test_data_that_may_not_be_asked_for(check: Callable[..., dict[str, Any]], house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account without rights is told to come back with them."""

    def denied(path: Path) -> int | None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("waypost.daemon.selfcheck.holder", denied)
    keys = told(check())
    assert "as root" in keys["own-hidden"]["fix"]
    assert {"own-queue-unread", "own-port-free"} <= set(keys)


def test_nothing_is_changed(check: Callable[..., dict[str, Any]], house: House) -> None:
    """The check leaves a data directory as it found it, but for the lock file of a server that never ran."""
    check()
    left = sorted(path.name for path in house.data.rglob("*"))
    assert left in ([], ["lock"])
    assert stat.S_IMODE(house.data.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("spoil", "next_step"),
    [
        (_wrong, "Correct domains.local.0"),
        (_data_is_a_file, "Correct data"),
        (_foreign_key, "Name the two files of the same order or renewal"),
        (_shows(Leaf(names=("mx.example.org",), days=-1, age=90)), "Renew"),
        (_open_data, "Start it with"),
        (_dead_hop, "Start it with"),
    ],
)
def test_what_keeps_it_from_starting_comes_first(check: Callable[..., dict[str, Any]], house: House, spoil: Fault, next_step: str) -> None:
    """A server that could not be started as it is: that is what to mend next; other faults can wait until it runs."""
    spoil(house)
    found = check()
    assert next_step in found["next_step"]
    assert found["verdict"] == "does-not-work"
