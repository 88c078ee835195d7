"""The dialogue: EHLO or HELO, HELP, what is not known, VRFY and EXPN, PIPELINING, STARTTLS; and the form of every reply. Sends no mail.

RFC 5321 sections 3.2, 3.5, 4.1.1 and 4.2, RFC 2920 section 3.2 (server pipelining), RFC 3207 section 4.2 (EHLO anew under TLS).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

from waypost.diagnose import offers
from waypost.diagnose.finding import Finding
from waypost.diagnose.form import flaws, status_flaw
from waypost.diagnose.plan import LMTP, PORTS
from waypost.diagnose.probes import smuggling
from waypost.diagnose.scene import Hello, is_ip, offered
from waypost.net.dial import UnreachableError
from waypost.net.stream import HandshakeError
from waypost.net.tls import client_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from waypost.diagnose.scene import Contact, Scene
    from waypost.diagnose.talk import Said, Talk

NOBODY = "no-such-user-7f3a"
"""A name that no site has."""
UNKNOWN = "XNOSUCHCOMMAND"
MISTAKES = ("HELP", UNKNOWN, "VRFY postmaster", f"VRFY {NOBODY}", "EXPN postmaster")
"""Commands that some servers count as errors, and answer later and later."""
VERBS = (
    *("HELO", "EHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "HELP"),
    *("VRFY", "EXPN", "STARTTLS", "AUTH", "ETRN", "ATRN", "TURN", "BURL"),
)
_FOR_MAIL = frozenset(PORTS) - {LMTP}
"""Ports on which SMTP is expected."""
_GATES = (530, 535, 538)
"""Replies that say: TLS or a login first; nothing else is told by them (3207#4, 4954#6)."""
_NEEDS = {"STARTTLS": "STARTTLS", "BDAT": "CHUNKING", "ETRN": "ETRN", "ATRN": "ATRN", "BURL": "BURL"}
"""Commands and the keyword without which they have no place; AUTH may be kept for TLS."""


@dataclass(slots=True, kw_only=True)
class Heard:
    """Everything that was said on one connection."""

    contact: Contact
    hello: Hello
    replies: list[tuple[str, Said]] = field(default_factory=list)
    """Commands and their answers, in order; those of one burst one by one."""
    burst: tuple[Said, ...] = ()
    """The answers to three commands that were sent at once."""
    secured: Said | None = None
    """The answer to EHLO under TLS."""
    late: bool = False
    """Whether the last command that may count as a mistake was answered late, and no other was said."""

    def to(self, command: str) -> Said | None:
        """The answer to a command; None where it was not asked."""
        return next((said for asked, said in self.replies if asked == command), None)


async def probe(scene: Scene) -> AsyncIterator[Finding]:
    """Talk to each server that bade welcome, all at once."""
    contacts = scene.greeted()
    tasks = [asyncio.ensure_future(_talk(scene, contact)) for contact in contacts]
    shown: set[tuple[str, tuple[str, ...]]] = set()
    try:
        for task in tasks:
            heard = await task
            if heard is None:
                continue
            for finding in judge(heard, first=_is_new(heard, shown)):
                yield finding
    finally:
        for task in tasks:
            task.cancel()
    own = [contact for contact in contacts if scene.is_own(contact.place)]
    if scene.options.intrusive and contacts and not own:
        hosts = ", ".join(dict.fromkeys(contact.place.host for contact in contacts))
        yield Finding(key="own-elsewhere", about=scene.target.text, facts={"hosts": hosts})
    for contact in own:
        async for finding in smuggling.probe(scene, contact):
            yield finding


def _is_new(heard: Heard, shown: set[tuple[str, tuple[str, ...]]]) -> bool:
    """Whether no other place of this host offers the same: what is offered is explained once."""
    offer = (heard.contact.place.host, heard.hello.said.texts[1:])
    if offer in shown:
        return False
    shown.add(offer)
    return True


# ---- talking -------------------------------------------------------------------------------------------------


async def _talk(scene: Scene, contact: Contact) -> Heard | None:
    talk = contact.take()
    try:
        if talk is None:
            talk, _ = await scene.meet(contact)
    except UnreachableError:
        return None
    try:
        hello = await introduce(talk, scene.own_name(talk))
        scene.hellos[contact.place] = hello
        heard = Heard(contact=contact, hello=hello)
        if hello.usable:
            await _converse(scene, talk, heard)
        return heard
    finally:
        talk.close()


async def introduce(talk: Talk, hostname: str) -> Hello:
    """EHLO, and HELO where that is refused (5321#3.2); where both are, LHLO tells whether LMTP is spoken there (2033#4.1)."""
    said = await talk.ask(f"EHLO {hostname}")
    if said.positive or talk.over or said.ended:
        return Hello(said=said, usable=said.positive)
    older = await talk.ask(f"HELO {hostname}")
    if older.positive:
        return Hello(said=older, command="HELO", usable=True, refusal=said)
    if said.code // 100 == 5 and not older.ended:
        local = await talk.ask(f"LHLO {hostname}")
        if local.positive:
            return Hello(said=local, command="LHLO", usable=True, refusal=said)
    return Hello(said=said, usable=False)


async def _converse(scene: Scene, talk: Talk, heard: Heard) -> None:
    """What nobody can mind first; then what may count as a mistake, until the server punishes it or leaves."""
    keywords = heard.hello.keywords
    if "PIPELINING" in keywords:
        talk.send(b"RSET\r\nNOOP\r\nRSET\r\n")
        burst: list[Said] = []
        while len(burst) < 3 and not (burst and burst[-1].ended):
            burst.append(await talk.reply(seconds=min(2.0, scene.limits.reply)))
        heard.burst = tuple(burst)
    for command in MISTAKES:
        if talk.over:
            return
        said = await talk.ask(command, seconds=scene.limits.mistake)
        heard.replies.append((command, said))
        heard.late = bool(said.lines) and said.seconds >= scene.limits.late
        if heard.late or said.ended == "silent":  # it would wait longer and longer; or what comes may be the answer to this one
            talk.close()
            return
    if "STARTTLS" in keywords and not talk.over:
        await _secure(scene, talk, heard)
    if not talk.over:
        heard.replies.append(("QUIT", await talk.quit()))


async def _secure(scene: Scene, talk: Talk, heard: Heard) -> None:
    """Go through STARTTLS and ask again what is offered; certificates are another probe's affair."""
    said = await talk.ask("STARTTLS")
    heard.replies.append(("STARTTLS", said))
    if said.code != 220 or said.ended:
        return
    host = heard.contact.place.host
    try:
        await talk.start_tls(client_context(verify=False), None if is_ip(host) else host, seconds=scene.limits.connect)
    except HandshakeError:
        talk.close()
        return
    heard.secured = heard.hello.secured = await talk.ask(f"EHLO {scene.own_name(talk)}")


# ---- what it means -------------------------------------------------------------------------------------------


def judge(heard: Heard, *, first: bool) -> Iterator[Finding]:
    """Everything that a conversation tells; ``first``: what is offered has not been explained yet."""
    yield from judge_hello(heard)
    yield from judge_form(heard)
    if not heard.hello.usable:
        return
    if heard.hello.command == "EHLO":
        yield from offers.judge(heard.contact, heard.hello, local=ip_address(heard.contact.place.address).is_loopback)
        if first:
            yield from offers.explain(heard.hello.said, heard.contact.place.shown)
    yield from judge_help(heard)
    yield from judge_unknown(heard)
    yield from judge_patience(heard)
    yield from judge_exposure(heard)
    yield from judge_pipelining(heard)
    yield from judge_end(heard)


def _finding(heard: Heard, key: str, said: Said | None = None, **facts: str) -> Finding:
    place = heard.contact.place
    evidence = said.evidence if said is not None else ()
    known = {"host": place.host, "port": str(place.port), **({"code": str(said.code), "reply": said.text} if said else {}), **facts}
    return Finding(key=key, about=place.shown, evidence=evidence, facts=known)


def judge_hello(heard: Heard) -> Iterator[Finding]:
    """Whether EHLO is understood, or at least HELO."""
    hello = heard.hello
    said = hello.said
    if hello.command == "LHLO":
        yield _finding(heard, "lmtp-on-mail-port" if heard.contact.place.port in _FOR_MAIL else "lmtp-spoken", hello.refusal)
    elif hello.usable:
        count = str(len(hello.keywords))
        yield _finding(heard, "ehlo-ok" if hello.command == "EHLO" else "helo-only", hello.refusal or said, count=count)
    elif said.ended == "silent":
        yield _finding(heard, "ehlo-unanswered", said)
    elif said.ended:
        yield _finding(heard, "ehlo-closed", said)
    elif said.category == "reputation.ip":
        yield _finding(heard, "client-blocked", said, command="EHLO")
    elif said.code == 421:
        yield _finding(heard, "ehlo-busy", said)
    else:
        yield _finding(heard, "ehlo-refused", said)


def judge_form(heard: Heard) -> Iterator[Finding]:
    """The form of all replies: each flaw is told once, with the first reply that has it."""
    expected = "ENHANCEDSTATUSCODES" in heard.hello.keywords
    told: set[str] = set()
    everything = [("EHLO", heard.hello.said), *heard.replies, *(("NOOP", said) for said in heard.burst)]
    for command, said in everything:
        found = [f"reply-{flaw}" for flaw in flaws(said) if not (flaw == "unfinished" and said.ended == "silent" and command == "EHLO")]
        exempt = command in ("EHLO", "HELP", "QUIT") or said.code == 214  # 2034#4: greeting, EHLO and HELO have none
        status = status_flaw(said, expected=expected) if not exempt and said.lines and not flaws(said) else None
        for key in [*found, *([status] if status else [])]:
            if key not in told:
                told.add(key)
                yield _finding(heard, key, said, command=command.partition(" ")[0])


def judge_help(heard: Heard) -> Iterator[Finding]:
    """HELP: 214 and what it lists, or what else."""
    said = heard.to("HELP")
    if said is None or said.ended or said.code in _GATES:
        return
    keywords = heard.hello.keywords
    if 200 <= said.code < 300:
        if said.code not in (211, 214):
            yield _finding(heard, "help-odd-code", said)
        listed = listed_commands(said)
        absent = [verb for verb in listed if verb in _NEEDS and _NEEDS[verb] not in keywords]
        if absent:
            yield _finding(heard, "help-differs", said, commands=", ".join(absent))
        elif said.code in (211, 214):
            yield _finding(heard, "help-ok", said, commands=", ".join(listed) or "-")
    elif "HELP" in keywords:
        yield _finding(heard, "help-promised", said)
    else:
        yield _finding(heard, "help-refused", said)


def listed_commands(said: Said) -> list[str]:
    """The commands that the text of a reply to HELP names in capitals."""
    words = {word.strip(".,;:()<>\"'*") for text in said.texts for word in text.split()}
    return [verb for verb in VERBS if verb in words]


def judge_unknown(heard: Heard) -> Iterator[Finding]:
    """A command that nobody knows is answered by 500 or 502, and the connection stays (5321#4.2.4)."""
    said = heard.to(UNKNOWN)
    if said is None:
        return
    if said.ended in ("closed", "reset") or said.code == 421:
        yield _finding(heard, "unknown-command-closes", said)
    elif said.ended:
        yield _finding(heard, "unknown-command-unanswered", said)
    elif 200 <= said.code < 400:
        yield _finding(heard, "unknown-command-accepted", said)
    elif said.code not in (500, 502, 503, 530, 554):
        yield _finding(heard, "unknown-command-odd", said)


def judge_patience(heard: Heard) -> Iterator[Finding]:
    """Whether mistakes are punished by letting the client wait (5321#7.8), or not answered at all."""
    if not heard.replies:
        return
    command, said = next(pair for pair in reversed(heard.replies) if pair[0] in MISTAKES)
    if heard.late:
        yield _finding(heard, "errors-slowed", said, command=command.partition(" ")[0], seconds=f"{said.seconds:.0f}")
    elif said.ended == "silent" and command != UNKNOWN:
        yield _finding(heard, "command-unanswered", said, command=command.partition(" ")[0])


def judge_exposure(heard: Heard) -> Iterator[Finding]:
    """Whether VRFY or EXPN tell strangers who lives there (5321#3.5.3, 5321#7.3)."""
    known, nobody, expanded = heard.to("VRFY postmaster"), heard.to(f"VRFY {NOBODY}"), heard.to("EXPN postmaster")
    if known is not None and nobody is not None and known.code in (250, 251) and nobody.code // 100 == 5:
        yield _finding(heard, "vrfy-tells", known, nobody=nobody.text)
    elif nobody is not None and nobody.code in (250, 251):
        yield _finding(heard, "vrfy-says-yes", nobody)
    if expanded is not None and expanded.code == 250:
        yield _finding(heard, "expn-tells", expanded)


def judge_pipelining(heard: Heard) -> Iterator[Finding]:
    """Three commands in one packet get three answers, whatever they say: some want TLS or a login first (2920#3.2)."""
    if not heard.burst:
        return
    good = [said for said in heard.burst if said.positive or (said.code in _GATES and not said.ended)]
    if len(good) < 3:
        evidence = tuple(line for said in heard.burst for line in said.evidence)
        place = heard.contact.place
        facts = {"host": place.host, "port": str(place.port), "count": str(len(good))}
        yield Finding(key="pipelining-broken", about=place.shown, evidence=evidence, facts=facts)


def judge_end(heard: Heard) -> Iterator[Finding]:
    """What is offered behind STARTTLS (the command itself is the affair of TLS), and QUIT; and whether the server left in the middle."""
    said = heard.to("STARTTLS")
    if heard.secured is not None and heard.secured.positive and "STARTTLS" in offered(heard.secured):
        yield _finding(heard, "starttls-twice", heard.secured)
    farewell = heard.to("QUIT")
    if farewell is not None and (farewell.ended or farewell.code != 221):
        yield _finding(heard, "quit-unanswered", farewell)
    if farewell is None and heard.replies and said is None:
        command, last = heard.replies[-1]
        if command.partition(" ")[0] != UNKNOWN and last.ended != "silent" and not heard.late:
            yield _finding(heard, "dialogue-closed", last, command=command.partition(" ")[0])
