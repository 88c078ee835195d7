"""The pictures of the documentation show what the program says today."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.needs import require, require_root

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_picture_of_a_session_is_fresh_and_self_contained() -> None:
    """It is drawn from the program's own words, and refers to nothing outside itself."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/generate_session_picture.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "session.svg is fresh\n")
    drawn = (ROOT / "docs/session.svg").read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert "http" not in drawn


def test_the_recordings_are_fresh() -> None:
    """Run again, the recorded commands say the same, down to the octet."""
    require_root()
    require("ip and unshare", shutil.which("ip") and shutil.which("unshare"), "install iproute2 and util-linux")
    done = subprocess.run([sys.executable, str(ROOT / "tools/record_terminal.py"), "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "docs/terminal is fresh\n", "")


@pytest.mark.parametrize("name", ["check", "compare", "explain", "send"])
def test_each_recording_stands_by_itself(name: str) -> None:
    """A cast plays in order of time, its picture refers to nothing outside, and a page of the documentation shows it."""
    head, *events = [json.loads(line) for line in (ROOT / f"docs/terminal/{name}.cast").read_text("utf-8").splitlines()]
    assert head["version"] == 2
    assert head["title"] in (ROOT / f"docs/terminal/{name}.svg").read_text("utf-8")
    assert [event[0] for event in events] == sorted(event[0] for event in events)
    drawn = (ROOT / f"docs/terminal/{name}.svg").read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
    assert "http" not in drawn
    pages = "".join(path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md"))
    assert f"](terminal/{name}.svg)" in pages
    assert f"](terminal/{name}.cast)" in pages
