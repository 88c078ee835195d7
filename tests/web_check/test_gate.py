"""The gate: what a check may dial beyond public addresses, how often, and that there is no way around it."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import socket
from dataclasses import fields
from ipaddress import ip_address, ip_network
from pathlib import Path

import waypost.diagnose
import waypost.msgauth
from support.broken_servers import FakeLookup
from waypost.diagnose.check import check
from waypost.diagnose.dialling import Withheld, WithheldError
from waypost.diagnose.scene import Scene
from waypost.net.dial import UnreachableError
from waypost.web.check.gate import Gate, Names, Rules, is_own
from waypost.web.rate import Rate
from web_check.gate_kit import HOME, INSIDE, Line, through, told

DISGUISED = (
    *("0.0.0.0", "0.1.2.3", "127.0.0.1", "::1", "::", "::ffff:127.0.0.1"),  # noqa: S104 - dialled by a fake, not bound
    *("::127.0.0.1", "224.0.0.1", "255.255.255.255", "ff02::1"),
)


def test_networks_that_were_listed() -> None:
    """A network that the operator listed is reached, with the listeners' ports; one beside it is not."""
    assert through("10.1.2.3", 25, INSIDE) == (None, [("10.1.2.3", 25)])
    assert through("10.1.2.3", 1025, INSIDE) == (None, [("10.1.2.3", 1025)])
    assert through("fd00::1", 587, INSIDE)[0] is None
    assert through("10.1.2.3", 6379, INSIDE) == (Withheld.PORT, [])
    assert through("127.0.0.1", 1587, HOME)[0] is None
    assert INSIDE.further >= {1025, 1587}
    assert Rules(ports=frozenset({1025})).further == frozenset()
    assert through("192.168.1.1", 25, INSIDE) == (Withheld.NOT_PUBLIC, [])
    assert through("::ffff:10.1.2.3", 25, INSIDE) == (Withheld.NOT_PUBLIC, [])


def test_loopback_is_for_who_is_at_home() -> None:
    """Loopback, though listed, is reached for whoever asks from this machine and for nobody else."""
    assert through("127.0.0.1", 1025, HOME) == (None, [("127.0.0.1", 1025)])
    assert through("127.0.0.1", 1025, INSIDE) == (Withheld.NOT_PUBLIC, [])


def test_everything_that_was_listed_has_limits() -> None:
    """Even where the operator lists the whole of both families, no address that means this machine in disguise, or many, is dialled."""
    everything = Rules(inside=(ip_network("0.0.0.0/0"), ip_network("::/0")))
    for address in DISGUISED:
        assert through(address, 25, everything) == (Withheld.NOT_PUBLIC, [])
    assert through("10.0.0.1", 25, everything)[0] is None


def test_networks_that_are_kept_out() -> None:
    """What the operator keeps out is not reached, be it public or listed."""
    rules = Rules(inside=(ip_network("10.0.0.0/8"),), never=(ip_network("44.128.0.0/16"), ip_network("10.9.0.0/16")))

    assert through("44.128.0.25", 25, rules) == (Withheld.NEVER, [])
    assert through("10.9.0.1", 25, rules) == (Withheld.NEVER, [])
    assert through("10.8.0.1", 25, rules)[0] is None
    assert told(("10.9.0.1", "10.8.0.1"), rules) == (("10.0.0.0", "10.8.0.1"), {"10.9.0.1": "mx.example.org"})


def test_this_very_machine() -> None:
    """An address of this machine is not dialled unless it was listed; a machine knows its own."""
    assert through("44.128.0.25", own=True) == (Withheld.OWN, [])
    assert through("44.128.0.25", rules=Rules(inside=(ip_network("44.128.0.25/32"),)), own=True)[0] is None
    assert is_own(ip_address("127.0.0.1"))
    assert is_own(ip_address("127.7.7.7"))
    assert not is_own(ip_address("192.0.2.7"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("192.0.2.1", 9))
        assert is_own(ip_address(asking.getsockname()[0]))


def test_https_for_policies_alone() -> None:
    """HTTPS is spoken with the host of the domain's policy, at the addresses that its name had, and with nothing else."""

    async def run() -> list[Withheld | None]:
        line = Line()
        gate = Gate(rules=Rules(), inner=line.dial, own=lambda _: False)
        zone = {("mta-sts.example.org", "A"): ("44.128.0.80", "127.0.0.1"), ("www.example.org", "A"): ("44.128.0.81",)}
        names = Names(lookup=FakeLookup(dict(zone)), gate=gate)
        await names.ask("mta-sts.example.org", "A")
        await names.ask("www.example.org", "A")
        seen: list[Withheld | None] = []
        for address in ("44.128.0.80", "44.128.0.81", "127.0.0.1"):
            try:
                await gate.dial(address, 443, seconds=1)
            except WithheldError as fault:
                seen.append(fault.why)
            except UnreachableError:
                seen.append(None)
        assert line.dialled == [("44.128.0.80", 443)]
        return seen

    assert asyncio.run(run()) == [None, Withheld.PORT, Withheld.NOT_PUBLIC]


def test_one_address_takes_so_many_checks() -> None:
    """However many names lead to one address, only so many checks reach it; one check may connect as often as it needs."""
    often = Rate(2, 600, lambda: 0.0)

    async def run() -> list[int]:
        reached = []
        for _ in range(4):
            line = Line()
            gate = Gate(rules=Rules(), often=often, inner=line.dial, own=lambda _: False)
            for _ in range(5):
                try:
                    await gate.dial("2a02:db0::25", 25, seconds=1)
                except UnreachableError:
                    continue
            reached.append(len(line.dialled))
            assert (Withheld.OFTEN in gate.refused.values()) == (not line.dialled)
        return reached

    assert asyncio.run(run()) == [5, 5, 0, 0]


def test_nobody_is_pinged_who_is_not_dialled() -> None:
    """A ping goes to addresses alone that passed the gate."""
    pinged: list[str] = []

    async def ping(address: str, *, seconds: float) -> bool | None:
        pinged.append(address)
        return True

    async def run() -> list[bool | None]:
        gate = Gate(rules=Rules(), inner=Line().dial, ping=ping, own=lambda _: False)
        for address in ("44.128.0.25", "10.0.0.1"):
            with contextlib.suppress(UnreachableError):
                await gate.dial(address, 25, seconds=1)
        return [await gate.echo(address, seconds=1) for address in ("44.128.0.25", "10.0.0.1", "8.8.8.8", "127.0.0.1", "localhost")]

    assert asyncio.run(run()) == [True, None, None, None, None]
    assert pinged == ["44.128.0.25"]


MEANS = {
    "socket",
    "create_connection",
    "open_connection",
    "create_datagram_endpoint",
    "sock_connect",
    "getaddrinfo",
    "urlopen",
    "getnameinfo",
}


DOORS = {"dialling.py", "echo.py", "lookup.py"}
"""The modules of a check that speak to the network: what they do is given to a scene, and so can be kept within bounds."""


MADE_OF = {"target", "options", "limits", "lookup", "clock", "dial", "echo", "online", "servers", "contacts", "hellos", "looks"}


def test_there_is_no_other_way_out() -> None:
    """No other module of a check opens a socket or resolves a name, and a scene has no means that the gate does not know.

    Whoever adds one gives it to ``diagnose.check.check`` as a parameter, and a guarded one to the gate.
    """
    room = Path(waypost.diagnose.__file__).parent
    for source in sorted([*room.glob("*.py"), *(room / "probes").glob("*.py"), *Path(waypost.msgauth.__file__).parent.glob("*.py")]):
        calls = [node.func for node in ast.walk(ast.parse(source.read_text())) if isinstance(node, ast.Call)]
        names = {each.attr if isinstance(each, ast.Attribute) else each.id for each in calls if isinstance(each, ast.Attribute | ast.Name)}
        assert source.name in DOORS or not names & MEANS, source.name
    assert {each.name for each in fields(Scene)} <= MADE_OF
    assert {"lookup", "dial", "echo"} <= set(inspect.signature(check).parameters)
