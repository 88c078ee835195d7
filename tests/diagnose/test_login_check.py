"""``check --auth``: which mechanism is used, what it does with the password, and every way in which a login can fail."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from support.broken_servers import QUICK, TALKING, FakeLookup
from support.sasl_server import SaslServer
from waypost.diagnose.check import check
from waypost.diagnose.plan import Options, target

if TYPE_CHECKING:
    from support.certificates import Certificates
    from waypost.diagnose.finding import Finding


def log_in(
    certificates: Certificates, *, tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, **server: Any
) -> tuple[dict[str, Finding], SaslServer]:
    """Check a server with a login; the findings about it by key."""

    async def run() -> tuple[dict[str, Finding], SaslServer]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = tls
        context.load_cert_chain(certificates.certificate, certificates.key)
        der = x509.load_pem_x509_certificate(certificates.certificate.read_bytes()).public_bytes(Encoding.DER)
        made = SaslServer(context=context, certificate=der, **server)
        await made.start()
        try:
            options = Options(account="ada", password="secret")
            where = target(f"127.0.0.1:{made.port}")
            found = await check(where, options, limits=QUICK, lookup=FakeLookup({}), probes=TALKING)
        finally:
            await made.stop()
        assert not {"probe-broke", "cut-short"} & {each.key for each in found.findings}
        assert "secret" not in repr(found.findings)
        return {each.key: each for each in found.findings if each.key.startswith("login-")}, made

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("offers", "used", "manner"),
    [
        ("PLAIN LOGIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS", "login-bound"),
        ("PLAIN SCRAM-SHA-256", "SCRAM-SHA-256", "login-password-proven"),
        ("LOGIN PLAIN", "PLAIN", "login-password-shown"),
        ("LOGIN", "LOGIN", "login-password-shown"),
        ("XOAUTH2 GSSAPI PLAIN", "PLAIN", "login-password-shown"),
    ],
)
def test_the_strongest_is_used(certificates: Certificates, offers: str, used: str, manner: str) -> None:
    """Of what is offered the strongest that a password suffices for is used, and what it does with the password is told."""
    found, server = log_in(certificates, offers=offers)
    assert set(found) == {"login-accepted", manner}
    assert server.tried == [used]
    assert used in found["login-accepted"].told().title
    assert f"C: AUTH {used}" in found["login-accepted"].evidence


@pytest.mark.parametrize(("version", "kind"), [(ssl.TLSVersion.TLSv1_3, "tls-exporter"), (ssl.TLSVersion.TLSv1_2, "tls-server-end-point")])
def test_bound_to_the_channel(certificates: Certificates, version: ssl.TLSVersion, kind: str) -> None:
    """-PLUS is bound to the connection by the best means that the version of TLS has, and the server finds it right."""
    found, server = log_in(certificates, tls=version)
    assert server.bound == [kind]
    assert found["login-bound"].facts["binding"] == kind
    assert kind in found["login-bound"].told().meaning


def test_a_wrong_password_is_said_twice_at_most(certificates: Certificates) -> None:
    """The strongest mechanism and the plainest are tried, and no other: further tries might lock the account."""
    found, server = log_in(certificates, password="another")
    assert set(found) == {"login-refused"}
    assert server.tried == ["SCRAM-SHA-256-PLUS", "PLAIN"]
    assert "SCRAM-SHA-256-PLUS, PLAIN" in found["login-refused"].told().meaning


def test_an_account_without_secrets_for_the_stronger(certificates: Certificates) -> None:
    """Where the plain password is right and SCRAM refuses it, both are told."""
    found, server = log_in(certificates, scram_password="other", offers="SCRAM-SHA-256 PLAIN")
    assert set(found) == {"login-accepted", "login-mechanism-refused", "login-password-shown"}
    assert found["login-mechanism-refused"].facts["refused"] == "SCRAM-SHA-256"
    assert found["login-accepted"].facts["mechanism"] == "PLAIN"
    assert server.tried == ["SCRAM-SHA-256", "PLAIN"]


def test_a_server_that_proves_nothing(certificates: Certificates) -> None:
    """A server that lets in without its proof is not trusted, and hears no password in the clear after that."""
    found, server = log_in(certificates, proves=False)
    assert set(found) == {"login-unproven"}
    assert server.tried == ["SCRAM-SHA-256-PLUS"]


@pytest.mark.parametrize(
    ("answers", "key"),
    [
        ("454 4.7.0 Temporary authentication failure", "login-deferred"),
        ("535 5.7.8 Authentication credentials invalid", "login-refused"),
        ("334 !!!", "login-broken"),
        ("334 cj1vdGhlcg==", "login-broken"),
        ("hang up", "login-unanswered"),
        ("what", "login-unanswered"),
    ],
)
def test_each_way_to_fail(certificates: Certificates, answers: str, key: str) -> None:
    """Refused, put off, nonsense or silence: each is told as what it is."""
    found, _ = log_in(certificates, answers=answers, offers="SCRAM-SHA-256")
    assert set(found) == {key}
    for lang in ("en", "zh"):
        told = found[key].told(lang)
        assert "{" not in told.title + told.meaning + told.fix


def test_nothing_that_a_password_suffices_for(certificates: Certificates) -> None:
    """Tokens and tickets are not passwords: what is offered and what is known are told."""
    found, server = log_in(certificates, offers="XOAUTH2 OAUTHBEARER GSSAPI")
    assert set(found) == {"login-not-offered"}
    assert server.tried == []
    assert "SCRAM-SHA-256" in found["login-not-offered"].told().meaning
