"""The bar on the dev halves of the corpora, and that nothing raises, however the messages are spoiled."""

from __future__ import annotations

import importlib.util
import os
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.invented_bounces import KNOWN, STRANGE
from support.needs import require
from waypost.replies.bounce import read_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CORPORA = Path(os.environ.get("WAYPOST_CORPORA", Path(__file__).parents[3] / "shared/corpora"))
TOOL = Path(__file__).parents[2] / "tools/measure_bounces.py"
NAMES = ("sisimai-set-of-emails", "flufl-bounce", "cws-mail-bounce-handler", "bounce-email-gem")
MUTANTS = 10_000
LONG = 8_000
"""Octets of a message that mutants are made of: longer ones say nothing new, slowly."""


@pytest.fixture(scope="module")
def measured() -> dict[str, Any]:
    """The tallies of each corpus, with its own signs and without."""
    require(str(CORPORA), all((CORPORA / name / "dev").is_dir() for name in NAMES), "set WAYPOST_CORPORA to the folder of the corpora")
    spec = importlib.util.spec_from_file_location("measure_bounces", TOOL)
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    sys.modules["measure_bounces"] = tool
    spec.loader.exec_module(tool)
    return {
        f"{name}{' left out' * strict}": tool.measure(name, leave_out=strict, strict=strict)[0]
        for name in NAMES
        for strict in (False, True)
    }


@pytest.mark.parametrize(
    ("what", "left_out", "least"),
    [
        ("recognised", False, 99),
        ("recognised", True, 98),
        ("recipients exact", False, 99),
        ("recipients exact", True, 99),
        ("permanence", False, 96),
        ("category", False, 90),
        ("no bounce", False, 100),
        ("no bounce", True, 100),
    ],
)
def test_the_bar(measured: dict[str, Any], what: str, least: float, *, left_out: bool) -> None:
    """Reports are recognised, with exactly their recipients, and nothing else is; also without every phrase that only this corpus has."""
    tallies = [tally for name, tally in measured.items() if name.endswith("left out") == left_out]
    right, every = (sum(getattr(tally, side)[what] for tally in tallies) for side in ("right", "all"))

    assert right >= every * least / 100, [miss for tally in tallies for miss in tally.misses if miss.startswith(what)]


def test_no_message_raises(measured: dict[str, Any]) -> None:
    """No file of the corpora makes the reader raise."""
    assert not [tally.misses for tally in measured.values() if tally.all["exceptions"]]


def _sources() -> list[bytes]:
    found = [report.octets() for report in KNOWN + STRANGE]
    if CORPORA.is_dir():
        found += [file.read_bytes()[:LONG] for name in NAMES for file in sorted((CORPORA / name / "dev").glob("*"))]
    return found


def _noisy(octets: bytes, chance: random.Random) -> bytes:
    noise = bytearray(octets)
    for _ in range(1 + len(noise) // 50):
        noise[chance.randrange(len(noise))] = chance.randrange(256)
    return bytes(noise)


def _shuffled(octets: bytes, chance: random.Random) -> bytes:
    lines = octets.split(b"\n")
    chance.shuffle(lines)
    return b"\n".join(lines)


def _nested(octets: bytes, chance: random.Random) -> bytes:
    head = b'Content-Type: multipart/mixed; boundary="n"\n\n--n\nContent-Type: message/rfc822\n\n'
    return head * chance.randrange(1, 4) + octets + b"\n--n--\n"


def _ended(octets: bytes, chance: random.Random) -> bytes:
    return octets.replace(b"\r\n", b"\n").replace(b"\n", chance.choice((b"\r", b"\n", b"\r\n", b"\n\r")))


def _unbound(octets: bytes, chance: random.Random) -> bytes:
    return octets.replace(b"--", b"-").replace(b"boundary", chance.choice((b"boundery", b"boundary=;boundary")))


def _uncolonned(octets: bytes, chance: random.Random) -> bytes:
    return octets.replace(b":", chance.choice((b"", b" :", b"\x00:", b"::")), chance.randrange(1, 30))


SPOILERS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    lambda octets, chance: octets[: chance.randrange(len(octets) + 1)],
    lambda octets, chance: octets[chance.randrange(len(octets) + 1) :],
    lambda octets, chance: octets[: chance.randrange(len(octets) + 1)] * 2,
    lambda octets, chance: octets.partition(b"\n\n")[2][chance.randrange(2) :],
    _noisy,
    _shuffled,
    _nested,
    _ended,
    _unbound,
    _uncolonned,
)
"""Ways to spoil a message: cut, beheaded, doubled, noise, lines out of order, nested, other line ends, other boundaries, no colons."""


def _mutants(chance: random.Random) -> Iterator[bytes]:
    sources = _sources()
    for number in range(MUTANTS):
        yield SPOILERS[number // len(sources) % len(SPOILERS)](sources[number % len(sources)], chance)


def test_no_mutant_raises() -> None:
    """Ten thousand spoiled copies are all read, whatever is read of them."""
    chance = random.Random(550)  # noqa: S311 - a seed makes the same mutants every time
    read = sum(1 for octets in _mutants(chance) if read_message(octets))

    assert read == MUTANTS


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\n",
        b"\r\r\r",
        b"\x00" * 1000,
        b"From \n",
        b":\n:\n\n",
        b"Subject: Undelivered Mail\n" * 3000,
        b"Content-Type: multipart/report; boundary=a\n\n" + b"--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 300,
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 5000,
        b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + b"<" * 50_000,
        b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + b"a@" * 50_000,
        b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + b"550 " * 20_000,
        b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + b"kim@example.com: 550 no\n" * 5000,
        b"From: MAILER-DAEMON\nSubject: failure notice\nContent-Type: text/html\n\n" + b"<a href=mailto:" * 10_000,
        b"From: MAILER-DAEMON\nSubject: failure notice\nContent-Type: text/html\n\n" + b"<style>" * 30_000,
        b"From: MAILER-DAEMON\nSubject: failure notice\nContent-Type: text/html\n\n<p>" + b"<![" * 60_000,
        b"From: MAILER-DAEMON\nSubject: failure notice\nContent-Type: text/html\n\n<p>" + b"<br " * 60_000,
        b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + (b"a" * 3000 + b"@\n") * 80,
        b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + b"a." * 100_000 + b"[192.0.2.1] said: 550 no kim@example.com",
        b"From: MAILER-DAEMON\nSubject: failure notice\n\nkim@example.com\n" + b"=" * 200_000 + b"x",
        b"From: MAILER-DAEMON\nSubject: " + b"=?utf-8?q?" * 10_000 + b"\n\n",
        b"From: MAILER-DAEMON\nX-Long:" + b" \n" * 100_000 + b"\n\nfailed",
        b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + b"-" * 200_000,
        b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + b" " * 200_000 + b"x@example.com",
    ],
    ids=range(24),
)
def test_odd_messages(octets: bytes) -> None:
    """Messages made to be hard are read at once, and the same each time."""
    assert read_message(octets) == read_message(octets)


def test_ten_megabytes() -> None:
    """A report with a large message in it is read as well as a small one."""
    small = KNOWN[0].octets()
    large = small.replace(b"\n--cut--", b"x" * 76 * 130_000 + b"\n--cut--")

    assert len(large) > 9_000_000
    assert read_message(small) == read_message(large)
