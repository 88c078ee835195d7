"""TLS spoken over a stream so that it can be looked at: version, cipher, the chain as it was sent, and why it failed. Knows no SMTP.

Verifies a chain only on request, and goes on to tell what was shown either way (RFC 8446, RFC 5246; alerts are RFC 8446 section 6).
"""

from __future__ import annotations

import re
import ssl
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.net.stream import ClosedError, DeadlineError, StreamError
from waypost.net.tls import client_context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from waypost.net.stream import ClientStream

_ALERT = re.compile(r"(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?(\w+)")
_RECORDS = frozenset((20, 21, 22, 23))
"""First octets that TLS records begin with."""
_PIECE = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """What a handshake came to."""

    version: str = ""
    """``TLSv1.3``; empty where it failed."""
    cipher: str = ""
    chain: tuple[bytes, ...] = ()
    """Certificates in DER as the server sent them, its own first; empty where it failed."""
    fault: str = ""
    """Why it failed, in the library's words: ``closed`` and ``silent`` where the other side said nothing."""
    alert: str = ""
    """The alert that the other side sent, as ``handshake_failure``."""
    plain: bytes = b""
    """What it said in place of TLS."""
    verify_code: int = 0
    """Why the chain was not believed, as OpenSSL numbers it (verify(1)); 0 where it was, or nobody asked."""
    verify_message: str = ""

    @property
    def done(self) -> bool:
        """Whether both sides can speak now."""
        return bool(self.version)


def looking_context(*, verify: bool, ca: Path | None = None) -> ssl.SSLContext:
    """A context that takes any cipher and key length, since they are judged by whoever looks. Raises CertificateError.

    With ``verify`` the chain must lead to an authority of the system, or to one in ``ca``; names are not compared.
    """
    context = client_context(verify=verify, ca=ca)
    context.check_hostname = False
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # as mail servers verify
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


class Looking:
    """One side of TLS over a stream in the clear."""

    def __init__(self, stream: ClientStream, context: ssl.SSLContext, name: str | None) -> None:
        """``name`` is sent as SNI."""
        self._stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=False, server_hostname=name)
        self._first = b""

    async def handshake(self, *, seconds: float) -> Handshake:
        """Shake hands. Never raises: what failed is told in the result."""
        self._stream.deadline(seconds)
        try:
            while not await self._step():
                pass
        except ssl.SSLCertVerificationError as fault:
            self._flush()
            return Handshake(fault=fault.verify_message, verify_code=fault.verify_code, verify_message=fault.verify_message)
        except ssl.SSLError as fault:
            self._flush()
            return self._failed(fault)
        except DeadlineError:
            return Handshake(fault="silent")
        except StreamError:
            return Handshake(fault="closed")
        cipher = self._tls.cipher()
        return Handshake(version=self._tls.version() or "TLS", cipher=cipher[0] if cipher else "unknown", chain=tuple(_sent(self._tls)))

    async def exchange(self, octets: bytes, *, seconds: float, most: int = 65_536) -> bytes:
        """Send ``octets`` (none: only listen) and take what comes until a line ends, at most ``most``; empty where nothing does."""
        self._stream.deadline(seconds)
        if octets:
            self._tls.write(octets)
            self._flush()
        heard = b""
        while not heard.endswith(b"\n") and len(heard) < most:
            try:
                piece = self._tls.read(_PIECE)
                if not piece:
                    return heard  # a farewell in due form
                heard += piece
            except ssl.SSLWantReadError:
                try:
                    self._incoming.write(await self._stream.receive())
                except (ClosedError, DeadlineError):
                    return heard
            except ssl.SSLError:
                return heard
        return heard

    async def _step(self) -> bool:
        """Whether the handshake is over."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            octets = await self._stream.receive()
            self._first = self._first or octets
            self._incoming.write(octets)
            return False
        self._flush()
        return True

    def _flush(self) -> None:
        octets = self._outgoing.read()
        if octets:
            self._stream.send(octets)

    def _failed(self, fault: ssl.SSLError) -> Handshake:
        reason = fault.reason or "unknown"
        if self._first and self._first[0] not in _RECORDS:
            return Handshake(fault="no TLS", plain=self._first[:512])
        alert = _ALERT.fullmatch(reason)
        return Handshake(fault=reason.lower().replace("_", " "), alert=alert[1].lower() if alert is not None else "")


def _sent(secured: ssl.SSLObject) -> Iterator[bytes]:
    """The chain as it was sent, in DER; the standard library shows it to all from 3.13 on."""
    if sys.version_info >= (3, 13):
        yield from secured.get_unverified_chain()
        return
    inner = secured._sslobj  # type: ignore[attr-defined]  # noqa: SLF001 - no other way to the chain before 3.13
    for certificate in inner.get_unverified_chain() or ():
        yield ssl.PEM_cert_to_DER_cert(certificate.public_bytes())
