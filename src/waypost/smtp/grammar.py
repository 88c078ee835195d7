"""The grammar of commands' arguments: paths, mailboxes, domains, literals, xtext, parameters; parsed and written. Knows no session.

RFC 5321 sections 4.1.2, 4.1.3 and 4.5.3.1; RFC 6531 section 3.3; xtext of RFC 3461 section 4. One parser for the envelope: no comments,
no folding, no obsolete forms, nothing decoded that the RFCs do not decode (``%``, ``!`` and encoded words mean nothing here).
No pattern repeats a repetition, so none can backtrack.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

import idna

from waypost.mail.path import Mailbox, ReversePath
from waypost.replies.keys import Key
from waypost.smtp.errors import AddressError, NoDomainError, ParameterError, XtextError

LOCAL_PART = 64
"""Octets of a local part, quotes included (5321#4.5.3.1.1)."""
DOMAIN = 255
"""Octets of a domain (5321#4.5.3.1.2)."""
PATH = 256
"""Octets of a path, angle brackets and source route included (5321#4.5.3.1.3)."""
LABEL = 63
"""Octets of one label of a domain (1035#2.3.4)."""

_ATEXT = r"A-Za-z0-9!#$%&'*+\-/=?^_`{|}~"
_WIDE = "\x80-\U0010ffff"  # what RFC 6531 adds to atext and qtext; _forbid_invisible narrows it
_PLAIN = re.compile(rf"<([{_ATEXT}.]{{1,64}})@([A-Za-z0-9.\-]{{1,255}})>")
_ROUTE = re.compile(rf"(@[A-Za-z0-9.,@\-{_WIDE}]+):")
_DOT_STRING = re.compile(rf"[{_ATEXT}.{_WIDE}]+")
_QUOTED = re.compile(rf'"((?:[ !#-\[\]-~{_WIDE}]|\\[ -~])*)"')
_ESCAPE = re.compile(r"\\(.)")
_LITERAL = re.compile(r"\[([!-Z^-~]+)\]")
_DOMAIN = re.compile(rf"[A-Za-z0-9.\-{_WIDE}]+")
_LDH = re.compile(r"[A-Za-z0-9.\-]+")
_HELLO = re.compile(r"[A-Za-z0-9._\-]+")
_IPV4 = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})", re.ASCII)
_IPV6 = re.compile(r"[0-9A-Fa-f:.]+")
_TAG = re.compile(r"[A-Za-z0-9\-]*[A-Za-z0-9]")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*")
_HEXCHAR = re.compile(rb"\+([0-9A-F]{2})")
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-]*")
_VALUE = re.compile(rf"[!-<>-~{_WIDE}]+")
_BIDI_AND_BOM = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")

_JOINERS = "\u200c\u200d"  # IDNA judges them by their neighbours (5892#A.1)


# ---- paths ---------------------------------------------------------------------------------------------------
@lru_cache(maxsize=1024)  # who sends much sends from few addresses; a path is a few hundred octets at most
def parse_path(text: str) -> tuple[ReversePath, str]:
    """The path at the start of ``text`` and what stands behind it; ``<>`` is None. Raises AddressError.

    Takes non-ASCII mailboxes: whether SMTPUTF8 was given is known only behind the path (ask ``Mailbox.is_ascii``).
    A source route is read, checked and dropped: the last hop alone is judged (5321#C, 5321#4.1.2).
    """
    plain = _PLAIN.match(text)
    if plain is not None:
        local, domain = plain.groups()
        if _dots_stand_well(local) and _labels_stand_well(domain) and plain.end() <= PATH:
            return _mailbox(local, domain.lower(), text[1 : plain.end() - 1]), text[plain.end() :]
    if text.startswith("<>"):
        return None, text[2:]
    return _parse_rare_path(text)


def _parse_rare_path(text: str) -> tuple[Mailbox, str]:
    if not text.startswith("<"):
        raise AddressError("it must stand in angle brackets")
    start = _after_route(text)
    mailbox, end = _parse_mailbox(text, start)
    if text[end : end + 1] != ">":
        raise AddressError("it must end with a closing angle bracket" if end == len(text) else "a character has no place there")
    if _octets(text[: end + 1]) > PATH:  # 5321#4.5.3.1.3
        raise AddressError(f"it is longer than {PATH} octets")
    return mailbox, text[end + 1 :]


def _after_route(text: str) -> int:
    if text[1:2] != "@":
        return 1
    route = _ROUTE.match(text, 1)
    if route is None:
        raise AddressError("its source route is not valid")
    for hop in route[1].split(","):
        if not hop.startswith("@"):
            raise AddressError("its source route is not valid")
        parse_domain(hop[1:])
    return route.end()


def parse_mailbox(text: str) -> Mailbox:
    """A mailbox without angle brackets; ``postmaster`` alone is one. Raises AddressError."""
    mailbox, end = _parse_mailbox(text, 0)
    if end != len(text):
        raise AddressError("a character has no place there")
    if _octets(text) > PATH - 2:
        raise AddressError(f"it is longer than {PATH - 2} octets")
    return mailbox


def _parse_mailbox(text: str, start: int) -> tuple[Mailbox, int]:
    local, at = _parse_local_part(text, start)
    if text[at : at + 1] != "@":
        if text[start:at].lower() == "postmaster":  # 5321#4.5.1
            return Mailbox("postmaster", "", text[start:at]), at
        if at == len(text) or text[at] == ">":
            raise NoDomainError("it has no domain")
        raise AddressError("a character has no place in its local part")
    domain, end = _parse_mail_domain(text, at + 1)
    return _mailbox(local, domain, text[start:end]), end


def _mailbox(local: str, domain: str, text: str) -> Mailbox:
    if len(local) == 10 and local.lower() == "postmaster":
        local = "postmaster"
    return Mailbox(local, domain, text)


def _parse_local_part(text: str, start: int) -> tuple[str, int]:
    quoted = _QUOTED.match(text, start)
    if quoted is not None:
        local, end = _ESCAPE.sub(r"\1", quoted[1]), quoted.end()
    else:
        dotted = _DOT_STRING.match(text, start)
        if dotted is None:
            raise AddressError("its quoted string is not valid" if text[start : start + 1] == '"' else "it has no local part")
        local, end = dotted[0], dotted.end()
        if not _dots_stand_well(local):
            raise AddressError("a dot stands at an end of its local part, or two together")
    if _octets(text[start:end]) > LOCAL_PART:  # 5321#4.5.3.1.1
        raise AddressError(f"its local part is longer than {LOCAL_PART} octets")
    _forbid_invisible(local)
    return local, end


def _forbid_invisible(text: str) -> None:
    """No control, separator, direction mark or lone surrogate hides in an address (6531#3.3, 6532#3.1)."""
    if text.isascii():
        return
    for letter in text:
        if letter in _BIDI_AND_BOM or unicodedata.category(letter) in ("Cc", "Zl", "Zp", "Cs"):
            raise AddressError("it holds an invisible control character")


def _octets(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _dots_stand_well(local: str) -> bool:
    return local[0] != "." and local[-1] != "." and ".." not in local


# ---- domains -------------------------------------------------------------------------------------------------
def _parse_mail_domain(text: str, start: int) -> tuple[str, int]:
    if text[start : start + 1] == "[":
        literal = _LITERAL.match(text, start)
        if literal is None:
            raise AddressError("its address literal is not valid")
        return _canonical_literal(literal[1]), literal.end()
    found = _DOMAIN.match(text, start)
    if found is None:
        raise AddressError("it has no domain" if text[start : start + 1] in ("", ">") else "a character has no place in its domain")
    if found[0].endswith("."):  # 5321#4.1.2: a sub-domain stands behind each dot
        raise AddressError("its domain ends with a dot")
    return parse_domain(found[0]), found.end()


def parse_domain(text: str) -> str:
    """A domain in canonical form: lower-case A-labels; a dot at its end is taken and dropped. Raises AddressError.

    A path takes no dot at the end (5321#4.1.2); configuration and lookups may come with one. An address literal is no domain.
    """
    if _octets(text) > DOMAIN:  # 5321#4.5.3.1.2
        raise AddressError(f"its domain is longer than {DOMAIN} octets")
    name = text.lower() if text.isascii() else _a_labels(text)
    name = name.removesuffix(".")
    if not name or _LDH.fullmatch(name) is None or not _labels_stand_well(name):
        raise AddressError("its domain is not valid")
    return name


def _a_labels(name: str) -> str:
    _forbid_invisible(name)
    if any(unicodedata.category(letter) == "Cf" and letter not in _JOINERS for letter in name):
        raise AddressError("its domain holds an invisible character")  # UTS 46 would drop it: one domain, two texts
    try:
        return idna.encode(name, uts46=True, std3_rules=True, transitional=False).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError) as fault:
        raise AddressError("its domain is not valid by IDNA") from fault


def _labels_stand_well(domain: str) -> bool:
    """Labels neither empty nor edged with hyphens nor too long."""
    if domain[0] in ".-" or domain[-1] in ".-" or ".." in domain or ".-" in domain or "-." in domain or len(domain) > DOMAIN:
        return False
    return len(domain) <= LABEL or all(len(label) <= LABEL for label in domain.split("."))


def parse_literal(text: str) -> str:
    """An address literal in canonical form, brackets included. Raises AddressError."""
    literal = _LITERAL.fullmatch(text)
    if literal is None:
        raise AddressError("its address literal is not valid")
    return _canonical_literal(literal[1])


def _canonical_literal(inner: str) -> str:
    numbers = _IPV4.fullmatch(inner)
    if numbers is not None and all(int(number) < 256 for number in numbers.groups()):
        return f"[{'.'.join(str(int(number)) for number in numbers.groups())}]"
    tag, colon, content = inner.partition(":")
    if colon and content and tag.lower() == "ipv6":
        return f"[IPv6:{_canonical_ipv6(content)}]"
    if not colon or not content or _TAG.fullmatch(tag) is None:
        raise AddressError("its address literal is not valid")
    return f"[{tag.lower()}:{content}]"


def _canonical_ipv6(content: str) -> str:
    if _IPV6.fullmatch(content) is None:  # no zone: IPv6Address would take one
        raise AddressError("its IPv6 address literal is not valid")
    try:
        return str(IPv6Address(content))
    except AddressValueError as fault:
        raise AddressError("its IPv6 address literal is not valid") from fault


def parse_hello_name(text: str) -> str:
    """The name of EHLO, HELO or LHLO as given: any domain, one label too, or an address literal (5321#4.1.1.1, 5321#4.1.4).

    Underscores are taken, because real clients send them and a name that fails to be true must not be refused. Raises AddressError.
    """
    if text.startswith("["):
        parse_literal(text)
        return text
    name = text.removesuffix(".")
    if not name or _HELLO.fullmatch(name) is None or not _labels_stand_well(name):
        raise AddressError("that is no host name")
    return text


# ---- writing -------------------------------------------------------------------------------------------------
def format_local_part(local_part: str) -> str:
    """The local part with the least quoting that it needs (5321#4.1.2)."""
    if local_part and _DOT_STRING.fullmatch(local_part) and _dots_stand_well(local_part):
        return local_part
    return '"' + local_part.replace("\\", "\\\\").replace('"', '\\"') + '"'


def format_mailbox(local_part: str, domain: str) -> str:
    """The text of a mailbox; without a domain it is the bare Postmaster."""
    return f"{format_local_part(local_part)}@{domain}" if domain else local_part


def format_path(path: ReversePath) -> str:
    """A path as it stands in MAIL, RCPT and Return-Path."""
    return f"<{path.text}>" if path is not None else "<>"


# ---- parameters and xtext ------------------------------------------------------------------------------------
def parse_parameters(text: str) -> dict[str, str | None]:
    """``esmtp-keyword[=value]`` separated by spaces: upper-case keyword to value, None where none stands. Raises ParameterError.

    The space before the first one belongs to ``text`` (5321#4.1.2); none may be given twice (3461#4.5).
    """
    if not text:
        return {}
    found: dict[str, str | None] = {}
    if text[0] != " ":
        raise ParameterError(text.split(" ", 1)[0][:40])
    for word in filter(None, text.split(" ")):
        keyword, equals, value = word.partition("=")
        if _KEYWORD.fullmatch(keyword) is None or (equals and _VALUE.fullmatch(value) is None):
            raise ParameterError(keyword[:40])
        keyword = keyword.upper()
        if keyword in found:
            raise ParameterError(keyword[:40], Key.PARAMETER_REPEATED)
        found[keyword] = value if equals else None
    return found


def is_xtext(text: str) -> bool:
    """Whether ``text`` is xtext (3461#4)."""
    return _XTEXT.fullmatch(text) is not None


def decode_xtext(text: str) -> bytes:
    """The octets that xtext stands for. Raises XtextError."""
    if not is_xtext(text):
        raise XtextError(text)
    return _HEXCHAR.sub(lambda pair: bytes([int(pair[1], 16)]), text.encode("ascii"))


def encode_xtext(octets: bytes) -> str:
    """``octets`` as xtext: as they are from ``!`` to ``~`` without ``+`` and ``=``, else ``+XX`` (3461#4)."""
    return "".join(chr(octet) if 33 <= octet <= 126 and octet not in (43, 61) else f"+{octet:02X}" for octet in octets)
