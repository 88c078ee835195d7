from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("tool", ["generate_index.py", "generate_keys.py", "generate_docs_replies.py"])
def test_what_is_generated_is_fresh(tool: str) -> None:
    """The names of the keys and the reference page are what the catalogue of now gives."""
    done = subprocess.run([sys.executable, ROOT / "tools" / tool, "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
