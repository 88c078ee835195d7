"""Mailboxes: whether postmaster, and the mailbox that was given, are taken; whether strangers may relay. Never says DATA.

RFC 5321 sections 4.5.1 (postmaster), 4.5.5 and 6.1 (the null reverse-path).
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from waypost.diagnose.finding import Finding
from waypost.diagnose.form import StatusFlaw, flaws, status_flaw
from waypost.diagnose.plan import SMTP
from waypost.diagnose.probes.dialogue import NOBODY, introduce
from waypost.diagnose.probes.login import login
from waypost.diagnose.scene import Source
from waypost.net.dial import UnreachableError
from waypost.net.stream import HandshakeError
from waypost.net.tls import client_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from waypost.diagnose.scene import Contact, Hello, Scene
    from waypost.diagnose.talk import Said, Talk

RELAY_FROM, RELAY_TO = "relay-probe@example.org", "relay-probe@example.net"
"""Addresses of domains that nobody has (RFC 2606): only an open relay takes mail from the one to the other."""
_FOR_ALL = frozenset({"client-blocked", "account-demanded", "account-needed", "tls-demanded", "server-trouble"})
"""Findings after which no other recipient need be tried."""


async def probe(scene: Scene) -> AsyncIterator[Finding]:
    """Ask the best server that bade welcome."""
    contact = _door(scene)
    if contact is not None:
        for finding in await _recipients(scene, contact):
            yield finding
        if scene.is_own(contact.place):
            for finding in await _relaying(scene, contact):
                yield finding
    if scene.options.account is not None:
        for finding in await login(scene):
            yield finding


def _door(scene: Scene) -> Contact | None:
    """Where mail from outside comes in: the port that was named, or SMTP's own, of the best server."""
    wanted = scene.target.port or SMTP
    return next((contact for contact in scene.greeted() if contact.place.port == wanted), None)


async def _opened(scene: Scene, contact: Contact) -> tuple[Talk, Hello] | None:
    try:
        talk, greeting = await scene.meet(contact)
    except UnreachableError:
        return None
    hello = await introduce(talk, scene.own_name(talk)) if greeting.code == 220 else None
    if hello is None or not hello.usable or hello.command == "LHLO":  # LMTP need not know postmaster, nor takes it strangers' mail
        talk.close()
        return None
    return talk, hello


# ---- recipients ----------------------------------------------------------------------------------------------


async def _recipients(scene: Scene, contact: Contact) -> list[Finding]:
    opened = await _opened(scene, contact)
    if opened is None:
        return []
    talk, hello = opened
    sender = scene.options.sender or ""
    domain = _domain(scene, contact)
    international = not (scene.target.mailbox + sender).isascii()
    line = f"MAIL FROM:<{sender}>{' SMTPUTF8' if international else ''}"
    found: list[Finding] = []
    try:
        if international and "SMTPUTF8" not in hello.keywords:
            facts = {"host": contact.place.host, "recipient": scene.target.mailbox}
            return [Finding(key="mailbox-needs-utf8", about=contact.place.shown, evidence=hello.said.evidence, facts=facts)]
        mail = await talk.ask(line)
        if mail.category == "sender.tls" and "STARTTLS" in hello.keywords and await _encrypted(scene, contact, talk):
            if domain:
                facts = _facts(contact, mail, domain=domain)
                found.append(Finding(key="tls-demanded", about=contact.place.shown, evidence=(f"C: {line}", *mail.evidence), facts=facts))
            mail = await talk.ask(line)
        found += [each for each in judge_sender(contact, mail, sender, domain=domain) if each.key not in {one.key for one in found}]
        heard = await _each(scene, contact, talk, domain) if mail.positive else []
        found += judge_recipients(contact, heard, domain=domain)
        replies = [("MAIL", mail), *(("RCPT", said) for said, _, _ in heard)]
        found += judge_statuses(contact, replies, expected="ENHANCEDSTATUSCODES" in hello.keywords)
        return found
    finally:
        talk.close()


async def _encrypted(scene: Scene, contact: Contact, talk: Talk) -> bool:
    """Go on under TLS, as senders do where they must; certificates are another probe's affair."""
    if (await talk.ask("STARTTLS")).code != 220:
        return False
    try:
        await talk.start_tls(client_context(verify=False), contact.place.sni, seconds=scene.limits.connect)
    except HandshakeError:
        return False
    return (await talk.ask(f"EHLO {scene.own_name(talk)}")).positive


async def _each(scene: Scene, contact: Contact, talk: Talk, domain: str) -> list[tuple[Said, str, str]]:
    """What each recipient was answered, in turn, until an answer holds for all of them."""
    heard: list[tuple[Said, str, str]] = []
    for recipient, kind in _wanted(scene, domain):
        said = await talk.ask(f"RCPT TO:<{recipient}>")
        heard.append((said, recipient, kind))
        if said.ended or {finding.key for finding in judge_recipient(contact, said, recipient, kind, domain=domain)} & _FOR_ALL:
            break
    if not talk.over:
        await talk.ask("RSET")
        await talk.quit()
    return heard


def judge_statuses(contact: Contact, replies: Iterable[tuple[str, Said]], *, expected: bool) -> Iterator[Finding]:
    """The enhanced codes in the answers to MAIL and RCPT, each flaw once; that there are none at all is told of the dialogue."""
    told = {StatusFlaw.MISSING}
    for command, said in replies:
        flaw = status_flaw(said, expected=expected) if said.lines and not flaws(said) else None
        if flaw is not None and flaw not in told:
            told.add(flaw)
            yield Finding(key=flaw, about=contact.place.shown, evidence=said.evidence, facts=_facts(contact, said, command=command))


def judge_recipients(contact: Contact, heard: list[tuple[Said, str, str]], *, domain: str = "") -> Iterator[Finding]:
    """What was answered to all of them: who takes one mailbox refuses not the domain but another mailbox, whatever the words."""
    served = any(said.positive for said, _, _ in heard)
    told: set[str] = set()
    for said, recipient, kind in heard:
        for finding in judge_recipient(contact, said, recipient, kind, domain=domain, served=served):
            if finding.key != "domain-not-served" or finding.key not in told:
                yield finding
            told.add(finding.key)


def _domain(scene: Scene, contact: Contact) -> str:
    """The domain that the server should take mail for; empty where only a host was named."""
    target = scene.target
    server = scene.server(contact.place)
    if target.mailbox:
        domain = target.mailbox.rpartition("@")[2]
        return "" if domain.startswith("[") else domain
    return target.name if server is not None and server.source is Source.EXCHANGER else ""


def _wanted(scene: Scene, domain: str) -> Iterator[tuple[str, str]]:
    """Recipients and what the findings about each are called. Whoever asks for a mailbox learns, too, whether any name would do."""
    mailbox = scene.target.mailbox
    postmaster = f"postmaster@{domain}" if domain else "postmaster"
    yield postmaster, "postmaster"
    if mailbox:
        if mailbox.lower() != postmaster.lower():
            yield mailbox, "mailbox"
        yield f"{NOBODY}@{mailbox.rpartition('@')[2]}", "nobody"


def _facts(contact: Contact, said: Said, **more: str) -> dict[str, str]:
    place = contact.place
    return {"host": place.host, "port": str(place.port), "code": str(said.code), "reply": said.text, **more}


def judge_sender(contact: Contact, said: Said, sender: str, *, domain: str = "") -> Iterator[Finding]:
    """What is answered to MAIL; ``domain``: whose mail the server should take from anybody."""
    if said.positive:
        return
    facts = _facts(contact, said, sender=f"<{sender}>", command="MAIL", domain=domain)
    evidence = (f"C: MAIL FROM:<{sender}>", *said.evidence)
    if said.ended:
        key = "mail-unanswered"
    elif (of_all := _of_all(contact, said, domain)) is not None:
        key = of_all
    elif 400 <= said.code < 500:
        key = "sender-deferred"
    else:
        key = "sender-refused" if sender else "null-sender-refused"
    yield Finding(key=key, about=contact.place.shown, evidence=evidence, facts=facts)


def judge_recipient(
    contact: Contact, said: Said, recipient: str, kind: str, *, domain: str = "", served: bool = False
) -> Iterator[Finding]:
    """What is answered to RCPT; ``kind``: ``postmaster``, ``mailbox`` or ``nobody``; ``served``: another of its mailboxes was taken."""
    evidence = (f"C: RCPT TO:<{recipient}>", *said.evidence)
    facts = _facts(contact, said, recipient=recipient, command="RCPT", domain=domain)
    about = recipient
    if kind == "nobody":
        key = "any-mailbox-accepted" if said.positive else ""
    elif said.ended:
        key = "rcpt-unanswered"
    elif said.positive:
        key = f"{kind}-accepted"
    elif served and said.category == "route.relay_denied":
        key, facts = f"{kind}-refused", {**facts, "means": f"{said.code} 5.1.1"}
    elif (of_all := _of_all(contact, said, domain)) is not None:
        key, about = of_all, contact.place.shown
    elif 400 <= said.code < 500:
        key = "greylisted" if said.category == "rate.greylisted" else f"{kind}-deferred"
    else:
        of_mailbox = kind == "mailbox" or said.category == "unknown" or said.category.startswith("recipient.")
        key = f"{kind}-refused" if of_mailbox else "rule-refused"
    if key:
        yield Finding(key=key, about=about, evidence=evidence, facts=facts)


def _of_all(contact: Contact, said: Said, domain: str) -> str | None:
    """The finding where a refusal is aimed at the client, or at the domain as a whole; None where the sender or recipient is meant."""
    if said.about_client:
        return "client-blocked"
    if domain and said.category == "route.relay_denied":
        return "domain-not-served"
    if said.category in ("system.error", "system.full"):
        return "server-trouble"
    if said.category == "sender.tls":
        return "tls-demanded" if domain and contact.place.port == SMTP else "account-needed"
    if said.code == 530 or said.category == "sender.login" or (" 5.7.0 " in said.text and "auth" in said.text.lower()):
        return "account-demanded" if domain and contact.place.port == SMTP else "account-needed"
    return None


async def _relaying(scene: Scene, contact: Contact) -> list[Finding]:
    """Whether mail from one foreign domain to another is taken; then RSET."""
    opened = await _opened(scene, contact)
    if opened is None:
        return []
    talk, _ = opened
    client = talk.literal
    try:
        sender = RELAY_FROM
        if not (await talk.ask(f"MAIL FROM:<{sender}>")).positive:  # some look the domain up, and it is nobody's
            sender = ""
            if not (await talk.ask("MAIL FROM:<>")).positive:
                return []
        said = await talk.ask(f"RCPT TO:<{RELAY_TO}>")
        await talk.ask("RSET")
        await talk.quit()
    finally:
        talk.close()
    if said.ended:
        return []
    evidence = (f"C: MAIL FROM:<{sender}>", f"C: RCPT TO:<{RELAY_TO}>", *said.evidence)
    key = "relay-refused"
    if said.positive:  # a server's own machine is in its trusted networks as it comes: what it may, strangers need not be let do
        at_home = ip_address(contact.place.address).is_loopback or client in (
            f"[{contact.place.address}]",
            f"[IPv6:{contact.place.address}]",
        )
        key = "relay-from-inside" if at_home else "open-relay"
    return [Finding(key=key, about=contact.place.shown, evidence=evidence, facts=_facts(contact, said, client=client))]
