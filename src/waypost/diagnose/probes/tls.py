"""TLS at every server that bids welcome, and what the domain promises about it: DANE, MTA-STS, reports. Judges nothing itself."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from waypost.diagnose import certificate, client_hello, sts, tls, tlsa
from waypost.diagnose.certificate import Certificate, CertificateUnreadableError
from waypost.diagnose.lookup import Vouching, Word
from waypost.diagnose.plan import SMTP
from waypost.diagnose.probes.domain import mail_domain
from waypost.diagnose.scene import Source, Speech, is_ip
from waypost.diagnose.shown import found
from waypost.diagnose.talk import Talk
from waypost.diagnose.tls import Look
from waypost.net.dial import UnreachableError
from waypost.net.handshake import Looking, looking_context
from waypost.net.https import Failure, HttpsError, get, https_context
from waypost.net.stream import StreamError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.lookup import Answer
    from waypost.diagnose.scene import Contact, Scene
    from waypost.net.stream import ClientStream
    from waypost.net.tls import Context

LOOK_SECONDS = 8.0
"""At one place: a server that greets slowly is not looked at in every way."""
FETCH_SECONDS = 5.0
MOST_POLICY = 65_536
"""Octets of a policy file (8461#3.3)."""
MOST_HELLO = 32_768
"""Octets of an answer to a hello made by hand."""
INJECTION_SECONDS = 1.5
_UNBELIEVED = frozenset(
    ("certificate-self-signed", "certificate-private-authority", "certificate-unknown-issuer", "certificate-chain-incomplete")
)
_LEFT_TO_DANE = _UNBELIEVED | {"certificate-name-wrong", "certificate-wildcard-unusable", "certificate-subject-only"}


_REFUSED = _LEFT_TO_DANE | {"certificate-expired", "certificate-not-yet-valid", "certificate-refused", "certificate-purpose-wrong"}
"""With these no verification succeeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Associations:
    """TLSA records by host."""

    answers: dict[str, Answer]
    signed: bool | None
    """Whether the MX records that lead to the hosts are; None where none do."""
    vouching: Vouching


@dataclass(slots=True, kw_only=True)
class Promise:
    """What a domain promises by MTA-STS."""

    findings: list[Finding] = field(default_factory=list)
    policy: sts.Policy | None = None


async def probe(scene: Scene) -> AsyncIterator[Finding]:
    """Look at each place, hold it against what the DNS says of it, and at the domain's policies."""
    domain = await mail_domain(scene)
    verifying = await asyncio.to_thread(looking_context, verify=True, ca=scene.options.authorities)
    blind = looking_context(verify=False)
    promise, reports, dane, looks = await asyncio.gather(
        promised(scene, domain) if domain is not None else _nothing(),
        scene.lookup.ask(f"_smtp._tls.{domain}", "TXT") if domain is not None else _no_answer(),
        associations(scene),
        asyncio.gather(*(look_at(scene, contact, verifying, blind) for contact in wanted(scene))),
    )
    scene.looks.extend(looks)
    faulty: set[str] = set()
    for look in looks:
        for finding in tls.judge(look):
            yield finding
    for finding in judge_certificates(scene, looks, dane, faulty):
        yield finding
    for finding in judge_dane(looks, dane):
        yield finding
    for finding in judge_promise(domain, promise, reports, faulty):
        yield finding


async def _nothing() -> Promise:
    return Promise()


async def _no_answer() -> None:
    return None


# ---- places ---------------------------------------------------------------------------------------------------


def wanted(scene: Scene) -> list[Contact]:
    """Places that bid welcome, and those where TLS was waited for in vain: why, is told here."""
    failed = [contact for contact in scene.contacts if contact.implicit_tls and contact.speech is Speech.NO_TLS]
    return [*scene.greeted(), *failed][: scene.limits.talks]


async def look_at(scene: Scene, contact: Contact, verifying: Context, blind: Context) -> Look:
    """All that can be seen of TLS at one place: by two to five connections, no more than three at once."""
    look = Look(place=contact.place, implicit=contact.implicit_tls)
    with contextlib.suppress(TimeoutError):  # of a slow server what was seen until then is told
        async with asyncio.timeout(LOOK_SECONDS):
            await _shake(scene, look, verifying, blind)
            if look.shake is None:
                return look
            look.old, look.weak = await asyncio.gather(
                _hello(scene, look, newest=client_hello.TLS_1_1, ciphers=client_hello.OLD),
                _hello(scene, look, newest=client_hello.TLS_1_2, ciphers=tuple(client_hello.WEAK)),
            )
            if look.secured and not look.implicit and scene.is_own(contact.place):
                look.injected = await _inject(scene, look, blind)
    return look


async def _shake(scene: Scene, look: Look, verifying: Context, blind: Context) -> None:
    """A handshake that verifies, and where the chain is not believed another that does not, to see the chain."""
    for context in (verifying, blind):
        stream = await _open(scene, look, keep=True)
        if stream is None:
            return
        with contextlib.closing(stream):
            looking = Looking(stream, context, _sni(look))
            shake = await looking.handshake(seconds=scene.limits.connect)
            if shake.verify_code:
                look.verify_code, look.verify_message = shake.verify_code, shake.verify_message
                continue
            look.shake = shake
            _read_chain(look)
            if shake.done and not look.implicit:
                name = scene.own_name(Talk(stream, scene.limits, scene.clock))
                look.after = await looking.exchange(f"EHLO {name}\r\n".encode(), seconds=scene.limits.reply)
        return


def _sni(look: Look) -> str | None:
    return None if is_ip(look.place.host) else look.place.host


def _read_chain(look: Look) -> None:
    if look.shake is None:
        return
    chain: list[Certificate] = []
    for der in look.shake.chain:
        try:
            chain.append(certificate.read(der))
        except CertificateUnreadableError as fault:
            look.unreadable = str(fault)
            break
    look.chain = tuple(chain)


async def _open(scene: Scene, look: Look, *, keep: bool = False, command: bytes = b"STARTTLS\r\n") -> ClientStream | None:
    """A connection on which TLS comes next; None where it does not come to that. ``keep``: what was said stands in ``look``."""
    try:
        stream = await scene.dial(look.place.address, look.place.port, seconds=scene.limits.connect)
    except UnreachableError:
        return None
    if look.implicit:
        return stream
    try:
        return await _upgrade(scene, look, stream, keep=keep, command=command)
    except asyncio.CancelledError:
        stream.close()
        raise


async def _upgrade(scene: Scene, look: Look, stream: ClientStream, *, keep: bool, command: bytes) -> ClientStream | None:
    talk = Talk(stream, scene.limits, scene.clock)
    greeting = await talk.reply(seconds=scene.limits.greeting)
    hello = await talk.ask(f"EHLO {scene.own_name(talk)}") if greeting.code == 220 else greeting
    if keep:
        look.hello = hello
    if not hello.positive:
        talk.close()
        return None
    talk.send(command)
    reply = await talk.reply()
    if keep:
        look.reply = reply
    if reply.code == 220 and not reply.ended:
        return stream
    await talk.quit()
    return None


async def _hello(scene: Scene, look: Look, *, newest: int, ciphers: tuple[int, ...]) -> client_hello.Answer | None:
    """What the server answers to a hello made by hand; None where it could not be said."""
    stream = await _open(scene, look)
    if stream is None:
        return None
    stream.send(client_hello.client_hello(_sni(look), newest=newest, ciphers=ciphers, random=secrets.token_bytes(32)))
    stream.deadline(scene.limits.reply)
    heard, answer = b"", None
    with contextlib.closing(stream), contextlib.suppress(StreamError):  # hanging up is an answer too: it does not go along
        while answer is None and len(heard) < MOST_HELLO:
            heard += await stream.receive()
            answer = client_hello.answer(heard)
    return answer or client_hello.Other()


async def _inject(scene: Scene, look: Look, blind: Context) -> bool | None:
    """Whether a command sent behind STARTTLS in the clear is answered under TLS (CVE-2011-0411)."""
    stream = await _open(scene, look, command=b"STARTTLS\r\nRSET\r\n")
    if stream is None:
        return None
    with contextlib.closing(stream):
        looking = Looking(stream, blind, None)
        shake = await looking.handshake(seconds=scene.limits.connect)
        heard = await looking.exchange(b"", seconds=INJECTION_SECONDS) if shake.done else b""
    return heard.startswith(b"250")


# ---- what the DNS promises ------------------------------------------------------------------------------------


async def associations(scene: Scene) -> Associations:
    """TLSA records of the hosts that mail is relayed to."""
    hosts = [server.host for server in scene.servers if server.published and server.source is not Source.GIVEN]
    answers = await asyncio.gather(*(scene.lookup.ask(f"_{SMTP}._tcp.{host}", "TLSA") for host in hosts))
    by_mx = any(server.source is Source.EXCHANGER for server in scene.servers)
    signed = (await scene.lookup.ask(scene.target.name, "MX")).secure if by_mx else None
    vouching = await scene.lookup.vouching() if hosts else Vouching(word=Word.NONE)  # nothing is asked of the DNS about an address
    return Associations(answers=dict(zip(hosts, answers, strict=True)), signed=signed, vouching=vouching)


async def promised(scene: Scene, domain: str) -> Promise:
    """The domain's MTA-STS record and the policy behind it."""
    answer = await scene.lookup.ask(f"_mta-sts.{domain}", "TXT")
    promise = Promise(findings=list(sts.judge_record(domain, answer)))
    if len(sts.records(answer)) != 1:
        return promise
    fetched = await fetch(scene, domain)
    faults = list(sts.judge_fetch(domain, fetched))
    promise.findings += faults
    if fetched.status == 200 and not fetched.failure:
        hosts = [server.host for server in scene.servers if server.source is not Source.GIVEN]
        promise.policy, made = sts.judge_policy(domain, fetched, hosts)
        promise.findings += made
    return promise


async def fetch(scene: Scene, domain: str) -> sts.Fetched:
    """The policy file: over HTTPS with a verified certificate, without redirects, bounded in time and octets."""
    host = f"mta-sts.{domain}"
    url = f"https://{host}{sts.PATH}"
    four, six = await asyncio.gather(scene.lookup.ask(host, "A"), scene.lookup.ask(host, "AAAA"))
    addresses = [*four.records[:1], *six.records[:1]]
    if not addresses:
        return sts.Fetched(url=url, failure="missing", detail=f"{host}: {four.reason or 'no address'}")
    context = await asyncio.to_thread(https_context, scene.options.authorities)
    tried = sts.Fetched(url=url, failure="unreachable")
    for address in addresses:
        tried = await _fetch(scene, url, host, address, context)
        if tried.failure not in ("unreachable", Failure.SILENT, Failure.CLOSED):
            break
    return tried


async def _fetch(scene: Scene, url: str, host: str, address: str, context: Context) -> sts.Fetched:
    try:
        stream = await scene.dial(address, 443, seconds=min(scene.limits.connect, FETCH_SECONDS))
        response = await get(stream, host, sts.PATH, context=context, seconds=FETCH_SECONDS, most=MOST_POLICY)
    except UnreachableError as fault:
        return sts.Fetched(url=url, failure="unreachable", detail=f"{address}: {fault}")
    except HttpsError as fault:
        return sts.Fetched(url=url, failure=fault.failure, detail=f"{address}: {fault}")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return sts.Fetched(url=url, status=response.status, kind=kind, location=response.headers.get("location", ""), body=response.body)


# ---- judging --------------------------------------------------------------------------------------------------


def judge_certificates(scene: Scene, looks: Sequence[Look], dane: Associations, faulty: set[str]) -> list[Finding]:
    """Each chain once for each host; hosts of port 25 whose certificate nobody would believe are added to ``faulty``."""
    made: list[Finding] = []
    seen: set[tuple[str, bytes, bool]] = set()
    for look in looks:
        if look.unreadable:
            made.append(found("certificate-unreadable", look.place.shown, look.unreadable, host=look.place.host, fault=look.unreadable))
        mark = (look.place.host, look.chain[0].der if look.chain else b"", look.submission)
        if not look.chain or mark in seen:
            continue
        seen.add(mark)
        findings = judge_chain(scene, look, dane)
        faults = [finding for finding in findings if finding.severity in ("warning", "error")]
        made += findings
        made += tls.judge_certificate_use(look, faults)
        if _REFUSED & {fault.key for fault in faults} and not look.submission:
            faulty.add(look.place.host)
    return made


def judge_chain(scene: Scene, look: Look, dane: Associations) -> list[Finding]:
    """What is to say of one chain; where DANE vouches for the certificate itself, no authority need do it."""
    findings = list(
        certificate.judge(
            look.chain,
            look.place.shown,
            look.place.host,
            verify_code=look.verify_code,
            verify_message=look.verify_message,
            now=scene.clock.wall(),
        )
    )
    if look.submission or look.place.host not in dane.answers or not _met(look.place.host, dane, [look]).kept_by_leaf:
        return findings
    left = [finding for finding in findings if finding.key not in _LEFT_TO_DANE]
    if len(left) < len(findings):
        left.append(found("certificate-by-dane", look.place.shown, look.chain[0].shown, host=look.place.host))
    return left


def judge_dane(looks: Sequence[Look], dane: Associations) -> list[Finding]:
    """Each host's records against the chain that it showed."""
    return [finding for host in dane.answers for finding in tlsa.judge(_met(host, dane, looks))]


def _met(host: str, dane: Associations, looks: Sequence[Look]) -> tlsa.Met:
    mine = [look for look in looks if look.place.host == host and look.place.port == SMTP]
    chain = next((look.chain for look in mine if look.chain), ())
    return tlsa.Met(host=host, answer=dane.answers[host], chain=chain, reached=bool(mine), mx_secure=dane.signed, vouching=dane.vouching)


def judge_promise(domain: str | None, promise: Promise, reports: Answer | None, faulty: set[str]) -> list[Finding]:
    """MTA-STS and reports, with what was seen of certificates."""
    made = list(promise.findings)
    if promise.policy is not None and promise.policy.mode == "enforce":
        refused = sorted(host for host in faulty if promise.policy.allows(host))
        if refused:
            made.append(found("sts-mx-untrusted", f"_mta-sts.{domain} TXT", *refused, domain=domain, hosts=", ".join(refused)))
    if domain is not None and reports is not None:
        made += sts.judge_reports(domain, reports)
    return made
