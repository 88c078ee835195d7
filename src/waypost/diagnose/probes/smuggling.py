"""Probes that a stranger would resent: bare line ends in commands and in content. Runs on hosts that the caller named as his own, alone.

Each sequence that a careless server takes for the end of content gets a connection of its own; where one is taken, a message of a few
lines goes to postmaster. RFC 5321 sections 2.3.8 (CRLF alone ends a line) and 4.1.1.4 (CRLF.CRLF alone ends content).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.diagnose.finding import Finding
from waypost.diagnose.plan import SUBMISSION, SUBMISSIONS
from waypost.diagnose.scene import is_ip
from waypost.net.dial import UnreachableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from waypost.diagnose.scene import Contact, Scene
    from waypost.diagnose.talk import Said, Talk

SEQUENCES: tuple[tuple[str, bytes], ...] = (
    ("<LF>.<LF>", b"\n.\n"),
    ("<LF>.<CR><LF>", b"\n.\r\n"),
    ("<CR><LF>.<LF>", b"\r\n.\n"),
    ("<CR><LF>.<CR>", b"\r\n.\r"),
    ("<CR>.<CR>", b"\r.\r"),
)
"""Ends of content that are none."""
_HEAD = b"From: postmaster\r\nTo: postmaster\r\nSubject: waypost check: a line end that should not end a message\r\n\r\nHarmless."
_PATIENCE = 1.5
"""Seconds in which a server that took a false end has answered."""


async def probe(scene: Scene, contact: Contact) -> AsyncIterator[Finding]:
    """Try a command that ends with LF alone, then each false end of content."""
    facts = {"host": contact.place.host, "port": str(contact.place.port)}
    said, answers = await asyncio.gather(
        _bare_command(scene, contact), asyncio.gather(*(_false_end(scene, contact, octets) for _, octets in SEQUENCES))
    )
    if said is not None and said.positive:
        yield Finding(key="bare-lf-command", about=contact.place.shown, evidence=("C: NOOP\\n", *said.evidence), facts=facts)
    tried = [answer for answer in answers if answer is not None and answer.tried]
    taken = [
        (name, answer.said)
        for (name, _), answer in zip(SEQUENCES, answers, strict=True)
        if answer is not None and answer.tried and answer.said.positive
    ]
    for name, answer in taken:
        evidence = (f"C: {name}", *answer.evidence)
        yield Finding(key="smuggling-possible", about=contact.place.shown, evidence=evidence, facts={**facts, "sequence": name})
    if len(tried) == len(SEQUENCES) and not taken:
        yield Finding(key="smuggling-resisted", about=contact.place.shown, facts={**facts, "count": str(len(tried))})
    stopped = [answer.said for answer in answers if answer is not None and not answer.tried]
    if stopped and not tried and contact.place.port not in (SUBMISSION, SUBMISSIONS):  # there a login comes first
        evidence = (f"C: RCPT TO:<{_recipients(scene)[-1]}>", *stopped[0].evidence)
        yield Finding(key="smuggling-untried", about=contact.place.shown, evidence=evidence, facts={**facts, "reply": stopped[0].text})


async def _bare_command(scene: Scene, contact: Contact) -> Said | None:
    talk = await _opened(scene, contact)
    if talk is None:
        return None
    try:
        talk.send(b"NOOP\n")
        return await talk.reply(seconds=min(_PATIENCE, scene.limits.reply))
    finally:
        talk.close()


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of one false end."""

    said: Said
    """The answer to it, perhaps none in time; where it was not come to, the answer that stopped it."""
    tried: bool


async def _false_end(scene: Scene, contact: Contact, octets: bytes) -> _Answer | None:
    """None where nothing was reached."""
    talk = await _opened(scene, contact)
    if talk is None:
        return None
    try:
        said = await talk.ask("MAIL FROM:<>")
        if said.code == 250:
            for recipient in _recipients(scene):
                said = await talk.ask(f"RCPT TO:<{recipient}>")
                if said.code == 250:
                    break
        if said.code == 250:
            said = await talk.ask("DATA")
        if said.code != 354:
            return _Answer(said, tried=False)
        talk.send(_HEAD + octets)
        return _Answer(await talk.reply(seconds=min(_PATIENCE, scene.limits.reply)), tried=True)
    finally:
        talk.close()


def _recipients(scene: Scene) -> tuple[str, ...]:
    """Postmaster without a domain, whom every server must take (5321#4.5.1), and with one for those that do not."""
    name = scene.target.name
    return ("postmaster",) if is_ip(name) else ("postmaster", f"postmaster@{name}")


async def _opened(scene: Scene, contact: Contact) -> Talk | None:
    """A connection on which EHLO was said."""
    try:
        talk, greeting = await scene.meet(contact)
    except UnreachableError:
        return None
    if greeting.code == 220 and (await talk.ask(f"EHLO {scene.own_name(talk)}")).positive:
        return talk
    talk.close()
    return None
