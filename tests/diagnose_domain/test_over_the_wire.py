"""The same questions asked of a real resolver on loopback: joined strings, hashes, the AD bit."""

from __future__ import annotations

import asyncio

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from waypost.diagnose import spf, tlsa
from waypost.diagnose.lookup import DnsLookup
from waypost.msgauth.dmarc import discover
from waypost.msgauth.spf_check import Result, check_host

LONG = " ".join(f"ip4:192.0.2.{number}" for number in range(20))
ZONE = {
    ("d.example", "TXT"): ('"other=1"', f'"v=spf1 {LONG[:100]}" "{LONG[100:]} include:s" ".example -all"'),
    ("s.example", "TXT"): ('"v=spf1 mx ~all"',),
    ("s.example", "MX"): ("10 MX.s.example.", "20 gone.s.example."),
    ("mx.s.example", "A"): ("198.51.100.1",),
    ("_dmarc.example", "TXT"): ('"v=DMARC1; p=reject"',),
    ("_25._tcp.mx.s.example", "TLSA"): (f"3 1 2 {'ab' * 64}",),
}


class Responder(asyncio.DatagramProtocol):
    """A resolver that vouches for everything below s.example."""

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        response = dns.message.make_response(query, recursion_available=True)
        if found := ZONE.get((name, kind)):
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *found))
        if name.endswith("s.example"):
            response.flags |= dns.flags.AD
        self.transport.sendto(response.to_wire(), addr)


async def _run() -> dict[str, object]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Responder, local_addr=("127.0.0.1", 0))
    lookup = DnsLookup((f"127.0.0.1:{transport.get_extra_info('sockname')[1]}",), seconds=2)
    try:
        checked = [
            await check_host(address, "d.example", "a@d.example", "h", lookup) for address in ("192.0.2.19", "198.51.100.1", "10.0.0.1")
        ]
        seen = await spf.survey("d.example", lookup)
        answer = await lookup.ask("_25._tcp.mx.s.example", "TLSA")
        return {
            "results": [each.result for each in checked],
            "lookups": len(seen.lookups),
            "dmarc": (await discover("d.example", lookup)).at,
            "tlsa": tlsa.Met(host="mx.s.example", answer=answer).usable,
            "signed": (answer.secure, seen.answer.secure if hasattr(seen.answer, "secure") else None),
        }
    finally:
        transport.close()


@pytest.fixture(scope="module")
def told() -> dict[str, object]:
    return asyncio.run(_run())


def test_strings_are_joined(told: dict[str, object]) -> None:
    """A record in three strings is read as one, and what it includes is followed."""
    assert told["results"] == [Result.PASS, Result.PASS, Result.FAIL]
    assert told["lookups"] == 2


def test_the_walk_asks_upwards(told: dict[str, object]) -> None:
    """The policy above the domain is found."""
    assert told["dmarc"] == "example"


def test_what_the_resolver_vouches_for(told: dict[str, object]) -> None:
    """The AD bit comes with each answer, and a long hash is read whole."""
    usable = told["tlsa"]
    assert isinstance(usable, tuple)
    assert [(each.usage, each.selector, each.matching, len(each.data)) for each in usable] == [(3, 1, 2, 64)]
    assert told["signed"] == (True, False)
