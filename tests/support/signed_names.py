"""Names signed for real: zones with keys of their own, served by Knot DNS, and Unbound that validates them from the root down.

Every zone has a key that signs keys and one that signs records (RFC 4035 section 2); the DS record of a child stands in its parent.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dns.dnssec
import dns.name
import dns.rdataset
import dns.rdatatype
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec
from dns.dnssectypes import Algorithm, DSDigest

from support.world import LOOPBACK, NAMES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dns.rdtypes.ANY.DNSKEY import DNSKEY
    from dns.rdtypes.ANY.DS import DS

    from support.world import World

FAR, BLIND = "44.128.0.54", "44.128.0.55"
"""The same resolver over the network, and one that does not validate."""
_KSK, _ZSK = 257, 256
_TTL = 300

_KNOT = """
server:
    listen: {names}@53
    rundir: {folder}
database:
    storage: {folder}
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: {folder}
    zonefile-sync: -1
    journal-content: none
zone:
"""
_UNBOUND = """
server:
    interface: {interface}
    port: 53
    do-ip6: no
    use-syslog: no
    verbosity: 0
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: ""
    access-control: 0.0.0.0/0 allow
    do-not-query-localhost: no
    root-hints: "{folder}/hints"
    module-config: "{modules}"
    trust-anchor-file: "{folder}/anchor"
    val-log-level: 2
    ede: yes
    num-threads: 1
remote-control:
    control-enable: no
"""


@dataclass(slots=True)
class Zone:
    """One zone: its records as lines of a zone file."""

    name: str
    """With its last dot."""
    records: Sequence[str] = ()
    signed: bool = True
    ends: int = 14
    """Days until its signatures end; negative: they have."""
    false_ds: bool = False
    """Whether the DS record in its parent is of another key."""
    keys: list[tuple[ec.EllipticCurvePrivateKey, DNSKEY]] = field(default_factory=list)

    @property
    def origin(self) -> dns.name.Name:
        """The name at its top."""
        return dns.name.from_text(self.name)

    def make_keys(self) -> None:
        """A key that signs keys, and one that signs records."""
        for flags in (_KSK, _ZSK):
            private = ec.generate_private_key(ec.SECP256R1())
            self.keys.append((private, dns.dnssec.make_dnskey(private.public_key(), Algorithm.ECDSAP256SHA256, flags)))

    def ds(self) -> DS:
        """What its parent says of its keys."""
        return dns.dnssec.make_ds(self.origin, self.keys[1 if self.false_ds else 0][1], DSDigest.SHA256)

    def file(self, children: Sequence[Zone]) -> str:
        """The zone file, signed where it is to be."""
        lines = [f"$ORIGIN {self.name}", f"$TTL {_TTL}", f"@ SOA ns.{self._below} hostmaster.{self._below} 1 7200 3600 1209600 {_TTL}"]
        lines += [f"@ NS ns.{self._below}", f"ns.{self._below} A {NAMES}", *self.records]
        for child in children:
            lines += [f"{child.name} NS ns.{child.name}", f"ns.{child.name} A {NAMES}"]
            lines += [f"{child.name} DS {child.ds().to_text()}"] if child.signed else []
        zone = dns.zone.from_text("\n".join(lines), origin=self.origin, relativize=False)
        if self.signed:
            now = dt.datetime.now(dt.UTC)
            expiration = now + dt.timedelta(days=self.ends)
            with zone.writer() as writing:
                dns.dnssec.sign_zone(
                    zone, txn=writing, keys=self.keys, inception=expiration - dt.timedelta(days=30), expiration=expiration, dnskey_ttl=_TTL
                )
        return str(zone.to_text(relativize=False))

    @property
    def _below(self) -> str:
        return "" if self.name == "." else self.name


def serve(world: World, zones: Sequence[Zone]) -> None:
    """Sign the zones and answer for them, and start the resolvers: one that validates here and at ``FAR``, and one that is ``BLIND``."""
    folder = world.folder / "names"
    folder.mkdir()
    for zone in zones:
        zone.make_keys()
    config = _KNOT.format(names=NAMES, folder=folder)
    for number, zone in enumerate(zones):
        (folder / f"{number}.zone").write_text(zone.file([each for each in zones if _parent(each, zones) is zone]))
        config += f"  - domain: {zone.name}\n    file: {number}.zone\n"
    (folder / "knot.conf").write_text(config)
    root = next(zone for zone in zones if zone.name == ".")
    (folder / "anchor").write_text(f". DS {root.ds().to_text()}\n")
    (folder / "hints").write_text(f". 300 NS ns.\nns. 300 A {NAMES}\n")
    for name, interface, modules in (
        ("sighted", f"{LOOPBACK}\n    interface: {FAR}", "validator iterator"),
        ("blind", BLIND, "iterator"),
    ):
        (folder / f"{name}.conf").write_text(_UNBOUND.format(interface=interface, folder=folder, modules=modules))
    world.start("knot", "knotd", "-c", str(folder / "knot.conf"), ports=(f"{NAMES}:53",))
    for name, address in (("sighted", LOOPBACK), ("blind", BLIND)):
        world.start("unbound", "unbound", "-d", "-c", str(folder / f"{name}.conf"), ports=(f"{address}:53",))


def _parent(zone: Zone, zones: Sequence[Zone]) -> Zone | None:
    """The zone that delegates to it."""
    above = [each for each in zones if each is not zone and zone.origin.is_subdomain(each.origin)]
    return max(above, key=lambda each: len(each.origin), default=None)
