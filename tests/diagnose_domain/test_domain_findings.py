"""Each fault of a sending domain brings its finding; a domain in order brings none."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from support.broken_servers import ADDRESS, DOMAIN, HOST, QUICK, SOUND, FakeLookup, Network, Zone
from waypost.diagnose.check import Step, check
from waypost.diagnose.finding import Finding, Stage
from waypost.diagnose.lists import LISTS, question
from waypost.diagnose.lookup import Outcome
from waypost.diagnose.plan import Options, target
from waypost.diagnose.probes import domain, names
from waypost.replies.library import facts

STEPS = (Step(Stage.NAMES, names.probe), Step(Stage.DOMAIN, domain.probe, (Stage.NAMES,)))
KEYS = sorted(key for key, row in facts("findings")["finding"].items() if row["stage"] == "domain" and not key.startswith("own-"))
KEY_PARENT = f"_domainkey.{DOMAIN}"


@cache
def rsa_key(bits: int) -> str:
    """A public key as ``p=`` has it."""
    public = rsa.generate_private_key(65537, bits).public_key()
    return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


@cache
def bare_rsa_key(bits: int) -> str:
    public = rsa.generate_private_key(65537, bits).public_key()
    return base64.b64encode(public.public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode()


def ed_key() -> str:
    return base64.b64encode(ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()


WORKING_LISTS: Zone = {(question("127.0.0.2", each.zone), "A"): ("127.0.0.2",) for each in LISTS}


def sound() -> Zone:
    """A domain in order: SPF, one key, DMARC; lists that answer their test entries."""
    return {
        **SOUND,
        **WORKING_LISTS,
        (DOMAIN, "TXT"): ("some-site-verification=1", "v=spf1 mx -all"),
        (f"default._domainkey.{DOMAIN}", "TXT"): (f"v=DKIM1; k=rsa; p={rsa_key(2048)}",),
        (f"_dmarc.{DOMAIN}", "TXT"): (f"v=DMARC1; p=reject; rua=mailto:reports@{DOMAIN}",),
    }


@dataclass(frozen=True, kw_only=True)
class Row:
    """A fault: what of the sound zone is different, and the finding that must come of it."""

    name: str
    key: str
    zone: Zone = field(default_factory=dict)
    to: str = DOMAIN
    selectors: tuple[str, ...] = ()


def spf(name: str, key: str, *records: str, **more: object) -> Row:
    """A domain with these TXT records; ``more``: names below example to their SPF records."""
    others: Zone = {(f"{label}.example", "TXT"): (text,) for label, text in more.items() if isinstance(text, str)}
    return Row(name=name, key=key, zone={(DOMAIN, "TXT"): records, **others})


def dkim(name: str, key: str, *records: str) -> Row:
    return Row(name=name, key=key, zone={(f"default._domainkey.{DOMAIN}", "TXT"): records})


def dmarc(name: str, key: str, *records: str, **zone: object) -> Row:
    return Row(name=name, key=key, zone={(f"_dmarc.{DOMAIN}", "TXT"): records})


def bimi(name: str, key: str, *records: str, policy: str = "v=DMARC1; p=reject") -> Row:
    return Row(name=name, key=key, zone={(f"default._bimi.{DOMAIN}", "TXT"): records, (f"_dmarc.{DOMAIN}", "TXT"): (policy,)})


def listed(name: str, key: str, zone: str, *answers: str, about: str = ADDRESS) -> Row:
    return Row(name=name, key=key, zone={(question(about, zone), "A"): answers, (question(about, zone), "TXT"): ("see https://list",)})


MANY = " ".join(f"exists:{number}.example" for number in range(11))
EXISTING: Zone = {(f"{number}.example", "A"): ("127.0.0.2",) for number in range(11)}
VOIDS = "v=spf1 a:gone1.example a:gone2.example a:gone3.example -all"
CROWD: Zone = {("crowd.example", "MX"): tuple(f"10 mx{number}.example" for number in range(11))}

ROWS = (
    Row(name="TXT cannot be asked for", key="spf-lookup-failed", zone={(DOMAIN, "TXT"): Outcome.FAILED}),
    spf("another version", "spf-misspelt", "v=spf2 mx -all"),
    spf("quotes within", "spf-misspelt", '"v=spf1 mx -all"'),
    spf("none", "spf-missing", "nothing=here"),
    spf("two", "spf-several", "v=spf1 mx -all", "v=spf1 a -all"),
    spf("a typing error", "spf-syntax", "v=spf1 ipv4:192.0.2.1 -all"),
    spf("a host behind ip4", "spf-syntax", "v=spf1 ip4:mx.example.org -all"),
    spf("in order", "spf-valid", "v=spf1 mx -all"),
    spf("a circle", "spf-loop", "v=spf1 include:a.example -all", a=f"v=spf1 include:{DOMAIN} ?all"),
    spf("itself", "spf-loop", f"v=spf1 redirect={DOMAIN}"),
    Row(name="eleven look-ups", key="spf-lookups-many", zone={(DOMAIN, "TXT"): (f"v=spf1 {MANY} -all",), **EXISTING}),
    spf("an include of nothing", "spf-include-broken", "v=spf1 include:none.example -all"),
    spf("an include that is wrong", "spf-include-broken", "v=spf1 include:a.example -all", a="v=spf1 mx:/33 -all"),
    spf("names that are gone", "spf-voids-many", VOIDS),
    Row(name="eleven exchangers", key="spf-mx-crowded", zone={(DOMAIN, "TXT"): ("v=spf1 mx:crowd.example -all",), **CROWD}),
    Row(
        name="a term that fails",
        key="spf-term-unanswered",
        zone={(DOMAIN, "TXT"): ("v=spf1 mx a:dead.example -all",), ("dead.example", "A"): Outcome.SILENT},
    ),
    spf("everybody", "spf-allows-all", "v=spf1 mx +all"),
    spf("everybody, understood", "spf-allows-all", "v=spf1 ip4:0.0.0.0/0 -all"),
    spf("everybody, included", "spf-allows-all", "v=spf1 include:a.example -all", a="v=spf1 all"),
    Row(
        name="eight look-ups",
        key="spf-lookups-near",
        zone={(DOMAIN, "TXT"): ("v=spf1 " + " ".join(MANY.split()[:8]) + " -all",), **EXISTING},
    ),
    spf("one name that is gone", "spf-voids", "v=spf1 mx a:gone.example -all"),
    spf("ptr", "spf-ptr", "v=spf1 mx ptr -all"),
    spf("a whole provider", "spf-wide", "v=spf1 mx ip4:10.0.0.0/8 -all"),
    spf("long", "spf-long", "v=spf1 mx " + " ".join(f"ip4:192.0.2.{number}" for number in range(30)) + " -all"),
    spf("no end", "spf-open-end", "v=spf1 mx"),
    spf("behind the end", "spf-behind-all", "v=spf1 -all mx"),
    spf("two ends", "spf-redirect-ignored", "v=spf1 mx redirect=a.example -all", a="v=spf1 -all"),
    spf("undecided", "spf-neutral-all", "v=spf1 mx ?all"),
    spf("parked", "spf-sends-nothing", "v=spf1 -all"),
    spf("others send", "spf-exchangers-absent", "v=spf1 ip4:198.51.100.0/24 -all"),
    Row(name="a wildcard", key="dkim-wildcard", zone={(f"no-such-selector-1b7e.{KEY_PARENT}", "TXT"): ("v=DKIM1; p=",)}),
    Row(name="a selector that fails", key="dkim-lookup-failed", zone={(f"x.{KEY_PARENT}", "TXT"): Outcome.FAILED}, selectors=("x",)),
    Row(name="a selector that is not there", key="dkim-selector-missing", selectors=("brevo",)),
    Row(name="no key at all", key="dkim-none", zone={(f"default.{KEY_PARENT}", "TXT"): (), (KEY_PARENT, "TXT"): Outcome.MISSING}),
    Row(name="an uncommon selector", key="dkim-selector-unknown", zone={(f"default.{KEY_PARENT}", "TXT"): ()}),
    dkim("two records", "dkim-several", "v=DKIM1; p=", f"v=DKIM1; p={rsa_key(2048)}"),
    dkim("cut off", "dkim-key-unreadable", f"v=DKIM1; p={rsa_key(2048)[:252]}"),
    dkim("PEM", "dkim-key-unreadable", "v=DKIM1; p=-----BEGIN PUBLIC KEY-----"),
    dkim("no p", "dkim-syntax", "v=DKIM1; k=rsa"),
    dkim("a strange version", "dkim-syntax", f"v=DKIM2; p={rsa_key(2048)}"),
    dkim("a good one", "dkim-valid", f"v=DKIM1; p={rsa_key(2048)}"),
    dkim("a bare RSA key", "dkim-valid", f"p={bare_rsa_key(2048)}"),
    dkim("withdrawn", "dkim-revoked", "v=DKIM1; p="),
    dkim("another kind", "dkim-kind-unknown", "v=DKIM1; k=dilithium; p=AAAA"),
    dkim("1024 bits", "dkim-key-short", f"v=DKIM1; p={rsa_key(1024)}"),
    dkim("a curve", "dkim-ed25519", f"v=DKIM1; k=ed25519; p={ed_key()}"),
    dkim("SHA-1", "dkim-sha1", f"v=DKIM1; h=sha1; p={rsa_key(2048)}"),
    dkim("for reports", "dkim-not-for-mail", f"v=DKIM1; s=tlsrpt; p={rsa_key(2048)}"),
    dkim("a test", "dkim-testing", f"v=DKIM1; t=y:s; p={rsa_key(2048)}"),
    Row(name="DMARC cannot be asked for", key="dmarc-lookup-failed", zone={(f"_dmarc.{DOMAIN}", "TXT"): Outcome.SILENT}),
    dmarc("no policy", "dmarc-missing"),
    Row(
        name="from above",
        key="dmarc-inherited",
        zone={(f"_dmarc.{DOMAIN}", "TXT"): (), ("_dmarc.example", "TXT"): ("v=DMARC1; p=reject; sp=quarantine",)},
    ),
    dmarc("two policies", "dmarc-several", "v=DMARC1; p=none", "v=DMARC1; p=reject"),
    dmarc("no p at all", "dmarc-syntax", "v=DMARC1; adkim=s"),
    dmarc("no semicolon", "dmarc-syntax", "v=DMARC1; p=none rua"),
    dmarc("another order", "dmarc-misspelt", "v=dmarc1; p=reject"),
    dmarc("watching", "dmarc-policy-none", "v=DMARC1; p=none"),
    dmarc("trying", "dmarc-testing", "v=DMARC1; p=reject; t=y"),
    dmarc("open below", "dmarc-subdomains-open", "v=DMARC1; p=reject; sp=none"),
    dmarc("no reports", "dmarc-no-reports", "v=DMARC1; p=reject"),
    dmarc("strict", "dmarc-strict", "v=DMARC1; p=reject; adkim=s; aspf=s"),
    dmarc("all well", "dmarc-valid", "v=DMARC1; p=quarantine"),
    dmarc("a strange value", "dmarc-value-wrong", "v=DMARC1; p=reject; adkim=strict"),
    dmarc("a part", "dmarc-percent", "v=DMARC1; p=reject; pct=20"),
    dmarc("old tags", "dmarc-tag-gone", "v=DMARC1; p=reject; pct=100; ri=3600"),
    dmarc("strange tags", "dmarc-tag-unknown", "v=DMARC1; p=reject; policy=reject"),
    dmarc("an address alone", "dmarc-uri-wrong", f"v=DMARC1; p=reject; rua=reports@{DOMAIN}"),
    dmarc("a stranger", "dmarc-reports-unwanted", "v=DMARC1; p=reject; rua=mailto:x@collector.test"),
    Row(
        name="reject and nothing else",
        key="dmarc-without-means",
        zone={(DOMAIN, "TXT"): (), (f"default.{KEY_PARENT}", "TXT"): ()},
    ),
    bimi("declined", "bimi-declined", "v=BIMI1; l=; a="),
    bimi("no https", "bimi-malformed", "v=BIMI1; l=http://example.org/logo.svg"),
    bimi("weak policy", "bimi-without-policy", "v=BIMI1; l=https://example.org/logo.svg", policy="v=DMARC1; p=none"),
    bimi("a logo", "bimi-present", "v=BIMI1; l=https://example.org/logo.svg"),
    listed("listed", "listed", "bl.spamcop.net", "127.0.0.2"),
    listed("listed and in a range", "listed", "zen.spamhaus.org", "127.0.0.4", "127.0.0.11"),
    listed("an end user's address", "listed-range", "zen.spamhaus.org", "127.0.0.10"),
    listed("a public resolver", "list-refuses-resolver", "zen.spamhaus.org", "127.255.255.254", about="127.0.0.2"),
    listed("a dead list", "list-answers-all", "psbl.surriel.com", "127.0.0.2", about="127.0.0.1"),
    listed("a list that was sold", "list-answers-all", "psbl.surriel.com", "203.0.113.9", about="127.0.0.2"),
    Row(name="lists are silent", key="lists-not-asked", zone=dict.fromkeys(WORKING_LISTS, Outcome.SILENT)),
    Row(name="on no list", key="lists-clear"),
    Row(name="a host", key="domain-not-asked", to=HOST),
    Row(
        name="a made-up name",
        key="reverse-generated",
        zone={("25.0.128.44.in-addr.arpa", "PTR"): ("44-128-0-25.dyn.isp.example",)},
    ),
)
UNREACHED = {"dkim-key-weak"}
"""Keys below 1024 bits cannot be made by the library of these tests: their row stands below."""


def diagnose(row: Row) -> list[Finding]:
    """What the probes of names and of the domain find."""
    lookup = FakeLookup({**sound(), **row.zone})
    options = Options(selectors=row.selectors)
    found = asyncio.run(check(target(row.to), options, limits=QUICK, lookup=lookup, dial=Network({}, {}).dial, probes=STEPS))
    return [finding for finding in found.findings if finding.stage == "domain" or finding.key in ("probe-broke", "cut-short")]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.key}: {row.name}")
def test_each_fault_is_found(row: Row) -> None:
    """The finding comes, told in both languages with what was read, and nothing broke on the way."""
    findings = diagnose(row)
    keys = [finding.key for finding in findings]
    assert row.key in keys
    assert not {"probe-broke", "cut-short"} & set(keys)
    finding = findings[keys.index(row.key)]
    for lang in ("en", "zh"):
        told = finding.told(lang)
        assert "{" not in told.title + told.meaning + told.fix
    assert all(line.isprintable() for line in finding.evidence)


def test_a_domain_in_order() -> None:
    """Nothing is amiss with a sound domain, and each of its parts is said to be so."""
    findings = diagnose(Row(name="sound", key=""))
    assert [finding.key for finding in findings if finding.severity in ("warning", "error")] == []
    assert {"spf-valid", "dkim-valid", "dmarc-valid", "lists-clear"} == {finding.key for finding in findings}


def test_a_parked_domain_needs_no_key() -> None:
    """A domain that sends nothing and says so is in order without DKIM, whoever takes its mail."""
    zone: Zone = {(DOMAIN, "TXT"): ("v=spf1 -all",), (f"default.{KEY_PARENT}", "TXT"): (), (KEY_PARENT, "TXT"): Outcome.MISSING}
    keys = {finding.key for finding in diagnose(Row(name="parked", key="", zone=zone))}
    assert {"spf-sends-nothing", "spf-valid", "dmarc-valid", "lists-clear"} == keys


def test_every_key_has_its_row() -> None:
    """No finding of this stage is without a server that brings it: more than seventy."""
    assert set(KEYS) == {row.key for row in ROWS} | UNREACHED
    assert len(KEYS) >= 70


def test_a_weak_key_is_refused() -> None:
    """A key of 512 bits, which no library makes any more, is told from a short one."""
    weak = (
        "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL51D7sRzGBLHFJAjPUjMuqLyz5IBzjUD5GPSJsW2YTAO+gaQ2cV8lkZcpjYdbvEZuYJ9Z1wq0AZVwGf7cAVn7MCAwEAAQ=="
    )
    keys = [finding.key for finding in diagnose(dkim("512 bits", "dkim-key-weak", f"v=DKIM1; p={weak}"))]
    assert "dkim-key-weak" in keys
    assert "dkim-key-short" not in keys
    assert "dkim-valid" not in keys


def test_one_dead_list_hides_no_other() -> None:
    """A list that is silent is not asked, and the others are."""
    findings = diagnose(Row(name="", key="", zone={(question("127.0.0.2", "bl.spamcop.net"), "A"): Outcome.SILENT}))
    clear = next(finding for finding in findings if finding.key == "lists-clear")
    assert "bl.spamcop.net" not in clear.facts["zones"]
    assert "zen.spamhaus.org" in clear.facts["zones"]


def test_private_addresses_are_on_no_list() -> None:
    """Lists are asked for addresses that strangers see, and for no other."""
    lookup = FakeLookup({**sound(), (HOST, "A"): ("127.0.0.1", "10.0.0.1")})
    asyncio.run(check(target(DOMAIN), limits=QUICK, lookup=lookup, dial=Network({}, {}).dial, probes=STEPS))
    assert [name for name, _ in lookup.asked if name.endswith("spamcop.net")] == []
