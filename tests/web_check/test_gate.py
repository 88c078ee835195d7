"""The gate: which addresses a check reaches, judged on the very address that is dialled."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import socket
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import waypost.diagnose
import waypost.msgauth
from support.broken_servers import FakeLookup
from waypost.diagnose.check import check
from waypost.diagnose.dialling import Withheld, WithheldError
from waypost.diagnose.lookup import Outcome, Vouching, Word
from waypost.diagnose.plan import PORTS
from waypost.diagnose.scene import Scene
from waypost.net.dial import UnreachableError
from waypost.web.check.gate import Gate, Names, Rules, is_own
from waypost.web.check.special import BLOCKS, block_of, client_network, parsed
from waypost.web.rate import Rate

REGISTRY = (
    *("0.0.0.0/8", "0.0.0.0/32", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/24", "192.0.0.0/29", "192.0.0.8/32", "192.0.0.9/32", "192.0.0.10/32", "192.0.0.170/32", "192.0.0.171/32"),
    *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.88.99.2/32", "192.168.0.0/16", "192.175.48.0/24"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "255.255.255.255/32", "224.0.0.0/4"),
    *("::1/128", "::/128", "::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64"),
    *("2001::/23", "2001::/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:2::/48", "2001:3::/32", "2001:4:112::/48"),
    *("2001:10::/28", "2001:20::/28", "2001:30::/28", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16"),
    *("fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
)
"""IANA's registries of special-purpose addresses, row by row, with multicast, site-local and IPv4-compatible addresses beside them."""
PUBLIC = ("8.8.8.8", "44.128.0.25", "1.1.1.1", "223.255.255.255", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0")
PUBLIC += (
    "11.0.0.0",
    "9.255.255.255",
    "192.0.1.0",
    "198.17.255.255",
    "198.20.0.0",
    "2a02:db0::25",
    "2606:4700::1",
    "2001:200::1",
    "2003::1",
)


@dataclass
class Line:
    """Stands in for the network and notes what was dialled."""

    dialled: list[tuple[str, int]] = field(default_factory=list)

    async def dial(self, address: str, port: int, *, seconds: float) -> object:
        self.dialled.append((address, port))
        raise UnreachableError("the test has no network")


def through(
    address: str, port: int = 25, rules: Rules | None = None, *, own: bool = False
) -> tuple[Withheld | None, list[tuple[str, int]]]:
    """Why the gate kept a connection back, if it did, and what was dialled."""
    line = Line()
    gate = Gate(rules=rules or Rules(), inner=line.dial, own=lambda _: own)
    try:
        asyncio.run(gate.dial(address, port, seconds=1))
    except WithheldError as fault:
        return fault.why, line.dialled
    except UnreachableError:
        pass
    return None, line.dialled


def within(text: str) -> st.SearchStrategy[IPv4Address | IPv6Address]:
    network = ip_network(text)
    return st.integers(int(network.network_address), int(network.broadcast_address)).map(
        lambda number: IPv4Address(number) if network.version == 4 else IPv6Address(number)
    )


@pytest.mark.parametrize("row", REGISTRY)
def test_no_special_block_is_reached(row: str) -> None:
    """The first and the last address of every block of the registries are kept back, and nothing is dialled."""
    network = ip_network(row)
    for address in (network.network_address, network.broadcast_address):
        assert through(str(address)) == (Withheld.NOT_PUBLIC, [])


@given(st.sampled_from(REGISTRY).flatmap(within))
def test_nothing_in_a_special_block_is_reached(address: IPv4Address | IPv6Address) -> None:
    """Nor is any address between."""
    assert block_of(address) is not None
    assert through(str(address)) == (Withheld.NOT_PUBLIC, [])


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
@example(IPv4Address("8.8.8.8"))
@example(IPv4Address("127.0.0.1"))
def test_no_ipv6_form_of_an_ipv4_address_is_reached(inner: IPv4Address) -> None:
    """Mapped, compatible, NAT64, 6to4, Teredo and ISATAP forms of any IPv4 address are kept back, in whatever way they are written."""
    number = int(inner)
    forms = [
        (0xFFFF << 32) | number,
        number,
        (0x0064_FF9B << 96) | number,
        (0x0064_FF9B_0001 << 80) | number,
        (0x2002 << 112) | (number << 80) | 1,
        (0x2001 << 112) | (number ^ 0xFFFF_FFFF),
        (0x2A02_0DB0 << 96) | (0x5EFE << 32) | number,
        (0x2A02_0DB0 << 96) | (0x0200_5EFE << 32) | number,
    ]
    for form in forms:
        address = IPv6Address(form)
        assert through(str(address)) == (Withheld.NOT_PUBLIC, [])
        assert through(address.exploded) == (Withheld.NOT_PUBLIC, [])
    assert through(f"::ffff:{inner}") == (Withheld.NOT_PUBLIC, [])


@given(st.one_of(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address)))
def test_what_is_dialled_is_public(address: IPv4Address | IPv6Address) -> None:
    """Whatever address comes, what the system is told to dial is that address in its plain form, and the world calls it global."""
    why, dialled = through(str(address))
    if why is None:
        assert [(str(address), 25)] == dialled
        assert address.is_global
        assert not any((address.is_multicast, address.is_private, address.is_reserved, address.is_link_local))
    else:
        assert dialled == []


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_reached(address: str) -> None:
    """The neighbours of every block, and ordinary addresses, pass."""
    assert through(address) == (None, [(address, 25)])


def test_an_address_is_dialled_in_its_plain_form() -> None:
    """However an address is written, the system is handed the one form of what was judged."""
    assert through("2A02:0DB0:0:0::0025") == (None, [("2a02:db0::25", 25)])


@pytest.mark.parametrize(
    "text",
    [
        *(
            "localhost",
            "example.org",
            "127.1",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "2130706433",
            "127.0.0.1 ",
            " 127.0.0.1",
            "[::1]",
            "127.0.0.1\n",
        ),
        *("fe80::1%lo", "2a02:db0::1%eth0", "::1%1", "", "1.1.1.1/32", "\uff11.1.1.1", "1.1.1.1\0", "8.8.8.8:25", "44.128.0.025", "0"),
    ],
)
def test_what_is_no_plain_address_is_not_dialled(text: str) -> None:
    """A name, a number, a zone, another spelling: the system never gets to interpret it."""
    assert through(text) == (Withheld.NOT_PUBLIC, [])


@given(st.integers(-10, 70_000))
def test_ports_of_mail_alone(port: int) -> None:
    """Of a public address the ports of mail are dialled and no other; those of this server's listeners are not, either."""
    expected = (None, [("44.128.0.25", port)]) if port in PORTS else (Withheld.PORT, [])

    assert expected == through("44.128.0.25", port)
    assert expected == through("44.128.0.25", port, Rules(inside=(ip_network("10.0.0.0/8"),), ports=frozenset({port})))


DISGUISED = (
    *("0.0.0.0", "0.1.2.3", "127.0.0.1", "::1", "::", "::ffff:127.0.0.1"),  # noqa: S104 - dialled by a fake, not bound
    *("::127.0.0.1", "224.0.0.1", "255.255.255.255", "ff02::1"),
)
INSIDE = Rules(inside=(ip_network("10.0.0.0/8"), ip_network("127.0.0.0/8"), ip_network("fd00::/8")), ports=frozenset({1025}))
HOME = Rules(inside=INSIDE.inside, ports=INSIDE.ports, home=True)


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


# ---- what is said of names


def told(records: tuple[str, ...], rules: Rules | None = None) -> tuple[tuple[str, ...], dict[str, str]]:
    names = Names(lookup=FakeLookup({("mx.example.org", "A"): records}), gate=Gate(rules=rules or Rules(), own=lambda _: False))
    answer = asyncio.run(names.ask("mx.example.org", "A"))
    assert answer.outcome is Outcome.FOUND
    return answer.records, names.inner


@given(st.sampled_from(BLOCKS).flatmap(lambda block: within(str(block.network))))
def test_inner_addresses_are_not_told(address: IPv4Address | IPv6Address) -> None:
    """Of a name that leads inside, the range is told and never the address; the operator's log has it."""
    records, inner = told((str(address), "44.128.0.25"))

    block = block_of(address)
    assert block is not None
    assert records == (str(address if address.is_loopback else block.network.network_address), "44.128.0.25")
    assert inner == ({} if address.is_loopback else {str(address): "mx.example.org"})


def test_listed_addresses_are_told() -> None:
    """Where the operator lets checks in, they tell what they see."""
    assert told(("10.1.2.3",), INSIDE) == (("10.1.2.3",), {})
    assert told(("10.1.2.3",), HOME) == (("10.1.2.3",), {})


@pytest.mark.parametrize("name", ["mx\\\\032x.example", "a b.example", "mx@example.org", "mx\\r\\nDATA.example", "", "b\u00fccher.example"])
def test_no_address_of_what_is_no_host(name: str) -> None:
    """A name that no host has, as MX may hold it, has no address here: it ends up in no handshake and no command."""
    lookup = FakeLookup({(name, "A"): ("44.128.0.25",)})
    answer = asyncio.run(Names(lookup=lookup, gate=Gate(rules=Rules())).ask(name, "A"))

    assert (answer.outcome, answer.records, lookup.asked) == (Outcome.MISSING, (), [])


def test_names_of_this_machine() -> None:
    """Names that only this machine knows lead nowhere, unless to where whoever asks may go."""

    def local(rules: Rules) -> tuple[str, ...]:
        lookup = FakeLookup({}, local={"localhost": ("127.0.0.1", "::1"), "db": ("10.0.0.5", "192.168.0.5")})
        names = Names(lookup=lookup, gate=Gate(rules=rules))

        async def run() -> tuple[str, ...]:
            return (*await names.local("localhost"), *await names.local("db"), *await names.local("44.128.0.25"))

        return asyncio.run(run())

    assert local(Rules()) == ("44.128.0.25",)
    assert local(INSIDE) == ("10.0.0.5", "44.128.0.25")
    assert local(HOME) == ("127.0.0.1", "10.0.0.5", "44.128.0.25")


def test_inner_resolvers_are_not_told() -> None:
    """Which resolver is asked is told to strangers where it is a public one."""

    class Far(FakeLookup):
        async def vouching(self) -> Vouching:
            return Vouching(word=Word.FAR, resolver="10.0.0.2, 9.9.9.9")

    def resolver(rules: Rules) -> str:
        return asyncio.run(Names(lookup=Far({}), gate=Gate(rules=rules)).vouching()).resolver

    assert resolver(Rules()) == "10.0.0.0/8, 9.9.9.9"
    assert resolver(HOME) == "10.0.0.2, 9.9.9.9"


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", ""),
    ],
)
def test_who_counts_as_one_client(client: str, network: str) -> None:
    """An IPv4 address is one, and so is an IPv6 network of 64 bits."""
    assert network == client_network(client)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_none(text: str) -> None:
    """What is taken for an address reads back as the same."""
    address = parsed(text)
    assert address is None or ip_address(str(address)) == address
