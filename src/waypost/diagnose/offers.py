"""What the answer to EHLO comes to: each extension, those that are missing, those that harm. Knows no network.

RFC 5321 section 4.1.1.1, RFC 1870 section 3 (SIZE), RFC 4954 section 3 (AUTH), RFC 3207 section 4 (STARTTLS), RFC 8314 section 3.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from waypost.diagnose.finding import Finding
from waypost.diagnose.plan import SUBMISSION, SUBMISSIONS
from waypost.replies.records import RecordKind, lookup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from waypost.diagnose.scene import Contact, Hello
    from waypost.diagnose.talk import Said

SMALL = 10_000_000
"""Octets of a message that people send every day; who takes less loses mail of theirs."""
WANTED = ("PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES")
"""What every server has had for twenty years."""
_TRUSTED = ("XCLIENT", "XFORWARD", "XADDR", "XREMOTEIP")
"""Keywords by which a client may say who it is: for proxies of one's own alone."""
READABLE = frozenset({"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"})
"""Mechanisms that show the password or token to whoever listens."""
_EXPLAINED = (RecordKind.EXTENSION, RecordKind.COMMAND)
"""Some list commands of SMTP itself as well, such as VRFY."""
_KEYWORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(=.*)?")


def judge(contact: Contact, hello: Hello, *, local: bool) -> Iterator[Finding]:
    """Every finding about what is offered; ``local``: the connection never leaves this machine."""
    said, about = hello.said, contact.place.shown
    keywords = hello.keywords
    facts = {"host": contact.place.host, "port": str(contact.place.port)}
    yield from _judge_lines(said, about, facts)
    missing = [keyword for keyword in WANTED if keyword not in keywords]
    if missing:
        yield Finding(key="extensions-missing", about=about, evidence=said.evidence, facts={**facts, "keywords": ", ".join(missing)})
    yield from _judge_size(keywords, about, facts)
    yield from _judge_trust(keywords, about, facts)
    yield from _judge_auth(contact, hello, about, facts, local=local)


def explain(said: Said, about: str) -> Iterator[Finding]:
    """Each extension that is offered, explained where it is known."""
    for text in said.texts[1:]:
        keyword, _, rest = text.strip().partition(" ")
        name = keyword.upper().partition("=")[0]
        if not _KEYWORD.fullmatch(keyword):
            continue
        known = lookup(name)
        key = "extension-offered" if known is not None and known.kind in _EXPLAINED else "extension-unknown"
        facts = {"keyword": name, "rest": rest, "record": name}
        yield Finding(key=key, about=about, evidence=(text.strip(),), facts=facts)


def _judge_lines(said: Said, about: str, facts: Mapping[str, str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for text in said.texts[1:]:
        keyword = text.strip().partition(" ")[0]
        name = keyword.upper()
        if not _KEYWORD.fullmatch(keyword):
            yield Finding(key="extension-malformed", about=about, evidence=(text,), facts={**facts, "line": text})
        elif name in seen:
            yield Finding(key="extension-repeated", about=about, evidence=said.evidence, facts={**facts, "keyword": name})
        elif name.startswith("AUTH="):
            yield Finding(key="auth-old-form", about=about, evidence=(text,), facts={**facts, "line": text})
        seen.add(name)


def _judge_size(keywords: Mapping[str, str], about: str, facts: Mapping[str, str]) -> Iterator[Finding]:
    """1870#3: a decimal number, 0 for no limit, or nothing."""
    value = keywords.get("SIZE")
    if not value:
        return
    facts = {**facts, "size": value}
    if not (value.isascii() and value.isdigit() and len(value) <= 20):
        yield Finding(key="size-malformed", about=about, evidence=(f"SIZE {value}",), facts=facts)
    elif int(value) == 0:
        yield Finding(key="size-unlimited", about=about, evidence=(f"SIZE {value}",), facts=facts)
    elif int(value) < SMALL:
        yield Finding(key="size-small", about=about, evidence=(f"SIZE {value}",), facts=facts)


def _judge_trust(keywords: Mapping[str, str], about: str, facts: Mapping[str, str]) -> Iterator[Finding]:
    trusted = [keyword for keyword in _TRUSTED if keyword in keywords]
    if trusted:
        yield Finding(key="client-may-lie", about=about, evidence=tuple(trusted), facts={**facts, "keywords": ", ".join(trusted)})
    if "TURN" in keywords:
        yield Finding(key="turn-offered", about=about, evidence=("TURN",), facts=facts)


def mechanisms(keywords: Mapping[str, str]) -> frozenset[str]:
    """The AUTH mechanisms, upper case, in both of the forms in which they are listed."""
    found = set(keywords.get("AUTH", "").upper().split())
    for keyword, rest in keywords.items():
        if keyword.startswith("AUTH="):
            found |= {keyword[5:], *rest.upper().split()}
    return frozenset(found - {""})


def _judge_auth(contact: Contact, hello: Hello, about: str, facts: Mapping[str, str], *, local: bool) -> Iterator[Finding]:
    """Passwords in the clear, submission without accounts, accounts where strangers deliver."""
    port = contact.place.port
    offered = mechanisms(hello.keywords)
    readable = sorted(offered & READABLE)
    if readable and not contact.implicit_tls and not local:
        yield Finding(key="auth-in-clear", about=about, evidence=hello.said.evidence, facts={**facts, "mechanisms": ", ".join(readable)})
    starttls = "STARTTLS" in hello.keywords
    if port == SUBMISSION and not offered and not starttls:
        yield Finding(key="submission-without-auth", about=about, evidence=hello.said.evidence, facts=facts)
    if port == SUBMISSIONS and not offered and contact.implicit_tls:
        yield Finding(key="submission-without-auth", about=about, evidence=hello.said.evidence, facts=facts)
