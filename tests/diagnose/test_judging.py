"""What several attempts, a name or a login come to: judgements on values, and the rare ways of a conversation."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from support.broken_servers import ADDRESS, DOMAIN, HOST, SOUND, Broken, and_lines, diagnose
from waypost.diagnose.lookup import Answer, Outcome, Vouching, Word
from waypost.diagnose.plan import Options
from waypost.diagnose.probes import names, reach
from waypost.diagnose.probes.greeting import judge as judge_greeting
from waypost.diagnose.probes.greeting import judge_names, name_in
from waypost.diagnose.scene import Contact, Place, Speech, Way
from waypost.diagnose.talk import Said

if TYPE_CHECKING:
    from support.broken_servers import Zone
    from support.certificates import Certificates

FOUR, SIX = ADDRESS, "2a02:db0::25"


def met(way: Way, *, address: str = FOUR, port: int = 25, greeting: bytes = b"220 mx.broken.example\r\n", seconds: float = 0.0) -> Contact:
    """A contact as the probe of reachability leaves it."""
    contact = Contact(place=Place(HOST, address, port), way=way, detail="" if way is Way.OPEN else way.value)
    if way is Way.OPEN:
        contact.speech, contact.greeting = Speech.SMTP, Said((greeting,), seconds)
    return contact


def judged(*contacts: Contact) -> list[str]:
    return [finding.key for finding in reach.judge(contacts, needed=frozenset({25}))]


@pytest.mark.parametrize(
    ("ways", "wanted"),
    [
        ({25: Way.OPEN, 465: Way.REFUSED}, ["port-open", "ports-closed"]),
        ({25: Way.REFUSED, 465: Way.REFUSED}, ["connection-refused", "ports-closed"]),
        ({25: Way.DROPPED, 465: Way.DROPPED}, ["address-dead", "ports-closed"]),
        ({25: Way.DROPPED, 465: Way.REFUSED}, ["port-25-filtered", "ports-closed"]),
        ({25: Way.DROPPED, 587: Way.OPEN}, ["port-25-filtered", "port-open"]),
        ({25: Way.REFUSED, 587: Way.OPEN}, ["submission-only", "port-open"]),
        ({25: Way.HOST, 587: Way.OPEN}, ["connection-prohibited", "port-open"]),
        ({25: Way.NETWORK, 465: Way.REFUSED}, ["connection-prohibited", "ports-closed"]),
        ({25: Way.HOST, 465: Way.HOST}, ["host-unreachable", "ports-closed"]),
        ({25: Way.DROPPED}, ["connection-dropped"]),
        ({25: Way.REFUSED, 1025: Way.OPEN}, ["listens-elsewhere", "port-open"]),
        ({25: Way.OPEN, 1025: Way.REFUSED}, ["port-open"]),
    ],
)
def test_neighbours_tell(ways: dict[int, Way], wanted: list[str]) -> None:
    """What other ports of the machine do tells a filter from a machine that is off, and a relay from a sender."""
    assert judged(*(met(way, port=port) for port, way in ways.items())) == wanted


def test_a_ping_tells_a_filter_from_a_machine_that_is_off() -> None:
    """Where no mail port answers, a machine that answers a ping is not called dead; what the ping came to is shown."""
    contacts = [met(Way.DROPPED), met(Way.DROPPED, port=587)]
    address = contacts[0].place.address
    for echo, key, seen in (
        (True, "mail-ports-filtered", "answers a ping"),
        (False, "address-dead", "no ping"),
        (None, "address-dead", ""),
    ):
        found = next(iter(reach.judge(contacts, needed=frozenset({25}), echoes={address: echo})))
        assert key == found.key
        assert any(seen in line for line in found.evidence)


def test_exchangers_must_take_mail_of_servers() -> None:
    """Submission alone is right for a host, and wrong for an exchanger of a domain."""
    contacts = [met(Way.REFUSED), met(Way.OPEN, port=587)]
    assert next(iter(reach.judge(contacts, needed=frozenset({25}), by_mx=True))).key == "connection-refused"


def test_ports_that_end_alike_are_told_in_one_line() -> None:
    """Five ports without an answer are one line of evidence."""
    found = next(iter(reach.judge([met(Way.DROPPED, port=port) for port in (25, 465, 587, 2525, 24)], needed=frozenset({25}))))
    assert len(found.evidence) == 1
    assert "465, 587, 2525, 24" in found.evidence[0]


def test_one_family_is_down() -> None:
    """A host that answers over one family only is told of, as a fault where this machine has the other one."""
    assert judged(met(Way.OPEN), met(Way.DROPPED, address=SIX)) == ["port-open", "family-unreachable"]
    assert "family-unreachable" in judged(met(Way.OPEN, address=SIX), met(Way.REFUSED))
    here = judged(met(Way.OPEN), met(Way.NETWORK, address=SIX))
    assert "family-unreachable-here" in here
    assert not any(key.startswith("family") for key in judged(met(Way.OPEN), met(Way.OPEN, address=SIX)))


def test_no_route_over_one_family_is_no_error_of_the_host() -> None:
    """Without IPv6 here, an exchanger that answers over IPv4 brings no error."""
    assert "network-unreachable" not in judged(met(Way.OPEN), met(Way.NETWORK, address=SIX))


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({("mx.broken.example", "A"): ("44.128.0.99",)}, "greeting-name-elsewhere"),
        ({("mx.broken.example", "A"): ()}, "greeting-name-unresolved"),
        ({("25.0.128.44.in-addr.arpa", "PTR"): ("other.example",)}, "greeting-reverse-differs"),
        ({("mx.broken.example", "A"): Outcome.SILENT}, None),
        ({}, None),
    ],
)
def test_the_name_in_the_greeting(change: Zone, key: str | None) -> None:
    """The greeted name is held against its addresses and the address's names; what could not be asked is no fault."""
    zone = {**SOUND, **change}

    def answer(name: str, kind: str) -> Answer:
        found = zone.get((name, kind), ())
        if isinstance(found, Outcome):
            return Answer(name=name, kind=kind, outcome=found)
        return Answer(name=name, kind=kind, outcome=Outcome.FOUND if found else Outcome.EMPTY, records=found)

    contact = met(Way.OPEN)
    forward = (answer("mx.broken.example", "A"), answer("mx.broken.example", "AAAA"))
    found = judge_names(contact, name_in(contact.greeting), forward, answer("25.0.128.44.in-addr.arpa", "PTR"))
    assert [finding.key for finding in found] == ([key] if key else [])


def test_a_late_greeting() -> None:
    """From two seconds on a greeting is told to be late."""
    assert "greeting-slow" in [finding.key for finding in judge_greeting(met(Way.OPEN, seconds=2.0))]
    assert "greeting-slow" not in [finding.key for finding in judge_greeting(met(Way.OPEN, seconds=1.9))]


def test_signed_names() -> None:
    """What the resolver vouches for is told to be signed."""
    mx = Answer(name=DOMAIN, kind="MX", outcome=Outcome.FOUND, records=(f"10 {HOST}",), secure=True)
    empty = Answer(name=DOMAIN, kind="A", outcome=Outcome.EMPTY)
    host = names.Host(name=DOMAIN, preference=0, four=empty, six=empty)
    assert [finding.key for finding in names.judge_domain(mx, host, Vouching(word=Word.COUNTS))] == ["dnssec-signed"]


def test_a_mailbox_that_is_taken() -> None:
    """A mailbox that is taken is told to be, and the sender that was named is used."""
    diagnosis, server = diagnose(Broken(name="Ada", key="", to="ada@broken.example"), options=Options(sender="grace@example.net"))
    assert "mailbox-accepted" in {finding.key for finding in diagnosis.findings}
    assert b"MAIL FROM:<grace@example.net>\r\n" in server.heard


def test_a_sender_that_is_refused() -> None:
    """A named sender that is refused is a finding of its own, and no recipient is tried."""
    row = Broken(name="no Grace", key="", says={"MAIL": b"553 5.1.8 unknown domain\r\n"})
    diagnosis, server = diagnose(row, options=Options(sender="grace@example.net"))
    assert "sender-refused" in {finding.key for finding in diagnosis.findings}
    assert not any(line.startswith(b"RCPT") for line in server.heard)


@pytest.mark.parametrize(
    ("answer", "offer", "key"),
    [
        (b"235 2.7.0 Welcome\r\n", "AUTH PLAIN", "login-accepted"),
        (b"535 5.7.8 No\r\n", "AUTH PLAIN", "login-refused"),
        (b"235 2.7.0 Welcome\r\n", "AUTH GSSAPI", "login-not-offered"),
    ],
)
def test_login(certificates: Certificates, answer: bytes, offer: str, key: str) -> None:
    """A login goes through STARTTLS first, and what became of it is told; the password stands in no finding."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    says = {"EHLO": and_lines("STARTTLS", offer), "STARTTLS": b"220 2.0.0 Go on\r\n", "AUTH": answer}
    row = Broken(name="login", key=key, says=says, account="ada", to="127.0.0.1", port=2526)
    diagnosis, server = diagnose(row, context=context)
    assert key in {finding.key for finding in diagnosis.findings}
    assert not any("secret" in repr(finding) for finding in diagnosis.findings)
    before = server.heard[: server.heard.index(b"STARTTLS\r\n")]
    assert not any(line.startswith(b"AUTH") for line in before)


def test_addresses_take_turns() -> None:
    """A server with many addresses does not keep the next one from being tried, and what is left out is told."""
    zone: Zone = {
        (DOMAIN, "MX"): ("10 many.example", "20 one.example"),
        ("many.example", "A"): tuple(f"44.128.2.{number}" for number in range(20)),
        ("one.example", "A"): ("44.128.3.1",),
    }
    diagnosis, _ = diagnose(Broken(name="many", key="", way=111), zone=zone)
    tried = list(dict.fromkeys(contact.place.address for contact in diagnosis.contacts))
    assert tried == [*(f"44.128.2.{number}" for number in range(7)), "44.128.3.1"]
    found = next(finding for finding in diagnosis.findings if finding.key == "addresses-left-out")
    assert found.facts["count"] == "13"


@pytest.mark.parametrize(("trusted", "key"), [(True, "login-accepted"), (False, "login-unsafe")])
def test_login_over_a_network_verifies(certificates: Certificates, *, trusted: bool, key: str) -> None:
    """Off loopback the certificate must be valid for the host, by the authorities that are believed; else no password is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    says = {"EHLO": and_lines("STARTTLS", "AUTH PLAIN"), "STARTTLS": b"220 2.0.0 Go on\r\n", "AUTH": b"235 2.7.0 Welcome\r\n"}
    zone: Zone = {("mx.example.org", "A"): (ADDRESS,)}
    options = Options(account="ada", password="secret", authorities=certificates.ca if trusted else None)
    diagnosis, server = diagnose(
        Broken(name="login", key=key, says=says, to="mx.example.org", port=2526), context=context, zone=zone, options=options
    )
    assert key in {finding.key for finding in diagnosis.findings}
    assert trusted == any(line.startswith(b"AUTH") for line in server.heard)
