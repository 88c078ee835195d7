"""DANE: what TLSA records ask of a certificate chain, and whether it keeps them. Knows no network.

RFC 6698 section 2 (the record), RFC 7671 section 5 (what usages match), RFC 7672 sections 2.2 and 3.1 (for SMTP between servers).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.diagnose.lookup import Outcome, Vouching, Word
from waypost.diagnose.shown import found

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from waypost.diagnose.certificate import Certificate
    from waypost.diagnose.finding import Finding
    from waypost.diagnose.lookup import Answer

PKIX_TA, PKIX_EE, DANE_TA, DANE_EE = range(4)
_DIGESTS = {1: 32, 2: 64}
_TEXT = re.compile(r"([0-9]{1,3}) ([0-9]{1,3}) ([0-9]{1,3}) ([0-9A-Fa-f ]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """One TLSA record."""

    text: str
    usage: int
    selector: int
    matching: int
    data: bytes

    @property
    def known(self) -> bool:
        """Whether senders of mail act on it: authorities of the web are none of DANE's (7672#3.1.3)."""
        return self.usage in (DANE_TA, DANE_EE) and self.selector in (0, 1) and self.matching in (0, 1, 2)

    @property
    def whole(self) -> bool:
        """Whether its data can be what its matching type says."""
        return len(self.data) == _DIGESTS[self.matching] if self.matching in _DIGESTS else bool(self.data)

    def matches(self, certificate: Certificate) -> bool:
        """Whether it is about this certificate."""
        selected = certificate.der if self.selector == 0 else certificate.public
        match self.matching:
            case 1:
                return hashlib.sha256(selected).digest() == self.data
            case 2:
                return hashlib.sha512(selected).digest() == self.data
            case _:
                return selected == self.data

    def kept_by(self, chain: Sequence[Certificate]) -> bool:
        """Whether a chain as it was sent keeps it: its first certificate, or for a trust anchor one behind it (7672#3.1.2)."""
        if self.usage == DANE_EE:
            return self.matches(chain[0])
        return any(self.matches(each) for each in chain[1:] or chain)


def parse(text: str) -> Association | None:
    """A record as text; None for one that is none."""
    read = _TEXT.fullmatch(text)
    if read is None:
        return None
    try:
        data = bytes.fromhex(read[4])
    except ValueError:
        return None
    return Association(text=text, usage=int(read[1]), selector=int(read[2]), matching=int(read[3]), data=data)


_COUNTS = Vouching(word=Word.COUNTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """What was met on port 25 of a host that may have TLSA records."""

    host: str
    answer: Answer
    vouching: Vouching = _COUNTS
    """What the resolver's word is worth."""
    chain: tuple[Certificate, ...] = ()
    """Empty where no TLS came about."""
    reached: bool = False
    """Whether the port was talked to at all."""
    mx_secure: bool | None = None
    """Whether the MX records that lead here are signed; None where there are none."""

    @property
    def usable(self) -> tuple[Association, ...]:
        """Records that senders act on."""
        read = (parse(text) for text in self.answer.records)
        return tuple(each for each in read if each is not None and each.known and each.whole)

    @property
    def binding(self) -> bool:
        """Whether senders insist on what the records say."""
        return self.answer.secure and bool(self.usable) and self.mx_secure is not False

    @property
    def kept_by_leaf(self) -> bool:
        """Whether a record about the certificate itself is kept: then its names, times and issuer do not matter (7672#3.1.1)."""
        return self.binding and bool(self.chain) and any(each.usage == DANE_EE and each.kept_by(self.chain) for each in self.usable)


def judge(met: Met) -> Iterator[Finding]:
    """What is to say of a host's TLSA records."""
    answer, host = met.answer, met.host
    about = f"{answer.name} TLSA"
    if answer.outcome in (Outcome.BOGUS, Outcome.FAILED):
        yield found("dane-lookup-failed", about, *answer.evidence, host=host, reason=answer.reason)
    if not answer.records:
        if answer.definite:
            yield found("dane-absent", about, host=host)
        return
    if answer.secure:
        yield from _binding(met, about)
    elif answer.claimed or met.vouching.word is Word.NONE:
        yield from _unproven(met, about)
    else:
        yield found("dane-insecure", about, *answer.evidence, host=host, name=answer.name)


def _unproven(met: Met, about: str) -> Iterator[Finding]:
    """Whether senders act on the records cannot be known from here; whether they fit can."""
    facts = {"host": met.host, "resolver": met.vouching.resolver, "count": len(met.usable)}
    if met.usable and met.chain and not any(each.kept_by(met.chain) for each in met.usable):
        wanted = _wanted(met.chain)
        yield found("dane-unproven-mismatch", about, *met.answer.records, f"shown: {wanted}", wanted=wanted, **facts)
    else:
        yield found("dane-unproven", about, *met.answer.evidence, **facts)


def _binding(met: Met, about: str) -> Iterator[Finding]:
    """Records that are signed."""
    answer, host = met.answer, met.host
    if met.mx_secure is False:
        yield found("dane-mx-unsigned", about, *answer.evidence, host=host)
    yield from _records(met, about)
    if met.usable and met.reached:
        yield from _chain(met, about)


def _records(met: Met, about: str) -> Iterator[Finding]:
    """What is wrong with records as such."""
    read = {text: parse(text) for text in met.answer.records}
    broken = [text for text, each in read.items() if each is None or (each.known and not each.whole)]
    unknown = [text for text, each in read.items() if each is not None and not each.known]
    if broken:
        yield found("dane-malformed", about, *broken, host=met.host, record=broken[0])
    if unknown:
        key = "dane-unusable-some" if met.usable else "dane-unusable"
        yield found(key, about, *unknown, host=met.host, record=unknown[0])


def _chain(met: Met, about: str) -> Iterator[Finding]:
    facts = {"host": met.host, "count": len(met.usable)}
    if not met.chain:
        yield found("dane-without-tls", about, *met.answer.records, **facts)
        return
    kept = [each for each in met.usable if each.kept_by(met.chain)]
    left = [each.text for each in met.usable if each not in kept]
    if not kept:
        wanted = _wanted(met.chain)
        yield found("dane-mismatch", about, *met.answer.records, f"shown: {wanted}", wanted=wanted, **facts)
        return
    yield found("dane-kept", about, *(each.text for each in kept), **facts)
    if left:
        yield found("dane-stale", about, *left, host=met.host, record=left[0])


def _wanted(chain: Sequence[Certificate]) -> str:
    """The record that fits what is shown."""
    return f"3 1 1 {hashlib.sha256(chain[0].public).hexdigest()}"
