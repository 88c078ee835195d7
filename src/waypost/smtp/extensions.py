"""The table of extensions: what EHLO lists, when, and which parameters of MAIL and RCPT each brings. Knows no session.

RFC 5321 section 2.2; RFCs 1870, 2034, 2920, 3030, 3207, 3461, 4954, 6152, 6531.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import TypeAlias

from waypost.mail.envelope import Body, Notify, Return
from waypost.smtp.errors import ParameterError, XtextError
from waypost.smtp.grammar import decode_xtext, is_xtext
from waypost.smtp.sasl import usable
from waypost.smtp.terms import Terms, TlsMode

AUTH_LINE = 12_288
"""Octets of a line of an AUTH exchange (4954#4)."""
ENVID = 100
"""Characters of the value of ENVID (3461#4.4)."""
ORCPT = 500
"""Characters of the value of ORCPT (3461#4.2)."""

_SIZE = re.compile(r"[0-9]{1,20}")
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+")
_UNITEXT = re.compile("[!-*,-<>-~\u00a0-\U0010ffff]+")


@dataclass(slots=True)
class Given:
    """The parameters of one MAIL or RCPT, filled in while they are read."""

    size: int | None = None
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    auth: str | None = None
    ret: Return | None = None
    envid: str | None = None
    notify: frozenset[Notify] = frozenset()
    orcpt: str | None = None


Parameter: TypeAlias = Callable[[Given, str | None], None]
"""Reads one parameter's value into Given. Raises ParameterError."""


def _word(value: str | None) -> str:
    """A keyword in any case; letters beyond ASCII have no upper case that counts."""
    return value.upper() if value is not None and value.isascii() else ""


def _size(given: Given, value: str | None) -> None:
    if value is None or _SIZE.fullmatch(value) is None:  # 1870#3
        raise ParameterError("SIZE")
    given.size = int(value)


def _body(given: Given, value: str | None) -> None:
    try:
        given.body = Body(_word(value))  # 6152#2
    except ValueError as flaw:
        raise ParameterError("BODY") from flaw


def _smtputf8(given: Given, value: str | None) -> None:
    if value is not None:  # 6531#3.4
        raise ParameterError("SMTPUTF8")
    given.smtputf8 = True


def _auth(given: Given, value: str | None) -> None:
    given.auth = _decoded("AUTH", value).decode("ascii")  # 4954#5


def _ret(given: Given, value: str | None) -> None:
    try:
        given.ret = Return(_word(value))  # 3461#4.3
    except ValueError as flaw:
        raise ParameterError("RET") from flaw


def _envid(given: Given, value: str | None) -> None:
    if value is None or len(value) > ENVID:
        raise ParameterError("ENVID")
    _decoded("ENVID", value)
    given.envid = value


def _notify(given: Given, value: str | None) -> None:
    try:
        wanted = frozenset(Notify(word) for word in _word(value).split(","))
    except ValueError as flaw:
        raise ParameterError("NOTIFY") from flaw
    if Notify.NEVER in wanted and len(wanted) > 1:  # 3461#4.1
        raise ParameterError("NOTIFY")
    given.notify = wanted


def _orcpt(given: Given, value: str | None) -> None:
    kind, semicolon, address = (value or "").partition(";")
    if value is None or not semicolon or not address or len(value) > ORCPT or _ATOM.fullmatch(kind) is None:
        raise ParameterError("ORCPT")
    if kind.lower() == "utf-8" and not is_xtext(address):  # 6533#3: utf-8-addr-unitext, where SMTPUTF8 was given
        if _UNITEXT.fullmatch(address) is None:
            raise ParameterError("ORCPT")
    else:
        _decoded("ORCPT", address)
    given.orcpt = value


def _decoded(parameter: str, value: str | None) -> bytes:
    """The octets of an xtext value, which must be printable ASCII (3461#4.2, 3461#4.4): nothing else fits into a notice."""
    try:
        octets = decode_xtext(value or "+")
    except XtextError as flaw:
        raise ParameterError(parameter) from flaw
    if not all(32 <= octet <= 126 for octet in octets):
        raise ParameterError(parameter)
    return octets


def _always(terms: Terms, secured: bool) -> bool:  # noqa: ARG001, FBT001 - the shape of a column
    return True


def _before_tls(terms: Terms, secured: bool) -> bool:  # noqa: FBT001 - the shape of a column
    return terms.tls is TlsMode.STARTTLS and not secured  # 3207#4.2


def _with_mechanisms(terms: Terms, secured: bool) -> bool:  # noqa: FBT001 - the shape of a column
    return bool(usable(terms, secured=secured))  # 4954#6: no mechanism is advertised that 538 would refuse


def _bare(terms: Terms, secured: bool) -> str:  # noqa: ARG001, FBT001 - the shape of a column
    return ""


def _largest(terms: Terms, secured: bool) -> str:  # noqa: ARG001, FBT001 - the shape of a column
    return f" {terms.message_size}"


def _mechanisms(terms: Terms, secured: bool) -> str:  # noqa: FBT001 - the shape of a column
    return "".join(f" {name}" for name in usable(terms, secured=secured))


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """One row of the table."""

    keyword: str
    offered: Callable[[Terms, bool], bool] = _always
    """Whether it is offered under these terms; the flag says whether TLS is active."""
    value: Callable[[Terms, bool], str] = _bare
    """What stands behind the keyword in the answer to EHLO, its space included."""
    mail: Mapping[str, Parameter] = field(default_factory=dict)
    """Parameters that it brings to MAIL."""
    rcpt: Mapping[str, Parameter] = field(default_factory=dict)
    """Parameters that it brings to RCPT."""
    mail_octets: int = 0
    """By how much it lengthens the line of MAIL (5321#4.5.3.1.4)."""
    rcpt_octets: int = 0
    """By how much it lengthens the line of RCPT."""


EXTENSIONS: tuple[Extension, ...] = (
    Extension(keyword="PIPELINING"),
    Extension(keyword="SIZE", value=_largest, mail={"SIZE": _size}, mail_octets=26),  # 1870#3
    Extension(keyword="8BITMIME", mail={"BODY": _body}, mail_octets=len(" BODY=8BITMIME")),
    Extension(keyword="SMTPUTF8", mail={"SMTPUTF8": _smtputf8}, mail_octets=10),  # 6531#3.1
    Extension(keyword="ENHANCEDSTATUSCODES"),
    Extension(
        keyword="DSN",
        mail={"RET": _ret, "ENVID": _envid},
        rcpt={"NOTIFY": _notify, "ORCPT": _orcpt},
        mail_octets=len(" RET=FULL ENVID=") + ENVID,
        rcpt_octets=len(" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=") + ORCPT,
    ),
    Extension(keyword="CHUNKING"),
    Extension(keyword="STARTTLS", offered=_before_tls),
    Extension(keyword="AUTH", offered=_with_mechanisms, value=_mechanisms, mail={"AUTH": _auth}, mail_octets=500),  # 4954#3
    Extension(keyword="HELP"),  # 5321#4.1.1.1
)
"""In the order in which EHLO lists them; LMTP offers the same (2033#5)."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What one kind of session offers at one moment: made once, shared by all of its kind."""

    lines: tuple[str, ...]
    """The lines of EHLO behind the first."""
    mail: Mapping[str, Parameter]
    rcpt: Mapping[str, Parameter]
    limits: Mapping[str, int]
    """Octets of a line, CRLF included, of the commands whose lines may be longer than others."""


@lru_cache(maxsize=256)
def offer(terms: Terms, secured: bool) -> Offer:  # noqa: FBT001 - a key of the cache
    """What ``terms`` offer; ``secured`` says whether TLS is active."""
    rows = [row for row in EXTENSIONS if row.offered(terms, secured)]
    return Offer(
        tuple(row.keyword + row.value(terms, secured) for row in rows),
        MappingProxyType({name: read for row in rows for name, read in row.mail.items()}),
        MappingProxyType({name: read for row in rows for name, read in row.rcpt.items()}),
        MappingProxyType(
            {
                "MAIL": terms.command_line + sum(row.mail_octets for row in rows),
                "RCPT": terms.command_line + sum(row.rcpt_octets for row in rows),
                "AUTH": AUTH_LINE,
            }
        ),
    )
