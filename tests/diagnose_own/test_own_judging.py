"""What facts of the own server come to: judgements on values, of states that a test cannot bring about on this machine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.broken_servers import FakeLookup
from support.chains import Leaf, make
from waypost.clock import SYSTEM
from waypost.diagnose.certificate import read
from waypost.diagnose.finding import Severity
from waypost.diagnose.lookup import Answer, Outcome
from waypost.diagnose.own import doors, files, here, keep, published, records, relaying
from waypost.diagnose.own.facts import Access, Disk, Door, Own, Presence, Queue, Running, Times, Waiting
from waypost.diagnose.own.view import Met, View
from waypost.diagnose.plan import Limits, Options
from waypost.diagnose.scene import Contact, Place, Scene, Speech, Way
from waypost.diagnose.talk import NOTHING, Said
from waypost.msgauth.spf import parse
from waypost.net import listen
from waypost.net.rehearsal import Rehearsal
from waypost.replies.library import facts
from waypost.smtp.terms import Role, TlsMode

if TYPE_CHECKING:
    from waypost.diagnose.finding import Finding

NOW = 1_790_000_000.0
DAY = 86_400
DOOR = Door(setting="listeners.0.bind", place=listen.Place("127.0.0.1", 25), role=Role.RELAY, tls=TlsMode.STARTTLS, bound=True, ours=True)
RUNNING = Running(process=7, account="mail", root=False, places=("127.0.0.1:25",), descriptors=65_536, connections=57_344)
OWN = Own(
    hostname="mx.example.org",
    data=Path("/var/lib/waypost"),
    command="waypost serve --config x",
    account="mail",
    presence=Presence.RUNNING,
    holder=7,
    running=RUNNING,
    doors=(DOOR,),
    local=("example.org",),
    folder=Access(path=Path("/var/lib/waypost"), exists=True, allowed=True, mode=0o700),
    disk=Disk(free=10**11, total=10**12, least=10**8, files_free=10**6, files_total=10**7),
    times=Times(synchronised=True, newest=NOW - 5),
)


def keys(findings: list[Finding]) -> list[str]:
    for finding in findings:
        for lang in ("en", "zh"):
            told = finding.told(lang)
            assert "{" not in told.title + told.meaning + told.fix
    return [finding.key for finding in findings]


def faults(findings: list[Finding]) -> list[str]:
    return [finding.key for finding in findings if finding.severity in (Severity.WARNING, Severity.ERROR)]


def test_a_server_in_order_has_no_fault() -> None:
    """Sound facts bring no warning."""
    found = [*here.judge(OWN), *keep.judge(OWN, now=NOW)]
    assert faults(found) == []
    assert {"own-clock-sane", "own-data-sound", "own-disk-room", "own-queue-empty", "own-running"} <= set(keys(found))


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"presence": Presence.STOPPED, "running": None}, "own-stopped"),
        ({"presence": Presence.MUTE, "running": None}, "own-mute"),
        ({"presence": Presence.HIDDEN, "running": None}, "own-hidden"),
        ({"running": replace(RUNNING, root=True)}, "own-root"),
        ({"running": replace(RUNNING, connections=500)}, "own-descriptors-few"),
        ({"wanted": 60_000}, "own-descriptors-short"),
        ({"strange": ("127.0.0.1:26",)}, "own-restart-needed"),
        ({"doors": (replace(DOOR, bound=None, ours=False),)}, "own-port-unknown"),
        ({"doors": (replace(DOOR, bound=False, ours=False),)}, "own-port-unbound"),
        ({"doors": (replace(DOOR, ours=False, holder="nginx[8]"),)}, "own-port-taken"),
        ({"doors": (replace(DOOR, role=Role.LMTP, place=listen.Place("44.128.0.9", 24)),)}, "own-lmtp-public"),
        ({"networks": ("10.0.0.0/7",)}, "own-networks-wide"),
        ({"networks": ("::/0",)}, "own-networks-wide"),
    ],
)
def test_each_fault_of_the_process(change: dict[str, object], key: str) -> None:
    """A fact that is amiss brings its finding."""
    assert key in keys(list(here.judge(replace(OWN, **change))))  # type: ignore[arg-type] # names of fields


def test_networks_of_ones_own_are_no_fault() -> None:
    """Private networks, and what is no network at all (the configuration's rules tell of it), are passed over."""
    assert "own-networks-wide" not in keys(list(here.judge(replace(OWN, networks=("10.0.0.0/8", "fd00::/16", "nonsense")))))


def test_root_is_no_fault_of_the_dev_profile() -> None:
    """Whoever tries things out as root is not told to make an account."""
    assert "own-root" not in keys(list(here.judge(replace(OWN, dev=True, running=replace(RUNNING, root=True)))))


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"folder": Access(path=OWN.data, exists=False, allowed=False)}, "own-data-missing"),
        ({"folder": Access(path=OWN.data, exists=True, allowed=False, mode=0o700)}, "own-data-unwritable"),
        ({"folder": Access(path=OWN.data, exists=True, allowed=True, mode=0o711)}, "own-data-open"),
        ({"folder": Access(path=OWN.data, exists=True, allowed=True, mode=0o711), "shared": True}, "own-data-sound"),
        ({"disk": Disk(free=10, total=100, least=50)}, "own-disk-full"),
        ({"disk": Disk(free=100, total=1000, least=50)}, "own-disk-low"),
        ({"disk": Disk(free=10**12, total=10**12, least=50, files_free=10, files_total=10**6)}, "own-inodes-low"),
        ({"disk": Disk(free=10**12, total=10**12, least=50, kind="tmpfs")}, "own-data-volatile"),
        ({"disk": Disk(free=10**12, total=10**12, least=50, kind="nfs4")}, "own-data-remote"),
        ({"queue": Queue(unread="locked")}, "own-queue-unread"),
        ({"queue": Queue(messages=(Waiting(arrived=NOW - 60, states=("deferred",), domain="a.example"),))}, "own-queue-moves"),
        ({"queue": Queue(messages=(Waiting(arrived=NOW - 60, states=("held",)),))}, "own-queue-held"),
        ({"queue": Queue(messages=(Waiting(arrived=NOW - 2 * DAY, states=("held",)),))}, "own-queue-forgotten"),
        ({"times": Times(synchronised=False)}, "own-clock-unsynchronised"),
        ({"times": Times(synchronised=True, newest=NOW + 3600)}, "own-clock-behind"),
    ],
)
def test_each_fault_of_what_it_lives_on(change: dict[str, object], key: str) -> None:
    """Data, disk, queue and clock."""
    assert key in keys(list(keep.judge(replace(OWN, **change), now=NOW)))  # type: ignore[arg-type] # names of fields


def test_file_systems_that_count_no_files() -> None:
    """Where there are no inodes to run out of, none are missed."""
    own = replace(OWN, disk=Disk(free=10**12, total=10**12, least=50))
    assert "own-inodes-low" not in keys(list(keep.judge(own, now=NOW)))


def test_a_clock_that_was_never_set() -> None:
    """A machine that believes in 1970 is told so, though no file contradicts it."""
    assert "own-clock-behind" in keys(list(keep.judge(replace(OWN, times=Times(synchronised=None)), now=1000.0)))


def _late(count: int, domain: str, reply: str) -> tuple[Waiting, ...]:
    return tuple(Waiting(arrived=NOW - DAY, states=("deferred",), domain=domain, reply=reply) for _ in range(count))


def test_a_heap_is_explained_by_what_most_of_it_waits_for() -> None:
    """Of a heap the domain that holds most of it is named, and its last reply explained; a few late messages are no heap."""
    reply = "451 4.7.1 Greylisting in action, please come back later"
    queue = Queue(messages=(*_late(30, "slow.example", reply), *_late(3, "other.example", "connection refused")), more=True)
    found = [each for each in keep.judge(replace(OWN, queue=queue), now=NOW) if each.key.startswith("own-queue")]
    assert keys(found) == ["own-queue-stuck-reply"]
    assert (found[0].facts["domain"], found[0].facts["most"], found[0].facts["count"]) == ("slow.example", "30", "33+")
    assert found[0].evidence[0] == f"30 x slow.example: {reply}"
    assert "retry to:@slow.example" in found[0].told().fix
    few = replace(OWN, queue=Queue(messages=_late(3, "slow.example", reply)))
    assert "own-queue-moves" in keys(list(keep.judge(few, now=NOW)))


def test_a_heap_without_a_reply() -> None:
    """Where nothing was heard, what was seen instead is the evidence."""
    queue = Queue(messages=_late(25, "dead.example", "no connection within 30 seconds"))
    found = next(each for each in keep.judge(replace(OWN, queue=queue), now=NOW) if each.key == "own-queue-stuck")
    assert "no connection within 30 seconds" in found.evidence[0]


# ---- listeners -------------------------------------------------------------------------------------------------


def _met(door: Door = DOOR, *, greeting: str = "220 mx.example.org ESMTP", hello: str = "", secured: str = "", **more: object) -> Met:
    def said(text: str) -> Said:
        return Said(tuple(f"{line}\r\n".encode() for line in text.split("|")), 0.1) if text else NOTHING

    place = Place("mx.example.org", "127.0.0.1", 25)
    contact = Contact(place=place, way=Way.OPEN, greeting=said(greeting), speech=Speech.SMTP)
    met = Met(door=door, contact=contact, hello=said(hello), secured=said(secured) if secured else None)
    for name, value in more.items():
        setattr(met.contact if hasattr(met.contact, name) else met, name, value)
    return met


OFFERS = "250-mx.example.org|250-STARTTLS|250 SIZE 1000"
SECURED = "250-mx.example.org|250-AUTH PLAIN|250 SIZE 1000"
SUBMISSION = replace(DOOR, role=Role.SUBMISSION)


@pytest.mark.parametrize(
    ("met", "key"),
    [
        (_met(hello=OFFERS, secured=SECURED), "own-door-sound"),
        (_met(SUBMISSION, hello=OFFERS, secured=SECURED), "own-door-sound"),
        (_met(SUBMISSION, hello=OFFERS, secured="250 mx.example.org"), "own-auth-missing"),
        (_met(SUBMISSION, hello=f"{OFFERS[: -len('250 SIZE 1000')]}250 AUTH LOGIN PLAIN", secured=SECURED), "own-auth-in-clear"),
        (_met(way=Way.DROPPED, detail="no connection within 5 seconds"), "own-door-unanswered"),
        (_met(greeting="", speech=Speech.SILENT), "own-door-silent"),
        (_met(greeting="SSH-2.0-OpenSSH", speech=Speech.SSH), "own-door-foreign"),
        (_met(greeting="", speech=Speech.TLS), "own-tls-first-unwanted"),
        (_met(greeting="554 5.7.1 no"), "greeting-refused"),
        (_met(greeting="421 4.3.2 later"), "greeting-busy"),
        (_met(hello="502 5.5.1 no"), "own-hello-refused"),
        (_met(hello=OFFERS, tls_fault="unexpected eof"), "own-handshake-failed"),
        (_met(implicit_tls=True, tls_fault="eof", speech=Speech.NO_TLS, greeting=""), "own-handshake-failed"),
        (_met(implicit_tls=True, tls_fault="wrong version", speech=Speech.PLAIN), "own-tls-first-missing"),
        (_met(hello="250 mx.example.org"), "own-starttls-missing"),
        (_met(greeting="220 old.example.org ESMTP", hello=OFFERS, secured=SECURED), "own-name-differs"),
        (_met(replace(DOOR, tls=TlsMode.NONE), hello=OFFERS), "own-starttls-unwanted"),
    ],
)
def test_each_fault_of_a_listener(met: Met, key: str) -> None:
    """What was met is held against what the configuration says."""
    assert keys(list(doors.judge(OWN, met))) == [key]


def test_a_dev_server_may_take_passwords_in_the_clear() -> None:
    """That is what it is for."""
    clear = _met(replace(SUBMISSION, tls=TlsMode.NONE), hello="250-mx.example.org|250 AUTH PLAIN")
    assert keys(list(doors.judge(replace(OWN, dev=True), clear))) == ["own-door-sound"]
    assert keys(list(doors.judge(OWN, clear))) == ["own-auth-in-clear"]


@pytest.mark.parametrize(
    ("networks", "address", "source"),
    [
        ((), "127.0.0.1", "127.93.71.5"),
        (("127.0.0.1/32",), "127.0.0.1", "127.93.71.5"),
        (("127.93.0.0/16",), "127.0.0.1", "127.0.0.1"),
        (("127.0.0.0/8",), "127.0.0.1", ""),
    ],
)
def test_as_whom_relaying_is_tried(networks: tuple[str, ...], address: str, source: str) -> None:
    """As an address of this machine that the configuration does not trust, if there is one."""
    door = replace(DOOR, place=listen.Place(address, 25))
    scene = Scene(target=_target(), options=Options(), limits=Limits(), lookup=FakeLookup({}), clock=SYSTEM)
    assert source == relaying.stranger(replace(OWN, networks=networks), _met(door), scene)


def _target() -> object:
    from waypost.diagnose.own.steps import target  # noqa: PLC0415 - here alone

    return target(OWN)


def test_paths_that_trick_are_none_of_local_mailboxes() -> None:
    """No path that is tried could be a mailbox of a local domain, so that whoever has all of them is not called a relay."""
    for path in relaying.routes("example.net", "example.org"):
        assert "example.net" in path
        assert not (path.endswith("@example.org") and path.count("@") == 1)


# ---- files and records -----------------------------------------------------------------------------------------


def test_a_certificate_that_nobody_could_read() -> None:
    """A file that the account may not read is told with its mode and the account."""
    denied = Access(path=Path("/etc/key.pem"), exists=True, allowed=False, mode=0o600)
    found = list(files.judge_access(denied, "tls.key", OWN))
    assert keys(found) == ["own-file-denied"]
    assert "mail" in found[0].told().title


def test_what_is_shown_and_what_is_on_the_disk() -> None:
    """Listeners that show another certificate are told once."""
    shown, disk = (make(Leaf(names=("mx.example.org",)))[0][0] for _ in range(2))
    chain = files.read(Rehearsal(chain=(_der(disk),)))
    met = [_met(hello=OFFERS, certificate=_der(shown)), _met(hello=OFFERS, certificate=_der(shown))]
    assert keys(list(files.judge_shown(OWN, chain, met))) == ["own-certificate-not-loaded"]
    assert keys(list(files.judge_shown(OWN, read_all(shown), met))) == []


def _der(certificate: object) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - here alone

    octets: bytes = certificate.public_bytes(Encoding.DER)  # type: ignore[attr-defined] # an x509.Certificate
    return octets


def read_all(certificate: object) -> tuple[object, ...]:
    return (read(_der(certificate)),)


def test_long_records_are_cut_into_strings() -> None:
    """A TXT record of more than 255 octets is pasted as several strings, none of them too long, and reads as it was."""
    long = "v=spf1 " + " ".join(f"ip4:192.0.2.{number}" for number in range(60)) + " -all"
    line = records.text("example.org", long)
    strings = line.split('"')[1::2]
    assert "".join(strings) == long
    assert max(map(len, strings)) == records.STRING
    found = records.with_record("own-spf-refuses", "example.org TXT", line, domain="example.org")
    assert found.facts["publish"] == line


@pytest.mark.parametrize(
    ("present", "wanted"),
    [
        ("v=spf1 -all", "v=spf1 a:mx.example.org -all"),
        ("v=spf1 include:s.example ~all", "v=spf1 include:s.example a:mx.example.org ~all"),
        ("v=spf1 ?ALL", "v=spf1 a:mx.example.org ?ALL"),
        ("v=spf1 ip4:192.0.2.1", "v=spf1 ip4:192.0.2.1 a:mx.example.org"),
        ("v=spf1 redirect=s.example", "v=spf1 a:mx.example.org redirect=s.example"),
    ],
)
def test_the_present_record_is_extended(present: str, wanted: str) -> None:
    """Every sender that is named already stays, and the host stands where it counts."""
    line = records.sender_policy("example.org", "mx.example.org", by_mx=True, present=parse(present))
    assert line == f'example.org. IN TXT "{wanted}"'


@pytest.mark.parametrize(
    ("addresses", "outside", "key"),
    [
        (("127.0.0.1",), ("44.128.0.9",), "own-name-here"),
        (("44.128.0.1",), ("44.128.0.9",), "own-name-elsewhere"),
        (("44.128.0.1",), ("10.0.0.9",), "own-name-behind"),
        ((), ("44.128.0.9",), "own-name-missing"),
    ],
)
def test_where_the_name_leads(addresses: tuple[str, ...], outside: tuple[str, ...], key: str) -> None:
    """Here, to a router in front of here, elsewhere, or nowhere."""
    view = View(own=OWN)
    outcome = Outcome.FOUND if addresses else Outcome.MISSING
    view.four = Answer(name=OWN.hostname, kind="A", outcome=outcome, records=addresses)
    view.six = Answer(name=OWN.hostname, kind="AAAA", outcome=Outcome.EMPTY)
    view.senders = published.senders(addresses, outside)
    found = list(published.judge_name(view, outside))
    assert key in keys(found)
    if key in ("own-name-elsewhere", "own-name-missing"):
        assert next(each for each in found if each.key == key).facts["publish"] == "mx.example.org. IN A 44.128.0.9"


def test_from_where_mail_leaves() -> None:
    """The address from which this machine speaks, where it is public; else those that the name has."""
    assert published.senders(("44.128.0.1",), ("44.128.0.9",)) == ("44.128.0.9",)
    assert published.senders(("44.128.0.1", "10.0.0.1"), ("10.0.0.9",)) == ("44.128.0.1",)
    assert published.senders((), ()) == ()
    assert all(ip_address(each) for each in published.senders((), ("2a02:db0::1",)))


def test_a_resolver_that_fails_is_not_a_name_that_is_missing() -> None:
    """What could not be asked is told as that."""
    view = View(own=OWN)
    view.four = Answer(name=OWN.hostname, kind="A", outcome=Outcome.FAILED, reason="SERVFAIL")
    assert keys(list(published.judge_name(view, ()))) == ["own-name-unasked"]


def test_domains_that_cannot_be_asked_for() -> None:
    """A domain whose name servers fail is told, and nothing is made up about it."""
    from waypost.diagnose.own.domain import survey  # noqa: PLC0415 - here alone

    scene = Scene(
        target=_target(),
        options=Options(),
        limits=Limits(),
        lookup=FakeLookup({("example.org", "MX"): Outcome.FAILED}),
        clock=SYSTEM,
    )
    assert keys(asyncio.run(survey(View(own=OWN), scene, "example.org"))) == ["own-domain-unasked"]


def test_every_finding_about_the_own_server_is_brought_about() -> None:
    """No key is without a test here that names it."""
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    own = [
        key for key in facts("findings")["finding"] if key.startswith("own-") and key != "own-elsewhere"
    ]  # that one is of checks of others
    assert len(own) >= 90
    assert [key for key in own if f'"{key}"' not in tests] == []
