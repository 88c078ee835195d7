"""Probes that a stranger would resent: bare line ends in commands and in content. Runs on hosts that the caller named as his own, alone.

Each sequence that a careless server takes for the end of content gets a connection of its own; where one is taken, a message of a few
lines goes to postmaster. RFC 5321 sections 2.3.8 (CRLF alone ends a line) and 4.1.1.4 (CRLF.CRLF alone ends content).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from waypost.diagnose.finding import Finding
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
    said, *answers = await asyncio.gather(_bare_command(scene, contact), *(_false_end(scene, contact, octets) for _, octets in SEQUENCES))
    if said is not None and said.positive:
        yield Finding(key="bare-lf-command", about=contact.place.shown, evidence=("C: NOOP\\n", *said.evidence), facts=facts)
    tried = sum(answer is not None for answer in answers)
    taken = [(name, answer) for (name, _), answer in zip(SEQUENCES, answers, strict=True) if answer is not None and answer.positive]
    for name, answer in taken:
        evidence = (f"C: {name}", *answer.evidence)
        yield Finding(key="smuggling-possible", about=contact.place.shown, evidence=evidence, facts={**facts, "sequence": name})
    if tried == len(SEQUENCES) and not taken:
        yield Finding(key="smuggling-resisted", about=contact.place.shown, facts={**facts, "count": str(tried)})


async def _bare_command(scene: Scene, contact: Contact) -> Said | None:
    talk = await _opened(scene, contact)
    if talk is None:
        return None
    try:
        talk.send(b"NOOP\n")
        return await talk.reply(seconds=min(_PATIENCE, scene.limits.reply))
    finally:
        talk.close()


async def _false_end(scene: Scene, contact: Contact, octets: bytes) -> Said | None:
    """The answer to a false end, perhaps none in time; None where the server did not come as far as taking content."""
    talk = await _opened(scene, contact)
    if talk is None:
        return None
    try:
        for command, wanted in (("MAIL FROM:<>", 250), ("RCPT TO:<postmaster>", 250), ("DATA", 354)):
            if (await talk.ask(command)).code != wanted:
                return None
        talk.send(_HEAD + octets)
        return await talk.reply(seconds=min(_PATIENCE, scene.limits.reply))
    finally:
        talk.close()


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
