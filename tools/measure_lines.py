"""How often a reply line is read rightly: on each corpus of lines, with all rules and with those left out that came from that corpus alone.

    measure_lines.py [--misses] [--apart] [--trail]

``--misses`` lists what is read wrongly (``--apart``: without the corpus's own rules), and where permanence is not the digit's;
``--trail`` adds the steps that led there. Of permanence no corpus of lines has labels: counted is how often it is the digit's.

WAYPOST_CORPORA is the folder of the corpora. Labels of other tools are mapped to our categories (several where theirs is coarse); lines
that have none are labelled in ``line_labels.csv``, from their meaning, by category alone.
"""

from __future__ import annotations

import csv
import os
import statistics
import sys
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waypost.replies.line import phrases, read
from waypost.replies.line.compile import compiled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from waypost.replies.explanation import Reading

HOME = Path(__file__).resolve().parent
IDIOMS = HOME.parent / "src/waypost/replies/data/idioms"

POLICY = ("policy.other", "content.spam", "recipient.restricted", "reputation.ip", "reputation.domain", "sender.invalid")
SISIMAI = {
    "authfailure": ("sender.auth",),
    "badreputation": ("reputation.ip", "reputation.domain"),
    "blocked": ("reputation.ip", "sender.rdns", "rate.limited", "route.network", "policy.other", "rate.greylisted"),
    "contenterror": ("content.format",),
    "exceedlimit": ("content.too_big", "rate.limited"),
    "expired": ("route.expired", "route.network"),
    "filtered": ("recipient.restricted", "recipient.unknown"),
    "hasmoved": ("recipient.moved",),
    "hostunknown": ("domain.unknown",),
    "mailboxfull": ("recipient.full",),
    "mailererror": ("system.error",),
    "mesgtoobig": ("content.too_big",),
    "networkerror": ("route.network", "route.loop", "domain.dns_temporary"),
    "norelaying": ("route.relay_denied",),
    "notaccept": ("domain.no_mail",),
    "notcompliantrfc": ("content.format",),
    "onhold": ("unknown", "policy.other"),
    "policyviolation": ("policy.other", "content.attachment", "rate.limited", "content.spam"),
    "rejected": ("sender.invalid", "reputation.ip", "policy.other", "recipient.restricted"),
    "requireptr": ("sender.rdns",),
    "securityerror": ("sender.login", "sender.tls", "policy.other"),
    "spamdetected": ("content.spam",),
    "speeding": ("rate.limited",),
    "suspend": ("recipient.disabled",),
    "syntaxerror": ("protocol.error",),
    "systemerror": ("system.error", "sender.login"),
    "systemfull": ("system.full",),
    "toomanyconn": ("rate.limited",),
    "userunknown": ("recipient.unknown",),
    "virusdetected": ("content.virus",),
}
"""Sisimai's reasons; several of ours where one of its names covers several things."""

POSTALSYS = {
    "user_unknown": ("recipient.unknown",),
    "mailbox_full": ("recipient.full",),
    "ip_blacklisted": ("reputation.ip",),
    "auth_failure": ("sender.auth", "sender.login"),
    "policy_blocked": POLICY,
    "server_error": ("system.error", "route.network"),
    "greylisting": ("rate.greylisted",),
    "invalid_address": ("recipient.syntax", "recipient.unknown", "recipient.moved"),
    "relay_denied": ("route.relay_denied",),
    "domain_blacklisted": ("reputation.domain",),
    "spam_blocked": ("content.spam",),
    "rate_limited": ("rate.limited",),
    "mailbox_disabled": ("recipient.disabled",),
    "virus_detected": ("content.virus",),
}
UNLABELLED = {
    "Too many connections from your IP": ("rate.limited",),
    "Too many recipients": ("rate.limited",),
    "Malware found": ("content.virus",),
    "country": ("policy.other", "reputation.ip"),
    "region": ("policy.other", "reputation.ip"),
}
"""Lines of the postalsys tests that bear no label, by words in them."""

NETEASE = {
    "ratelimit/reputation": ("reputation.ip", "rate.limited"),
    "rate": ("rate.limited",),
    "sender-auth/reputation": ("reputation.ip", "sender.auth", "sender.invalid"),
    "protocol": ("protocol.error", "sender.rdns"),
    "blocklist": ("reputation.ip", "sender.invalid", "recipient.restricted", "policy.other"),
    "auth": ("sender.login",),
    "system": ("system.error",),
    "auth-dmarc": ("sender.auth",),
    "auth-spf": ("sender.auth",),
    "relay": ("route.relay_denied",),
    "spam-content": ("content.spam",),
    "recipient-unknown": ("recipient.unknown",),
    "recipient-disabled": ("recipient.disabled",),
    "content-attachment": ("content.attachment",),
    "content-size": ("content.too_big",),
    "size": ("content.too_big",),
    "sender": ("sender.invalid",),
    "sender-auth": ("sender.auth", "sender.invalid", "content.format"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a corpus, and the categories that are right for it."""

    id: str
    text: str
    right: tuple[str, ...]


def corpora() -> Path:
    """The folder of the corpora; SystemExit where the environment names none."""
    folder = os.environ.get("WAYPOST_CORPORA")
    if not folder:
        raise SystemExit("WAYPOST_CORPORA names no folder")
    return Path(folder)


def lines(corpus: str, folder: Path) -> list[Line]:
    """The labelled lines of one corpus."""
    with (HOME / "line_labels.csv").open(newline="", encoding="utf-8") as file:
        own = {row["id"]: tuple(row["category"].split("|")) for row in csv.DictReader(file) if row["corpus"] == corpus}
    with (folder / corpus / "dev" / "lines.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = [Line(row["id"], _text(row), own.get(row["id"]) or _mapped(corpus, row)) for row in rows]
    return [line for line in found if line.right]


def _text(row: Mapping[str, str]) -> str:
    """The line; a table that has status and text apart is joined as a server would say it."""
    text, status = row["text"], row.get("status", "")
    if "reply" not in row and status[:1] in "45" and status[1:2] == "." and status not in text:
        return f"{'450' if status[0] == '4' else '550'} {status} {text}"
    return text


def _mapped(corpus: str, row: Mapping[str, str]) -> tuple[str, ...]:
    label = row.get("category") or ""
    if corpus.startswith("sisimai"):
        return SISIMAI.get(label, ())
    if corpus.startswith("netease"):
        return NETEASE.get(label, ())
    if corpus.startswith("postalsys"):
        if not label:
            return next((right for words, right in UNLABELLED.items() if words in row["text"]), ())
        return tuple(category for part in label.split("|") for category in POSTALSYS.get(part, ()))
    return ()


CORPORA = (
    "google-smtp-errors",
    "microsoft-ndr",
    "netease-163",
    "outlook-com-errors",
    "postalsys-bounce-classifier-tests",
    "sisimai-rhost-quoted-replies",
    "smtp-field-manual",
)


def written() -> dict[str, Any]:
    """The rules as they are written."""
    sections: dict[str, Any] = {"rule": [], "list": {}, "provider": {}, "frequency": {}}
    for source in sorted(IDIOMS.glob("*.toml")):
        found = tomllib.loads(source.read_text("utf-8"))
        sections["rule"] += found.get("rule", [])
        for name in ("list", "provider", "frequency"):
            sections[name].update(found.get(name, {}))
    return sections


def without(corpus: str) -> phrases.Rules:
    """The rules but those that were written from ``corpus`` alone."""
    return phrases.Rules(compiled(written(), lambda rule: rule["from"] != [corpus]))


def misses(found: list[Line], rules: phrases.Rules) -> Iterator[tuple[Line, Reading]]:
    """The lines that are read wrongly."""
    for line in found:
        reading = read.reading(line.text, rules)
        if reading.category not in line.right:
            yield line, reading


def _overruled(found: list[Line], rules: phrases.Rules) -> Iterator[str]:
    """The lines whose permanence is not that of the first digit, each with the reason."""
    digits = {"4": "temporary", "5": "permanent"}
    for line in found:
        reading = read.reading(line.text, rules)
        digit = digits.get(str(reading.code or reading.status or "")[:1])
        if digit not in (None, reading.permanence):
            yield f"  {reading.permanence}, because {reading.because}: {line.text[:120]}"


def main() -> int:
    """Measure and print."""
    folder, whole = corpora(), phrases.rules()
    total = wrong_all = wrong_apart = 0
    print(f"{'corpus':36} {'lines':>5} {'all rules':>10} {'without its own':>16} {'permanence as the digit':>25}")
    overruled: list[str] = []
    shown: list[tuple[str, Line, Reading]] = []
    for corpus in CORPORA:
        found = lines(corpus, folder)
        wrong = list(misses(found, whole))
        apart = list(misses(found, without(corpus)))
        shown += [(corpus, line, reading) for line, reading in (apart if "--apart" in sys.argv else wrong)]
        total, wrong_all, wrong_apart = total + len(found), wrong_all + len(wrong), wrong_apart + len(apart)
        other = list(_overruled(found, whole))
        overruled += other
        shares = f"{_share(len(found), len(wrong)):>10} {_share(len(found), len(apart)):>16} {_share(len(found), len(other)):>25}"
        print(f"{corpus:36} {len(found):5} {shares}")
    print(f"{'together':36} {total:5} {_share(total, wrong_all):>10} {_share(total, wrong_apart):>16}")
    print(f"\n{_speed(folder):.1f} µs a line, median")
    if "--misses" in sys.argv:
        for corpus, line, reading in shown:
            _show(corpus, line, reading)
        print("\n".join(["", "permanence against the digit:", *overruled]))
    return 0


def _share(total: int, wrong: int) -> str:
    return f"{100 * (total - wrong) / total:.1f} %"


def _speed(folder: Path) -> float:
    texts = [line.text for corpus in CORPORA for line in lines(corpus, folder)]
    for text in texts:
        read.read_line(text)
    spent = []
    for text in texts * 5:
        begin = time.perf_counter_ns()
        read.read_line(text)
        spent.append(time.perf_counter_ns() - begin)
    return statistics.median(spent) / 1000


def _show(corpus: str, line: Line, reading: Reading) -> None:
    print(f"\n{corpus} {line.id}: {line.text[:220]}\n   said {reading.category} ({reading.confidence}), right {' or '.join(line.right)}")
    if "--trail" in sys.argv:
        for step in reading.evidence:
            print(f"      {step.sure:.2f} {step.rule}: {step.words!r}")


if __name__ == "__main__":
    sys.exit(main())
