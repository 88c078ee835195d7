"""The greeting: its code, form, pace, and the name in it, held against the DNS. Reads what ``reach`` heard, and says nothing itself.

RFC 5321 sections 3.1, 4.2 and 4.3.1 (what a greeting is), RFC 7504 section 3 (521), RFC 1912 section 2.1 (names and addresses).
"""

from __future__ import annotations

import asyncio
import re
from ipaddress import ip_address
from typing import TYPE_CHECKING

from waypost.diagnose.finding import Finding
from waypost.diagnose.form import flaws
from waypost.diagnose.lookup import reverse
from waypost.diagnose.scene import Speech

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from waypost.diagnose.lookup import Answer
    from waypost.diagnose.scene import Contact, Scene
    from waypost.diagnose.talk import Said

SLOW = 2.0
"""Seconds after which a greeting is late: impatient clients give up from five seconds on."""
PAUSE = 1.0
"""Seconds within a greeting from which on it is meant as a test of patience."""

_NAME = re.compile(r"(?=.{1,255}$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
_LITERAL = re.compile(r"\[[0-9A-Fa-f:.IPv]+\]")
_VERSION = re.compile(r"[A-Za-z][\w+-]*[ /(v]{1,3}\d+\.\d+[\w.]*")
_MASKED = re.compile(r"[*0-9 ]*\*{5,}[*0-9 ]*")
_OWN_NAMES = ("localhost", "localhost.localdomain", "localhost6")


async def probe(scene: Scene) -> AsyncIterator[Finding]:
    """Judge each greeting that was heard."""
    heard = [contact for contact in scene.contacts if contact.speech is Speech.SMTP]
    for contact in heard:
        for finding in judge(contact):
            yield finding
    for found in await asyncio.gather(*(_names(scene, contact) for contact in _first_of_each_name(heard))):
        for finding in found:
            yield finding


def _first_of_each_name(contacts: Sequence[Contact]) -> list[Contact]:
    """One contact of each address: all of its ports mostly say the same name."""
    first: dict[tuple[str, str], Contact] = {}
    for contact in contacts:
        if contact.greeting.code == 220:
            first.setdefault((contact.place.address, name_in(contact.greeting)), contact)
    return list(first.values())


def name_in(said: Said) -> str:
    """The name with which a greeting begins, lower case; empty where none stands."""
    words = said.texts[0].split() if said.texts else []
    return words[0].rstrip(".").lower() if words and _NAME.fullmatch(words[0]) else ""


def judge(contact: Contact) -> Iterator[Finding]:
    """What a greeting says by itself."""
    said, about = contact.greeting, contact.place.shown
    facts = {"host": contact.place.host, "port": str(contact.place.port), "code": str(said.code), "reply": said.text}
    facts["seconds"] = f"{said.seconds:.1f}"
    for flaw in flaws(said):
        yield Finding(key=f"greeting-{flaw}", about=about, evidence=said.evidence, facts=facts)
    key = "greeting-client-blocked" if said.about_client else _of_code(said.code)
    if key != "greeting-ok":
        if key:
            yield Finding(key=key, about=about, evidence=said.evidence, facts=facts)
        return
    named = list(_judge_name(contact, facts))
    yield from named
    if not named and not flaws(said):
        yield Finding(key=key, about=about, evidence=said.evidence, facts={**facts, "name": name_in(said)})
    yield from _judge_manner(contact, facts)


def _of_code(code: int) -> str:
    match code:
        case 220:
            return "greeting-ok"
        case 521:
            return "greeting-no-mail-host"
        case 0:
            return ""
        case _ if 400 <= code < 500:
            return "greeting-busy"
        case _ if 500 <= code < 600:
            return "greeting-refused"
        case _:
            return "greeting-odd-code"


def _judge_name(contact: Contact, facts: dict[str, str]) -> Iterator[Finding]:
    """The word behind 220 names the server (5321#4.2)."""
    said, about = contact.greeting, contact.place.shown
    text = said.texts[0].strip()
    name = name_in(said)
    if _MASKED.match(text):
        yield Finding(key="greeting-masked", about=about, evidence=said.evidence, facts=facts)
    elif not name:
        if not _LITERAL.match(text):
            yield Finding(key="greeting-no-name", about=about, evidence=said.evidence, facts=facts)
    elif (name in _OWN_NAMES or "." not in name) and not ip_address(contact.place.address).is_loopback:
        yield Finding(key="greeting-not-qualified", about=about, evidence=said.evidence, facts={**facts, "name": name})


def _judge_manner(contact: Contact, facts: dict[str, str]) -> Iterator[Finding]:
    said, about = contact.greeting, contact.place.shown
    if said.pause >= PAUSE:
        facts = {**facts, "pause": f"{said.pause:.1f}"}
        yield Finding(key="greeting-teaser", about=about, evidence=said.evidence, facts=facts)
    elif len(said.lines) > 1:
        yield Finding(key="greeting-multi-line", about=about, evidence=said.evidence, facts={**facts, "lines": str(len(said.lines))})
    if said.seconds >= SLOW:
        yield Finding(key="greeting-slow", about=about, evidence=said.evidence, facts=facts)
    version = _VERSION.search(" ".join(said.texts))
    if version is not None:
        yield Finding(key="greeting-version", about=about, evidence=said.evidence, facts={**facts, "version": version[0]})


async def _names(scene: Scene, contact: Contact) -> list[Finding]:
    """Whether the name resolves to this address, and the address back to it; asked only of what stands in public."""
    name, place = name_in(contact.greeting), contact.place
    server = scene.server(place)
    public = ip_address(place.address).is_global or (server is not None and server.published)
    if "." not in name or name in _OWN_NAMES or not public:
        return []
    six = ":" in place.address
    forward, pointers = await asyncio.gather(scene.lookup.ask(name, "AAAA" if six else "A"), reverse(scene.lookup, place.address))
    other = await scene.lookup.ask(name, "A" if six else "AAAA")
    return list(judge_names(contact, name, (forward, other), pointers))


def judge_names(contact: Contact, name: str, forward: Sequence[Answer], pointers: Answer) -> Iterator[Finding]:
    """What the addresses of the greeted name, and the reverse names of the address, come to."""
    place = contact.place
    facts = {"host": place.host, "name": name, "address": place.address, "names": ", ".join(pointers.records)}
    evidence = (*contact.greeting.evidence, *(line for answer in forward for line in answer.evidence))
    if not all(answer.definite for answer in forward):
        return
    addresses = {ip_address(record) for answer in forward for record in answer.records}
    if not addresses:
        yield Finding(key="greeting-name-unresolved", about=place.shown, evidence=evidence, facts=facts)
    elif ip_address(place.address) not in addresses:
        yield Finding(key="greeting-name-elsewhere", about=place.shown, evidence=evidence, facts=facts)
    elif pointers.records and name not in pointers.records:
        evidence = (*contact.greeting.evidence, *pointers.evidence)
        yield Finding(key="greeting-reverse-differs", about=place.shown, evidence=evidence, facts=facts)
