"""Names: what the DNS says of a target, from tables and from a real zone on loopback."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone
import pytest

from support.broken_servers import ADDRESS, DOMAIN, HOST, QUICK, SOUND, FakeLookup, Network, Zone
from waypost.diagnose.check import PROBES, check
from waypost.diagnose.finding import Stage
from waypost.diagnose.lookup import Answer, DnsLookup, Outcome, Vouching, Word, reverse, trusts_ad
from waypost.diagnose.plan import Limits, target
from waypost.diagnose.scene import Source
from waypost.net.dns import resolver_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from waypost.diagnose.lookup import Lookup
    from waypost.diagnose.verdict import Diagnosis

NAMES = tuple(step for step in PROBES if step.stage is Stage.NAMES)
SIX = "2a02:db0::25"
REVERSE = "25.0.128.44.in-addr.arpa"


def ask(zone: Zone, text: str = DOMAIN, *, lookup: Lookup | None = None) -> Diagnosis:
    """What the probe of names finds."""
    return asyncio.run(check(target(text), limits=QUICK, lookup=lookup or FakeLookup(zone), dial=Network({}, {}).dial, probes=NAMES))


def keys(found: Diagnosis) -> set[str]:
    return {finding.key for finding in found.findings}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({(DOMAIN, "MX"): Outcome.MISSING}, "name-missing"),
        ({(DOMAIN, "MX"): Outcome.SILENT, (".", "SOA"): Outcome.SILENT}, "resolver-silent"),
        ({(DOMAIN, "MX"): Outcome.SILENT}, "name-servers-silent"),
        ({(DOMAIN, "MX"): Outcome.FAILED}, "name-servfail"),
        ({(DOMAIN, "MX"): Outcome.BOGUS}, "dnssec-bogus"),
        ({(DOMAIN, "MX"): ("0 .",)}, "mx-null"),
        ({(DOMAIN, "MX"): ("0 .", f"10 {HOST}")}, "mx-null-mixed"),
        ({(DOMAIN, "MX"): ("10 192.0.2.1",)}, "mx-address-literal"),
        ({(DOMAIN, "MX"): (), (DOMAIN, "A"): (ADDRESS,)}, "mx-implicit"),
        ({(DOMAIN, "MX"): ()}, "address-missing"),
        ({(DOMAIN, "CNAME"): ("other.example",)}, "domain-alias"),
        ({(HOST, "CNAME"): ("web.example",)}, "mx-alias"),
        ({(HOST, "A"): ()}, "mx-unresolvable"),
        ({(HOST, "A"): Outcome.MISSING, (HOST, "AAAA"): Outcome.MISSING}, "mx-unresolvable"),
        ({(HOST, "A"): Outcome.FAILED}, "mx-lookup-failed"),
        ({(HOST, "AAAA"): Outcome.FAILED}, "family-lookup-failed"),
        ({(HOST, "A"): ("10.1.2.3",)}, "address-private"),
        ({(HOST, "A"): ("127.0.0.1",)}, "address-private"),
        ({(HOST, "A"): (), (HOST, "AAAA"): (SIX,)}, "no-ipv4"),
        ({}, "no-ipv6"),
        ({(DOMAIN, "MX"): (f"10 {HOST}", "20 mx2.example"), ("mx2.example", "A"): (ADDRESS,)}, "mx-same-address"),
        ({(REVERSE, "PTR"): ()}, "reverse-missing"),
        ({(REVERSE, "PTR"): Outcome.MISSING}, "reverse-missing"),
        ({(REVERSE, "PTR"): ("host-25.provider.example",)}, "reverse-mismatch"),
        ({}, "reverse-confirmed"),
        ({}, "mx-found"),
        ({}, "dnssec-unsigned"),
    ],
)
def test_each_fault_of_names(change: Zone, key: str) -> None:
    """What is wrong in the zone is named."""
    assert key in keys(ask({**SOUND, **change}))


@pytest.mark.parametrize(
    ("word", "claimed", "key"),
    [
        (Word.COUNTS, True, "dnssec-signed"),
        (Word.COUNTS, False, "dnssec-unsigned"),
        (Word.FAR, True, "dnssec-unproven"),
        (Word.FAR, False, "dnssec-unsigned"),
        (Word.NONE, False, "dnssec-unknown"),
    ],
)
def test_whose_word_counts(word: Word, claimed: bool, key: str) -> None:  # noqa: FBT001 - a row of a table
    """DNSSEC is told as the resolver's word is worth: one from far proves nothing, and the silence of one that is blind neither."""

    class Claiming(FakeLookup):
        async def ask(self, name: str, kind: str) -> Answer:
            return replace(await super().ask(name, kind), claimed=claimed, secure=claimed and word is Word.COUNTS)

    found = ask({}, lookup=Claiming(SOUND, word=word))
    told = [finding for finding in found.findings if finding.key.startswith("dnssec-")]
    assert [finding.key for finding in told] == [key]
    assert ("192.0.2.53" in told[0].told().meaning) == (key in ("dnssec-unproven", "dnssec-unknown"))


def test_a_misspelt_name_below_a_domain_that_is_there() -> None:
    """Nobody is sent to the registrar for a name below a domain that takes mail; that domain's exchangers are told."""
    wrong = f"smtp.{DOMAIN}"
    found = ask({**SOUND, (wrong, "MX"): Outcome.MISSING}, wrong).findings
    told = next(finding for finding in found if finding.severity == "error")
    assert (told.key, told.facts["order"]) == ("name-missing-below", HOST)


def test_what_could_not_be_asked_is_no_fault() -> None:
    """A reverse tree that does not answer says nothing about the address."""
    assert not {"reverse-missing", "reverse-mismatch"} & keys(ask({**SOUND, (REVERSE, "PTR"): Outcome.SILENT}))


def test_exchangers_by_preference() -> None:
    """The best exchanger comes first; equal ones in the order of their names; both families of each."""
    zone: Zone = {
        (DOMAIN, "MX"): ("20 b.example", "5 z.example", "20 a.example"),
        ("a.example", "A"): ("44.128.0.1",),
        ("b.example", "A"): ("44.128.0.2",),
        ("z.example", "A"): ("44.128.0.3", "44.128.0.4"),
        ("z.example", "AAAA"): (SIX,),
    }
    servers = ask(zone).servers
    assert [server.host for server in servers] == ["z.example", "a.example", "b.example"]
    assert servers[0].addresses == (SIX, "44.128.0.3", "44.128.0.4")
    assert servers[0].source is Source.EXCHANGER


def test_many_exchangers_are_bounded() -> None:
    """No more hosts than the limit are tried, and it is told that there are more."""
    zone: Zone = {(DOMAIN, "MX"): tuple(f"{number} mx{number}.example" for number in range(9))}
    zone |= {(f"mx{number}.example", "A"): (f"44.128.1.{number}",) for number in range(9)}
    found = ask(zone)
    assert len(found.servers) == QUICK.hosts
    assert next(finding for finding in found.findings if finding.key == "exchangers-left-out").facts["count"] == "4"


def test_thousands_of_exchangers_are_not_looked_up() -> None:
    """A zone with very many MX records does not make this machine ask for all of them."""
    lookup = FakeLookup({(DOMAIN, "MX"): tuple(f"{number} mx{number}.example" for number in range(2000))})
    ask({}, lookup=lookup)
    assert len(lookup.asked) < 50


def test_a_port_means_that_host_alone() -> None:
    """With a port the exchangers of the name are not gone to."""
    zone: Zone = {**SOUND, (DOMAIN, "A"): ("44.128.0.80",)}
    found = ask(zone, f"{DOMAIN}:587")
    assert [(server.host, server.addresses) for server in found.servers] == [(DOMAIN, ("44.128.0.80",))]


def test_names_of_this_machine_ask_no_dns() -> None:
    """What /etc/hosts knows, and an address, is looked up nowhere."""
    lookup = FakeLookup({}, local={"mailbox.test": ("127.0.0.1",)})
    assert ask({}, "mailbox.test", lookup=lookup).servers[0].addresses == ("127.0.0.1",)
    assert ask({}, "127.0.0.1", lookup=lookup).servers[0].addresses == ("127.0.0.1",)
    assert lookup.asked == []


def test_a_system_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plain name whose resolution hangs in the system's own resolver is given up in time, and leaves no thread to wait for."""
    go_on = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: go_on.wait(30) and [])
    assert asyncio.run(DnsLookup(("127.0.0.1:9",), seconds=0.1).local("printer")) == ()
    go_on.set()


# ---- a real zone ---------------------------------------------------------------------------------------------

ZONE = """
$ORIGIN broken.example.
@ 300 IN SOA ns hostmaster 1 7200 3600 1209600 300
@ IN NS ns
@ IN MX 10 mx
@ IN MX 20 MX2.broken.example.
@ IN TXT "v=spf1 " "-all"
ns IN A 44.128.0.53
mx IN A 44.128.0.25
mx IN AAAA 2a02:db0::25
mx2 IN CNAME web
web IN A 44.128.0.80
_25._tcp.mx IN TLSA 3 1 1 aa00bb11aa00bb11aa00bb11aa00bb11aa00bb11aa00bb11aa00bb11aa00bb11
null IN MX 0 .
"""


class NameServer(asyncio.DatagramProtocol):
    """Answers from a zone; ``bogus.`` fails while checking is enabled, ``servfail.`` always, ``signed.`` is vouched for."""

    def __init__(self, zone: dns.zone.Zone) -> None:
        self.zone = zone
        self.silent = False
        self.validates = True
        self.asked = 0

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        if not self.silent:
            self.transport.sendto(self.answer(dns.message.from_wire(data)).to_wire(), addr)

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        question = query.question[0]
        response = dns.message.make_response(query, recursion_available=True)
        label = question.name.labels[0].decode()
        if label == "servfail" or (label == "bogus" and not query.flags & dns.flags.CD):
            response.set_rcode(dns.rcode.SERVFAIL)
        elif question.name == dns.name.root and self.validates:
            response.flags |= dns.flags.AD
            response.answer.append(dns.rrset.from_text(".", 300, "IN", "SOA", "a. b. 1 2 3 4 5"))
        elif label == "signed":
            response.flags |= dns.flags.AD
            response.answer.append(dns.rrset.from_text(question.name, 300, "IN", "MX", "10 mx.broken.example."))
        elif question.name.is_subdomain(self.zone.origin):
            self._find(response, question.name, question.rdtype)
        else:
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response

    def _find(self, response: dns.message.Message, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> None:
        node = self.zone.get_node(name)
        if node is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
            return
        alias = self.zone.get_rrset(name, "CNAME")
        if alias is not None:
            response.answer.append(dns.rrset.from_rdata(name, 300, alias[0]))
            name = alias[0].target.derelativize(self.zone.origin)
        found = self.zone.get_rdataset(name, kind)
        if found is not None:
            rdatas = [dns.rdata.from_text("IN", kind, rdata.to_text(origin=self.zone.origin, relativize=False)) for rdata in found]
            response.answer.append(dns.rrset.from_rdata_list(name, 300, rdatas))


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[NameServer, str]]:
    zone = dns.zone.from_text(ZONE, relativize=False)
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(lambda: NameServer(zone), local_addr=("127.0.0.1", 0))
    try:
        yield server, f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()
        await asyncio.sleep(0)


def test_a_real_zone() -> None:
    """Records, aliases, texts, what is missing, what fails and what DNSSEC says come through from real answers."""

    async def run() -> None:
        async with serving() as (_, at):
            lookup = DnsLookup((at,), seconds=2)
            mx = await lookup.ask("broken.example", "MX")
            assert sorted(mx.records) == ["10 mx.broken.example", "20 mx2.broken.example"]
            assert (await lookup.ask("broken.example", "TXT")).records == ("v=spf1 -all",)
            assert (await lookup.ask("null.broken.example", "MX")).records == ("0 .",)
            aliased = await lookup.ask("mx2.broken.example", "A")
            assert (aliased.records, aliased.aliases) == (("44.128.0.80",), ("web.broken.example",))
            assert (await lookup.ask("mx.broken.example", "TXT")).outcome is Outcome.EMPTY
            assert (await lookup.ask("no.broken.example", "A")).outcome is Outcome.MISSING
            assert (await lookup.ask("servfail.broken.example", "MX")).outcome is Outcome.FAILED
            assert (await lookup.ask("bogus.broken.example", "MX")).outcome is Outcome.BOGUS
            assert (await lookup.ask("signed.broken.example", "MX")).secure
            assert not mx.secure
            assert (await reverse(lookup, "44.128.0.25")).outcome is Outcome.MISSING
            assert (await lookup.ask("_25._tcp.mx.broken.example", "TLSA")).records == (f"3 1 1 {'aa00bb11' * 8}",)

    asyncio.run(run())


def test_whose_word_counts_on_the_wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AD counts from a resolver that was named, that is on this machine, or that the system is told to trust; from no other."""

    async def word(lookup: DnsLookup) -> tuple[Word, bool]:
        return (await lookup.vouching()).word, (await lookup.ask("signed.broken.example", "MX")).secure

    async def run() -> None:
        async with serving() as (server, at):
            real = resolver_of((at,))
            far, trusted = tmp_path / "far", tmp_path / "trusted"
            far.write_text("nameserver 192.0.2.53\n")
            trusted.write_text("nameserver 192.0.2.53\noptions edns0 trust-ad\n")
            assert await word(DnsLookup((at,))) == (Word.COUNTS, True)
            with monkeypatch.context() as patched:
                patched.setattr("waypost.diagnose.lookup.resolver_of", lambda _: real)
                assert await word(DnsLookup(system=far)) == (Word.COUNTS, True)
                patched.setattr("waypost.diagnose.lookup._at_home", lambda _: False)
                assert await word(DnsLookup(system=far)) == (Word.FAR, False)
                assert await word(DnsLookup(system=trusted)) == (Word.COUNTS, True)
            server.validates = False
            assert await DnsLookup((at,)).vouching() == Vouching(word=Word.NONE, resolver="127.0.0.1")

    asyncio.run(run())
    assert not trusts_ad(tmp_path / "none")


def test_a_check_against_a_real_zone() -> None:
    """The probe of names works on real answers as on tables."""

    async def run() -> Diagnosis:
        async with serving() as (_, at):
            lookup = DnsLookup((at,), seconds=2)
            return await check(target("broken.example"), limits=QUICK, lookup=lookup, dial=Network({}, {}).dial, probes=NAMES)

    found = asyncio.run(run())
    assert [server.host for server in found.servers] == ["mx.broken.example", "mx2.broken.example"]
    assert {"mx-found", "mx-alias", "reverse-missing", "dnssec-unsigned"} <= keys(found)


def test_a_dead_resolver_is_waited_for_once() -> None:
    """When no resolver answers, one timeout tells it; whatever else is asked fails at once."""

    async def run() -> tuple[Diagnosis, int]:
        async with serving() as (server, at):
            server.silent = True
            lookup = DnsLookup((at,), seconds=0.4)
            found = await check(target("broken.example"), limits=Limits(dns=0.4), lookup=lookup, dial=Network({}, {}).dial)
            before = server.asked
            assert (await lookup.ask("more.example", "A")).outcome is Outcome.SILENT
            assert server.asked == before
            return found, server.asked

    found, _ = asyncio.run(run())
    assert "resolver-silent" in keys(found)
    assert found.exit_code == 2
    assert "name-missing" not in keys(found)
