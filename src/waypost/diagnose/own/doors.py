"""The listeners of the own server: each is gone to from this machine, and held against what its role and TLS mode say. Sends no mail.

RFC 5321 section 4.3.1, RFC 2033 section 4.1 (LHLO), RFC 3207 section 4, RFC 4954 section 4, RFC 8314 section 3.3.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from waypost.diagnose.dialling import dial as open_eyed
from waypost.diagnose.offers import mechanisms
from waypost.diagnose.own.view import Met
from waypost.diagnose.probes.greeting import judge as judge_greeting
from waypost.diagnose.probes.greeting import name_in
from waypost.diagnose.probes.reach import speech_of, way_of
from waypost.diagnose.scene import Contact, Hello, Place, Server, Speech, Way, offered
from waypost.diagnose.send.auth import MECHANISMS
from waypost.diagnose.shown import found
from waypost.diagnose.talk import Said, Talk
from waypost.net.dial import UnreachableError, dial_unix
from waypost.net.stream import HandshakeError
from waypost.net.tls import client_context
from waypost.smtp.terms import Role, TlsMode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.own.facts import Door, Own
    from waypost.diagnose.own.view import View
    from waypost.diagnose.scene import Scene

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
_READABLE = frozenset(name for name, row in MECHANISMS.items() if row.readable)
_SPOKEN = {Role.LMTP: "LHLO"}


async def probe(view: View, scene: Scene) -> AsyncIterator[Finding]:
    """Go to each listener that may be ours, all at once."""
    wanted = [door for door in view.own.doors if reachable(door)]
    view.met += await asyncio.gather(*(_meet(view.own, scene, door) for door in wanted))
    closed = [Place(view.own.hostname, address_of(door), door.place.port) for door in view.own.doors if door.bound is False]
    scene.contacts += [met.contact for met in view.met]
    scene.contacts += [Contact(place=place, way=Way.REFUSED, detail="nothing listens") for place in closed]
    addresses = dict.fromkeys(contact.place.address for contact in scene.contacts)
    scene.servers = [Server(host=view.own.hostname, addresses=tuple(addresses))] if addresses else []
    for met in view.met:
        for finding in judge(view.own, met):
            yield finding


def reachable(door: Door) -> bool:
    """Whether it makes sense to knock: it is ours, or nobody knows whose."""
    return door.ours or (door.bound is None and bool(door.place.port or door.place.path))


def address_of(door: Door) -> str:
    """Where a client on this machine finds it."""
    return door.place.path or _EVERYWHERE.get(door.place.address, door.place.address)


# ---- meeting --------------------------------------------------------------------------------------------------


async def knock(scene: Scene, door: Door, *, source: str = "") -> Talk:
    """A connection, from the address ``source`` where one is given. Raises UnreachableError."""
    if door.place.path:
        stream = await dial_unix(door.place.path, seconds=scene.limits.connect)
    elif source:
        stream = await open_eyed(address_of(door), door.place.port, seconds=scene.limits.connect, source=source)
    else:
        stream = await scene.dial(address_of(door), door.place.port, seconds=scene.limits.connect)
    return Talk(stream, scene.limits, scene.clock)


async def _meet(own: Own, scene: Scene, door: Door) -> Met:
    place = Place(own.hostname, address_of(door), door.place.port)
    began = scene.clock.monotonic()
    try:
        talk = await knock(scene, door)
    except UnreachableError as fault:
        return Met(door=door, contact=Contact(place=place, way=way_of(fault), detail=str(fault)))
    met = Met(door=door, contact=Contact(place=place, way=Way.OPEN, seconds=scene.clock.monotonic() - began))
    try:
        await _listen(own, scene, met, talk)
    finally:
        talk.close()
    if met.contact.greeted and met.hello.lines:
        scene.hellos[place] = Hello(said=met.hello, usable=met.hello.positive, secured=met.secured)
    return met


async def _listen(own: Own, scene: Scene, met: Met, talk: Talk) -> None:
    if met.door.tls is TlsMode.IMPLICIT:
        met.contact.implicit_tls = True
        if not await _secure(own, scene, met, talk):
            await _in_the_clear(scene, met)
            return
    said = await _greeting(own, scene, met, talk)
    met.contact.greeting, met.contact.speech = said, speech_of(said)
    if not said.lines and met.certificate:
        met.contact.speech = Speech.TLS
    if not met.contact.greeted:
        return
    verb = _SPOKEN.get(met.door.role, "EHLO")
    met.hello = await talk.ask(f"{verb} {scene.own_name(talk)}")
    if met.door.tls is TlsMode.STARTTLS and "STARTTLS" in offered(met.hello) and (await talk.ask("STARTTLS")).code == 220:
        if not await _secure(own, scene, met, talk):
            return
        met.secured = await talk.ask(f"{verb} {scene.own_name(talk)}")
    await talk.quit()


async def _greeting(own: Own, scene: Scene, met: Met, talk: Talk) -> Said:
    """What is said first. A listener that stays silent in the clear is asked elsewhere whether it waits for TLS."""
    began = scene.clock.monotonic()
    said = await talk.reply(seconds=min(scene.limits.suspicion, scene.limits.greeting))
    if said.lines or said.ended != "silent":
        return said
    if not met.contact.implicit_tls and await _awaits_tls(own, scene, met):
        return said
    left = scene.limits.greeting - (scene.clock.monotonic() - began)
    return await talk.reply(seconds=left) if left > 0 else said


async def _awaits_tls(own: Own, scene: Scene, met: Met) -> bool:
    """Whether a handshake comes about on a connection of its own."""
    try:
        other = await knock(scene, met.door)
    except UnreachableError:
        return False
    try:
        return await _secure(own, scene, met, other, seconds=2 * scene.limits.suspicion)
    finally:
        met.tls_fault = ""
        other.close()


async def _secure(own: Own, scene: Scene, met: Met, talk: Talk, *, seconds: float = 0.0) -> bool:
    """Whether TLS stands; why not is kept."""
    try:
        await talk.start_tls(client_context(verify=False), own.hostname, seconds=seconds or scene.limits.connect)
    except HandshakeError as fault:
        met.tls_fault = str(fault)
        return False
    met.certificate = talk.certificate
    return True


async def _in_the_clear(scene: Scene, met: Met) -> None:
    """After a handshake that failed: whether plain text is spoken there."""
    with contextlib.suppress(UnreachableError):
        talk = await knock(scene, met.door)
        said = await talk.reply(seconds=scene.limits.suspicion)
        talk.close()
        plain = speech_of(said) is Speech.SMTP
        met.contact.speech = Speech.PLAIN if plain else Speech.NO_TLS
        met.contact.greeting = said if plain else met.contact.greeting


# ---- what it means --------------------------------------------------------------------------------------------


def judge(own: Own, met: Met) -> Iterator[Finding]:
    """What one listener comes to."""
    faults = list(_judge(own, met))
    yield from faults
    if not faults:
        offers = ", ".join(sorted(offered(met.last))) or "-"
        yield found("own-door-sound", met.door.shown, *met.contact.greeting.evidence, *met.last.evidence, **_facts(met), offers=offers)


def _facts(met: Met) -> dict[str, object]:
    door = met.door
    return {"place": door.place, "role": door.role, "tls": door.tls, "setting": door.setting}


def _judge(own: Own, met: Met) -> Iterator[Finding]:
    contact, facts, about = met.contact, _facts(met), met.door.shown
    said = contact.greeting
    if not contact.open:
        yield found("own-door-unanswered", about, contact.detail, **facts, detail=contact.detail)
    elif contact.implicit_tls and met.tls_fault:
        key = "own-tls-first-missing" if contact.speech is Speech.PLAIN else "own-handshake-failed"
        yield found(key, about, met.tls_fault, *said.evidence, **facts, fault=met.tls_fault)
    elif contact.speech is Speech.TLS:
        yield found("own-tls-first-unwanted", about, **facts)
    elif not said.lines:
        yield found("own-door-silent", about, said.ended, **facts, seconds=f"{said.seconds:.0f}")
    elif contact.speech is not Speech.SMTP:
        yield found("own-door-foreign", about, *said.evidence, **facts)
    elif not contact.greeted:
        yield from judge_greeting(contact)
    else:
        yield from _offers(own, met)


def _offers(own: Own, met: Met) -> Iterator[Finding]:
    facts, about, door = _facts(met), met.door.shown, met.door
    name = name_in(met.contact.greeting)
    if name != own.hostname.lower():
        yield found("own-name-differs", about, *met.contact.greeting.evidence, **facts, name=name or "-", hostname=own.hostname)
    if not met.hello.positive:
        reply = met.hello.text or "-"
        yield found("own-hello-refused", about, *met.hello.evidence, **facts, reply=reply)
        return
    offers = offered(met.hello)
    if door.tls is TlsMode.STARTTLS and "STARTTLS" not in offers:
        yield found("own-starttls-missing", about, *met.hello.evidence, **facts)
        return
    if met.tls_fault:
        yield found("own-handshake-failed", about, met.tls_fault, **facts, fault=met.tls_fault)
        return
    if door.tls is TlsMode.NONE and "STARTTLS" in offers:
        yield found("own-starttls-unwanted", about, *met.hello.evidence, **facts)
    yield from _logins(own, met, about, facts)


def _logins(own: Own, met: Met, about: str, facts: dict[str, object]) -> Iterator[Finding]:
    """AUTH where our users come, never where others read along."""
    door = met.door
    if own.dev:
        return
    clear = sorted(mechanisms(offered(met.hello)) & _READABLE) if door.tls is not TlsMode.IMPLICIT else []
    if clear:
        yield found("own-auth-in-clear", about, *met.hello.evidence, **facts, mechanisms=", ".join(clear))
    if door.role is Role.SUBMISSION and door.tls is not TlsMode.NONE and not mechanisms(offered(met.last)):
        yield found("own-auth-missing", about, *met.last.evidence, **facts)
