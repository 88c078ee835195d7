"""The login, where one is asked for: by the strongest mechanism that is offered, over a connection that keeps the password. Sends no mail.

RFC 4954 (AUTH), RFC 8314 section 3.1 (passwords need TLS), RFC 5802 section 6 and RFC 9266 (binding to the channel).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING

from waypost.diagnose.finding import Finding
from waypost.diagnose.offers import mechanisms
from waypost.diagnose.plan import SMTP, SUBMISSION, SUBMISSIONS
from waypost.diagnose.scene import is_ip, offered
from waypost.diagnose.send.auth import MECHANISMS, Circumstances, Means, candidates
from waypost.diagnose.send.binding import SecretLog, bindings
from waypost.diagnose.send.errand import Login
from waypost.diagnose.send.exchange import Exchanged, exchange
from waypost.diagnose.send.steps import Listen, Send
from waypost.diagnose.talk import Said
from waypost.net.dial import UnreachableError
from waypost.net.stream import HandshakeError
from waypost.net.tls import CertificateError, client_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from waypost.diagnose.scene import Contact, Scene
    from waypost.diagnose.send.auth import Mechanism
    from waypost.diagnose.send.steps import Answer, Steps
    from waypost.diagnose.talk import Talk

_REFUSED = frozenset({504, 534, 535, 538})
"""Refusals that another mechanism may be spared (4954#6)."""


@dataclass(frozen=True, slots=True)
class Safe:
    """A connection over which a password may go."""

    talk: Talk
    keywords: dict[str, str]
    bound: dict[str, bytes]
    """What a login can be bound to, by type, the best first; empty in the clear."""


@dataclass(frozen=True, slots=True)
class Tried:
    """One mechanism, and what came of it."""

    row: Mechanism
    came: Exchanged
    binding: str = ""
    """The type of channel binding, where the mechanism has one."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """Everything that was learned by logging in at one place."""

    contact: Contact
    account: str
    offer: frozenset[str] = frozenset()
    tried: list[Tried] = field(default_factory=list)
    unsafe: str = ""
    """Why the password was not sent."""


async def login(scene: Scene) -> list[Finding]:
    """Log in where accounts belong: submission, else the port that was named."""
    order = [scene.target.port] if scene.target.port else [SUBMISSIONS, SUBMISSION, SMTP]
    contacts = sorted((each for each in scene.greeted() if each.place.port in order), key=lambda each: order.index(each.place.port))
    account = scene.options.account or ""
    if not contacts:
        return [Finding(key="login-nowhere", about=account, facts={"account": account})]
    attempt = Attempt(contact=contacts[0], account=account)
    try:
        safe = await _safe(scene, contacts[0])
    except (UnreachableError, HandshakeError, CertificateError) as fault:
        attempt.unsafe = str(fault)
        return list(judge(attempt))
    try:
        attempt.offer = mechanisms(safe.keywords)
        await _try(scene, safe, attempt)
        await safe.talk.quit()
    finally:
        safe.talk.close()
    return list(judge(attempt))


# ---- trying --------------------------------------------------------------------------------------------------


async def _try(scene: Scene, safe: Safe, attempt: Attempt) -> None:
    """The strongest mechanism; where that is refused, the plainest too, for an account may be kept for one of them alone.

    Never more than two: a wrong password said often locks people out. And none after a server that could not prove itself.
    """
    who = Login(user=attempt.account, password=scene.options.password, host=attempt.contact.place.host, port=attempt.contact.place.port)
    at = Circumstances(offered=attempt.offer, bindings=safe.bound, nonce=secrets.token_urlsafe(24))
    rows = candidates(who, at)
    for row in _chosen(rows):
        binding = next(iter(safe.bound), "") if row.bound else ""
        tried = Tried(row, await _exchange(safe.talk, row, who, at), binding)
        attempt.tried.append(tried)
        said = tried.came.said
        if said is None or said.code not in _REFUSED or safe.talk.over:
            return


def _chosen(rows: Sequence[Mechanism]) -> tuple[Mechanism, ...]:
    readable = next((row for row in rows if row.readable), None)
    return tuple(dict.fromkeys((*rows[:1], *((readable,) if readable is not None else ()))))


async def _exchange(talk: Talk, row: Mechanism, who: Login, at: Circumstances) -> Exchanged:
    steps = exchange(row, who, at, _hear)
    answer: Answer = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            came: Exchanged = end.value
            break
        answer = None
        if isinstance(step, Send):
            talk.send(step.octets, secret=step.secret)
        elif isinstance(step, Listen):
            answer = await talk.reply()
    if came.fault and came.begun and not talk.over:
        await talk.ask("*")
    return came


def _hear() -> Steps[Said]:
    said = yield Listen("23", "AUTH")
    if not isinstance(said, Said):
        raise TypeError(f"{said!r} is no reply")
    return said


async def _safe(scene: Scene, contact: Contact) -> Safe:
    """Verified TLS, or a connection that never leaves this machine. Raises what says why not."""
    place = contact.place
    at_home = ip_address(place.address).is_loopback
    name = place.address if is_ip(place.host) else place.host
    talk = await scene.connect(place)
    bound: dict[str, bytes] = {}
    try:
        context = client_context(verify=not at_home, ca=scene.options.authorities)
        log = SecretLog(context)
        try:
            if contact.implicit_tls:
                await talk.start_tls(context, name, seconds=scene.limits.connect)
            await talk.reply(seconds=scene.limits.greeting)
            keywords = offered(await talk.ask(f"EHLO {scene.own_name(talk)}"))
            if "STARTTLS" in keywords and not talk.tls:
                if (await talk.ask("STARTTLS")).code != 220:
                    raise HandshakeError("STARTTLS is offered, and was refused")
                await talk.start_tls(context, name, seconds=scene.limits.connect)
                keywords = offered(await talk.ask(f"EHLO {scene.own_name(talk)}"))
            if talk.tls:
                bound = bindings(talk.certificate, log.exporter())
        finally:
            log.close()
        if not talk.tls and not at_home:
            raise HandshakeError("no TLS is offered, and a password does not go in the clear")  # noqa: TRY301 - one way out for all that is unsafe
    except (HandshakeError, CertificateError):
        talk.close()
        raise
    return Safe(talk, keywords, bound)


# ---- what it means -------------------------------------------------------------------------------------------


def judge(attempt: Attempt) -> Iterator[Finding]:
    """What an attempt came to, and what the mechanism does with the password."""
    place = attempt.contact.place
    facts = {"account": attempt.account, "host": place.host, "port": str(place.port), "mechanisms": ", ".join(sorted(attempt.offer)) or "-"}
    if attempt.unsafe:
        yield Finding(key="login-unsafe", about=place.shown, evidence=(attempt.unsafe,), facts={**facts, "reason": attempt.unsafe})
        return
    if not attempt.tried:
        known = ", ".join(name for name, row in MECHANISMS.items() if row.means is Means.PASSWORD)
        yield Finding(key="login-not-offered", about=place.shown, facts={**facts, "known": known})
        return
    yield from _outcome(attempt, place.shown, facts)


def _outcome(attempt: Attempt, about: str, facts: dict[str, str]) -> Iterator[Finding]:
    last = attempt.tried[-1]
    facts = {**facts, "mechanism": last.row.name, "binding": last.binding, "fault": last.came.fault}
    said = last.came.said
    if said is None:
        yield Finding(key="login-broken", about=about, evidence=(last.came.fault,), facts=facts)
        return
    evidence = (f"C: AUTH {last.row.name}", *said.evidence)
    facts |= {"code": str(said.code), "reply": said.text}
    if not last.came.accepted:
        key = "login-unanswered" if said.ended or not said.code else "login-deferred" if said.code // 100 == 4 else "login-refused"
        tried = ", ".join(each.row.name for each in attempt.tried)
        yield Finding(key=key, about=about, evidence=evidence, facts={**facts, "tried": tried})
        return
    if not last.came.proven:
        yield Finding(key="login-unproven", about=about, evidence=evidence, facts=facts)
        return
    yield Finding(key="login-accepted", about=about, evidence=evidence, facts=facts)
    if len(attempt.tried) > 1:
        first = attempt.tried[0]
        before = first.came.said.evidence if first.came.said is not None else ()
        shown = (f"C: AUTH {first.row.name}", *before)
        yield Finding(key="login-mechanism-refused", about=about, evidence=shown, facts={**facts, "refused": first.row.name})
    yield Finding(key=_manner(last.row), about=about, facts=facts)


def _manner(row: Mechanism) -> str:
    """What the mechanism does with the password."""
    if row.bound:
        return "login-bound"
    return "login-password-shown" if row.readable else "login-password-proven"
