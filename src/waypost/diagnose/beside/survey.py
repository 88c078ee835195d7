"""Says the script to one server, over a few connections, and keeps every answer. Sends no mail. Judges nothing.

A probe of ``diagnose.check``: it finds nothing by itself, and runs beside the others within their time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

from waypost.diagnose.beside.script import ANSWERS, BURST, CONTENT, FIRST, HELLO, PACKET, QUIT, talks
from waypost.diagnose.lookup import reverse
from waypost.diagnose.plan import SMTP
from waypost.diagnose.probes.dialogue import NOBODY, introduce
from waypost.diagnose.probes.domain import mail_domain
from waypost.diagnose.scene import Source, is_ip
from waypost.net.dial import UnreachableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from waypost.diagnose.beside.script import Step
    from waypost.diagnose.finding import Finding
    from waypost.diagnose.lookup import Answer
    from waypost.diagnose.scene import Contact, Scene
    from waypost.diagnose.talk import Said, Talk

TALKS = 2
"""Connections at once: strangers allow few."""
_RECORDS = {
    "mx": ("", "MX"),
    "spf": ("", "TXT"),
    "dmarc": ("_dmarc.", "TXT"),
    "sts": ("_mta-sts.", "TXT"),
    "tls-reports": ("_smtp._tls.", "TXT"),
}
"""What is asked of a domain, by point: what stands before its name, and the kind."""
KNOCKS, PAUSE = 4, 0.5
"""How often a server is asked that says 4xx on connecting, and the seconds between."""
LONG = "x" * 1993
"""Makes a command of 2000 octets."""


@dataclass(slots=True, kw_only=True)
class Survey:
    """One server's answers."""

    scene: Scene | None = None
    contact: Contact | None = None
    """The place that was talked to."""
    answers: dict[str, tuple[str, Said]] = field(default_factory=dict)
    """By step: the command as it was said, and the answer."""
    burst: tuple[Said, ...] = ()
    """The answers to the packet."""
    slowed: bool = False
    """Whether the server lets those wait who made a mistake: what follows one is asked on another connection then."""
    records: dict[str, Answer] = field(default_factory=dict)
    """What the DNS says, by point."""

    async def probe(self, scene: Scene) -> AsyncIterator[Finding]:
        """Say all of the script, and ask the DNS; finds nothing."""
        self.scene = scene
        self.contact = door(scene)
        turn = asyncio.Semaphore(TALKS)
        rounds = [self._talk(scene, self.contact, steps, turn) for steps in talks()] if self.contact is not None else []
        await asyncio.gather(self._ask(scene), *rounds)
        nothing: tuple[Finding, ...] = ()
        for finding in nothing:
            yield finding

    async def _ask(self, scene: Scene) -> None:
        """The records that mail for the target, and mail from it, depend on."""
        domain = await mail_domain(scene)
        host = self.contact.place.host if self.contact is not None else ""
        names = {"tlsa": (f"_{SMTP}._tcp.{host}", "TLSA")} if "." in host and not is_ip(host) else {}
        if domain is not None:
            names |= {point: (f"{prefix}{domain}", kind) for point, (prefix, kind) in _RECORDS.items()}
        answers = await asyncio.gather(*(scene.lookup.ask(*question) for question in names.values()))
        self.records.update(zip(names, answers, strict=True))
        if self.contact is not None and ip_address(self.contact.place.address).is_global:
            self.records["reverse"] = await reverse(scene.lookup, self.contact.place.address)

    async def _talk(self, scene: Scene, contact: Contact, steps: Sequence[Step], turn: asyncio.Semaphore) -> None:
        """Say ``steps`` on one connection, or go on with them on others where the server slows down who makes mistakes."""
        left, opened = list(steps), False
        async with turn:
            for _ in range(len(steps)):
                left, opened = await self._connection(scene, contact, left, opened=opened)
                if not left:
                    return

    async def _connection(self, scene: Scene, contact: Contact, steps: Sequence[Step], *, opened: bool) -> tuple[list[Step], bool]:
        """What is left to say, and whether a transaction was open then; ``opened``: one must be open first."""
        talk = await _admitted(scene, contact)
        if talk is None:
            return [], False
        try:
            return await self._say(scene, talk, steps, opened=opened)
        finally:
            talk.close()

    async def _say(self, scene: Scene, talk: Talk, steps: Sequence[Step], *, opened: bool) -> tuple[list[Step], bool]:
        keywords = await self._hello(scene, talk) if steps[0].name != FIRST else {}
        if keywords is None:
            return [], False
        known = facts_of(scene, keywords)
        if opened:
            await talk.ask(f"MAIL FROM:<{known['sender']}>")
        refused = False
        for number, each in enumerate(steps):
            line = each.line(known)
            if line is None or (each.offer and each.offer not in keywords):
                continue
            said = (
                None
                if refused and self.slowed
                else await self._command(talk, scene, each, line, seconds=scene.limits.late if refused else None)
            )
            if said is None or (refused and said.ended == "silent"):
                self.slowed = True
                return list(steps[number:]), opened
            self.answers.setdefault(each.name, (line, said))
            if said.ended:
                return [], False
            refused = refused or not said.positive
            opened = _opened(line, said, opened=opened)
        if not (refused and self.slowed):
            await self._quit(talk)
        return [], False

    async def _hello(self, scene: Scene, talk: Talk) -> dict[str, str] | None:
        """What it offers; None where it cannot be talked to."""
        hello = await introduce(talk, scene.own_name(talk))
        self.answers.setdefault(HELLO, ("EHLO", hello.refusal or hello.said))
        return hello.keywords if hello.usable else None

    async def _command(self, talk: Talk, scene: Scene, step: Step, line: str, *, seconds: float | None) -> Said:
        if step.name == BURST:
            return await self._burst(talk, scene)
        said = await talk.ask(line, seconds=seconds)
        if said.code == 354:  # it would take anything for content now: an empty message to nobody ends it
            await talk.ask("." if step.name == CONTENT else "\r\n.")
        return said

    async def _quit(self, talk: Talk) -> None:
        farewell = await talk.quit()
        if farewell.positive or QUIT not in self.answers:  # one that hung up on a bad command says no goodbye
            self.answers[QUIT] = ("QUIT", farewell)

    async def _burst(self, talk: Talk, scene: Scene) -> Said:
        """Several commands at once; the last answer."""
        talk.send(PACKET)
        heard: list[Said] = []
        while len(heard) < ANSWERS and not (heard and heard[-1].ended):
            heard.append(await talk.reply(seconds=min(2.0, scene.limits.reply)))
        self.burst = tuple(heard)
        return heard[-1]


async def _admitted(scene: Scene, contact: Contact) -> Talk | None:
    """A connection that bids welcome; a server that has too many at this moment is asked again a little later."""
    for _ in range(KNOCKS):
        try:
            talk, greeting = await scene.meet(contact)
        except UnreachableError:
            return None
        if greeting.code == 220 and not greeting.ended:
            return talk
        talk.close()
        if greeting.code // 100 != 4:
            return None
        await asyncio.sleep(PAUSE)
    return None


def _opened(line: str, said: Said, *, opened: bool) -> bool:
    """Whether a transaction is open behind the answer to ``line``."""
    if not said.positive:
        return opened
    verb = line.partition(" ")[0]
    return verb == "MAIL" or (opened and verb not in ("RSET", "EHLO"))


def door(scene: Scene) -> Contact | None:
    """The place that is talked to: the port that was named, SMTP's own, or whatever bids welcome."""
    welcome = scene.greeted()
    wanted = scene.target.port or SMTP
    return next((contact for contact in welcome if contact.place.port == wanted), welcome[0] if welcome else None)


def facts_of(scene: Scene, keywords: dict[str, str]) -> dict[str, str]:
    """What fills the braces of steps; what is not known is left out, and so are the steps that need it."""
    target = scene.target
    by_domain = bool(target.mailbox) or any(server.source is Source.EXCHANGER for server in scene.servers)
    known = {"sender": scene.options.sender or "", "nobody": NOBODY, "long": LONG}
    if by_domain:
        known["domain"] = target.mailbox.rpartition("@")[2] or target.name
    if target.mailbox.isascii() and target.mailbox:
        known["recipient"] = target.mailbox
    limit = keywords.get("SIZE", "")
    if limit.isascii() and limit.isdigit() and 0 < int(limit) < 10**18:
        known["size"] = str(int(limit) + 1)
    return known
