"""From what a check and the survey saw of one server to its traits: pure.

RFC 5321 section 4.2 (replies: what counts is code and enhanced code, not the words), RFC 8996, RFC 9325 section 4.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from waypost.diagnose.beside.point import Reply, Section, Trait, Traits, Value
from waypost.diagnose.beside.script import ANSWERS, BURST, HELLO, order, step
from waypost.diagnose.client_hello import ServerHello
from waypost.diagnose.finding import Severity, Stage
from waypost.diagnose.offers import READABLE, mechanisms
from waypost.diagnose.probes.dialogue import listed_commands
from waypost.diagnose.scene import Source, Speech, Way, offered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waypost.diagnose.beside.survey import Survey
    from waypost.diagnose.client_hello import Answer as HelloAnswer
    from waypost.diagnose.lookup import Answer
    from waypost.diagnose.scene import Contact, Hello
    from waypost.diagnose.talk import Said
    from waypost.diagnose.tls import Look
    from waypost.diagnose.verdict import Diagnosis

_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")
_DATE = re.compile(r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4}|\d{1,2}:\d{2}(?::\d{2})?|[+-]\d{4}\b|\([A-Z]{3,4}\)")
_PASSING = re.compile(r"(?=\S*[0-9])(?=\S*[A-Za-z])\S{10,}")
"""A word of a greeting that is another in each session: an identifier."""
_AT_SUBMISSION = frozenset({"AUTH", "STARTTLS"})
"""Keywords that are looked at apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One server: what the check found, and what it answered to the script."""

    diagnosis: Diagnosis
    survey: Survey

    @property
    def contact(self) -> Contact | None:
        """The place that was talked to."""
        return self.survey.contact

    @property
    def hello(self) -> Hello | None:
        """What it offers there."""
        return None if self.contact is None else self.diagnosis.hellos.get(self.contact.place)

    @property
    def look(self) -> Look | None:
        """Its TLS there."""
        scene, contact = self.survey.scene, self.contact
        if scene is None or contact is None:
            return None
        return next((look for look in scene.looks if look.place == contact.place), None)

    @property
    def stages(self) -> frozenset[Stage]:
        """Those in which a fault that was not found is not there."""
        talked = {Stage.GREETING, Stage.DIALOGUE} if self.hello is not None and self.hello.usable else set()
        return frozenset(talked | ({Stage.TLS} if self.look is not None and self.look.secured else set()))


def traits(seen: Seen) -> Traits:
    """Everything by which a server is held against another."""
    every = (*_servers(seen), *_greeting(seen), *_extensions(seen), *_tls(seen), *_replies(seen), *_times(seen), *_records(seen))
    return Traits({trait.key: trait for trait in (*every, *_findings(seen))}, seen.stages)


def _point(section: Section, name: str, value: Value, **facts: str) -> Trait:
    return Trait(key=name, section=section, row=f"point.{name}", value=value, facts=facts)


# ---- where it is ----------------------------------------------------------------------------------------------


def _servers(seen: Seen) -> Iterator[Trait]:
    servers = seen.diagnosis.servers
    exchangers = tuple(f"{each.preference} {each.host}" for each in servers if each.source is Source.EXCHANGER)
    if exchangers:
        yield _point(Section.SERVERS, "mx", Value(lines=exchangers, essence=len(exchangers)))
    addresses = tuple(dict.fromkeys(address for each in servers for address in each.addresses))
    if addresses:
        versions = frozenset(ip_address(address).version for address in addresses)
        yield _point(Section.SERVERS, "addresses", Value(lines=addresses, essence=versions))
    named = seen.diagnosis.target.port
    for port in dict.fromkeys(contact.place.port for contact in seen.diagnosis.contacts):
        contacts = [contact for contact in seen.diagnosis.contacts if contact.place.port == port]
        best = next((each for each in contacts if each.greeted), None) or next((each for each in contacts if each.open), contacts[0])
        facts = {"port": "" if named else str(port)}
        yield Trait(key="port" if named else f"port.{port}", section=Section.SERVERS, row="point.port", value=_port(best), facts=facts)


_MUTE = frozenset({Speech.SILENT, Speech.CLOSED, Speech.RESET})
"""What an open port says that says nothing."""


def _port(contact: Contact) -> Value:
    words = [contact.speech.value.upper()] if contact.speech is not None and contact.speech not in _MUTE else []
    words += ["TLS"] if contact.implicit_tls else []
    shown = f"{contact.place.port}: {', '.join(words)}" if words else str(contact.place.port)
    word = f"said.{contact.speech.value}" if contact.speech in _MUTE else "" if contact.way is Way.OPEN else f"way.{contact.way.value}"
    return Value(lines=(shown,), word=word, essence=(contact.way, contact.speech, contact.implicit_tls))


# ---- greeting and offers --------------------------------------------------------------------------------------


def reply_value(said: Said, *more: object, good: frozenset[int] = frozenset()) -> Value:
    """A reply: what counts is how it ended, its codes, and ``more``."""
    found = _STATUS.match(said.texts[-1]) if said.lines else None
    status = found[1] if found else None
    word = f"said.{said.ended}" if said.ended else ""
    told = Reply(said.code, status, " ".join(said.texts)[:1500]) if said.code else None
    fits = (not said.ended and said.code in good) if good and said.ended != "silent" else None  # it may yet be coming
    return Value(lines=said.evidence, word=word, essence=(said.ended, said.code, *more), reply=told, good=fits)


def greeting_words(text: str) -> str:
    """A greeting without the server's name, times and identifiers, which are others elsewhere and at another time."""
    rest = _DATE.sub(" ", text.partition(" ")[2])
    return " ".join(word for word in rest.split() if not _PASSING.fullmatch(word))


def _greeting(seen: Seen) -> Iterator[Trait]:
    contact = seen.contact or next((each for each in seen.diagnosis.contacts if each.greeting.code), None)
    if contact is not None:
        said = contact.greeting
        same = tuple(greeting_words(text) for text in said.texts)
        yield _point(Section.GREETING, "greeting", reply_value(said, same, good=frozenset({220})))


def _extensions(seen: Seen) -> Iterator[Trait]:
    hello, contact = seen.hello, seen.contact
    if hello is None or contact is None:
        return
    for word, text in hello.keywords.items():
        keyword, _, more = word.partition("=")
        rest = f"{more} {text}".strip()
        if keyword != "AUTH":
            value = Value(lines=(rest,) if rest else (), word="" if rest else "said.offered", essence=frozenset(rest.upper().split()))
            facts = {"keyword": keyword}
            key = f"extension.{keyword}"
            yield Trait(key=key, section=Section.EXTENSIONS, row="point.extension", value=value, facts=facts, record=keyword)
    clear = contact.implicit_tls or ip_address(contact.place.address).is_loopback
    offer = mechanisms(hello.keywords)
    under = "auth-tls" if contact.implicit_tls else "auth-clear"
    yield _point(Section.LOGIN, under, _mechanisms(offer, good=None if clear else not offer & READABLE))
    if hello.secured is not None and hello.secured.positive:
        secured = offered(hello.secured)
        yield _point(Section.LOGIN, "auth-tls", _mechanisms(mechanisms(secured)))
        alone = sorted(keyword for keyword in set(secured) - set(hello.keywords) if keyword.partition("=")[0] not in _AT_SUBMISSION)
        yield _point(Section.TLS, "tls-offers", _list(alone))


def _mechanisms(names: frozenset[str], *, good: bool | None = None) -> Value:
    value = _list(sorted(names))
    return Value(lines=value.lines, word=value.word, essence=value.essence, good=good)


def _list(names: list[str]) -> Value:
    return Value(lines=(" ".join(names),) if names else (), word="" if names else "said.none", essence=tuple(names))


# ---- TLS ------------------------------------------------------------------------------------------------------


def _tls(seen: Seen) -> Iterator[Trait]:
    look = seen.look
    if look is None:
        return
    shake = look.shake
    if shake is None:  # not offered, refused, or nobody could look: a server may have had no connection left
        if look.hello.positive and not look.offered:
            yield _point(Section.TLS, "tls", Value(word="said.not-offered", essence=""))
        elif look.reply.lines:
            yield _point(Section.TLS, "tls", reply_value(look.reply))
        return
    if not look.secured:
        why = shake.alert or shake.fault
        yield _point(Section.TLS, "tls", Value(word="said.failed", facts={"why": why}, essence=why))
        return
    begin = "TLS" if look.implicit else "STARTTLS"
    yield _point(Section.TLS, "tls", Value(lines=(begin,), essence=begin))
    spoken = f"{shake.version} {shake.cipher}"
    yield _point(Section.TLS, "tls-version", Value(lines=(spoken,), essence=spoken))
    for name, answer in (("tls-old", look.old), ("tls-weak", look.weak)):
        if answer is not None:  # it could be asked
            yield _point(Section.TLS, name, _dated(answer))
    if look.chain:
        own = look.chain[0]
        shape = (own.key, own.bits, own.digest, own.self_issued)
        yield _point(Section.TLS, "certificate", Value(lines=(own.shown,), essence=shape))
        fault = look.verify_message if look.verify_code else ""
        yield _point(Section.TLS, "trust", Value(lines=(fault,) if fault else (), word="" if fault else "said.verified", essence=fault))


def _dated(answer: HelloAnswer) -> Value:
    """What a server answers to hellos that none should accept any more."""
    if isinstance(answer, ServerHello):
        return Value(lines=(answer.shown,), essence=answer.shown, good=False)
    return Value(word="said.refused", essence="", good=True)


# ---- replies and times ----------------------------------------------------------------------------------------


def _replies(seen: Seen) -> Iterator[Trait]:
    survey = seen.survey
    for name in order():
        row = step(name)
        if name == BURST and survey.burst:
            yield Trait(key=f"reply.{name}", section=Section.REPLIES, row=f"step.{name}", value=_burst(survey.burst), asked=row.says)
        elif name in survey.answers:
            asked, said = survey.answers[name]
            more = (frozenset(listed_commands(said)),) if name == "help" else ()
            shown = asked if len(asked) <= 100 else f"{asked[:20]}... ({len(asked)})"
            value = reply_value(said, *more, good=row.good)
            yield Trait(key=f"reply.{name}", section=Section.REPLIES, row=f"step.{name}", value=value, asked=shown)


def _burst(answers: tuple[Said, ...]) -> Value:
    good = sum(said.positive for said in answers)
    lines = tuple(line for said in answers for line in said.evidence)
    facts = {"good": str(good), "count": str(ANSWERS)}
    codes = tuple(said.code for said in answers)
    return Value(lines=lines, word="said.answers", facts=facts, essence=(good, codes), good=good == ANSWERS)


def _times(seen: Seen) -> Iterator[Trait]:
    contact = seen.contact
    if contact is None:
        return
    replies = [said.seconds for name, (_, said) in seen.survey.answers.items() if not said.ended and name != HELLO]
    times = {"connect-time": contact.seconds, "greeting-time": contact.greeting.seconds, "reply-time": max(replies, default=None)}
    for name, seconds in times.items():
        if seconds is not None:
            facts = {"seconds": f"{seconds:.3f}" if seconds < 1 else f"{seconds:.1f}"}
            yield _point(Section.TIMES, name, Value(word="said.seconds", facts=facts, seconds=seconds))


# ---- records and findings -------------------------------------------------------------------------------------


def _records(seen: Seen) -> Iterator[Trait]:
    records = seen.survey.records
    for name, answer in records.items():
        if name == "mx":
            word = "said.secure" if answer.secure else "said.insecure"
            yield _point(Section.RECORDS, "dnssec", Value(word=word, essence=answer.secure))
        else:
            yield _point(Section.RECORDS, name, _record(name, answer, seen))


def _record(name: str, answer: Answer, seen: Seen) -> Value:
    """What is published; what counts of it is what it demands, not whom it names."""
    lines = tuple(text for text in answer.records if text.lower().startswith(_BEGINNINGS.get(name, "")))
    if not answer.definite:
        return Value(lines=(answer.reason,), essence=answer.outcome)
    if not lines:
        return Value(word="said.none", essence="")
    match name:
        case "spf":
            return Value(lines=lines, essence=lines[0].lower().split()[-1] if len(lines) == 1 else len(lines))
        case "dmarc":
            tags = (tag.strip().lower() for tag in lines[0].split(";"))
            return Value(lines=lines, essence=frozenset(tag for tag in tags if not tag.startswith(("rua", "ruf"))))
        case "sts":
            keys = frozenset(finding.key for finding in seen.diagnosis.findings if finding.key.startswith("sts-"))
            return Value(lines=lines, essence=keys)
        case _:
            return Value(lines=lines, essence=len(lines) if name == "tlsa" else True)


_BEGINNINGS = {"spf": "v=spf1", "dmarc": "v=dmarc1", "sts": "v=stsv1", "tls-reports": "v=tlsrptv1"}
"""How the record begins among other TXT records, in small letters."""


def _findings(seen: Seen) -> Iterator[Trait]:
    """Each fault once, however many places have it."""
    for finding in seen.diagnosis.findings:
        if finding.severity in (Severity.WARNING, Severity.ERROR):
            value = Value(lines=(finding.about,), word=f"severity.{finding.severity.value}", essence=True, good=False)
            yield Trait(key=f"finding.{finding.key}", section=Section.FINDINGS, row="point.finding", value=value, finding=finding)
