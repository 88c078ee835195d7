"""The README's picture shows what the program says today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_picture_of_a_session_is_fresh_and_self_contained() -> None:
    """It is drawn from the program's own words, and refers to nothing outside itself."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/generate_session_picture.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "session.svg is fresh\n")
    drawn = (ROOT / "docs/session.svg").read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert "http" not in drawn
