"""The check from inside against names that are real: signed zones, a resolver that validates, a server at an address of its own."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dns.zone
import pytest

from support import toml
from support.chains import Leaf, make, pem, root_file
from support.needs import require
from support.peers import fetched, writable_by
from support.server import PROGRAM, configuration
from support.signed_names import Zone, serve
from support.world import MAIL, NET, WEB, World
from waypost.diagnose.certificate import read
from waypost.diagnose.own import records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cryptography import x509

pytestmark = pytest.mark.peers

HOST = "mx.own.example"
OTHER = f"{NET}.26"
"""An address of this machine that has no reverse name."""
FULL = (
    f"@ MX 10 {HOST}.",
    '@ TXT "v=spf1 mx -all"',
    '_dmarc TXT "v=DMARC1; p=reject; rua=mailto:postmaster@{name}"',
    '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@{name}"',
    '_mta-sts TXT "v=STSv1; id=1"',
    f"mta-sts A {WEB}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A local domain with a fault, what must be told of it, and the record that mends it."""

    fault: str
    key: str
    without: str = ""
    """Records that are left out of a zone that is in order: those that hold this."""
    more: tuple[str, ...] = ()
    publish: str = ""
    """How the record begins that is to be published; empty: the remedy is none."""
    there: bool = True

    @property
    def name(self) -> str:
        """Of the domain."""
        return f"{re.sub('[^a-z]+', '-', self.fault.lower())}.example"

    @property
    def zone(self) -> Zone:
        """A zone in order but for the fault."""
        kept = [record.format(name=self.name) for record in FULL if not self.without or self.without not in record]
        return Zone(f"{self.name}.", [*kept, *self.more])


ROWS = (
    Row(fault="in order", key="own-mx-here"),
    Row(fault="no mx", key="own-mx-missing", without=" MX ", publish="{name}. IN MX 10 mx.own.example."),
    Row(fault="address alone", key="own-mx-implicit", without=" MX ", more=(f"@ A {MAIL}",), publish="{name}. IN MX 10 mx.own.example."),
    Row(
        fault="mx elsewhere",
        key="own-mx-elsewhere",
        without=" MX ",
        more=("@ MX 5 mx.stranger.example.",),
        publish="{name}. IN MX 10 mx.own.example.",
    ),
    Row(fault="null mx", key="own-mx-null", without=" MX ", more=("@ MX 0 .",), publish="{name}. IN MX 10 mx.own.example."),
    Row(fault="no spf", key="own-spf-missing", without="spf1", publish='{name}. IN TXT "v=spf1 mx -all"'),
    Row(
        fault="spf forbids",
        key="own-spf-refuses",
        without="spf1",
        more=('@ TXT "v=spf1 ip4:192.0.2.1 -all"',),
        publish='{name}. IN TXT "v=spf1 ip4:192.0.2.1 a:mx.own.example -all"',
    ),
    Row(
        fault="spf neutral",
        key="own-spf-undecided",
        without="spf1",
        more=('@ TXT "v=spf1 ip4:192.0.2.1"',),
        publish='{name}. IN TXT "v=spf1 ip4:192.0.2.1 a:mx.own.example"',
    ),
    Row(fault="spf broken", key="spf-syntax", without="spf1", more=('@ TXT "v=spf1 ip4 -all"',)),
    Row(
        fault="no dmarc",
        key="own-dmarc-missing",
        without="DMARC1",
        publish='_dmarc.{name}. IN TXT "v=DMARC1; p=none; rua=mailto:postmaster@{name}"',
    ),
    Row(fault="no sts", key="own-sts-absent", without="sts", publish='_mta-sts.{name}. IN TXT "v=STSv1; id='),
    Row(fault="policy without us", key="sts-mx-not-listed"),
    Row(
        fault="no reports",
        key="own-tlsrpt-absent",
        without="TLSRPT",
        publish='_smtp._tls.{name}. IN TXT "v=TLSRPTv1; rua=mailto:postmaster@{name}"',
    ),
    Row(fault="no keys", key="own-dkim-none"),
    Row(fault="key revoked", key="dkim-revoked", more=('default._domainkey TXT "v=DKIM1; p="',)),
    Row(fault="no domain", key="own-domain-missing", there=False),
)


def _policy(row: Row) -> str:
    mx = "mx.stranger.example" if row.key == "sts-mx-not-listed" else HOST
    return f"version: STSv1\nmode: enforce\nmx: {mx}\nmax_age: 604800\n"


def _written(path: Path, leaf: Leaf) -> list[x509.Certificate]:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - here alone

    chain, key = make(leaf)
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(pem(chain) + secret)
    path.chmod(0o600)
    return chain


def _zones(tlsa: str) -> list[Zone]:
    own = [f"mx A {MAIL}", f"alias A {MAIL}", f"unnamed A {OTHER}", f"private A {NET.replace('44', '10')}.9", "far A 44.129.0.9"]
    own += [f"open A {MAIL}", f"_25._tcp.mx TLSA {tlsa}", f"_25._tcp.alias TLSA 3 1 1 {'00' * 32}"]
    reverse = Zone("0.128.44.in-addr.arpa.", [f"25 PTR {HOST}."])
    stranger = Zone("stranger.example.", ["mx A 44.129.0.1"])
    return [Zone("."), Zone("own.example.", own), reverse, stranger, *(row.zone for row in ROWS if row.there)]


@pytest.fixture(scope="module")
def check(module_folder: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    """``waypost check --self``, run in a world with all of these names, of a server that runs there."""
    world = World(module_folder)
    try:
        world.make()
        require("Knot DNS and Unbound", fetched("knot") and fetched("unbound"))
        file, config = world.folder / "mail.pem", world.folder / "waypost.toml"
        names = ("mx", "alias", "unnamed", "private", "far", "open", "gone")
        chain = _written(file, Leaf(names=tuple(f"{name}.own.example" for name in names), common_name=HOST))
        tree = configuration(
            world.folder,
            listeners=[
                {"bind": f"{MAIL}:25", "role": "relay", "tls": "starttls"},
                {"bind": f"{MAIL}:587", "role": "submission", "tls": "starttls"},
                {"bind": f"{MAIL}:465", "role": "submission", "tls": "implicit"},
            ],
            local=[row.name for row in ROWS],
            domains={"mailboxes": [f"ada@{ROWS[0].name}"], "postmaster": f"ada@{ROWS[0].name}"},
            networks=[],
            hostname=HOST,
            tls={"certificate": str(file), "key": str(file)},
            user="mail",
        )
        config.write_text(toml.dump(tree))
        writable_by(file, "mail")
        done = world.run(str(PROGRAM), "user", "add", "ada", "--config", str(config), given="a long password\n")
        assert done.returncode == 0, done.stderr
        world.start("nothing", str(PROGRAM), "serve", "--config", str(config), ports=(25, 587, 465))
        pages = world.folder / "policies"
        pages.mkdir()
        for row in ROWS:
            (pages / f"mta-sts.{row.name}").write_text(_policy(row))
        web = world.folder / "web.pem"
        _written(web, Leaf(names=tuple(f"mta-sts.{row.name}" for row in ROWS), common_name="web"))
        script = str(Path(__file__).parent.parent / "support/policy_host.py")
        world.start("nothing", sys.executable, script, WEB, str(web), str(pages), ports=(f"{WEB}:443",))
        record = records.association(HOST, read(chain[0].public_bytes(_der())))
        serve(world, _zones(record.partition("TLSA ")[2]))
        root = root_file(module_folder)

        def run(*words: str) -> dict[str, Any]:
            command = [sys.executable, "-m", "waypost.cli.main", "check", "--self", "--json", "--lang", "en", "--config", str(config)]
            done = world.run(*command, "--ca", str(root), *words)
            assert done.stdout, done.stderr
            return {**json.loads(done.stdout), "code": done.returncode}

        yield run
    finally:
        world.remove()


def _der() -> Any:
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415 - here alone

    return Encoding.DER


def _local(*rows: Row) -> str:
    return f"domains.local={json.dumps([row.name for row in rows])}"


def told(found: dict[str, Any]) -> set[str]:
    return {finding["key"] for finding in found["findings"]}


def test_all_in_order(check: Callable[..., dict[str, Any]]) -> None:
    """A server whose names, certificate, listeners and domains are in order works, without a fault, and the exit code is 0."""
    found = check("--set", _local(ROWS[0]))
    faults = [each["key"] for each in found["findings"] if each["severity"] in ("warning", "error")]
    assert faults == []
    assert (found["verdict"], found["code"], found["next_step"]) == ("works", 0, "Nothing need be done.")
    well = {"own-running", "own-seen-from-inside", "own-port-ours", "own-door-sound", "own-name-here"}
    well |= {"reverse-confirmed", "certificate-sound", "dane-kept"}
    well |= {"own-mx-here", "own-spf-permits", "dmarc-valid", "sts-enforced", "tlsrpt-published", "own-relay-closed", "postmaster-accepted"}
    assert well <= told(found)
    assert sorted(port["port"] for server in found["servers"] for port in server["ports"]) == [25, 465, 587]


@pytest.fixture(scope="module")
def answers(check: Callable[..., dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """What was told of each domain."""
    told_of: dict[str, list[dict[str, Any]]] = {}
    for start in range(0, len(ROWS), 5):
        for each in check("--set", _local(*ROWS[start : start + 5]))["findings"]:
            told_of.setdefault(each["facts"].get("domain", ""), []).append(each)
    return told_of


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault)
def test_each_domain(answers: dict[str, list[dict[str, Any]]], row: Row) -> None:
    """The fault is told, and the record that mends it stands in the remedy as one pastes it into a zone file."""
    mine = {each["key"]: each for each in answers[row.name]}
    assert row.key in mine
    if row.publish:
        record = mine[row.key]["facts"]["publish"]
        assert record.startswith(row.publish.format(name=row.name))
        assert record in mine[row.key]["fix"]
        assert (
            len(list(dns.zone.from_text(f"$TTL 300\n{record}\n", origin=".", check_origin=False, relativize=False).iterate_rdatas())) == 1
        )
    others = {each for each in mine if each.startswith("own-") and each not in ("own-mx-here", "own-spf-permits", "own-dkim-none")}
    allowed = {row.key} | ({"own-spf-refuses", "own-spf-missing"} if "MX" in row.without else set())
    assert others <= allowed


@pytest.fixture(scope="module")
def by_name(check: Callable[..., dict[str, Any]]) -> Callable[[str], set[str]]:
    """What is told of a server of that name, asked once."""

    @cache
    def ask(host: str) -> set[str]:
        return told(check("--set", _local(ROWS[0]), "--set", f"hostname={host}"))

    return ask


@pytest.mark.parametrize(
    ("host", "key", "absent"),
    [
        ("mx.own.example", "own-name-here", "own-reverse-differs"),
        ("gone.own.example", "own-name-missing", "own-name-here"),
        ("far.own.example", "own-name-behind", "own-name-here"),
        ("private.own.example", "address-private", "own-reverse-missing"),
        ("unnamed.own.example", "own-reverse-missing", "reverse-confirmed"),
        ("unnamed.own.example", "own-address-unheard", "own-port-25-absent"),
        ("mx.own.example", "own-mx-here", "own-address-unheard"),
        ("alias.own.example", "own-reverse-differs", "own-reverse-missing"),
        ("alias.own.example", "own-tlsa-wrong", "dane-kept"),
        ("open.own.example", "own-tlsa-absent", "own-tlsa-wrong"),
        ("mx.own.example", "dane-kept", "own-tlsa-absent"),
    ],
)
def test_each_name(by_name: Callable[[str], set[str]], host: str, key: str, absent: str) -> None:
    """What the hostname's records come to is told, and what is not so is not."""
    keys = by_name(host)
    assert key in keys
    assert absent not in keys
    assert not {"probe-broke", "cut-short"} & keys


def test_no_resolver(check: Callable[..., dict[str, Any]]) -> None:
    """Where no resolver answers that is told once, and what needs none is looked at all the same."""
    found = check("--set", _local(*ROWS[:5]), "--resolver", f"{NET}.99")
    assert [each["key"] for each in found["findings"] if each["key"].endswith("-unasked")] == ["own-name-unasked"]
    assert {"own-door-sound", "own-relay-closed", "certificate-sound"} <= told(found)


def test_relaying_by_tricks_is_tried_when_asked(check: Callable[..., dict[str, Any]]) -> None:
    """With --intrusive the paths that lead around rules are tried as well, and all of them are refused."""
    found = check("--set", _local(ROWS[0]), "--intrusive")
    assert "own-relay-untricked" in told(found)
    assert "own-relay-tricked" not in told(found)


def test_no_listener_on_port_25(check: Callable[..., dict[str, Any]]) -> None:
    """MX records that lead here are of no use without a listener on port 25."""
    found = check("--set", _local(ROWS[0]), "--set", f"listeners.0.bind={MAIL}:2525")
    assert "own-port-25-absent" in told(found)


def test_more_domains_than_are_looked_at(check: Callable[..., dict[str, Any]]) -> None:
    """What is left out is told."""
    found = check("--set", _local(*ROWS[:7]))
    assert next(each["facts"]["count"] for each in found["findings"] if each["key"] == "own-domains-left-out") == "2"
