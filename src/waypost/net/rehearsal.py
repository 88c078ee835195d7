"""What clients would see of a certificate in files: the handshake played through in memory, no socket, no server. Knows no SMTP.

RFC 8446 section 4.4.2 (the chain as it is sent), RFC 5280 section 6 (whether it leads to an authority).
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

if TYPE_CHECKING:
    from pathlib import Path

_TURNS = 20
"""Turns after which a handshake is over, one way or another."""


class Flaw(StrEnum):
    """Why files cannot be used."""

    NONE = ""
    MISSING = "missing"
    DENIED = "denied"
    """This account may not read one of them."""
    NO_CERTIFICATE = "no-certificate"
    """What is there is no PEM with a certificate."""
    LOCKED = "locked"
    """The key has a passphrase."""
    MISMATCH = "mismatch"
    """The key belongs to another certificate."""
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What came of it."""

    flaw: Flaw = Flaw.NONE
    detail: str = ""
    """In the system's words."""
    chain: tuple[bytes, ...] = ()
    """The certificates of the file in DER, in its order."""
    verify_code: int = 0
    """Why the chain would not be believed, as OpenSSL numbers it; 0 where it would."""
    verify_message: str = ""


def rehearse(certificate: Path, key: Path, looking: ssl.SSLContext) -> Rehearsal:
    """Show the certificate to a client with the context ``looking``. Never raises."""
    try:
        chain = tuple(each.public_bytes(Encoding.DER) for each in x509.load_pem_x509_certificates(certificate.read_bytes()))
        key.read_bytes()
    except FileNotFoundError as fault:
        return Rehearsal(flaw=Flaw.MISSING, detail=str(fault.filename))
    except OSError as fault:
        return Rehearsal(flaw=Flaw.DENIED if isinstance(fault, PermissionError) else Flaw.UNUSABLE, detail=str(fault))
    except ValueError as fault:
        return Rehearsal(flaw=Flaw.NO_CERTIFICATE, detail=str(fault).splitlines()[0])
    showing = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        showing.load_cert_chain(certificate, key, password=_nobody)
    except (ssl.SSLError, ValueError, OSError) as fault:
        return Rehearsal(flaw=_flaw(fault), detail=str(fault), chain=chain)
    code, message = _played(showing, looking)
    return Rehearsal(chain=chain, verify_code=code, verify_message=message)


def _nobody() -> str:
    raise ValueError("the key has a passphrase, and nobody is there to type it")


def _flaw(fault: Exception) -> Flaw:
    if isinstance(fault, ssl.SSLError):
        return Flaw.MISMATCH if fault.reason == "KEY_VALUES_MISMATCH" else Flaw.UNUSABLE
    return Flaw.LOCKED if isinstance(fault, ValueError) else Flaw.UNUSABLE


def _played(showing: ssl.SSLContext, looking: ssl.SSLContext) -> tuple[int, str]:
    """Whether the client believes what it sees."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = looking.wrap_bio(back, there, server_side=False)
    server = showing.wrap_bio(there, back, server_side=True)
    for _ in range(_TURNS):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as fault:
                return fault.verify_code, fault.verify_message
            except ssl.SSLError as fault:
                return -1, fault.reason or str(fault)
            if end is client:
                return 0, ""
    return -1, "the handshake did not end"
