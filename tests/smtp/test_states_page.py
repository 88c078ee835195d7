"""The page that draws the machines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_page_of_states_is_fresh() -> None:
    """docs/states.md shows the tables as they are."""
    done = subprocess.run([sys.executable, ROOT / "tools/generate_states.py", "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "docs/states.md is fresh\n")
