"""Mailboxes: whether postmaster, and the mailbox that was given, are taken; whether strangers may relay. Never says DATA.

RFC 5321 sections 4.5.1 (postmaster), 4.5.5 and 6.1 (the null reverse-path).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.diagnose.finding import Finding
from waypost.diagnose.plan import SMTP
from waypost.diagnose.probes.dialogue import NOBODY, introduce
from waypost.diagnose.probes.login import login
from waypost.diagnose.scene import Source
from waypost.net.dial import UnreachableError
from waypost.replies.line import read_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from waypost.diagnose.scene import Contact, Hello, Scene
    from waypost.diagnose.talk import Said, Talk

RELAY_FROM, RELAY_TO = "relay-probe@example.org", "relay-probe@example.net"
"""Addresses of domains that nobody has (RFC 2606): only an open relay takes mail from the one to the other."""


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
    if hello is None or not hello.usable:
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
    international = not (scene.target.mailbox + sender).isascii()
    try:
        if international and "SMTPUTF8" not in hello.keywords:
            facts = {"host": contact.place.host, "recipient": scene.target.mailbox}
            return [Finding(key="mailbox-needs-utf8", about=contact.place.shown, evidence=hello.said.evidence, facts=facts)]
        mail = await talk.ask(f"MAIL FROM:<{sender}>{' SMTPUTF8' if international else ''}")
        found = list(judge_sender(contact, mail, sender))
        if not mail.positive:
            return found
        for recipient, key in _wanted(scene, contact):
            said = await talk.ask(f"RCPT TO:<{recipient}>")
            found += judge_recipient(contact, said, recipient, key)
            if said.ended:
                break
        if not talk.over:
            await talk.ask("RSET")
            await talk.quit()
        return found
    finally:
        talk.close()


def _wanted(scene: Scene, contact: Contact) -> Iterator[tuple[str, str]]:
    """Recipients and what the findings about each are called. Whoever asks for a mailbox learns, too, whether any name would do."""
    target = scene.target
    server = scene.server(contact.place)
    by_domain = bool(target.mailbox) or (server is not None and server.source is Source.EXCHANGER)
    domain = target.mailbox.rpartition("@")[2] if target.mailbox else target.name
    yield (f"postmaster@{domain}" if by_domain and not domain.startswith("[") else "postmaster"), "postmaster"
    if target.mailbox:
        if target.mailbox.lower() != f"postmaster@{domain}".lower():
            yield target.mailbox, "mailbox"
        yield f"{NOBODY}@{domain}", "nobody"


def _facts(contact: Contact, said: Said, **more: str) -> dict[str, str]:
    place = contact.place
    return {"host": place.host, "port": str(place.port), "code": str(said.code), "reply": said.text, **more}


def judge_sender(contact: Contact, said: Said, sender: str) -> Iterator[Finding]:
    """What is answered to MAIL."""
    if said.positive:
        return
    facts = _facts(contact, said, sender=f"<{sender}>")
    evidence = (f"C: MAIL FROM:<{sender}>", *said.evidence)
    if said.ended:
        key = "mail-unanswered"
    elif _wants_account(said):
        key = "account-needed"
    elif 400 <= said.code < 500:
        key = "sender-deferred"
    else:
        key = "sender-refused" if sender else "null-sender-refused"
    yield Finding(key=key, about=contact.place.shown, evidence=evidence, facts=facts)


def judge_recipient(contact: Contact, said: Said, recipient: str, kind: str) -> Iterator[Finding]:
    """What is answered to RCPT; ``kind``: ``postmaster``, ``mailbox`` or ``nobody``."""
    evidence = (f"C: RCPT TO:<{recipient}>", *said.evidence)
    facts = _facts(contact, said, recipient=recipient)
    if kind == "nobody":
        key = "any-mailbox-accepted" if said.positive else ""
    elif said.ended:
        key = "rcpt-unanswered"
    elif said.positive:
        key = f"{kind}-accepted"
    elif _wants_account(said):
        key = "account-needed"
    elif 400 <= said.code < 500:
        key = "greylisted" if _category(said) == "rate.greylisted" else f"{kind}-deferred"
    else:
        key = f"{kind}-refused"
    if key:
        yield Finding(key=key, about=recipient, evidence=evidence, facts=facts)


def _wants_account(said: Said) -> bool:
    """Whether the refusal asks for authentication or TLS first."""
    return said.code == 530 or (" 5.7.0 " in said.text and "auth" in said.text.lower())


def _category(said: Said) -> str:
    reading = read_line(said.text)[1]
    return "unknown" if reading is None else reading.category


async def _relaying(scene: Scene, contact: Contact) -> list[Finding]:
    """Whether mail from one foreign domain to another is taken; then RSET."""
    opened = await _opened(scene, contact)
    if opened is None:
        return []
    talk, _ = opened
    try:
        if not (await talk.ask(f"MAIL FROM:<{RELAY_FROM}>")).positive:
            return []
        said = await talk.ask(f"RCPT TO:<{RELAY_TO}>")
        await talk.ask("RSET")
        await talk.quit()
    finally:
        talk.close()
    if said.ended:
        return []
    evidence = (f"C: MAIL FROM:<{RELAY_FROM}>", f"C: RCPT TO:<{RELAY_TO}>", *said.evidence)
    key = "open-relay" if said.positive else "relay-refused"
    return [Finding(key=key, about=contact.place.shown, evidence=evidence, facts=_facts(contact, said))]
