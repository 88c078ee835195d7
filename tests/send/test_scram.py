"""SCRAM against the exchanges of its RFCs, and against servers that cheat."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.diagnose.send.scram import ExchangeError, prepared, scram

RFC_5802 = (
    "sha1",
    "fyko+d2lbbFgONRv9qkxdawL",
    b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
)
RFC_7677 = (
    "sha256",
    "rOprNGfwEbeRWgbNEkqO",
    b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
)


@pytest.mark.parametrize("vector", [RFC_5802, RFC_7677], ids=["5802", "7677"])
def test_the_exchange_of_the_rfc(vector: tuple[str, str, bytes, bytes, bytes, bytes]) -> None:
    """Every message is the one that the RFC prints, and its server is believed."""
    digest, nonce, first, challenge, final, proof = vector
    exchange = scram(digest, "user", "pencil", nonce=nonce)
    assert first == next(exchange)
    assert final == exchange.send(challenge)
    with pytest.raises(StopIteration):
        exchange.send(proof)


@pytest.mark.parametrize(
    ("challenge", "says"),
    [
        (b"r=other,s=QSXCR+Q6sek8bf92,i=4096", "nonce"),
        (b"r=fyko,s=QSXCR+Q6sek8bf92,i=4096", "nonce"),
        (b"r=fykoX,s=QSXCR+Q6sek8bf92,i=99999999", "too many"),
        (b"r=fykoX,s=QSXCR+Q6sek8bf92,i=0", "no message of SCRAM"),
        (b"r=fykoX,s=Q,i=4096", "no base64"),
        (b"m=ext,r=fykoX,s=QSXCR+Q6sek8bf92,i=4096", "no message of SCRAM"),
        (b"\xff", "UTF-8"),
        (b"", "no message of SCRAM"),
    ],
)
def test_a_first_message_that_is_wrong_ends_it(challenge: bytes, says: str) -> None:
    """A server that answers somebody else's nonce, asks for endless work or writes nonsense gets no proof."""
    exchange = scram("sha1", "user", "pencil", nonce="fyko")
    next(exchange)
    with pytest.raises(ExchangeError, match=says):
        exchange.send(challenge)


@pytest.mark.parametrize(
    ("last", "says"), [(b"v=AAAA", "prove"), (b"e=invalid-proof", "invalid-proof"), (b"", "prove"), (b"v=?", "base64")]
)
def test_a_server_without_the_password_is_not_believed(last: bytes, says: str) -> None:
    """Success needs the server's own proof."""
    digest, nonce, _, challenge, _, _ = RFC_5802
    exchange = scram(digest, "user", "pencil", nonce=nonce)
    next(exchange)
    exchange.send(challenge)
    with pytest.raises(ExchangeError, match=says):
        exchange.send(last)


def _server_accepts(digest: str, password: str, first: bytes, challenge: bytes, final: bytes, header: bytes) -> bool:
    """A server's own judgement, by StoredKey alone (5802#3)."""
    found = dict(part.split("=", 1) for part in challenge.decode().split(","))
    salted = hashlib.pbkdf2_hmac(digest, password.encode(), base64.b64decode(found["s"]), int(found["i"]))
    stored = hashlib.new(digest, hmac.digest(salted, b"Client Key", digest)).digest()
    bare = first.decode().split(",", 2)[2]
    without, _, proof = final.decode().rpartition(",p=")
    signature = hmac.digest(stored, f"{bare},{challenge.decode()},{without}".encode(), digest)
    key = bytes(a ^ b for a, b in zip(base64.b64decode(proof), signature, strict=True))
    return without.startswith(f"c={base64.b64encode(header).decode()},") and hashlib.new(digest, key).digest() == stored


@given(st.text("abcXYZ019,= ", min_size=1, max_size=12), st.binary(min_size=1, max_size=40), st.sampled_from(["sha1", "sha256"]))
def test_a_bound_exchange_is_accepted_by_a_server_of_another_make(user: str, bound: bytes, digest: str) -> None:
    """Whatever the name, the header with its binding is what the server checks, and the proof holds."""
    exchange = scram(digest, user, "s3cret", nonce="abc", identity="boss", binding="p=tls-exporter", bound=bound)
    first = next(exchange)
    challenge = b"r=abcdef,s=QSXCR+Q6sek8bf92,i=2"
    final = exchange.send(challenge)
    assert first.startswith(b"p=tls-exporter,a=boss,n=")
    assert b"n=" + user.replace("=", "=3D").replace(",", "=2C").encode() + b",r=" in first
    assert _server_accepts(digest, "s3cret", first, challenge, final, b"p=tls-exporter,a=boss," + bound)


@pytest.mark.parametrize(
    ("given_text", "expected"), [("I\u00adX", "IX"), ("user", "user"), ("\u00aa", "a"), ("\u2168", "IX"), ("a\u00a0b", "a b")]
)
def test_names_are_prepared(given_text: str, expected: str) -> None:
    """The examples of 4013#3, and a blank that is none."""
    assert expected == prepared(given_text)


@pytest.mark.parametrize("text", ["\u0007", "\u06271", "\ue000", "a\u0627"])
def test_names_that_nobody_may_have(text: str) -> None:
    """Control characters and mixed directions are refused (4013#3)."""
    with pytest.raises(ExchangeError):
        prepared(text)
