from __future__ import annotations

import re
from typing import Any

import pytest

from waypost.replies.library import LANGUAGES, facts, words

CONFLICTS: dict[str, list[str]] = {code: row["conflicts"] for code, row in facts("registry")["enhanced"].items() if "conflicts" in row}
NAMES = {
    "en": {"google": "Gmail", "microsoft": "Microsoft|Outlook", "yahoo": "Yahoo"},
    "zh": {"google": "Gmail", "microsoft": "微软|Outlook", "yahoo": "雅虎"},
}
NEARLY = {"7.28"}
"""Where a provider stays within sight of the registered meaning."""


def own_meanings() -> dict[str, set[str]]:
    """By enhanced code, whatever it is about, the providers with a meaning of their own beside a registered one."""
    found: dict[str, set[str]] = {}
    rows: dict[str, dict[str, Any]] = facts("registry").get("provider", {})
    for row in rows.values():
        for code in row["codes"]:
            status = re.fullmatch(r"[245]\.(\d+\.\d+)", code)
            if status is not None and row["iana"] and status[1] in facts("registry")["enhanced"]:
                found.setdefault(status[1], set()).add(row["vendor"])
    return found


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("detail", CONFLICTS)
def test_a_page_warns_of_whoever_means_something_else(lang: str, detail: str) -> None:
    """Each provider that uses a code against the registry is named where the code is explained."""
    row = words(lang, "registry")["enhanced"][detail]
    told = row["meaning"] + row["occurs"]
    assert [vendor for vendor in CONFLICTS[detail] if not re.search(NAMES[lang][vendor], told)] == []


def test_no_conflict_that_a_provider_record_tells_is_left_out() -> None:
    """What the records of single providers set against the registry, the registry's own pages tell too."""
    missing = {code: sorted(vendors - set(CONFLICTS.get(code, []))) for code, vendors in own_meanings().items() if code not in NEARLY}
    assert {code: vendors for code, vendors in missing.items() if vendors} == {}
