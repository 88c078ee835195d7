"""Rules on listeners and their certificates. Opens nothing."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from waypost.config.rules.finding import Finding
from waypost.net.listen import ListenError, Place, parse
from waypost.net.tls import CertificateError, server_context
from waypost.smtp.terms import Role, TlsMode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waypost.accept.settings import ListenerSettings
    from waypost.config.load import Loaded


def places_can_be_bound(loaded: Loaded) -> Iterator[Finding]:
    """There is a listener; each has an address of its own."""
    if not loaded.settings.listeners:
        yield Finding(("listeners",), "is missing: nothing would listen; add [[listeners]] with role and bind")
    seen: dict[str, int] = {}
    for position, listener in enumerate(loaded.settings.listeners):
        try:
            place = parse(listener.bind)
        except ListenError as error:
            yield Finding(("listeners", position, "bind"), str(error))
            continue
        if (place.port or place.path) and (first := seen.setdefault(str(place), position)) != position:
            yield Finding(("listeners", position, "bind"), f"{place} is listeners.{first}'s already: give each its own")
        yield from _place_suits(loaded, listener, place, position)


def _place_suits(loaded: Loaded, listener: ListenerSettings, place: Place, position: int) -> Iterator[Finding]:
    keys = ("listeners", position, "bind")
    if listener.role is Role.LMTP and place.port == 25:
        yield Finding(keys, "LMTP never uses port 25, where others speak SMTP: choose 24, or unix:/path")  # 2033#5
    if listener.role is not Role.LMTP and place.path:
        yield Finding(keys, f"a UNIX socket is for role lmtp alone: write an address and port for {listener.role}")
    if loaded.dev and place.address and not ip_address(place.address).is_loopback:
        says = (
            f"{place.address} can be reached by others, and the dev profile takes every password: write a configuration file, or 127.0.0.1"
        )
        yield Finding(keys, says)


def tls_has_a_certificate(loaded: Loaded) -> Iterator[Finding]:
    """Listeners with TLS have a certificate; the dev profile makes its own."""
    tls = loaded.settings.tls
    if (tls.certificate is None) != (tls.key is None):
        missing = "key" if tls.key is None else "certificate"
        yield Finding(("tls",), f"needs {missing} too: a certificate and its key go together")
        return
    if tls.certificate is None and not loaded.dev:
        for position, listener in enumerate(loaded.settings.listeners):
            if listener.tls is not TlsMode.NONE:
                yield Finding(("listeners", position, "tls"), f"{listener.tls} needs [tls] with certificate and key")


def certificate_can_be_used(loaded: Loaded) -> Iterator[Finding]:
    """Certificate and key can be read, belong together and are within their time."""
    tls = loaded.settings.tls
    if tls.certificate is None or tls.key is None:
        return
    try:
        server_context(tls.certificate, tls.key)
    except CertificateError as error:
        key = "key" if str(error).startswith(str(tls.key)) else "certificate"
        yield Finding(("tls", key), str(error))


def submission_can_authenticate(loaded: Loaded) -> Iterator[Finding]:
    """Passwords are taken over TLS alone, so a submission listener without it is of use to trusted networks only."""
    settings = loaded.settings
    if loaded.dev or settings.relay.networks:
        return
    for position, listener in enumerate(settings.listeners):
        if listener.role is Role.SUBMISSION and listener.tls is TlsMode.NONE:
            yield Finding(
                ("listeners", position, "tls"),
                "submission without TLS: nobody could authenticate, for passwords are never taken in the clear; write starttls or implicit",
            )
