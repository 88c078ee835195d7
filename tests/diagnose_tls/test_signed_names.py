"""DNSSEC, DANE and MTA-STS seen through real names: zones signed with keys of their own, a resolver that validates, servers behind them."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization

from support import toml
from support.chains import Leaf, make, pem, root_file
from support.needs import require
from support.peers import fetched
from support.server import PROGRAM, configuration
from support.signed_names import BLIND, FAR, Zone, serve
from support.world import MAIL, NET, WEB, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.peers

FIT = "FIT"
"""Stands for the hash of the key that the mail server shows."""
OTHER = "00" * 32
SOUND = f"3 1 1 {FIT}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """One domain and what must be told of it."""

    name: str
    found: frozenset[str]
    """Keys of findings that must come."""
    absent: frozenset[str] = frozenset()
    """Keys that must not."""
    tlsa: tuple[str, ...] = ()
    host: str = ""
    """The exchanger, where it is in another domain."""
    signed: bool = True
    ends: int = 14
    false_ds: bool = False
    policy: str = ""
    policy_at: str = WEB

    @property
    def zone(self) -> Zone:
        """Its zone."""
        lines = [f"@ MX 10 {self.host or 'mx'}", f"mx A {MAIL}", '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@example.net"']
        lines += [f"_25._tcp.mx TLSA {record}" for record in self.tlsa]
        if self.policy:
            lines += ['_mta-sts TXT "v=STSv1; id=1"', *([f"mta-sts A {self.policy_at}"] if self.policy_at else [])]
        return Zone(f"{self.name}.", lines, signed=self.signed, ends=self.ends, false_ds=self.false_ds)


def policy(name: str, *, mode: str = "enforce", mx: str = "") -> str:
    """A policy file."""
    return f"version: STSv1\nmode: {mode}\nmx: {mx or f'mx.{name}'}\nmax_age: 604800\n"


def keys(*names: str) -> frozenset[str]:
    return frozenset(names)


ALL_WELL = keys("dnssec-signed", "dane-kept", "sts-enforced", "tlsrpt-published", "certificate-sound", "tls-established")
DOMAINS = (
    Domain(name="kept.example", found=ALL_WELL, tlsa=(SOUND,), policy=policy("kept.example")),
    Domain(name="mismatch.example", found=keys("dnssec-signed", "dane-mismatch"), absent=keys("dane-kept"), tlsa=(f"3 1 1 {OTHER}",)),
    Domain(name="rolled.example", found=keys("dane-kept", "dane-stale"), absent=keys("dane-mismatch"), tlsa=(SOUND, f"3 1 1 {OTHER}")),
    Domain(name="denied.example", found=keys("dnssec-signed", "dane-absent"), absent=keys("dane-lookup-failed")),
    Domain(
        name="unsigned.example",
        found=keys("dnssec-unsigned", "dane-insecure"),
        absent=keys("dane-mismatch", "dane-kept", "dnssec-bogus", "dnssec-unknown"),
        tlsa=(f"3 1 1 {OTHER}",),
        signed=False,
    ),
    Domain(
        name="guest.example",
        found=keys("dnssec-unsigned", "dane-mx-unsigned"),
        absent=keys("dane-insecure"),
        host="mx.kept.example.",
        signed=False,
    ),
    Domain(name="expired.example", found=keys("dnssec-bogus"), absent=keys("name-missing", "name-servfail", "mx-found"), ends=-2),
    Domain(name="stranger.example", found=keys("dnssec-bogus"), absent=keys("name-missing", "name-servfail", "mx-found"), false_ds=True),
    Domain(name="half.example", found=keys("dnssec-signed", "dane-lookup-failed"), absent=keys("dane-absent", "dnssec-bogus")),
    Domain(name="trying.example", found=keys("sts-testing"), absent=keys("sts-enforced"), policy=policy("trying.example", mode="testing")),
    Domain(
        name="astray.example",
        found=keys("sts-mx-not-listed"),
        absent=keys("sts-enforced"),
        policy=policy("astray.example", mx="mx9.astray.example"),
    ),
    Domain(name="nobody.example", found=keys("sts-unreachable"), absent=keys("sts-enforced"), policy="-", policy_at=f"{NET}.81"),
    Domain(name="nowhere.example", found=keys("sts-host-missing"), absent=keys("sts-unreachable"), policy="-", policy_at=""),
    Domain(name="wrongname.example", found=keys("sts-certificate-refused"), absent=keys("sts-enforced"), policy="-"),
    Domain(name="forgotten.example", found=keys("sts-status"), absent=keys("sts-enforced"), policy="-"),
)
WELL = "kept.example"


def certificate(folder: Path, name: str, names: list[str]) -> tuple[Path, str]:
    """A file with certificate and key for these names, and the hash of the key."""
    chain, key = make(Leaf(names=tuple(names), common_name=names[0]))
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = folder / name
    path.write_bytes(pem(chain) + secret)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return path, hashlib.sha256(public).hexdigest()


def start_mail(world: World) -> str:
    """A Waypost that takes mail for all of them; the hash of its key."""
    file, fit = certificate(world.folder, "mail.pem", [f"mx.{domain.name}" for domain in DOMAINS])
    tree = configuration(
        world.folder,
        listeners=[{"bind": f"{MAIL}:25", "role": "relay", "tls": "starttls"}],
        transports=[{"match": "*", "kind": "capture"}],
        local=[domain.name for domain in DOMAINS],
        networks=[],
        hostname=f"mx.{WELL}",
        tls={"certificate": str(file), "key": str(file)},
    )
    (world.folder / "waypost.toml").write_text(toml.dump(tree))
    world.start("nothing", str(PROGRAM), "serve", "--config", str(world.folder / "waypost.toml"), ports=(25,))
    return fit


def start_policies(world: World) -> None:
    """The web server of all policies, with a certificate for each name but one."""
    pages = world.folder / "policies"
    pages.mkdir()
    file, _ = certificate(world.folder, "web.pem", [f"mta-sts.{domain.name}" for domain in DOMAINS if domain.name != "wrongname.example"])
    for domain in DOMAINS:
        if domain.policy not in ("", "-"):
            (pages / f"mta-sts.{domain.name}").write_text(domain.policy)
    script = str(Path(__file__).parent.parent / "support/policy_host.py")
    world.start("nothing", sys.executable, script, WEB, str(file), str(pages), ports=(f"{WEB}:443",))


@pytest.fixture(scope="module")
def check(module_folder: Path) -> Iterator[Callable[..., dict[str, Any]]]:
    """``waypost check`` of a target, run in a world with all of these names."""
    world = World(module_folder)
    try:
        world.make()
        require("Knot DNS and Unbound", fetched("knot") and fetched("unbound"))
        fit = start_mail(world)
        start_policies(world)
        zones = [Zone(".", [f"25.0.128.44.in-addr.arpa. PTR mx.{WELL}."])]
        zones += [domain.zone for domain in DOMAINS]
        zones.append(Zone("ended.example.", [f"@ MX 10 mx.{WELL}."], ends=-2))
        zones.append(Zone("_tcp.mx.half.example.", [f"_25 TLSA {SOUND}"], ends=-2))
        for zone in zones:
            zone.records = [record.replace(FIT, fit) for record in zone.records]
        serve(world, zones)
        root = root_file(module_folder)

        def run(*words: str, before: str = "true") -> dict[str, Any]:
            command = [sys.executable, "-m", "waypost.cli.main", "check", "--json", "--lang", "en", "--ca", str(root), *words]
            done = world.run("sh", "-c", f'{before}; exec "$@"', "sh", *command)
            assert done.stdout, done.stderr
            return {**json.loads(done.stdout), "code": done.returncode}

        yield run
    finally:
        world.remove()


def told(found: dict[str, Any]) -> set[str]:
    return {finding["key"] for finding in found["findings"]}


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_each_domain(check: Callable[..., dict[str, Any]], domain: Domain) -> None:
    """What its signatures, TLSA records and policy come to is told, and nothing that is not so."""
    found = check(domain.name)
    assert domain.found <= told(found)
    assert not (domain.absent | {"probe-broke", "cut-short"}) & told(found)


def test_all_well(check: Callable[..., dict[str, Any]]) -> None:
    """A domain with DNSSEC, DANE, an enforced policy and reports has no fault of names, reachability, dialogue or TLS."""
    faults = [each["key"] for each in check(WELL)["findings"] if each["severity"] in ("warning", "error") and each["stage"] != "domain"]
    assert faults == []


def test_bogus_is_not_missing(check: Callable[..., dict[str, Any]]) -> None:
    """Signatures that have ended are told as such, with what to do; a name that is not there is told as that, signed or not."""
    expired = check("ended.example")
    assert (expired["verdict"], expired["code"]) == ("does-not-work", 2)
    assert "Sign the zone anew" in expired["next_step"]
    seen = expired["findings"][0]["evidence"][0]  # which reason comes depends on what the resolver has kept of an earlier failure
    assert seen.startswith(("ended.example MX: SERVFAIL (signature expired)", "ended.example MX: SERVFAIL (DNSSEC bogus)"))
    assert seen.endswith(", and an answer with checking disabled")
    for name, key in (
        ("no.kept.example", "name-missing-below"),
        ("no-such-domain.example", "name-missing"),
        ("no.unsigned.example", "name-missing-below"),
    ):
        found = told(check(name))
        assert key in found
        assert "dnssec-bogus" not in found


def test_a_resolver_far_away(check: Callable[..., dict[str, Any]]) -> None:
    """The word of a resolver on the network counts when it was named, or the system trusts it; else nothing is proven by it."""
    far = f"echo nameserver {FAR} > /etc/resolv.conf"
    unproven = check(WELL, before=far)
    assert {"dnssec-unproven", "dane-unproven"} <= told(unproven)
    assert not {"dnssec-signed", "dnssec-unsigned", "dane-kept", "dane-insecure"} & told(unproven)
    assert "dane-unproven-mismatch" in told(check("mismatch.example", before=far))
    assert "dane-insecure" in told(check("unsigned.example", before=far))
    assert told(check(WELL, "--resolver", FAR)) >= ALL_WELL
    assert told(check(WELL, before=f"{far}; echo options trust-ad >> /etc/resolv.conf")) >= ALL_WELL


def test_a_resolver_that_does_not_validate(check: Callable[..., dict[str, Any]]) -> None:
    """Its silence about signatures proves nothing, so nothing is called unsigned."""
    blind = check(WELL, "--resolver", BLIND)
    assert {"dnssec-unknown", "dane-unproven"} <= told(blind)
    assert not {"dnssec-signed", "dnssec-unsigned", "dane-insecure", "dane-kept"} & told(blind)
    assert BLIND in next(each["meaning"] for each in blind["findings"] if each["key"] == "dnssec-unknown")
