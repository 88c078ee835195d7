"""An aiosmtpd as its documentation sets one up: ``python zoo_aiosmtpd.py ADDRESS HOSTNAME CERTIFICATE KEY``, on 25, 465 and 587."""

from __future__ import annotations

import ssl
import sys
import threading

from aiosmtpd.controller import Controller  # type: ignore[import-not-found]  # in an environment of its own
from aiosmtpd.handlers import Sink  # type: ignore[import-not-found]  # likewise
from aiosmtpd.smtp import AuthResult  # type: ignore[import-not-found]  # likewise


def authenticate(*given: object) -> AuthResult:
    """One account, ada with the password secret; RFC 4954 section 4 has a reply for all others."""
    data = given[4]
    login, password = getattr(data, "login", b""), getattr(data, "password", b"")
    return AuthResult(success=(login, password) == (b"ada", b"secret"), handled=False)


def main() -> None:
    """Serve until killed."""
    address, hostname, certificate, key = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    accounts = {"authenticator": authenticate, "auth_require_tls": True}
    for port, more in (
        (25, {"tls_context": context}),
        (587, {"tls_context": context, "require_starttls": True, **accounts}),
        (465, {"ssl_context": context, **accounts, "auth_require_tls": False}),
    ):
        Controller(Sink(), hostname=address, port=port, server_hostname=hostname, **more).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
