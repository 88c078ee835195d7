"""Each fault of TLS, seen at a real server, brings its finding; a server in order brings none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.broken_tls import FIT, TLSA, BrokenTls, Page, look
from support.broken_tls_rows import ROWS
from waypost.replies.library import facts

if TYPE_CHECKING:
    from pathlib import Path

KEYS = sorted(key for key, row in facts("findings")["finding"].items() if row["stage"] == "tls" and not key.startswith(("send-", "own-")))
ELSEWHERE = {"certificate-signature-weak", "certificate-unreadable", "certificate-refused", "certificate-name-unasked"}
"""What no library of these tests can be brought to do, or no name was asked for: each is tested in test_tls_judgement."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.key}: {row.name}")
def test_each_fault_is_found(row: BrokenTls, tmp_path: Path) -> None:
    """The finding comes, told in both languages with what was seen, and nothing broke on the way."""
    findings = look(row, tmp_path)
    keys = [finding.key for finding in findings]
    assert row.key in keys
    assert not {"probe-broke", "cut-short"} & set(keys)
    finding = findings[keys.index(row.key)]
    for lang in ("en", "zh"):
        told = finding.told(lang)
        assert "{" not in told.title + told.meaning + told.fix
    assert all(line.isprintable() for line in finding.evidence)


def test_a_server_in_order(tmp_path: Path) -> None:
    """With a good certificate, DANE and an enforced policy there is no fault, and each part is said to be well."""
    findings = look(BrokenTls(name="sound", key="", zone={TLSA: (f"3 1 1 {FIT}",)}, page=Page()), tmp_path)
    assert [finding.key for finding in findings if finding.severity in ("warning", "error")] == []
    assert {"tls-established", "certificate-sound", "dane-kept", "sts-enforced", "tlsrpt-published"} == {each.key for each in findings}


def test_every_key_has_its_row() -> None:
    """No finding of this stage is without a server that brings it, or a judgement tested by itself: more than eighty."""
    assert set(KEYS) == {row.key for row in ROWS} | ELSEWHERE
    assert len(KEYS) >= 80
    assert len({row.name + row.key for row in ROWS}) == len(ROWS)
