"""The records that a domain should publish for this server, as one pastes them into a zone file. Pure; asks nobody.

RFC 1035 section 5.1 (zone files; strings of at most 255 octets), RFC 5321 section 5.1 (MX), RFC 7208 section 4.5 (SPF), RFC 9989 section
4.7 (DMARC), RFC 8461 section 3.1 (MTA-STS), RFC 8460 section 3 (TLS reports), RFC 6698 section 2.2 (TLSA).
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dns.reversename

from waypost.diagnose.shown import found
from waypost.observe.escape import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.diagnose.certificate import Certificate
    from waypost.diagnose.finding import Finding
    from waypost.msgauth.spf import Record

STRING = 255
"""Octets of one string of a TXT record."""


def with_record(key: str, about: str, record: str, /, *evidence: str, **facts: object) -> Finding:
    """A finding whose remedy is a record: it stands whole in the fact ``publish``, however long."""
    made = found(key, about, *evidence, **facts)
    return replace(made, facts={**made.facts, "publish": printable(record)})


def line(name: str, kind: str, data: str) -> str:
    """``example.org. IN MX 10 mx.example.org.``"""
    return f"{name}. IN {kind} {data}"


def text(name: str, said: str) -> str:
    """A TXT record, its text in strings as long as they may be."""
    strings = [said[at : at + STRING] for at in range(0, len(said), STRING)]
    return line(name, "TXT", " ".join(f'"{each}"' for each in strings))


def address(host: str, known: Sequence[str]) -> str:
    """An address record for the host; with a placeholder where none of its public addresses is known."""
    own = known[0] if known else "192.0.2.1"
    return line(host, "AAAA" if ":" in own else "A", own)


def pointer(of: str, host: str) -> str:
    """The reverse name of an address."""
    return line(dns.reversename.from_address(of).to_text(omit_final_dot=True), "PTR", f"{host}.")


def exchanger(domain: str, host: str) -> str:
    """The MX record that leads mail here."""
    return line(domain, "MX", f"10 {host}.")


def sender_policy(domain: str, host: str, *, by_mx: bool, present: Record | None = None) -> str:
    """An SPF record that lets the host send: a new one, or the present one with a term for it in front of ``all``."""
    if present is None:
        return text(domain, f"v=spf1 {'mx' if by_mx else f'a:{host}'} -all")
    terms = present.text.split()
    last = next((place for place, term in enumerate(terms) if place and (_is_all(term) or "=" in term)), len(terms))
    return text(domain, " ".join([*terms[:last], f"a:{host}", *terms[last:]]))


def _is_all(term: str) -> bool:
    return term.lower().lstrip("+-~?") == "all"


def message_policy(domain: str) -> str:
    """A DMARC record to begin with: it asks for reports, and nothing of receivers."""
    return text(f"_dmarc.{domain}", f"v=DMARC1; p=none; rua=mailto:postmaster@{domain}")


def transport_security(domain: str, now: float) -> str:
    """The record that announces an MTA-STS policy; its id is the moment."""
    return text(f"_mta-sts.{domain}", f"v=STSv1; id={datetime.fromtimestamp(now, UTC):%Y%m%d%H%M%S}")


def transport_policy(hosts: Sequence[str]) -> str:
    """The lines of a policy file to begin with, separated by `` / ``."""
    return " / ".join(["version: STSv1", "mode: testing", *(f"mx: {host}" for host in hosts), "max_age: 604800"])


def transport_reports(domain: str) -> str:
    """The record that asks for reports about TLS."""
    return text(f"_smtp._tls.{domain}", f"v=TLSRPTv1; rua=mailto:postmaster@{domain}")


def association(host: str, certificate: Certificate) -> str:
    """The TLSA record for the key in use: it stays right when the certificate is renewed with the same key."""
    return line(f"_25._tcp.{host}", "TLSA", f"3 1 1 {hashlib.sha256(certificate.public).hexdigest()}")
