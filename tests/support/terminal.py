"""A command on a terminal of its own: what a person would see."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def on_terminal(words: Sequence[str], *, env: Mapping[str, str], columns: int) -> tuple[int, str]:
    """Run ``words`` with its output on a terminal of so many columns; the exit code and all that was written."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            list(words), stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env={**env, "COLUMNS": str(columns), "LINES": "50"}
        )
    finally:
        os.close(theirs)
    written = bytearray()
    with contextlib.suppress(OSError):  # a terminal whose last writer is gone ends with an error, not with an end of file
        while octets := os.read(ours, 65_536):
            written += octets
    os.close(ours)
    return process.wait(60), written.decode().replace("\r\n", "\n")
