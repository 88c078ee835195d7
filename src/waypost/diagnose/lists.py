"""Block lists in the DNS: which are asked, what an answer means, and when it means nothing. Asks by ``Ask``.

RFC 5782 sections 2.1 (how addresses are asked for) and 5 (test entries: 127.0.0.2 is listed always, 127.0.0.1 never).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING

from waypost.diagnose.shown import found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from waypost.diagnose.finding import Finding
    from waypost.msgauth.asking import Answered, Ask

MOST_ADDRESSES = 4
"""Addresses that are asked for in each list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockList:
    """A list of addresses."""

    zone: str
    operator: str
    page: str
    """Where one looks up an address and asks for it to be taken off."""
    refusals: tuple[str, ...] = ("127.255.255.",)
    """How answers begin that are about whoever asks."""
    ranges: tuple[str, ...] = ()
    """Answers that tell of an address range by its use, not of anything sent from it."""
    ipv6: bool = False


LISTS = (
    BlockList(
        zone="zen.spamhaus.org",
        operator="Spamhaus",
        page="https://check.spamhaus.org/",
        ranges=("127.0.0.10", "127.0.0.11"),
        ipv6=True,
    ),
    BlockList(zone="bl.spamcop.net", operator="SpamCop", page="https://www.spamcop.net/bl.shtml"),
    BlockList(zone="b.barracudacentral.org", operator="Barracuda", page="https://www.barracudacentral.org/lookups"),
    BlockList(zone="psbl.surriel.com", operator="PSBL", page="https://psbl.org/"),
    BlockList(zone="bl.mailspike.net", operator="Mailspike", page="https://mailspike.org/iplookup.html"),
    BlockList(zone="dnsbl-1.uceprotect.net", operator="UCEPROTECT", page="https://www.uceprotect.net/en/rblcheck.php"),
)
"""Lists that many receivers use. Each is asked only after its test entry answers as it must."""


class State(StrEnum):
    """Whether a list can be asked from here."""

    WORKS = "works"
    REFUSES = "refuses"
    """It answers that this resolver may not ask."""
    LISTS_ALL = "lists-all"
    """It lists what must never be listed: it was given up, or somebody else owns the name."""
    SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What one list says of one address."""

    list: BlockList
    address: str
    answers: tuple[str, ...]
    reasons: tuple[str, ...] = ()


def question(address: str, zone: str) -> str:
    """The name that is asked for."""
    pointer = ip_address(address).reverse_pointer
    return f"{pointer.removesuffix('.in-addr.arpa').removesuffix('.ip6.arpa')}.{zone}"


def state(block_list: BlockList, listed: Answered, never: Answered) -> State:
    """What its two test entries say of a list."""
    if any(record.startswith(block_list.refusals) for record in (*listed.records, *never.records)):
        return State.REFUSES
    if never.records or any(not record.startswith("127.") for record in listed.records):
        return State.LISTS_ALL
    return State.WORKS if listed.records else State.SILENT


async def survey(addresses: Sequence[str], dns: Ask, lists: Sequence[BlockList] = LISTS) -> tuple[dict[BlockList, State], list[Listing]]:
    """Ask every list that works for every address."""
    tests = await asyncio.gather(*(_test(each, dns) for each in lists))
    states = dict(zip(lists, tests, strict=True))
    wanted = [
        (each, address)
        for each, found_ in states.items()
        if found_ is State.WORKS
        for address in addresses[:MOST_ADDRESSES]
        if each.ipv6 or ":" not in address
    ]
    answers = await asyncio.gather(*(dns.ask(question(address, each.zone), "A") for each, address in wanted))
    listings = []
    for (each, address), answer in zip(wanted, answers, strict=True):
        codes = tuple(record for record in answer.records if record.startswith("127.") and not record.startswith(each.refusals))
        if codes:
            reasons = await dns.ask(question(address, each.zone), "TXT")
            listings.append(Listing(list=each, address=address, answers=codes, reasons=reasons.records))
    return states, listings


async def _test(block_list: BlockList, dns: Ask) -> State:
    listed, never = await asyncio.gather(
        dns.ask(question("127.0.0.2", block_list.zone), "A"), dns.ask(question("127.0.0.1", block_list.zone), "A")
    )
    return state(block_list, listed, never)


def judge(states: dict[BlockList, State], listings: Sequence[Listing], addresses: Sequence[str]) -> Iterator[Finding]:
    """What is to say of the addresses."""
    for listing in listings:
        key = "listed-range" if set(listing.answers) <= set(listing.list.ranges) else "listed"
        name = question(listing.address, listing.list.zone)
        evidence = (*(f"{name} A {code}" for code in listing.answers), *(f"{name} TXT {text}" for text in listing.reasons))
        facts = {"address": listing.address, "operator": listing.list.operator, "page": listing.list.page}
        yield found(key, f"{listing.address} {listing.list.zone}", *evidence, codes=", ".join(listing.answers), **facts)
    for each, how in states.items():
        if how is State.REFUSES:
            yield found("list-refuses-resolver", each.zone, zone=each.zone, operator=each.operator)
        elif how is State.LISTS_ALL:
            yield found("list-answers-all", each.zone, zone=each.zone)
    asked = [each.zone for each, how in states.items() if how is State.WORKS]
    if not asked:
        yield found("lists-not-asked", ", ".join(addresses), addresses=", ".join(addresses), zones=", ".join(each.zone for each in states))
    elif not listings:
        yield found("lists-clear", ", ".join(addresses), addresses=", ".join(addresses), zones=", ".join(asked))
