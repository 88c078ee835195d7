"""Names, asked of a real responder on loopback."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from waypost.clock import Clock
from waypost.net.dns import CachingResolver, Exchanger, NameLookupError, NameMissingError, read_hosts, resolver_address
from waypost.net.settings import DnsSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

SOA = "example. 60 IN SOA ns.example. root.example. 1 2 3 4 30"


class Responder(asyncio.DatagramProtocol):
    """Answers by a table of ``(name, type)``: records as text, a response code, ``truncated`` or silence."""

    def __init__(self, zone: dict[tuple[str, str], object]) -> None:
        self.zone = zone
        self.asked: list[tuple[str, str]] = []
        self.over_tcp = 0
        self.delay = 0.0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self.answer(data, tcp=False)
        if answer is not None:
            asyncio.get_running_loop().call_later(self.delay, self.transport.sendto, answer, addr)

    async def serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        answer = self.answer(await reader.readexactly(size), tcp=True)
        writer.write(len(answer).to_bytes(2, "big") + answer)
        writer.close()
        await writer.wait_closed()

    def answer(self, octets: bytes, *, tcp: bool) -> bytes | None:
        query = dns.message.from_wire(octets)
        question = query.question[0]
        asked = (question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype))
        self.asked.append(asked)
        self.over_tcp += tcp
        entry = self.zone.get(asked, ())
        if entry == "silence":
            return None
        response = dns.message.make_response(query, recursion_available=True)
        if isinstance(entry, dns.rcode.Rcode):
            response.set_rcode(entry)
        elif entry == "truncated" and not tcp:
            response.flags |= dns.flags.TC
        else:
            records = ("192.0.2.9",) if entry == "truncated" else entry
            if records:
                response.answer.append(dns.rrset.from_text(question.name, 60, "IN", asked[1], *records))
        if not response.answer:
            name, ttl, _, kind, rest = SOA.split(" ", 4)
            response.authority.append(dns.rrset.from_text(name, int(ttl), "IN", kind, rest))
        return response.to_wire()


@asynccontextmanager
async def responding(zone: dict[tuple[str, str], object]) -> AsyncIterator[tuple[Responder, int]]:
    loop = asyncio.get_running_loop()
    responder = Responder(zone)
    tcp = await asyncio.start_server(responder.serve_tcp, "127.0.0.1", 0)
    port = tcp.sockets[0].getsockname()[1]
    transport, _ = await loop.create_datagram_endpoint(lambda: responder, local_addr=("127.0.0.1", port))
    try:
        yield responder, port
    finally:
        transport.close()
        tcp.close()
        await asyncio.sleep(0)


class Hands:
    def __init__(self) -> None:
        self.now = 1000.0

    @property
    def clock(self) -> Clock:
        return Clock(wall=lambda: self.now, monotonic=lambda: self.now)


def ask(
    zone: dict[tuple[str, str], object],
    work: Callable[[CachingResolver, Responder, Hands], Awaitable[object]],
    *,
    hosts: Path | None = None,
    **settings: object,
) -> object:
    async def run() -> object:
        async with responding(zone) as (responder, port):
            hands = Hands()
            wanted = DnsSettings(resolvers=(f"127.0.0.1:{port}",), **{"seconds": 1, **settings})
            extra = {"hosts": hosts} if hosts is not None else {}
            return await work(CachingResolver(wanted, clock=hands.clock, **extra), responder, hands)

    return asyncio.run(run())


def test_exchangers() -> None:
    """MX records come in lower case without their last dot; a null MX is an empty name."""
    zone = {("a.example", "MX"): ("10 MX1.a.example.", "20 mx2.a.example."), ("null.example", "MX"): ("0 .",)}

    async def work(names: CachingResolver, *_: object) -> object:
        return sorted(await names.exchangers("a.example"), key=lambda each: each.preference), await names.exchangers("null.example")

    assert ask(zone, work) == ([Exchanger(10, "mx1.a.example"), Exchanger(20, "mx2.a.example")], (Exchanger(0, ""),))


def test_no_records_is_no_error() -> None:
    """A name that exists without MX records has none."""

    async def work(names: CachingResolver, *_: object) -> object:
        return await names.exchangers("a.example"), await names.addresses("b.example")

    assert ask({}, work) == ((), ())


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        (dns.rcode.NXDOMAIN, NameMissingError),
        (dns.rcode.SERVFAIL, NameLookupError),
        (dns.rcode.REFUSED, NameLookupError),
        ("silence", NameLookupError),
    ],
)
def test_failures(entry: object, error: type[Exception]) -> None:
    """Only NXDOMAIN means that there is no such name; everything else may pass."""

    async def work(names: CachingResolver, *_: object) -> None:
        with pytest.raises(error):
            await names.exchangers("a.example")
        with pytest.raises(error):
            await names.addresses("a.example")

    ask({("a.example", kind): entry for kind in ("MX", "A", "AAAA")}, work)


def test_families_take_turns() -> None:
    """IPv6 and IPv4 addresses alternate; without IPv6 only the others come, and AAAA is not asked for."""
    zone = {("a.example", "A"): ("192.0.2.1", "192.0.2.2", "192.0.2.3"), ("a.example", "AAAA"): ("2001:db8::1",)}

    async def work(names: CachingResolver, responder: Responder, _: object) -> object:
        four = await names.addresses("a.example", ipv6=False)
        asked = list(responder.asked)
        return [":" in address for address in await names.addresses("a.example")], len(four), asked

    assert ask(zone, work) == ([True, False, False, False], 3, [("a.example", "A")])


def test_one_family_is_enough() -> None:
    """A family that cannot be looked up does not hide the other."""
    zone = {("a.example", "A"): ("192.0.2.1",), ("a.example", "AAAA"): dns.rcode.SERVFAIL}

    async def work(names: CachingResolver, *_: object) -> object:
        return await names.addresses("a.example")

    assert ask(zone, work) == ("192.0.2.1",)


def test_truncated_answers_come_by_tcp() -> None:
    """A truncated answer is asked for again over TCP."""

    async def work(names: CachingResolver, responder: Responder, _: object) -> object:
        return await names.addresses("a.example", ipv6=False), responder.over_tcp

    assert ask({("a.example", "A"): "truncated"}, work) == (("192.0.2.9",), 1)


def test_answers_are_kept_as_long_as_they_say() -> None:
    """An answer is asked for once within its lifetime, and again one second past it."""

    async def work(names: CachingResolver, responder: Responder, hands: Hands) -> object:
        counts = []
        for later in (0, 59, 2):
            hands.now += later
            await names.exchangers("a.example")
            counts.append(len(responder.asked))
        return counts

    assert ask({("a.example", "MX"): ("10 mx.example.",)}, work) == [1, 1, 2]


def test_negative_answers_are_kept_as_the_soa_says() -> None:
    """NXDOMAIN and empty answers are kept for the lesser of the SOA's lifetime and minimum: here 30 seconds."""
    zone = {("gone.example", "MX"): dns.rcode.NXDOMAIN}

    async def work(names: CachingResolver, responder: Responder, hands: Hands) -> object:
        counts = []
        for later in (0, 29, 2):
            hands.now += later
            await names.exchangers("empty.example")
            with pytest.raises(NameMissingError):
                await names.exchangers("gone.example")
            counts.append(len(responder.asked))
        return counts

    assert ask(zone, work) == [2, 2, 4]


def test_the_cache_has_an_edge() -> None:
    """As many answers as allowed are kept, the oldest goes for one more; none at all when it is zero."""

    async def work(names: CachingResolver, responder: Responder, _: object) -> object:
        for name in ("a.example", "b.example", "a.example", "c.example", "a.example"):
            await names.exchangers(name)
        return len(responder.asked)

    assert ask({}, work, cache_entries=2) == 4
    assert ask({}, work, cache_entries=3) == 3
    assert ask({}, work, cache_entries=0) == 5


def test_no_answer_is_kept_longer_than_allowed() -> None:
    """cache_seconds cuts the lifetime of an answer that names a longer one."""

    async def work(names: CachingResolver, responder: Responder, hands: Hands) -> object:
        counts = []
        for later in (0, 9, 2):
            hands.now += later
            await names.exchangers("a.example")
            counts.append(len(responder.asked))
        return counts

    assert ask({("a.example", "MX"): ("10 mx.example.",)}, work, cache_seconds=10) == [1, 1, 2]


def test_a_silent_resolver_is_waited_for_as_long_as_allowed() -> None:
    """After ``seconds`` the name is said not to be known for now, however often it was asked for meanwhile."""

    async def work(names: CachingResolver, responder: Responder, _: object) -> object:
        responder.delay = 30
        began = asyncio.get_running_loop().time()
        with pytest.raises(NameLookupError, match="no resolver answered in time"):
            await names.exchangers("a.example")
        return round(asyncio.get_running_loop().time() - began) in (1, 2)

    assert ask({}, work) is True


def test_single_flight() -> None:
    """Of many who ask at once only one asks the network, and the others outlive his cancellation."""

    async def work(names: CachingResolver, responder: Responder, _: object) -> object:
        responder.delay = 0.05
        first = asyncio.ensure_future(names.exchangers("a.example"))
        others = [asyncio.ensure_future(names.exchangers("A.example")) for _ in range(20)]
        await asyncio.sleep(0.01)
        alone = len(responder.asked)
        first.cancel()
        found = await asyncio.gather(*others)
        return alone, len(responder.asked), set(found)

    assert ask({("a.example", "MX"): ("10 mx.example.",)}, work) == (1, 2, {(Exchanger(10, "mx.example"),)})


def test_names_that_cannot_be_asked_for() -> None:
    """A name with an impossible label does not exist."""

    async def work(names: CachingResolver, responder: Responder, _: object) -> object:
        with pytest.raises(NameMissingError):
            await names.exchangers("x" * 64 + ".example")
        with pytest.raises(NameMissingError):
            await names.exchangers("a..example")
        return responder.asked

    assert ask({}, work) == []


def test_the_machines_own_names(tmp_path: Path) -> None:
    """Addresses, names of /etc/hosts and names without a dot are never asked of the DNS."""
    hosts = tmp_path / "hosts"
    hosts.write_text("# none\n192.0.2.7 hub.example hub # the hub\n2001:db8::7 hub.example\nnonsense hub2.example\n")

    async def work(names: CachingResolver, responder: Responder, _: object) -> object:
        found = [await names.addresses(name) for name in ("192.0.2.1", "2001:db8::1", "Hub.Example")]
        found.append(await names.addresses("hub.example", ipv6=False))
        assert "127.0.0.1" in await names.addresses("localhost")
        return found, responder.asked

    expected = [("192.0.2.1",), ("2001:db8::1",), ("192.0.2.7", "2001:db8::7"), ("192.0.2.7",)]
    assert ask({}, work, hosts=hosts) == (expected, [])


@pytest.mark.parametrize("name", ["x" * 70, f"{'x' * 70}.localhost", "\udcff", ".localhost"])
def test_what_is_no_name_of_a_host_does_not_exist(name: str) -> None:
    """The system is asked for plain names, and cannot write every one down: that is no fault of anybody's."""

    async def work(names: CachingResolver, *_: object) -> None:
        with pytest.raises(NameMissingError):
            await names.addresses(name)

    ask({}, work)


def test_a_missing_hosts_file_is_empty(tmp_path: Path) -> None:
    """A machine without /etc/hosts knows no names of its own."""
    assert read_hosts(tmp_path / "none") == {}


@pytest.mark.parametrize(("error", "expected"), [(socket.EAI_NONAME, NameMissingError), (socket.EAI_AGAIN, NameLookupError)])
def test_what_the_system_says(monkeypatch: pytest.MonkeyPatch, error: int, expected: type[Exception]) -> None:
    """The system's resolver tells names that do not exist from answers that did not come."""

    async def work(names: CachingResolver, *_: object) -> None:
        async def getaddrinfo(*_: object, **__: object) -> object:
            raise socket.gaierror(error, "so it is")

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
        with pytest.raises(expected):
            await names.addresses("hub")

    ask({}, work)


def test_the_system_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many messages to a smarthost with a plain name make one question to the system's resolver, and the next some seconds later."""
    asked: list[object] = []

    async def work(names: CachingResolver, _: Responder, hands: Hands) -> None:
        async def getaddrinfo(host: str, *_: object, **facts: object) -> object:
            asked.append((host, facts["family"]))
            await asyncio.sleep(0.01)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
        assert await asyncio.gather(*(names.addresses("hub") for _ in range(20))) == [("192.0.2.1",)] * 20
        await names.addresses("hub", ipv6=False)
        hands.now += 6
        await names.addresses("hub")

    ask({}, work)
    assert asked == [("hub", socket.AF_UNSPEC), ("hub", socket.AF_INET), ("hub", socket.AF_UNSPEC)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("[::1]:54", ("::1", 54)),
        ("[::1]", ("::1", 53)),
        ("::1", ("::1", 53)),
    ],
)
def test_resolver_addresses(text: str, expected: tuple[str, int]) -> None:
    """A resolver is an address with or without a port."""
    assert resolver_address(text) == expected


@pytest.mark.parametrize("text", ["dns.example", "192.0.2.53:0", "192.0.2.53:65536", "192.0.2.53:x", ""])
def test_resolver_addresses_that_are_none(text: str) -> None:
    """Anything else is refused, with an example of what to write."""
    with pytest.raises(ValueError, match=r"write 192\.0\.2\.53"):
        resolver_address(text)
