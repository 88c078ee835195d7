"""Reachability: connects to each place, and tells from the way that fails, or from what is heard, what stands there. Sends no mail command.

An open port is listened to; one that stays silent is asked on connections of their own whether it waits for TLS or for HTTP, while the
first still waits for a greeting. RFC 5321 sections 3.1 and 4.5.3.2.1, RFC 8314 section 3.3.
"""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, TypeAlias

from waypost.diagnose.finding import Finding
from waypost.diagnose.plan import PORTS, SMTP, SUBMISSION, SUBMISSIONS
from waypost.diagnose.scene import UNREACHED, Contact, Place, Speech, Way, is_ip
from waypost.diagnose.talk import NOTHING, Said, Talk
from waypost.net.dial import UnreachableError
from waypost.net.stream import HandshakeError
from waypost.net.tls import client_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from waypost.diagnose.scene import Scene, Server

_ERRNO = {
    errno.ECONNREFUSED: Way.REFUSED,
    errno.ECONNRESET: Way.RESET,
    errno.ETIMEDOUT: Way.DROPPED,
    errno.ENETUNREACH: Way.NETWORK,
    errno.EADDRNOTAVAIL: Way.NETWORK,
    errno.EAFNOSUPPORT: Way.NETWORK,
    errno.EHOSTUNREACH: Way.HOST,
    errno.EACCES: Way.PROHIBITED,
    errno.EPERM: Way.PROHIBITED,
}
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
Suspicion: TypeAlias = tuple[Speech, Said] | None
"""Another protocol, and what was heard of it; None where it is not that."""

_OPENINGS = (
    (b"SSH-", Speech.SSH),
    (b"* OK", Speech.IMAP),
    (b"* PREAUTH", Speech.IMAP),
    (b"* BYE", Speech.IMAP),
    (b"+OK", Speech.POP3),
    (b"-ERR", Speech.POP3),
    (b"HTTP/", Speech.HTTP),
    (b"<!DOCTYPE", Speech.HTTP),
    (b"<html", Speech.HTTP),
    (b"\x15\x03", Speech.TLS),
)
"""How other protocols begin; the last is an alert of TLS."""


async def probe(scene: Scene) -> AsyncIterator[Finding]:
    """Try every place at once; tell of each host when all of its places are known."""
    places = list(_places(scene))
    tasks = [asyncio.ensure_future(_contact(scene, place)) for place in places]
    try:
        for task in tasks:
            scene.contacts.append(await task)
    finally:
        for task in tasks:
            task.cancel()
            if task.done() and not task.cancelled() and task.exception() is None and task.result() not in scene.contacts:
                talk = task.result().take()
                if talk is not None:
                    talk.close()
    for finding in judge(scene.contacts, needed=_needed(scene)):
        yield finding
    left_out = sum(len(server.addresses) for server in scene.servers) - scene.limits.addresses
    if left_out > 0:
        facts = {"count": str(left_out), "most": str(scene.limits.addresses)}
        yield Finding(key="addresses-left-out", about=scene.target.name, facts=facts)


def _places(scene: Scene) -> Iterator[Place]:
    """Where to connect: of an exchanger SMTP's own port and those of submission, of a named port that one alone."""
    ports = PORTS if scene.target.port is None else (scene.target.port,)
    for server, address in sorted(_chosen(scene), key=lambda pair: scene.servers.index(pair[0])):
        for port in ports:
            yield Place(server.host, address, port)


def _chosen(scene: Scene) -> list[tuple[Server, str]]:
    """As many addresses as are tried: the first of each server, then the second of each, so that none is forgotten for another's many."""
    longest = max((len(server.addresses) for server in scene.servers), default=0)
    turns = [(server, server.addresses[turn]) for turn in range(longest) for server in scene.servers if turn < len(server.addresses)]
    return turns[: scene.limits.addresses]


def _needed(scene: Scene) -> frozenset[int]:
    """The ports that must be open: that which was named, or SMTP's own."""
    return frozenset({scene.target.port or SMTP})


# ---- connecting ----------------------------------------------------------------------------------------------


async def _contact(scene: Scene, place: Place) -> Contact:
    began = scene.clock.monotonic()
    try:
        talk = await scene.connect(place)
    except UnreachableError as fault:
        return Contact(place=place, way=way_of(fault), seconds=scene.clock.monotonic() - began, detail=str(fault))
    contact = Contact(place=place, way=Way.OPEN, seconds=scene.clock.monotonic() - began)
    try:
        await (_behind_tls if place.port == SUBMISSIONS else _in_the_clear)(scene, contact, talk)
    finally:
        if contact.talk is not talk:
            talk.close()
    return contact


def way_of(fault: UnreachableError) -> Way:
    """How an attempt ended, by the system's own error."""
    cause = fault.__cause__
    if isinstance(cause, TimeoutError) and cause.errno is None:
        return Way.DROPPED
    number = cause.errno if isinstance(cause, OSError) else None
    return _ERRNO.get(number or 0, Way.FAILED)


async def _behind_tls(scene: Scene, contact: Contact, talk: Talk) -> None:
    """A port on which TLS comes first (8314#3.3)."""
    contact.implicit_tls = True
    try:
        await talk.start_tls(client_context(verify=False), _sni(contact.place), seconds=scene.limits.connect)
    except HandshakeError as fault:
        contact.detail = str(fault)
        contact.speech, contact.greeting = await _spoken_in_clear(scene, contact.place)
        return
    _keep(contact, talk, await talk.reply(seconds=scene.limits.greeting))


async def _spoken_in_clear(scene: Scene, place: Place) -> tuple[Speech, Said]:
    """After a handshake that failed: whether the port speaks plain text."""
    try:
        talk = await scene.connect(place)
    except UnreachableError:
        return Speech.NO_TLS, NOTHING
    try:
        said = await talk.reply(seconds=scene.limits.suspicion)
    finally:
        talk.close()
    heard = speech_of(said)
    if heard is Speech.SMTP:
        return Speech.PLAIN, said
    return (Speech.NO_TLS if heard in (Speech.SILENT, Speech.CLOSED, Speech.RESET) else heard), said


async def _in_the_clear(scene: Scene, contact: Contact, talk: Talk) -> None:
    """Listen for a greeting; when it does not come at once, ask elsewhere what else it might be."""
    listening = asyncio.ensure_future(talk.reply(seconds=scene.limits.greeting))
    await asyncio.wait([listening], timeout=scene.limits.suspicion)
    suspecting: list[asyncio.Task[Suspicion]] = []
    try:
        if not listening.done():
            suspecting = [asyncio.create_task(_tls_there(scene, contact.place)), asyncio.create_task(_other_there(scene, contact.place))]
            guessed = await _first(listening, suspecting)
            if guessed is not None:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
                contact.speech, contact.greeting = guessed
                await _greeting_behind_tls(scene, contact)
                return
        _keep(contact, talk, await listening)
    finally:
        for task in (listening, *suspecting):
            task.cancel()


async def _first(listening: asyncio.Future[Said], suspecting: Sequence[asyncio.Task[Suspicion]]) -> Suspicion:
    """What a suspicion proved, unless the greeting came before."""
    waiting: set[asyncio.Future[Said] | asyncio.Task[Suspicion]] = {listening, *suspecting}
    while waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if listening in done:
            return None
        for task in suspecting:
            if task in done and not task.cancelled() and task.result() is not None:
                return task.result()
    return None


async def _greeting_behind_tls(scene: Scene, contact: Contact) -> None:
    """Where TLS came first, listen behind it: a port that was named may well be one of submission's (8314#3.3)."""
    if contact.speech is not Speech.TLS:
        return
    contact.implicit_tls = True
    try:
        again = await scene.connect(contact.place)
        await again.start_tls(client_context(verify=False), _sni(contact.place), seconds=scene.limits.connect)
    except (UnreachableError, HandshakeError) as fault:
        contact.detail = str(fault)
        return
    said = await again.reply(seconds=scene.limits.greeting)
    if speech_of(said) is Speech.SMTP and contact.place.port not in PORTS:
        _keep(contact, again, said)
        return
    contact.greeting = said if said.lines else NOTHING
    contact.detail = again.tls
    again.close()


async def _tls_there(scene: Scene, place: Place) -> Suspicion:
    """Whether the port waits for a TLS handshake."""
    try:
        talk = await scene.connect(place)
    except UnreachableError:
        return None
    try:
        await talk.start_tls(client_context(verify=False), _sni(place), seconds=scene.limits.connect)
    except HandshakeError:
        return None
    finally:
        talk.close()
    return Speech.TLS, NOTHING


async def _other_there(scene: Scene, place: Place) -> Suspicion:
    """Whether something that waits for a line answers it as no mail server does."""
    try:
        talk = await scene.connect(place)
    except UnreachableError:
        return None
    try:
        talk.send(b"HELP\r\n\r\n")
        said = await talk.reply(seconds=scene.limits.greeting)
    finally:
        talk.close()
    heard = speech_of(said)
    return None if heard in (Speech.SMTP, Speech.SILENT, Speech.CLOSED, Speech.RESET) else (heard, said)


def _keep(contact: Contact, talk: Talk, said: Said) -> None:
    contact.speech, contact.greeting = speech_of(said), said
    if contact.speech is Speech.SMTP and not talk.over:
        contact.talk = talk
    else:
        talk.close()


def _sni(place: Place) -> str | None:
    return None if is_ip(place.host) else place.host


# ---- what it means -------------------------------------------------------------------------------------------


def speech_of(said: Said) -> Speech:
    """Which protocol the first octets belong to."""
    opening = b"".join(said.lines)[:200].lstrip()
    if not opening:
        return {"closed": Speech.CLOSED, "reset": Speech.RESET}.get(said.ended, Speech.SILENT)
    for begins, speech in _OPENINGS:
        if opening.lower().startswith(begins.lower()):
            return speech
    if said.code == 220 and b"ftp" in opening.lower() and b"smtp" not in opening.lower():
        return Speech.FTP
    if said.code or opening[:1] in b"2345" or b"smtp" in opening.lower():
        return Speech.SMTP
    return Speech.OTHER


def judge(contacts: Sequence[Contact], *, needed: frozenset[int]) -> Iterator[Finding]:
    """What all attempts together come to."""
    answering = {contact.place.host for contact in contacts if contact.open and contact.place.port in needed}
    for host, address in dict.fromkeys((contact.place.host, contact.place.address) for contact in contacts):
        mine = [contact for contact in contacts if (contact.place.host, contact.place.address) == (host, address)]
        if host in answering and all(contact.way is Way.NETWORK for contact in mine):
            continue  # that this machine lacks a family of addresses is no fault of a host that answers over the other
        yield from _judge_address(mine, needed)
    yield from _judge_families(contacts, needed)


def _judge_address(contacts: Sequence[Contact], needed: frozenset[int]) -> Iterator[Finding]:
    """One address of one host."""
    for contact in contacts:
        if contact.open:
            yield from _judge_open(contact)
        elif contact.place.port in needed:
            yield _closed(contact, contacts)
    place = contacts[0].place
    closed = [contact for contact in contacts if not contact.open and contact.place.port not in needed]
    if closed:
        ports = ", ".join(str(contact.place.port) for contact in closed)
        evidence = tuple(f"{contact.place.shown}: {contact.detail}" for contact in closed)
        yield Finding(key="ports-closed", about=place.address, evidence=evidence, facts={"ports": ports, "host": place.host})


def _judge_open(contact: Contact) -> Iterator[Finding]:
    facts = {**_facts(contact), "detail": contact.detail}
    key = _SPEECHES.get(contact.speech) if contact.speech is not None else None
    if key is None:
        yield Finding(key="port-open", about=contact.place.shown, facts=facts)
        return
    yield Finding(key=key, about=contact.place.shown, evidence=contact.greeting.evidence or _detail(contact), facts=facts)


def _detail(contact: Contact) -> tuple[str, ...]:
    return (contact.detail,) if contact.detail else ()


def _closed(contact: Contact, beside: Sequence[Contact]) -> Finding:
    """A port that must be open and is not; its neighbours tell a filter from a dead machine."""
    key = UNREACHED[contact.way]
    alive = [other for other in beside if other.way in (Way.OPEN, Way.REFUSED)]
    if contact.place.port == SMTP and contact.way is Way.DROPPED and alive:
        key = "port-25-filtered"
    elif contact.place.port == SMTP and any(other.greeted and other.place.port in (SUBMISSION, SUBMISSIONS) for other in beside):
        key = "submission-only" if contact.way is Way.REFUSED else key
    elif len(beside) > 1 and {other.way for other in beside} == {Way.DROPPED}:
        key = "address-dead"
    telling = beside if contact.way is Way.DROPPED else ()  # what the neighbours do tells a filter from a machine that is off
    shown = (contact, *(other for other in telling if other is not contact))
    evidence = tuple(f"{other.place.shown}: {other.detail or 'open'}" for other in shown)
    return Finding(key=key, about=contact.place.shown, evidence=evidence[:6], facts={**_facts(contact), "detail": contact.detail})


def _judge_families(contacts: Sequence[Contact], needed: frozenset[int]) -> Iterator[Finding]:
    """Hosts that answer over one family of addresses and not over the other."""
    for host in dict.fromkeys(contact.place.host for contact in contacts):
        mine = [contact for contact in contacts if contact.place.host == host and contact.place.port in needed]
        open_ = {":" in contact.place.address for contact in mine if contact.open}
        shut = [contact for contact in mine if not contact.open and (":" in contact.place.address) not in open_]
        if open_ and shut:
            family = "IPv6" if ":" in shut[0].place.address else "IPv4"
            key = "family-unreachable-here" if all(contact.way is Way.NETWORK for contact in shut) else "family-unreachable"
            evidence = tuple(f"{contact.place.shown}: {contact.detail}" for contact in shut)
            yield Finding(key=key, about=host, evidence=evidence, facts={"host": host, "family": family})


def _facts(contact: Contact) -> dict[str, str]:
    place = contact.place
    return {
        "host": place.host,
        "address": place.address,
        "port": str(place.port),
        "seconds": f"{contact.seconds:.1f}",
        "waited": f"{contact.greeting.seconds:.0f}",
    }
