"""MTA-STS and TLS reporting: records, policies, and whether the exchangers keep them. Knows no network.

RFC 8461 sections 3.1 (record), 3.2 (policy), 3.3 (fetching) and 4.1 (matching), RFC 8460 section 3 (where reports go).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.diagnose.shown import found
from waypost.msgauth.tags import TagError, pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from waypost.diagnose.finding import Finding
    from waypost.msgauth.asking import Answered

PATH = "/.well-known/mta-sts.txt"
LONGEST_AGE = 31_557_600
SHORT_AGE = 86_400
"""Seconds: a policy that lives no longer than a day protects whoever writes less than daily from nothing."""

_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_LINE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.\-]{0,31}):[ \t]*(.*?)[ \t]*")
_PATTERN = re.compile(r"(?:\*\.)?(?:[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9\-]*[A-Za-z0-9])?")
_MODES = ("enforce", "testing", "none")


class PolicyError(ValueError):
    """A policy that senders cannot use; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a policy file says."""

    mode: str
    max_age: int
    """Seconds."""
    patterns: tuple[str, ...] = ()

    def allows(self, host: str) -> bool:
        """Whether mail may go to an exchanger of this name."""
        return any(matches(pattern, host) for pattern in self.patterns)


def matches(pattern: str, host: str) -> bool:
    """Whether a pattern is about ``host``: a star stands for exactly one label on the left (8461#4.1)."""
    pattern, host = pattern.lower().removesuffix("."), host.lower().removesuffix(".")
    return host.partition(".")[2] == pattern[2:] if pattern.startswith("*.") else pattern == host


def record_fault(text: str) -> str:
    """Why a record that begins with its version cannot be used; empty where it can."""
    try:
        tags = dict(pairs(text))
    except TagError as fault:
        return str(fault)
    return "" if _ID.fullmatch(tags.get("id", "")) else "id= must be 1 to 32 letters and digits"


def parse_policy(octets: bytes) -> Policy:
    """Read a policy file. Raises PolicyError."""
    try:
        lines = octets.decode("utf-8").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as fault:
        raise PolicyError("it is no UTF-8 text") from fault
    first: dict[str, str] = {}
    patterns: list[str] = []
    for line in lines:
        if not line.strip():
            continue
        read = _LINE.fullmatch(line)
        if read is None:
            raise PolicyError(f"{line[:60]!r} is no pair of name and value")
        if read[1] == "mx":
            patterns.append(read[2])
        first.setdefault(read[1], read[2])
    return _policy(first, patterns)


def _policy(first: dict[str, str], patterns: list[str]) -> Policy:
    if first.get("version") != "STSv1":
        raise PolicyError("there is no version: STSv1")
    if first.get("mode") not in _MODES:
        raise PolicyError("mode is none of enforce, testing and none")
    age = first.get("max_age", "")
    if not re.fullmatch(r"[0-9]{1,10}", age) or int(age) > LONGEST_AGE:
        raise PolicyError(f"max_age is no number of seconds up to {LONGEST_AGE}")
    wrong = [pattern for pattern in patterns if not _PATTERN.fullmatch(pattern)]
    if wrong:
        raise PolicyError(f"mx: {wrong[0]!r} is no host and no pattern")
    if not patterns and first["mode"] != "none":
        raise PolicyError("there is no mx: line")
    return Policy(mode=first["mode"], max_age=int(age), patterns=tuple(patterns))


# ---- judging --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What came of fetching a policy."""

    url: str
    status: int = 0
    """0: no response."""
    kind: str = ""
    """Content-Type, lower case, without parameters."""
    location: str = ""
    body: bytes = b""
    failure: str = ""
    """``missing`` (no address), ``unreachable``, or a name of ``net.https.Failure``."""
    detail: str = ""


def records(answer: Answered) -> tuple[str, ...]:
    """Those TXT records that announce a policy."""
    return tuple(text for text in answer.records if re.match(r"v=STSv1[ \t]*(?:;|$)", text))


def judge_record(domain: str, answer: Answered) -> Iterator[Finding]:
    """What is to say of ``_mta-sts``."""
    about = f"_mta-sts.{domain} TXT"
    if not answer.definite:
        yield found("sts-lookup-failed", about, domain=domain)
        return
    usable = records(answer)
    if not usable:
        key = "sts-record-malformed" if answer.records else "sts-absent"
        yield found(key, about, *answer.records, domain=domain, fault="it does not begin with v=STSv1 and a semicolon")
    elif len(usable) > 1:
        yield found("sts-several", about, *usable, domain=domain, count=len(usable))
    elif fault := record_fault(usable[0]):
        yield found("sts-record-malformed", about, usable[0], domain=domain, fault=fault)


_FETCH_KEYS = {
    "missing": "sts-host-missing",
    "certificate": "sts-certificate-refused",
    "too-large": "sts-too-large",
    "malformed": "sts-no-http",
}


def judge_fetch(domain: str, fetched: Fetched) -> Iterator[Finding]:
    """What is to say of how the policy is served."""
    facts = {"domain": domain, "url": fetched.url, "detail": fetched.detail, "host": f"mta-sts.{domain}"}
    if fetched.failure:
        yield found(_FETCH_KEYS.get(fetched.failure, "sts-unreachable"), fetched.url, fetched.detail, **facts)
    elif 300 <= fetched.status < 400:
        yield found("sts-redirect", fetched.url, f"{fetched.status} {fetched.location}", location=fetched.location, **facts)
    elif fetched.status != 200:
        yield found("sts-status", fetched.url, str(fetched.status), status=fetched.status, **facts)
    elif fetched.kind != "text/plain":
        yield found("sts-type", fetched.url, f"Content-Type: {fetched.kind or 'none'}", kind=fetched.kind or "none", **facts)


def judge_policy(domain: str, fetched: Fetched, hosts: Sequence[str]) -> tuple[Policy | None, list[Finding]]:
    """The policy, and what is to say of it: ``hosts`` are the domain's exchangers, none where they are not known."""
    about = fetched.url
    lines = fetched.body.decode("utf-8", "backslashreplace").splitlines()
    try:
        policy = parse_policy(fetched.body)
    except PolicyError as fault:
        return None, [found("sts-policy-malformed", about, *lines, domain=domain, fault=fault)]
    made = list(_modes(domain, policy, about, lines))
    absent = [host for host in hosts if policy.mode != "none" and not policy.allows(host)]
    if absent:
        key = "sts-mx-not-listed" if policy.mode == "enforce" else "sts-mx-not-listed-testing"
        made.append(found(key, about, *lines, domain=domain, hosts=", ".join(absent)))
    idle = [pattern for pattern in policy.patterns if hosts and not any(matches(pattern, host) for host in hosts)]
    if idle and not absent:
        made.append(found("sts-pattern-idle", about, *lines, domain=domain, pattern=idle[0]))
    if policy.mode == "enforce" and not absent:
        made.append(found("sts-enforced", about, *lines, domain=domain, hosts=", ".join(hosts) or "no host"))
    return policy, made


def _modes(domain: str, policy: Policy, about: str, lines: Sequence[str]) -> Iterator[Finding]:
    if policy.mode == "testing":
        yield found("sts-testing", about, *lines, domain=domain)
    elif policy.mode == "none":
        yield found("sts-none", about, *lines, domain=domain)
    if policy.mode != "none" and policy.max_age <= SHORT_AGE:
        yield found("sts-age-short", about, *lines, domain=domain, seconds=policy.max_age)


def judge_reports(domain: str, answer: Answered) -> Iterator[Finding]:
    """What is to say of ``_smtp._tls``."""
    about = f"_smtp._tls.{domain} TXT"
    if not answer.definite:
        return
    usable = [text for text in answer.records if re.match(r"v=TLSRPTv1[ \t]*;", text)]
    if not answer.records:
        yield found("tlsrpt-absent", about, domain=domain)
    elif len(usable) > 1:
        yield found("tlsrpt-several", about, *usable, domain=domain, count=len(usable))
    elif not usable or (fault := _reports_fault(usable[0])):
        why = fault if usable else "it does not begin with v=TLSRPTv1 and a semicolon"
        yield found("tlsrpt-malformed", about, *answer.records, domain=domain, fault=why)
    else:
        yield found("tlsrpt-published", about, usable[0], domain=domain)


def _reports_fault(text: str) -> str:
    try:
        tags = dict(pairs(text))
    except TagError as fault:
        return str(fault)
    uris = [uri.strip() for uri in tags.get("rua", "").split(",") if uri.strip()]
    if not uris:
        return "there is no rua="
    wrong = [uri for uri in uris if not re.match(r"(?:mailto:[^@\s]+@[^@\s]+|https://[^\s/]+)", uri, re.IGNORECASE)]
    return f"{wrong[0]} begins with neither mailto: nor https://" if wrong else ""
