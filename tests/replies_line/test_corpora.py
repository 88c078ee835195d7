from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from support.needs import require
from waypost.replies.line import phrases

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import measure_lines

CORPORA = Path(os.environ.get("WAYPOST_CORPORA", Path(__file__).parents[3] / "shared/corpora"))


@pytest.mark.parametrize("corpus", measure_lines.CORPORA)
def test_lines_of_the_corpora_are_read_rightly(corpus: str) -> None:
    """Nine of ten lines of every corpus come to the category that is right for them."""
    require(str(CORPORA / corpus), (CORPORA / corpus).exists(), "set WAYPOST_CORPORA to the folder of the corpora")
    lines = measure_lines.lines(corpus, CORPORA)
    wrong = [(line.text[:80], reading.category) for line, reading in measure_lines.misses(lines, phrases.rules())]
    assert len(lines) >= 10 * len(wrong), wrong
