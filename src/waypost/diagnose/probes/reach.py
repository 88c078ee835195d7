"""Reachability: connects to each place, and tells from the way that fails, or from what is heard, what stands there. Sends no mail command.

An open port is listened to; one that stays silent is asked on connections of their own whether it waits for TLS or for HTTP, while the
first still waits for a greeting. RFC 5321 sections 3.1 and 4.5.3.2.1, RFC 8314 section 3.3.
"""

from __future__ import annotations

import asyncio
import errno
from ipaddress import ip_address
from typing import TYPE_CHECKING, TypeAlias

from waypost.diagnose.contacts import judge
from waypost.diagnose.dialling import WithheldError
from waypost.diagnose.finding import Finding
from waypost.diagnose.lookup import Outcome
from waypost.diagnose.plan import LOCAL, PORTS, SMTP, SUBMISSIONS
from waypost.diagnose.scene import Contact, Place, Source, Speech, Way
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
    errno.ENOPROTOOPT: Way.PROHIBITED,
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
    pings = {address: asyncio.ensure_future(_pinged(scene, address, waiting)) for address, waiting in _by_address(places, tasks).items()}
    try:
        for task in tasks:
            scene.contacts.append(await task)
        echoes = {address: await ping for address, ping in pings.items()}
    finally:
        for ping in pings.values():
            ping.cancel()
        for task in tasks:
            task.cancel()
            if task.done() and not task.cancelled() and task.exception() is None and task.result() not in scene.contacts:
                task.result().close()
    by_mx = any(server.source is Source.EXCHANGER for server in scene.servers)
    for finding in judge(scene.contacts, needed=_needed(scene), by_mx=by_mx, echoes=echoes):
        yield finding
    if await _nothing_gets_through(scene) and not scene.online():
        yield Finding(key="offline-here", about=scene.target.name)
    left_out = sum(len(server.addresses) for server in scene.servers) - scene.limits.addresses
    if left_out > 0:
        facts = {"count": str(left_out), "most": str(scene.limits.addresses)}
        yield Finding(key="addresses-left-out", about=scene.target.name, facts=facts)


async def _nothing_gets_through(scene: Scene) -> bool:
    """Whether no place was even on the way; where none is known, whether the DNS did not answer either."""
    if scene.contacts:
        return all(contact.way in (Way.NETWORK, Way.WITHHELD) for contact in scene.contacts)
    return (await scene.lookup.ask(scene.target.name, "MX")).outcome in (Outcome.SILENT, Outcome.FAILED)


def _places(scene: Scene) -> Iterator[Place]:
    """Where to connect: of an exchanger SMTP's own port and those of submission, of a named port that one alone."""
    ports = PORTS if scene.target.port is None else (scene.target.port,)
    for server, address in sorted(_chosen(scene), key=lambda pair: scene.servers.index(pair[0])):
        at_home = scene.target.port is None and server.source is Source.GIVEN and ip_address(address).is_loopback
        for port in (*ports, *LOCAL) if at_home else ports:
            yield Place(server.host, address, port)


def _chosen(scene: Scene) -> list[tuple[Server, str]]:
    """As many addresses as are tried: the first of each server, then the second of each, so that none is forgotten for another's many."""
    longest = max((len(server.addresses) for server in scene.servers), default=0)
    turns = [(server, server.addresses[turn]) for turn in range(longest) for server in scene.servers if turn < len(server.addresses)]
    return turns[: scene.limits.addresses]


def _by_address(places: Sequence[Place], tasks: Sequence[asyncio.Future[Contact]]) -> dict[str, list[asyncio.Future[Contact]]]:
    found: dict[str, list[asyncio.Future[Contact]]] = {}
    for place, task in zip(places, tasks, strict=True):
        found.setdefault(place.address, []).append(task)
    return found


async def _pinged(scene: Scene, address: str, waiting: Sequence[asyncio.Future[Contact]]) -> bool | None:
    """Whether a machine of which no port says anything for a while answers a ping; None where that need not be known, or cannot be."""
    done, _ = await asyncio.wait(waiting, timeout=scene.limits.suspicion, return_when=asyncio.FIRST_COMPLETED)
    return None if done else await scene.echo(address, seconds=scene.limits.suspicion)


def _needed(scene: Scene) -> frozenset[int]:
    """The ports that must be open: that which was named, or SMTP's own."""
    return frozenset({scene.target.port or SMTP})


# ---- connecting ----------------------------------------------------------------------------------------------


async def _contact(scene: Scene, place: Place) -> Contact:
    began = scene.clock.monotonic()
    try:
        talk = await scene.connect(place)
    except WithheldError as fault:
        return Contact(place=place, way=Way.WITHHELD, detail=str(fault), withheld=fault.why)
    except UnreachableError as fault:
        way, seconds = way_of(fault), scene.clock.monotonic() - began
        if way is Way.RESET:  # while it is being made a reset refuses; this one came behind the handshake, before we looked
            return Contact(place=place, way=Way.OPEN, seconds=seconds, detail=str(fault), speech=Speech.RESET)
        return Contact(place=place, way=way, seconds=seconds, detail=str(fault))
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
        await talk.start_tls(client_context(verify=False), contact.place.sni, seconds=scene.limits.connect)
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
    beside: list[asyncio.Task[Suspicion]] = []
    again: asyncio.Task[tuple[Talk, Said] | None] | None = None
    try:
        if not listening.done():
            beside = [asyncio.create_task(_tls_there(scene, contact.place)), asyncio.create_task(_other_there(scene, contact.place))]
            again = asyncio.create_task(_again(scene, contact.place))
            guessed = await _first(listening, beside)
            if guessed is not None:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)
                contact.speech, contact.greeting = guessed
                await _greeting_behind_tls(scene, contact)
                return
        _keep(contact, talk, await listening)
        if again is not None and contact.greeted:
            contact.spare = await again
    finally:
        for task in (listening, *beside):
            task.cancel()
        if again is not None and contact.spare is None:
            again.cancel()
            again.add_done_callback(_unwanted)


async def _again(scene: Scene, place: Place) -> tuple[Talk, Said] | None:
    """Wait for the greeting on a second connection too, so that no later probe need begin to wait then."""
    try:
        talk = await scene.connect(place)
    except UnreachableError:
        return None
    try:
        said = await talk.reply(seconds=scene.limits.greeting)
    except asyncio.CancelledError:
        talk.close()
        raise
    if said.code == 220 and not talk.over:
        return talk, said
    talk.close()
    return None


def _unwanted(again: asyncio.Task[tuple[Talk, Said] | None]) -> None:
    """Close a connection that came too late to be of use."""
    came = None if again.cancelled() or again.exception() is not None else again.result()
    if came is not None:
        came[0].close()


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
        await again.start_tls(client_context(verify=False), contact.place.sni, seconds=scene.limits.connect)
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
        await talk.start_tls(client_context(verify=False), place.sni, seconds=scene.limits.connect)
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
