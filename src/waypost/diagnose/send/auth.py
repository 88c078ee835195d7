"""The client's side of every SASL mechanism that mail servers offer: each a row and an exchange. Knows no connection.

RFC 4422 section 3, RFC 4616 (PLAIN), RFC 2195 (CRAM-MD5), RFC 5802 and 7677 (SCRAM), RFC 7628 (OAUTHBEARER). LOGIN and XOAUTH2 have
no RFC: the first goes by what all servers do, the second by Google's description of it.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from waypost.diagnose.send.scram import ExchangeError, scram

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from waypost.diagnose.send.errand import Login

Exchange: TypeAlias = Generator[bytes | None, bytes, None]
"""Gives responses for challenges. The first one needs no challenge: it is the initial response, or None where the server speaks first."""


class Means(StrEnum):
    """What a mechanism needs of whoever logs in."""

    PASSWORD = "password"  # noqa: S105 - the word, not one
    TOKEN = "token"  # noqa: S105 - likewise
    CERTIFICATE = "certificate"
    """That of TLS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What an exchange depends on beside the login."""

    offered: Collection[str] = ()
    """Mechanisms, upper case."""
    bindings: Mapping[str, bytes] = field(default_factory=dict)
    """Channel bindings by type, the best first."""
    nonce: str = ""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One row."""

    name: str
    exchange: Callable[[Login, Circumstances], Exchange]
    means: Means = Means.PASSWORD
    readable: bool = False
    """Whoever reads the line reads the password or the token."""
    bound: bool = False
    """Whether it is bound to the channel: it needs TLS and a binding."""


def _plain(login: Login, _: Circumstances) -> Exchange:
    yield _octets(f"{login.identity}\0{login.user}\0{login.password}")


def _octets(text: str) -> bytes:
    """UTF-8 (4616#2); what a command line had that is none, such as a password in Latin-1, as it came."""
    return text.encode("utf-8", "surrogateescape")


def _login(login: Login, _: Circumstances) -> Exchange:
    yield None
    yield _octets(login.user)
    yield _octets(login.password)


def _cram_md5(login: Login, _: Circumstances) -> Exchange:
    challenge = yield None
    yield _octets(f"{login.user} {hmac.new(_octets(login.password), challenge, 'md5').hexdigest()}")


def _external(login: Login, _: Circumstances) -> Exchange:
    yield _octets(login.identity)


def _xoauth2(login: Login, _: Circumstances) -> Exchange:
    yield _octets(f"user={login.user}\1auth=Bearer {login.token}\1\1")
    yield b""  # what came was the reason of a failure, and the server waits for an answer to it


def _oauthbearer(login: Login, _: Circumstances) -> Exchange:
    who = f"a={_escaped(login.identity or login.user)}" if login.identity or login.user else ""
    place = f"\1host={login.host}\1port={login.port}" if login.host else ""
    yield _octets(f"n,{who},{place}\1auth=Bearer {login.token}\1\1")
    yield b"\1"  # likewise (7628#3.2.3)


def _escaped(name: str) -> str:
    return name.replace("=", "=3D").replace(",", "=2C")


def _scram(digest: str, name: str) -> Callable[[Login, Circumstances], Exchange]:
    def exchange(login: Login, at: Circumstances) -> Exchange:
        could = bool(at.bindings) and f"{name}-PLUS" not in at.offered
        yield from _messages(digest, login, at, "y" if could else "n", b"")

    return exchange


def _scram_plus(digest: str) -> Callable[[Login, Circumstances], Exchange]:
    def exchange(login: Login, at: Circumstances) -> Exchange:
        if not at.bindings:
            raise ExchangeError("there is no TLS, or nothing in it that could be bound to")
        kind, bound = next(iter(at.bindings.items()))
        yield from _messages(digest, login, at, f"p={kind}", bound)

    return exchange


def _messages(digest: str, login: Login, at: Circumstances, binding: str, bound: bytes) -> Exchange:
    yield from scram(digest, login.user, login.password, nonce=at.nonce, identity=login.identity, binding=binding, bound=bound)
    yield b""  # the server's last message came as a challenge (4954#4 lets success carry none)


MECHANISMS: dict[str, Mechanism] = {
    row.name: row
    for row in (
        Mechanism("SCRAM-SHA-256-PLUS", _scram_plus("sha256"), bound=True),
        Mechanism("SCRAM-SHA-1-PLUS", _scram_plus("sha1"), bound=True),
        Mechanism("SCRAM-SHA-256", _scram("sha256", "SCRAM-SHA-256")),
        Mechanism("SCRAM-SHA-1", _scram("sha1", "SCRAM-SHA-1")),
        Mechanism("CRAM-MD5", _cram_md5),
        Mechanism("OAUTHBEARER", _oauthbearer, Means.TOKEN, readable=True),
        Mechanism("XOAUTH2", _xoauth2, Means.TOKEN, readable=True),
        Mechanism("EXTERNAL", _external, Means.CERTIFICATE),
        Mechanism("PLAIN", _plain, readable=True),
        Mechanism("LOGIN", _login, readable=True),
    )
}
"""Every mechanism, the strongest first."""

TAKE_TOKEN = frozenset(name for name, row in MECHANISMS.items() if row.means is Means.TOKEN)
"""Those of OAuth."""

PROVES_SERVER = frozenset(name for name in MECHANISMS if name.startswith("SCRAM"))
"""Those whose success means nothing before the server has proven that it knows the password."""


def candidates(login: Login, at: Circumstances) -> tuple[Mechanism, ...]:
    """The mechanisms to try, in order: those that are offered, and for which we have the means."""
    known = {**MECHANISMS, **{alias: replace(MECHANISMS[name], name=alias) for alias, name in login.aliases if name in MECHANISMS}}
    wanted = login.mechanisms or tuple(name for name, row in known.items() if _able(row, login, at))
    return tuple(known[name] for name in wanted if name in at.offered and name in known and _has_secret(known[name], login))


def _has_secret(row: Mechanism, login: Login) -> bool:
    """An empty token, or an empty password beside a token, was not given, and would be a login that fails."""
    match row.means:
        case Means.TOKEN:
            return bool(login.token)
        case Means.PASSWORD:
            return bool(login.password) or not login.token
        case Means.CERTIFICATE:
            return True


def _able(row: Mechanism, login: Login, at: Circumstances) -> bool:
    if row.bound and not at.bindings:
        return False
    match row.means:
        case Means.TOKEN:
            return bool(login.token)
        case Means.PASSWORD:
            return not login.token and bool(login.user)
        case Means.CERTIFICATE:
            return not login.token and not login.user
