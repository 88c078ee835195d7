"""What all attempts to connect come to: a firewall told from a machine that is off, a filter from a refusal, one family from the other.

Knows no network: reads contacts. RFC 5321 sections 3.1 and 5.1, RFC 8314 section 3.3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.diagnose.finding import Finding
from waypost.diagnose.plan import LOCAL, SMTP, SUBMISSION, SUBMISSIONS
from waypost.diagnose.scene import UNREACHED, Contact, Speech, Way

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from waypost.diagnose.dialling import Withheld

_SPEECHES = {
    Speech.SILENT: "silent",
    Speech.CLOSED: "closed-at-once",
    Speech.RESET: "reset-at-once",
    Speech.TLS: "tls-on-plain-port",
    Speech.PLAIN: "plain-on-tls-port",
    Speech.NO_TLS: "no-tls-on-tls-port",
    Speech.HTTP: "http-on-mail-port",
    Speech.SSH: "ssh-on-mail-port",
    Speech.IMAP: "imap-on-mail-port",
    Speech.POP3: "pop3-on-mail-port",
    Speech.FTP: "ftp-on-mail-port",
    Speech.OTHER: "other-protocol",
}


def judge(
    contacts: Sequence[Contact], *, needed: frozenset[int], by_mx: bool = False, echoes: Mapping[str, bool | None] | None = None
) -> Iterator[Finding]:
    """What all attempts together come to.

    ``needed``: ports that must be open; ``by_mx``: the hosts are exchangers of a domain; ``echoes``: addresses to whether they answered a
    ping, None where nobody could or need ask.
    """
    answering = {contact.place.host for contact in contacts if contact.open and contact.place.port in needed}
    by_four = {contact.place.host for contact in contacts if contact.open and contact.place.port in needed and not _six(contact)}
    for host, address in dict.fromkeys((contact.place.host, contact.place.address) for contact in contacts):
        mine = [contact for contact in contacts if (contact.place.host, contact.place.address) == (host, address)]
        if host in answering and all(contact.way is Way.NETWORK for contact in mine):
            continue  # that this machine lacks a family of addresses is no fault of a host that answers over the other
        spared = needed if host in by_four and ":" in address else frozenset()  # told as a family, below: mail arrives all the same
        yield from _judge_address(mine, needed, spared=spared, by_mx=by_mx, echo=(echoes or {}).get(address))
    yield from _judge_families(contacts, needed)


def _six(contact: Contact) -> bool:
    return ":" in contact.place.address


def _judge_address(
    contacts: Sequence[Contact], needed: frozenset[int], *, spared: frozenset[int], by_mx: bool, echo: bool | None
) -> Iterator[Finding]:
    """One address of one host."""
    for contact in contacts:
        if contact.open:
            yield from _judge_open(contact)
        elif contact.place.port in needed - spared and contact.withheld is None:
            yield _closed(contact, contacts, by_mx=by_mx, echo=echo)
    place = contacts[0].place
    for why in dict.fromkeys(contact.withheld for contact in contacts if contact.withheld is not None):
        yield _untried(why, [contact for contact in contacts if contact.withheld is why])
    closed = [contact for contact in contacts if not (contact.open or contact.withheld) and contact.place.port not in (*needed, *LOCAL)]
    if closed:
        ports = _ports(closed)
        yield Finding(key="ports-closed", about=place.address, evidence=_details(closed), facts={"ports": ports, "host": place.host})


def _judge_open(contact: Contact) -> Iterator[Finding]:
    facts = {**_facts(contact), "detail": contact.detail}
    key = _SPEECHES.get(contact.speech) if contact.speech is not None else None
    if key is None:
        yield Finding(key="port-open", about=contact.place.shown, facts=facts)
        return
    yield Finding(key=key, about=contact.place.shown, evidence=contact.greeting.evidence or _detail(contact), facts=facts)


def _detail(contact: Contact) -> tuple[str, ...]:
    return (contact.detail,) if contact.detail else ()


def _closed(contact: Contact, beside: Sequence[Contact], *, by_mx: bool, echo: bool | None) -> Finding:
    """A port that must be open and is not; its neighbours tell a filter from a dead machine."""
    elsewhere = next((str(other.place.port) for other in beside if other.greeted), "")
    facts = {**_facts(contact), "detail": contact.detail, "ports": _ports(beside), "elsewhere": elsewhere}
    telling = beside if contact.way is Way.DROPPED else ()  # what the neighbours do tells a filter from a machine that is off
    shown = (contact, *(other for other in telling if other is not contact))
    pinged = () if echo is None else (f"{contact.place.address} answers {'a ping' if echo else 'no ping either'}",)
    key = _key_of_closed(contact, beside, by_mx=by_mx, echo=echo)
    return Finding(key=key, about=contact.place.shown, evidence=(*_details(shown), *pinged), facts=facts)


def _key_of_closed(contact: Contact, beside: Sequence[Contact], *, by_mx: bool, echo: bool | None) -> str:
    alive = any(other.way in (Way.OPEN, Way.REFUSED) for other in beside if other is not contact)
    submits = any(other.greeted and other.place.port in (SUBMISSION, SUBMISSIONS) for other in beside)
    smtp = contact.place.port == SMTP
    match contact.way:
        case Way.DROPPED if smtp and alive:
            return "port-25-filtered"
        case Way.DROPPED if len(beside) > 1 and all(other.way is Way.DROPPED for other in beside):
            return "mail-ports-filtered" if echo else "address-dead"
        case Way.REFUSED if smtp and submits and not by_mx:
            return "submission-only"
        case Way.REFUSED if any(other.greeted and other.place.port in LOCAL for other in beside):
            return "listens-elsewhere"
        case Way.NETWORK | Way.HOST if alive:
            return "connection-prohibited"  # the way to the machine is there: a rule rejects this port
        case _:
            return UNREACHED[contact.way]


def _ports(contacts: Sequence[Contact]) -> str:
    return ", ".join(str(contact.place.port) for contact in contacts)


def _details(contacts: Sequence[Contact]) -> tuple[str, ...]:
    """How each attempt ended; ports that ended alike in one line."""
    alike: dict[str, list[Contact]] = {}
    for contact in contacts:
        alike.setdefault(contact.detail or "open", []).append(contact)
    lines = []
    for detail, same in alike.items():
        first, *more = same
        ports = "".join(f", {contact.place.port}" for contact in more)
        lines.append(f"{first.place.shown}{ports}: {detail}")
    return tuple(lines)


def _untried(why: Withheld, contacts: Sequence[Contact]) -> Finding:
    """What nobody tried at one address, told once for all ports."""
    first = contacts[0]
    about = first.place.shown if len(contacts) == 1 else first.place.address
    ports = _ports(contacts)
    return Finding(key=why.value, about=about, facts={**_facts(first), "ports": ports, "detail": first.detail})


def _judge_families(contacts: Sequence[Contact], needed: frozenset[int]) -> Iterator[Finding]:
    """Hosts that answer over one family of addresses and not over the other."""
    for host in dict.fromkeys(contact.place.host for contact in contacts):
        mine = [contact for contact in contacts if contact.place.host == host and contact.place.port in needed]
        open_ = {":" in contact.place.address for contact in mine if contact.open}
        shut = [contact for contact in mine if not (contact.open or contact.withheld) and (":" in contact.place.address) not in open_]
        if open_ and shut:
            family = "IPv6" if ":" in shut[0].place.address else "IPv4"
            key = "family-unreachable-here" if all(contact.way is Way.NETWORK for contact in shut) else "family-unreachable"
            yield Finding(key=key, about=host, evidence=_details(shut), facts={"host": host, "family": family})


def _facts(contact: Contact) -> dict[str, str]:
    place = contact.place
    return {
        "host": place.host,
        "address": place.address,
        "port": str(place.port),
        "seconds": f"{contact.seconds:.1f}",
        "waited": f"{contact.greeting.seconds:.0f}",
    }
