"""Firewalled ports in network namespaces: dropped, prohibited, unreachable and refused are told apart by real packets."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from support import namespaces
from waypost.diagnose.plan import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def checks() -> Iterator[dict[str, dict[str, Any]]]:
    """The results of checking each port by itself, and of the host as a whole, all at once."""
    asked = {"host": (namespaces.SERVER,), "nobody": (namespaces.NOBODY, "--port", "2526")}
    asked |= {"dead": (namespaces.DEAD,), "filtered": (namespaces.FILTERED,), "resets": (namespaces.SERVER, "--port", "2526")}
    asked |= {port: (namespaces.SERVER, "--port", port) for port in ("25", "465", "587", "24")}
    for row in namespaces.made():
        row.serve(25, 465, 587, 2525)
        row.resets(2526)
        row.firewall(25, "blackhole")
        row.firewall(465, "prohibit")
        row.firewall(587, "unreachable")
        row.firewall_all()

        def check(words: tuple[str, ...], row: namespaces.Row = row) -> dict[str, Any]:
            command = [sys.executable, "-m", "waypost.cli.main", "check", "--json", "--lang", "en", *words]
            done = row.run(row.names[0], command)
            assert done.stdout, done.stderr
            return {**json.loads(done.stdout), "code": done.returncode}

        with ThreadPoolExecutor(len(asked)) as pool:
            yield dict(zip(asked, pool.map(check, asked.values()), strict=True))


@pytest.mark.parametrize(
    ("port", "key"),
    [
        ("25", "connection-dropped"),
        ("465", "connection-prohibited"),
        ("587", "network-unreachable"),
        ("nobody", "host-unreachable"),
        ("24", "connection-refused"),
    ],
)
def test_each_way_to_fail(checks: dict[str, dict[str, Any]], port: str, key: str) -> None:
    """What a firewall does to a port is told by its right name, and the exit code says that nothing was reached."""
    assert [finding["key"] for finding in checks[port]["findings"] if finding["severity"] == "error"] == [key]
    assert (checks[port]["verdict"], checks[port]["code"]) == ("does-not-work", 2)


def test_a_machine_that_is_there_is_not_called_dead(checks: dict[str, dict[str, Any]]) -> None:
    """Where every mail port is dropped, a ping tells a firewall from a machine that is off."""
    for name, key in (("filtered", "mail-ports-filtered"), ("dead", "address-dead")):
        assert [finding["key"] for finding in checks[name]["findings"] if finding["severity"] == "error"] == [key]


def test_who_refused_is_told(checks: dict[str, dict[str, Any]]) -> None:
    """The evidence names the router that sent the message."""
    found = next(finding for finding in checks["465"]["findings"] if finding["key"] == "connection-prohibited")
    assert "says 10.77.1.1" in found["evidence"][0]


def test_a_reset_behind_the_handshake(checks: dict[str, dict[str, Any]]) -> None:
    """A server that resets what it has just taken is told as that, however early the reset comes."""
    assert [finding["key"] for finding in checks["resets"]["findings"] if finding["severity"] == "error"] == ["reset-at-once"]


def test_without_a_network_nobody_else_is_blamed() -> None:
    """On a machine that has no route at all the missing network is the one thing to mend, for a name and for an address."""
    for name in namespaces.alone():
        for target in ("mx.example.org", "192.0.2.25"):
            command = ["ip", "netns", "exec", name, sys.executable, "-m", "waypost.cli.main", "check", "--json", "--lang", "en", target]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            found = json.loads(done.stdout)
            assert found["next_step"].startswith("Bring the network up")
            assert done.returncode == 2


def test_a_dead_port_costs_its_own_timeout(checks: dict[str, dict[str, Any]]) -> None:
    """Who does not answer is waited for as long as connecting may take, and no longer, however many ports are tried."""
    limits = Limits()
    for asked in ("25", "nobody", "host"):
        assert checks[asked]["seconds"] < limits.connect + limits.suspicion


def test_port_25_alone_filtered(checks: dict[str, dict[str, Any]]) -> None:
    """A machine that answers elsewhere while port 25 vanishes is filtered, and the provider's block is named as a cause."""
    found = next(finding for finding in checks["host"]["findings"] if finding["key"] == "port-25-filtered")
    assert "provider" in found["meaning"]
    states = {port["port"]: port["state"] for port in checks["host"]["servers"][0]["ports"]}
    assert states == {25: "dropped", 465: "prohibited", 587: "network", 2525: "open", 24: "refused"}
    assert checks["host"]["seconds"] < 15
