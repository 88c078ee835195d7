"""Which addresses are this machine's own, asked of a real kernel in a network namespace of the test's own."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from support.needs import require, require_root

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN = ("44.128.0.9", "44.128.0.10", "45.1.1.1", "45.255.1.1", "2a02:db0::9", "2a02:db0::10", "127.0.0.1", "127.9.9.9", "::1")
OTHERS = ("44.128.0.11", "8.8.8.8", "2a02:db0::11", "2606:4700::1", "46.0.0.1")
_ASK = """
import sys
from ipaddress import ip_address
from waypost.web.check.gate import is_own
print(*(text for text in sys.argv[1:] if is_own(ip_address(text))))
"""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def machine() -> Iterator[str]:
    """A namespace that has a public address, a second one beside it, and a whole network that is routed to itself."""
    require_root()
    require("ip", shutil.which("ip"), "install iproute2")
    name = f"wp-{secrets.token_hex(3)}-own"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    require("network namespaces", made.returncode == 0, made.stderr.strip())
    try:
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "link", "add", "out", "type", "veth", "peer", "name", "other")
        for device in ("out", "other"):
            ip("-n", name, "link", "set", device, "up")
        for address in ("44.128.0.9/24", "44.128.0.10/24", "2a02:db0::9/64", "2a02:db0::10/64"):
            ip("-n", name, "address", "add", address, "dev", "out", *(["nodad"] if ":" in address else []))
        ip("-n", name, "route", "add", "local", "45.0.0.0/8", "dev", "lo")
        ip("-n", name, "route", "add", "default", "via", "44.128.0.1")
        ip("-n", name, "-6", "route", "add", "default", "via", "2a02:db0::1")
        yield name
    finally:
        subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)


def own(machine: str) -> list[str]:
    """Which of all addresses the machine calls its own."""
    words = ["ip", "netns", "exec", machine, sys.executable, "-c", _ASK, *OWN, *OTHERS]
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30).stdout.split()


def test_a_machine_knows_its_addresses(machine: str) -> None:
    """First and second addresses of both families, and those of a network that leads to itself, are its own; all others are not."""
    assert own(machine) == list(OWN)


def test_where_anybody_may_bind_anything(machine: str) -> None:
    """Where the system lets programs bind addresses that are not there, as fail-over does, others are not taken for its own."""
    set_to = "echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind; echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind"
    subprocess.run(["ip", "netns", "exec", machine, "sh", "-c", set_to], check=True, capture_output=True)
    found = own(machine)

    assert not set(found) & set(OTHERS)
    assert {"44.128.0.9", "127.0.0.1", "::1"} <= set(found)
