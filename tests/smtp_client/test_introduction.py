"""The client's session until mail may go: greeting, EHLO, STARTTLS and AUTH, as dialogues without a network."""

from __future__ import annotations

import base64

import pytest

from smtp_client.client_kit import offered
from waypost.mail.outcome import Action
from waypost.smtp.client import ClientSession, ClientTerms, Dialect, Upgrade
from waypost.smtp.states import ClientState


def test_helo_where_ehlo_is_refused() -> None:
    """5xx to EHLO is followed by HELO, and then nothing is offered."""
    session = ClientSession(ClientTerms(hostname="here.example"))
    assert session.receive(b"220 hop\r\n") == b"EHLO here.example\r\n"
    assert session.receive(b"502 what\r\n") == b"HELO here.example\r\n"
    session.receive(b"250 hop PIPELINING\r\n")
    assert session.state is ClientState.READY
    assert not session.offers.pipelining


@pytest.mark.parametrize(
    ("script", "action", "key"),
    [
        ((b"421 busy\r\n",), Action.DEFERRED, "remote-deferred"),
        ((b"450 later\r\n",), Action.DEFERRED, "remote-deferred"),
        ((b"554 no mail here\r\n",), Action.FAILED, "remote-rejected"),
        ((b"220 hop\r\n", b"450 later\r\n"), Action.DEFERRED, "remote-deferred"),
        ((b"220 hop\r\n", b"500 what\r\n", b"550 no\r\n"), Action.FAILED, "remote-rejected"),
        ((b"354 go\r\n",), Action.DEFERRED, "remote-garbled"),
        ((b"SSH-2.0-OpenSSH\r\n",), Action.DEFERRED, "remote-garbled"),
    ],
)
def test_sent_away(script: tuple[bytes, ...], action: Action, key: str) -> None:
    """A session that ends before it began says why."""
    session = ClientSession(ClientTerms(hostname="here.example"))
    for octets in script:
        session.receive(octets)
    assert session.over
    assert (action, key) == (session.failure.action, session.failure.key)


def test_lmtp_has_no_helo() -> None:
    """LMTP says LHLO, and nothing else where that is refused (2033#4.1)."""
    session = ClientSession(ClientTerms(hostname="here.example", dialect=Dialect.LMTP))
    assert session.receive(b"220 hop LMTP\r\n") == b"LHLO here.example\r\n"
    assert session.receive(b"500 what\r\n") == b""
    assert session.over


def upgrading(upgrade: Upgrade, **terms: object) -> ClientSession:
    session = ClientSession(ClientTerms(hostname="here.example", upgrade=upgrade, **terms))
    session.receive(b"220 hop\r\n")
    assert session.receive(offered("STARTTLS", "AUTH PLAIN")) == b"STARTTLS\r\n"
    return session


def test_starttls() -> None:
    """220 asks for the handshake; after it EHLO is said again and the first offers are forgotten (3207#4.2)."""
    session = upgrading(Upgrade.OFFERED)
    assert session.receive(b"220 go\r\n") == b""
    assert session.state is ClientState.HANDSHAKE
    assert session.secured() == b"EHLO here.example\r\n"
    assert not session.offers.starttls
    session.receive(offered("PIPELINING", "STARTTLS"))
    assert session.state is ClientState.READY


@pytest.mark.parametrize("behind", [b"2", b"250 injected\r\n", b"\r\n", b"250-hop\r\n250 AUTH PLAIN\r\n"])
@pytest.mark.parametrize("upgrade", [Upgrade.OFFERED, Upgrade.REQUIRED])
def test_octets_behind_the_220(behind: bytes, upgrade: Upgrade) -> None:
    """Any octet in the clear behind the 220 ends the session, in one read or in the next; it never goes on in the clear."""
    session = upgrading(upgrade)
    assert session.receive(b"220 go\r\n" + behind) == b""
    assert (session.over, session.failure.key) == (True, "tls-failed")
    session = upgrading(upgrade)
    session.receive(b"220 go\r\n")
    assert session.receive(behind) == b""
    assert (session.over, session.failure.key) == (True, "tls-failed")


def test_starttls_refused() -> None:
    """A refused STARTTLS goes on in the clear where TLS is only welcome, and nowhere else."""
    session = upgrading(Upgrade.OFFERED)
    session.receive(b"454 not now\r\n")
    assert session.state is ClientState.READY
    session = upgrading(Upgrade.REQUIRED)
    session.receive(b"454 not now\r\n")
    assert (session.over, session.failure.key) == (True, "tls-failed")


def test_starttls_not_offered() -> None:
    """Where TLS is required and not offered nothing is sent."""
    session = ClientSession(ClientTerms(hostname="here.example", upgrade=Upgrade.REQUIRED))
    session.receive(b"220 hop\r\n")
    assert session.receive(offered("PIPELINING")) == b""
    assert (session.over, session.failure.key, session.failure.action) == (True, "tls-not-offered", Action.DEFERRED)


def test_auth_plain() -> None:
    """Over TLS a name is given by AUTH PLAIN in one line."""
    session = ClientSession(ClientTerms(hostname="here.example", secured=True, username="ada", password="s3cret"))
    session.receive(b"220 hop\r\n")
    said = session.receive(offered("AUTH LOGIN PLAIN"))
    assert b"AUTH PLAIN " + base64.b64encode(b"\0ada\0s3cret") + b"\r\n" == said
    session.receive(b"235 2.7.0 welcome\r\n")
    assert session.state is ClientState.READY


def test_auth_login() -> None:
    """Where only LOGIN is offered, name and password follow their challenges; a third challenge is cancelled."""
    session = ClientSession(ClientTerms(hostname="here.example", secured=True, username="ada", password="s3cret"))
    session.receive(b"220 hop\r\n")
    assert session.receive(offered("AUTH LOGIN")) == b"AUTH LOGIN\r\n"
    assert base64.b64encode(b"ada") + b"\r\n" == session.receive(b"334 VXNlcm5hbWU6\r\n")
    assert base64.b64encode(b"s3cret") + b"\r\n" == session.receive(b"334 UGFzc3dvcmQ6\r\n")
    assert session.receive(b"334 more?\r\n") == b"*\r\n"
    session.receive(b"501 cancelled\r\n")
    assert (session.over, session.failure.key) == (True, "smarthost-auth-failed")


@pytest.mark.parametrize(("secured", "offers"), [(False, ("AUTH PLAIN",)), (True, ()), (True, ("AUTH CRAM-MD5",))])
def test_auth_impossible(secured: bool, offers: tuple[str, ...]) -> None:  # noqa: FBT001 - a parameter of the test
    """Without TLS, or without a mechanism we know, no password is said and nothing is sent."""
    terms = ClientTerms(hostname="here.example", secured=secured, upgrade=Upgrade.OFFERED, username="ada", password="s3cret")
    session = ClientSession(terms)
    session.receive(b"220 hop\r\n")
    assert session.receive(offered(*offers)) == b""
    assert (session.failure.key, session.failure.action) == ("smarthost-auth-failed", Action.DEFERRED)
