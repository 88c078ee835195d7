"""SPF records: from text to terms, or the term that is wrong. Knows no DNS.

RFC 7208 sections 4.5 and 4.6 (selecting and reading a record), 5 (mechanisms), 6 (modifiers), 7.1 (macro grammar), 12 (ABNF).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

VERSION = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)
"""How a record begins (7208#4.5)."""

Network: TypeAlias = IPv4Network | IPv6Network


class SpfSyntaxError(ValueError):
    """A record that no receiver can read: its result is permerror. The text names the term and what is wrong with it."""


class Qualifier(StrEnum):
    """What a mechanism that matches says."""

    PASS = "+"  # noqa: S105 - no password, a result
    FAIL = "-"
    SOFTFAIL = "~"
    NEUTRAL = "?"


class Kind(StrEnum):
    """The mechanisms."""

    ALL = "all"
    INCLUDE = "include"
    A = "a"
    MX = "mx"
    PTR = "ptr"
    IP4 = "ip4"
    IP6 = "ip6"
    EXISTS = "exists"


_KINDS = frozenset(kind.value for kind in Kind)
ASKING = frozenset({Kind.INCLUDE, Kind.A, Kind.MX, Kind.PTR, Kind.EXISTS})
"""Mechanisms that cost one of the ten look-ups; redirect does too (7208#4.6.4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """One directive."""

    text: str
    kind: Kind
    qualifier: Qualifier = Qualifier.PASS
    domain: str = ""
    """A macro string; empty: the domain that is asked about."""
    four: int = 32
    six: int = 128
    network: Network | None = None
    """Of ip4 and ip6."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as terms."""

    text: str
    mechanisms: tuple[Mechanism, ...]
    redirect: str = ""
    explanation: str = ""
    unknown: tuple[str, ...] = ()
    """Modifiers that no standard defines; receivers ignore them."""

    @property
    def all(self) -> Mechanism | None:
        """The first ``all``: terms behind it are never reached."""
        return next((each for each in self.mechanisms if each.kind is Kind.ALL), None)


_TERM = re.compile(r"([+\-~?]?)([A-Za-z][A-Za-z0-9]*)(.*)", re.DOTALL)
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9\-_.]*)=(.*)", re.DOTALL)
_MACRO = r"%(?:\{[A-Za-z][0-9]*[rR]?[.\-+,/_=]*\}|[%_\-])"
_MACRO_STRING = re.compile(rf"(?:[!-$&-~]|{_MACRO})*")
_MACRO_LETTER = re.compile(r"%\{([A-Za-z])([0-9]*)")
_ENDS_IN_MACRO = re.compile(rf"{_MACRO}\Z")
_TOPLABEL = re.compile(r"(?:[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*|[A-Za-z0-9]+-[A-Za-z0-9\-]*[A-Za-z0-9])\.?")
_CIDR = re.compile(r"(?:/(0|[1-9][0-9]{0,2}))?(?://(0|[1-9][0-9]{0,2}))?")
_TRAILING_CIDR = re.compile(r"(?:/[0-9]+)?(?://[0-9]+)?\Z")
_LETTERS = frozenset("slodiphv")
_LETTERS_OF_EXP = _LETTERS | frozenset("crt")


def candidates(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Those TXT records that are SPF records."""
    return tuple(text for text in texts if VERSION.match(text))


def parse(text: str) -> Record:
    """The terms of a record that begins with its version. Raises SpfSyntaxError."""
    if not text.isascii() or not text.isprintable():
        raise SpfSyntaxError("it holds characters that are not printable ASCII")
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    unknown: list[str] = []
    for term in text[len("v=spf1") :].split(" "):
        if not term:
            continue
        found = _MODIFIER.fullmatch(term)
        if found is None:
            mechanisms.append(_mechanism(term))
            continue
        name = found[1].lower()
        if name not in ("redirect", "exp"):
            _macro_string(found[2], term)
            unknown.append(term)
            continue
        if name in modifiers:
            raise SpfSyntaxError(f"{name}= stands twice")
        modifiers[name] = _domain_spec(found[2], term)
    return Record(
        text=text,
        mechanisms=tuple(mechanisms),
        redirect=modifiers.get("redirect", ""),
        explanation=modifiers.get("exp", ""),
        unknown=tuple(unknown),
    )


def _mechanism(term: str) -> Mechanism:
    found = _TERM.fullmatch(term)
    name = found[2].lower() if found is not None else ""
    if found is None or name not in _KINDS:
        raise SpfSyntaxError(f"{term!r} is no mechanism")
    kind, rest, qualifier = Kind(name), found[3], Qualifier(found[1] or "+")
    match kind:
        case Kind.ALL:
            if rest:
                raise SpfSyntaxError(f"{term!r}: all takes nothing behind it")
            return Mechanism(text=term, kind=kind, qualifier=qualifier)
        case Kind.IP4 | Kind.IP6:
            return Mechanism(text=term, kind=kind, qualifier=qualifier, network=_network(kind, rest, term))
        case Kind.INCLUDE | Kind.EXISTS | Kind.PTR:
            return Mechanism(text=term, kind=kind, qualifier=qualifier, domain=_named(kind, rest, term))
        case Kind.A | Kind.MX:
            return _addresses(term, kind, qualifier, rest)


def _named(kind: Kind, rest: str, term: str) -> str:
    """The domain behind a colon, which only ptr may lack."""
    if not rest and kind is Kind.PTR:
        return ""
    if not rest.startswith(":"):
        raise SpfSyntaxError(f"{term!r} names no domain")
    return _domain_spec(rest[1:], term)


def _addresses(term: str, kind: Kind, qualifier: Qualifier, rest: str) -> Mechanism:
    """``a`` and ``mx``, which may carry a domain and lengths of both prefixes."""
    found = _TRAILING_CIDR.search(rest)
    start = found.start() if found is not None else len(rest)
    lengths = _CIDR.fullmatch(rest[start:])
    if lengths is None:
        raise SpfSyntaxError(f"{term!r}: the length of its prefix is no number")
    four, six = int(lengths[1] or 32), int(lengths[2] or 128)
    if four > 32 or six > 128:
        raise SpfSyntaxError(f"{term!r}: a prefix is longer than an address")
    domain = rest[:start]
    if domain and not domain.startswith(":"):
        raise SpfSyntaxError(f"{term!r} is no mechanism")
    return Mechanism(text=term, kind=kind, qualifier=qualifier, domain=_domain_spec(domain[1:], term) if domain else "", four=four, six=six)


def _network(kind: Kind, rest: str, term: str) -> Network:
    address, slash, length = rest[1:].partition("/")
    if not rest.startswith(":") or (slash and not re.fullmatch(r"0|[1-9][0-9]{0,2}", length)):
        raise SpfSyntaxError(f"{term!r} holds no address")
    try:
        network = ip_network(f"{address}{slash}{length}", strict=False)
    except ValueError as fault:
        raise SpfSyntaxError(f"{term!r} holds no address") from fault
    if (network.version == 4) is not (kind is Kind.IP4) or "%" in address:
        raise SpfSyntaxError(f"{term!r}: the address is of the other family")
    return network


def _macro_string(text: str, term: str, *, letters: frozenset[str] = _LETTERS) -> str:
    if not _MACRO_STRING.fullmatch(text):
        raise SpfSyntaxError(f"{term!r}: a percent sign begins no macro")
    for letter, digits in _MACRO_LETTER.findall(text):
        if letter.lower() not in letters or (digits and not int(digits)):
            raise SpfSyntaxError(f"{term!r}: %{{{letter}{digits}}} is no macro here")
    return text


def _domain_spec(text: str, term: str) -> str:
    """A domain that may hold macros: it ends in one, or in a label that may stand at the top (7208#7.1)."""
    _macro_string(text, term)
    if not _ENDS_IN_MACRO.search(text):
        head, _, label = text.removesuffix(".").rpartition(".")
        if (not head and not text.startswith(".")) or not _TOPLABEL.fullmatch(label):
            raise SpfSyntaxError(f"{term!r} names no whole domain")
    return text


def check_explanation(text: str) -> str:
    """The text of an explanation, which may hold spaces and three more macros. Raises SpfSyntaxError."""
    _macro_string(text.replace(" ", ""), "exp", letters=_LETTERS_OF_EXP)
    return text
