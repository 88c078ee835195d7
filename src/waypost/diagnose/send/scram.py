"""SCRAM from the client's side: a password is proven without being sent, and the server must prove that it knows it too.

RFC 5802, RFC 7677 (SHA-256), RFC 4013 (how a password is prepared), RFC 5929 and RFC 9266 (what -PLUS is bound to). Knows no SMTP.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import stringprep
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

MOST_ITERATIONS = 5_000_000
"""More would let a server keep us busy for long."""

_FIRST = re.compile(r"r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=([1-9][0-9]{0,8})(?:,.*)?")
_FORBIDDEN: tuple[Callable[[str], bool], ...] = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)
"""What 4013#2.3 lets no string hold."""


class ExchangeError(Exception):
    """The exchange cannot go on; the text says why. The client cancels it."""


def scram(
    digest: str, user: str, password: str, *, nonce: str, identity: str = "", binding: str = "n", bound: bytes = b""
) -> Generator[bytes, bytes, None]:
    """The client's messages, given the server's; ends when the server has proven itself. Raises ExchangeError.

    ``digest``: ``sha1`` or ``sha256``. ``binding``: ``n``, ``y`` (we could, the server does not offer it) or ``p=TYPE``, then with
    the octets ``bound`` (5802#7). ``nonce`` is random printable ASCII without a comma.
    """
    authzid = f"a={_name(identity)}" if identity else ""
    header = f"{binding},{authzid},"
    bare = f"n={_name(user)},r={nonce}"
    first = _text((yield f"{header}{bare}".encode()))
    found = _FIRST.fullmatch(first)
    if found is None:
        raise ExchangeError(f"the server's first message is no message of SCRAM: {first[:80]!r}")
    theirs, salt, iterations = found[1], _decoded(found[2]), int(found[3])
    if not theirs.startswith(nonce) or theirs == nonce:
        raise ExchangeError("the server's nonce does not begin with ours: this answer belongs to another exchange")
    if iterations > MOST_ITERATIONS:
        raise ExchangeError(f"the server asks for {iterations} iterations, which is too many")
    proofless = f"c={_encoded(header.encode() + bound)},r={theirs}"
    signed = f"{bare},{first},{proofless}".encode()
    salted = hashlib.pbkdf2_hmac(digest, prepared(password).encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", digest)
    signature = hmac.digest(hashlib.new(digest, client_key).digest(), signed, digest)
    proof = bytes(left ^ right for left, right in zip(client_key, signature, strict=True))
    last = _text((yield f"{proofless},p={_encoded(proof)}".encode()))
    if last.startswith("e="):
        raise ExchangeError(f"the server says: {last[2:80]}")
    expected = hmac.digest(hmac.digest(salted, b"Server Key", digest), signed, digest)
    if not last.startswith("v=") or not hmac.compare_digest(_decoded(last[2:].partition(",")[0]), expected):
        raise ExchangeError("the server could not prove that it knows the password: it may be somebody else's")


def prepared(text: str) -> str:
    """A name or password as both sides must write it (4013#2). Raises ExchangeError."""
    mapped = "".join(" " if stringprep.in_table_c12(each) else each for each in text if not stringprep.in_table_b1(each))
    normal = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    if any(forbidden(each) for each in normal for forbidden in _FORBIDDEN):
        raise ExchangeError("the name or the password holds a character that SCRAM does not allow")
    right = [stringprep.in_table_d1(each) for each in normal]
    if any(right) and (any(stringprep.in_table_d2(each) for each in normal) or not (right[0] and right[-1])):
        raise ExchangeError("the name or the password mixes directions of writing in a way that SCRAM does not allow")
    return normal


def _name(text: str) -> str:
    return prepared(text).replace("=", "=3D").replace(",", "=2C")


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError as flaw:
        raise ExchangeError("the server's message is no UTF-8") from flaw


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode(), validate=True)
    except binascii.Error as flaw:
        raise ExchangeError("the server's message holds what is no base64") from flaw


def _encoded(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
