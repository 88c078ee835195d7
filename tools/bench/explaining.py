"""Reading bounces: Waypost beside flufl.bounce and Sisimai, each a process of its own over the same files. Judges none of their rules."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench.place import HOME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.bench.drive import Record

CORPORA = Path(os.environ.get("WAYPOST_CORPORA", HOME.parent / "shared/corpora"))
MESSAGES = ("sisimai-set-of-emails", "flufl-bounce", "cws-mail-bounce-handler", "bounce-email-gem")
LINES = ("google-smtp-errors", "smtp-field-manual", "sisimai-rhost-quoted-replies", "netease-163", "postalsys-bounce-classifier-tests")
NO_BOUNCE = {"feedback", "vacation", "delivered", "NOT_A_BOUNCE"}
READERS = Path(__file__).resolve().parent / "readers"
PEERS = Path(os.environ.get("WAYPOST_PEER_ROOT") or HOME / "build" / "peers")


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a corpus, and what its label says."""

    path: Path
    recipients: frozenset[str]
    """Empty: the label does not say."""


def messages() -> list[Message]:
    """The labelled bounces of all corpora."""
    found = []
    for name in MESSAGES:
        by_file: dict[str, set[str]] = {}
        for row in csv.DictReader((CORPORA / name / "labels.csv").open(encoding="utf-8")):
            if row.get("reason") in NO_BOUNCE or row.get("kind", "bounce") not in ("", "bounce"):
                continue
            by_file.setdefault(row["file"], set()).update(re.findall(r"[^\s,;|<>]+@[^\s,;|<>]+", row["final_recipient"].lower()))
        found += [Message(path, frozenset(who)) for file, who in by_file.items() if (path := CORPORA / name / "dev" / file).is_file()]
    return found


def ordinary(folder: Path) -> list[Path]:
    """Mail that is no bounce, of our own making, as files."""
    sys.path.insert(0, str(HOME / "tests"))
    from support.ordinary_mail import made  # noqa: PLC0415 - the tests' own generator, found only now

    paths = []
    for number, (_, octets) in enumerate(made()):
        paths.append(folder / f"{number:04}.eml")
        paths[-1].write_bytes(octets)
    return paths


def readers() -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """Each reader: its name, its command, its environment."""
    yield "waypost", [sys.executable, str(READERS / "waypost_reader.py")], {}
    yield "flufl.bounce", [str(PEERS / "venv/bin/python"), str(READERS / "flufl_reader.py")], {}
    yield (
        "sisimai",
        [shutil.which("perl") or "perl", str(READERS / "sisimai_reader.pl")],
        {"PERL5LIB": str(PEERS / "sisimai/usr/share/perl5")},
    )


def measure() -> list[Record]:
    """One reading of each reader, and Waypost's lines."""
    if not CORPORA.is_dir():
        return [{"kind": "explain", "peer": "waypost", "fault": "WAYPOST_CORPORA names no folder of corpora"}]
    labelled = messages()
    with tempfile.TemporaryDirectory() as folder:
        plain = ordinary(Path(folder))
        return [*(_read(name, words, env, labelled, plain) for name, words, env in readers()), _lines()]


def _read(name: str, words: list[str], env: dict[str, str], labelled: list[Message], plain: list[Path]) -> Record:
    paths = [message.path for message in labelled] + plain
    done = subprocess.run(
        words, input="".join(f"{path}\n" for path in paths), env={**os.environ, **env}, text=True, capture_output=True, check=False
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if len(rows) != len(paths):
        return {"kind": "explain", "peer": name, "fault": (done.stderr.strip().splitlines() or ["it read nothing"])[-1][:200]}
    read, taken = rows[: len(labelled)], rows[len(labelled) :]
    told = [(row, message) for row, message in zip(read, labelled, strict=True) if message.recipients]
    exact = sum({who.lower() for who in row["recipients"]} == message.recipients for row, message in told)
    return {
        "kind": "explain",
        "peer": name,
        "messages": len(read),
        "median_ms": round(statistics.median(row["us"] for row in read) / 1000, 3),
        "recognised_percent": round(100 * sum(bool(row["bounce"] and row["recipients"]) for row in read) / len(read), 1),
        "recipients_percent": round(100 * exact / len(told), 1),
        "no_bounce": len(taken),
        "no_bounce_taken": sum(bool(row["bounce"]) for row in taken),
        "exceptions": sum("error" in row for row in rows),
    }


def _lines() -> Record:
    from waypost.replies.line import read_line  # noqa: PLC0415 - only where it is measured

    lines = [row["text"] for name in LINES for row in csv.DictReader((CORPORA / name / "labels.csv").open(encoding="utf-8"))]
    spent = []
    for turn in range(2):
        for line in lines:
            began = time.perf_counter()
            read_line(line)
            if turn:
                spent.append(time.perf_counter() - began)
    return {"kind": "explain", "peer": "waypost lines", "messages": len(lines), "median_ms": round(statistics.median(spent) * 1000, 4)}
