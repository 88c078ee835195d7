"""Signatures are judged by a verifier of the tests' own, which is first held against the message that RFC 8463 prints."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from waypost.diagnose.send.dkim import KeyFileError, Signer, read_key

ED25519 = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
ED25519_SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
RSA = (
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
    "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
)
MESSAGE = b"""From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
""".replace(b"\n", b"\r\n")
PRINTED = {
    "ed25519": b"""DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
""",
    "rsa": b"""DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
""",
}


def _relax(name: str, value: str) -> str:
    unfolded = value.replace("\r\n", "")
    return name.strip().lower() + ":" + " ".join(unfolded.split())


def verify(message: bytes, public: Ed25519PublicKey | RSAPublicKey) -> dict[str, str]:
    """The tags of the topmost signature, which must hold (RFC 6376 section 6.1, relaxed/relaxed). Raises InvalidSignature."""
    head, body = message.decode("latin-1").split("\r\n\r\n", 1)
    raws = re.split(r"\r\n(?![ \t])", head)
    assert raws[0].lower().startswith("dkim-signature:")
    tags = {
        part.split("=", 1)[0].strip(): "".join(part.split("=", 1)[1].split()) for part in raws[0].split(":", 1)[1].split(";") if "=" in part
    }
    assert tags["c"] == "relaxed/relaxed"
    lines = [re.sub("[ \t]+", " ", line).rstrip(" ") for line in body.split("\r\n")]
    canonical = "\r\n".join(lines).rstrip("\r\n")
    digest = hashlib.sha256((canonical + "\r\n" if canonical else "").encode("latin-1")).digest()
    if base64.b64encode(digest).decode() != tags["bh"]:
        raise InvalidSignature
    left, covered = raws[1:], []
    for name in tags["h"].lower().split(":"):
        at = max((number for number, raw in enumerate(left) if raw.split(":")[0].strip().lower() == name), default=None)
        if at is not None:
            covered.append(_relax(*left.pop(at).split(":", 1)) + "\r\n")
    unsigned = re.sub(r"(;\s*b=)[^;]*", r"\1", raws[0])
    octets = ("".join(covered) + _relax(*unsigned.split(":", 1))).encode("latin-1")
    signature = base64.b64decode(tags["b"])
    if isinstance(public, RSAPublicKey):
        public.verify(signature, octets, padding.PKCS1v15(), hashes.SHA256())
    else:
        public.verify(signature, hashlib.sha256(octets).digest())
    return tags


def _public(kind: str) -> Ed25519PublicKey | RSAPublicKey:
    if kind == "ed25519":
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(ED25519))
    key = serialization.load_der_public_key(base64.b64decode(RSA))
    assert isinstance(key, RSAPublicKey)
    return key


@pytest.mark.parametrize("kind", sorted(PRINTED))
def test_the_verifier_agrees_with_the_rfc(kind: str) -> None:
    """The signatures that RFC 8463 appendix A prints hold, and a changed message breaks them."""
    signed = PRINTED[kind].replace(b"\n", b"\r\n") + MESSAGE
    assert verify(signed, _public(kind))["d"] == "football.example.com"
    with pytest.raises(InvalidSignature):
        verify(signed.replace(b"dinner", b"supper"), _public(kind))
    with pytest.raises(InvalidSignature):
        verify(signed.replace(b"hungry", b"thirsty"), _public(kind))


def test_the_rfcs_own_key_signs() -> None:
    """A signature by the Ed25519 key of RFC 8463 is verified by its published half."""
    signer = Signer(key=Ed25519PrivateKey.from_private_bytes(ED25519_SECRET), domain="football.example.com", selector="brisbane")
    tags = verify(signer.sign(MESSAGE, wall=1528637909.5), _public("ed25519"))
    assert (tags["a"], tags["t"], tags["s"]) == ("ed25519-sha256", "1528637909", "brisbane")
    assert tags["h"] == "from:subject:date:message-id:to:from"
    assert tags["bh"] == "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8="


RSA_KEY = generate_private_key(65537, 2048)
LINES = st.lists(st.text("ab .\t", max_size=8), max_size=6).map("\r\n".join)


@given(body=LINES, subject=st.text("xy \t", max_size=90), twice=st.booleans())
def test_whatever_is_signed_holds(body: str, subject: str, twice: bool) -> None:  # noqa: FBT001 - hypothesis names it
    """Blank lines, runs of blanks and repeated fields change nothing; and nobody can add another From."""
    header = f"From: a@example.net\r\nSubject: {subject}\r\n" + ("Subject: again\r\n" if twice else "")
    message = f"{header}\r\n{body}".encode()
    signed = Signer(key=RSA_KEY, domain="example.net", selector="s1").sign(message, wall=1.0)
    assert signed.endswith(message)
    assert all(len(line) <= 78 for line in signed.split(b"\r\n\r\n")[0].split(b"\r\n") if not line.startswith(b"Subject"))
    assert verify(signed, RSA_KEY.public_key())["a"] == "rsa-sha256"
    with pytest.raises(InvalidSignature):
        verify(signed.replace(b"From: a@", b"From: b@example.net\r\nFrom: a@"), RSA_KEY.public_key())


def _pem(key: object) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())  # type: ignore[attr-defined] # any private key


@pytest.mark.parametrize(
    ("pem", "says"), [(b"nonsense", "PEM"), (_pem(ec.generate_private_key(ec.SECP256R1())), "neither")], ids=["nonsense", "elliptic"]
)
def test_keys_that_cannot_sign(pem: bytes, says: str) -> None:
    """What is no key, or one that DKIM does not know, is refused with the reason."""
    with pytest.raises(KeyFileError, match=says):
        read_key(pem)


def test_keys_are_read() -> None:
    """Both kinds, from PEM."""
    assert RSA_KEY.private_numbers() == read_key(_pem(RSA_KEY)).private_numbers()  # type: ignore[union-attr] # it is RSA
    assert isinstance(read_key(_pem(Ed25519PrivateKey.generate())), Ed25519PrivateKey)
