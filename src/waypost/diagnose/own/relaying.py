"""What the own server takes from strangers: its postmaster, and nothing for elsewhere. Says RCPT and then RSET: nothing is ever delivered.

RFC 5321 sections 4.5.1 (postmaster), 7.8 (relaying), appendix C (source routes); RFC 2505 section 2.1.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from waypost.diagnose.own.doors import address_of, knock
from waypost.diagnose.probes.dialogue import NOBODY
from waypost.diagnose.probes.mailbox import judge_recipient, judge_sender
from waypost.diagnose.shown import found
from waypost.net.dial import UnreachableError
from waypost.net.held import here
from waypost.net.stream import HandshakeError
from waypost.net.tls import client_context
from waypost.policy.checks.rate import Networks
from waypost.smtp.terms import Role, TlsMode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.own.facts import Own
    from waypost.diagnose.own.view import Met, View
    from waypost.diagnose.scene import Scene
    from waypost.diagnose.talk import Said, Talk

FOREIGN = ("example.net", "example.com", "example.org", "invalid")
"""Domains that nobody has (RFC 2606); those that the configuration names are left out."""
MOST_DOMAINS = 5
"""Local domains whose postmaster is asked for."""
ELSEWHERE = "127.93.71.5"
"""An address of this machine that hardly anybody lists as his own network."""
_AT_ONCE = 4
"""Refusals in one session: from the fifth on a server may slow down."""


async def probe(view: View, scene: Scene) -> AsyncIterator[Finding]:
    """Ask every listener that bade welcome over a network, as a stranger."""
    own = view.own
    if own.takes_all:
        if not own.dev:
            yield found("own-takes-all", "domains.local")
        return
    for met in view.met:
        if met.contact.greeted and met.hello.positive and not met.door.place.path:
            for finding in await _ask(own, scene, met):
                yield finding


async def _ask(own: Own, scene: Scene, met: Met) -> list[Finding]:
    source = stranger(own, met, scene)
    made: list[Finding] = []
    if met.door.role is Role.RELAY:
        made += await _recipients(own, scene, met, source)
    if met.door.role is Role.LMTP:
        return made
    if not source:
        place = met.door.place
        return [*made, found("own-relay-untried", met.door.shown, ", ".join(own.networks), place=place, networks=", ".join(own.networks))]
    made += await _relaying(own, scene, met, source)
    return made


def stranger(own: Own, met: Met, scene: Scene) -> str:
    """An address of this machine that may not relay; empty where there is none."""
    trusted = Networks(own.networks)
    address = address_of(met.door)
    six = ":" in address
    others = [each for server in scene.servers for each in server.addresses if not each.startswith("/")]
    candidates = [address, *others] if six or not ip_address(address).is_loopback else [ELSEWHERE, address, *others]
    for candidate in candidates:
        if (":" in candidate) == six and not trusted.contains(candidate) and here(candidate):
            return candidate
    return ""


async def _opened(own: Own, scene: Scene, met: Met, source: str) -> Talk | None:
    """A connection on which EHLO was said, under TLS where the listener has it."""
    try:
        talk = await knock(scene, met.door, source=source)
    except UnreachableError:
        return None
    try:
        if met.door.tls is TlsMode.IMPLICIT:
            await talk.start_tls(client_context(verify=False), own.hostname, seconds=scene.limits.connect)
        greeting = await talk.reply(seconds=scene.limits.greeting)
        if greeting.code == 220 and (await talk.ask(f"EHLO {scene.own_name(talk)}")).positive:
            return talk
    except HandshakeError:
        pass  # the probe of listeners tells of it
    talk.close()
    return None


# ---- recipients -----------------------------------------------------------------------------------------------


async def _recipients(own: Own, scene: Scene, met: Met, source: str) -> list[Finding]:
    """Whether postmaster of each local domain is taken, and whether any name would do."""
    talk = await _opened(own, scene, met, source)
    if talk is None:
        return []
    try:
        mail = await talk.ask("MAIL FROM:<>")
        made = list(judge_sender(met.contact, mail, ""))
        for domain in own.local[:MOST_DOMAINS] if mail.positive else ():
            recipient = f"postmaster@{domain}"
            made += judge_recipient(met.contact, await talk.ask(f"RCPT TO:<{recipient}>"), recipient, "postmaster")
        if mail.positive and own.local and not talk.over:
            recipient = f"{NOBODY}@{own.local[0]}"
            made += judge_recipient(met.contact, await talk.ask(f"RCPT TO:<{recipient}>"), recipient, "nobody")
        await _leave(talk)
        return made
    finally:
        talk.close()


async def _leave(talk: Talk) -> None:
    if not talk.over:
        await talk.ask("RSET")
        await talk.quit()


# ---- relaying -------------------------------------------------------------------------------------------------


async def _relaying(own: Own, scene: Scene, met: Met, source: str) -> list[Finding]:
    foreign = [domain for domain in FOREIGN if domain not in own.local]
    sender, recipient = f"relay-probe@{foreign[-1]}", f"relay-probe@{foreign[0]}"
    said = await _try(own, scene, met, source, sender, [recipient])
    if not said:
        return []
    facts = {"place": met.door.place, "source": source, "recipient": recipient}
    first = said[0]
    evidence = (f"C: MAIL FROM:<{sender}>", f"C: RCPT TO:<{recipient}>", *first.evidence)
    told = {"code": first.code, "reply": first.text}
    if first.positive:
        return [found("own-relay-open", met.door.shown, *evidence, **facts, **told)]
    made = [found("own-relay-closed", met.door.shown, *evidence, **facts, **told)]
    if scene.options.intrusive and met.door.role is Role.RELAY:
        made += await _tricked(own, scene, met, source, sender)
    return made


async def _tricked(own: Own, scene: Scene, met: Met, source: str, sender: str) -> list[Finding]:
    """Addresses that were written to lead careless servers into relaying."""
    foreign = next(domain for domain in FOREIGN if domain not in own.local)
    tricks = routes(foreign, own.local[0] if own.local else own.hostname)
    answers: list[Said] = []
    for start in range(0, len(tricks), _AT_ONCE):
        answers += await _try(own, scene, met, source, sender, tricks[start : start + _AT_ONCE])
    facts = {"place": met.door.place, "count": len(answers)}
    taken = [(path, said) for path, said in zip(tricks, answers, strict=False) if said.positive]
    if taken:
        path, said = taken[0]
        evidence = (f"C: RCPT TO:<{path}>", *said.evidence)
        return [found("own-relay-tricked", met.door.shown, *evidence, **facts, path=path)]
    return [found("own-relay-untricked", met.door.shown, *tricks, **facts)] if answers else []


def routes(foreign: str, local: str) -> list[str]:
    """Paths that name a foreign mailbox by a way around; none that could be a mailbox of ``local`` itself."""
    return [
        f"@{local}:relay-probe@{foreign}",
        f"@[127.0.0.1]:relay-probe@{foreign}",
        f"{foreign}!relay-probe",
        f'"relay-probe@{foreign}"',
        f"relay-probe%{foreign}",
        f"relay-probe%{foreign}@[127.0.0.1]",
        f"relay-probe@{foreign}@{local}",
    ]


async def _try(own: Own, scene: Scene, met: Met, source: str, sender: str, recipients: Sequence[str]) -> list[Said]:
    """The answers to each recipient; to the sender where that is refused. None where nothing was answered."""
    talk = await _opened(own, scene, met, source)
    if talk is None:
        return []
    answers: list[Said] = []
    try:
        mail = await talk.ask(f"MAIL FROM:<{sender}>")
        if not mail.positive:
            return [mail] if mail.code else []
        for recipient in recipients:
            said = await talk.ask(f"RCPT TO:<{recipient}>")
            if said.ended:
                break
            answers.append(said)
        await _leave(talk)
    finally:
        talk.close()
    return answers
