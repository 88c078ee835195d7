"""The openspf suite for RFC 7208, every case: 16 zones, 203 questions."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.needs import require
from waypost.msgauth.spf_check import check_host

SUITES = Path(os.environ.get("WAYPOST_SUITES", Path(__file__).parents[3] / "shared/suites"))
FILE = SUITES / "json/rfc7208-tests.json"
CASES = 203


@dataclass(frozen=True)
class Answer:
    records: tuple[str, ...] = ()
    definite: bool = True


class Zone:
    """A zone of the suite: records of type SPF stand for TXT where a name has none of those; TIMEOUT is a resolver that is silent."""

    def __init__(self, data: dict[str, list[object]]) -> None:
        self.data = {name.lower(): entries for name, entries in data.items()}

    async def ask(self, name: str, kind: str) -> Answer:
        name = name.lower().rstrip(".")
        for _ in range(10):
            entries = self.data.get(name, [])
            kinds = {next(iter(entry)) for entry in entries if isinstance(entry, dict)}
            wanted = "SPF" if kind == "TXT" and "TXT" not in kinds else kind
            found = [text(wanted, entry[wanted]) for entry in entries if isinstance(entry, dict) and wanted in entry]
            if found or (wanted not in kinds and "CNAME" not in kinds):
                break
            name = next(str(entry["CNAME"]).lower().rstrip(".") for entry in entries if isinstance(entry, dict) and "CNAME" in entry)
        real = tuple(each for each in found if each != "NONE")
        return Answer(real, definite=bool(real) or "TIMEOUT" not in entries)


def text(kind: str, value: object) -> str:
    if kind == "MX" and isinstance(value, list):
        return f"{value[0]} {value[1]}"
    return "".join(value) if isinstance(value, list) else str(value)


def cases() -> list[object]:
    if not FILE.exists():
        return [pytest.param({}, "", {}, id="absent")]
    documents = json.loads(FILE.read_text("utf-8"))
    return [pytest.param(each["zonedata"], name, case, id=name) for each in documents for name, case in each["tests"].items()]


@pytest.mark.parametrize(("zone", "name", "case"), cases())
def test_the_suite(zone: dict[str, list[object]], name: str, case: dict[str, object]) -> None:
    """Each question of the suite has the result, and the explanation, that it asks for."""
    require(str(FILE), FILE.exists(), "set WAYPOST_SUITES to the folder of the suites")
    sender, helo = str(case["mailfrom"]), str(case["helo"])
    domain = sender.rpartition("@")[2] or helo
    checked = asyncio.run(check_host(str(case["host"]), domain, sender, helo, Zone(zone)))
    expected = case["result"]
    assert checked.result in (expected if isinstance(expected, list) else [expected]), checked.because
    if "explanation" in case and case["explanation"] != "DEFAULT":
        assert case["explanation"] == checked.explanation


def test_the_suite_is_whole() -> None:
    """All 203 cases are there."""
    require(str(FILE), FILE.exists(), "set WAYPOST_SUITES to the folder of the suites")
    assert len(cases()) == CASES
