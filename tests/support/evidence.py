"""What a run of the tests has shown, as JSON lines in the file that WAYPOST_EVIDENCE names; tools/run_tests.py gathers them."""

from __future__ import annotations

import json
import os


def record(kind: str, **facts: object) -> None:
    """Append one fact; nothing happens where nobody asked for evidence. One write per line, so that parallel tests do not mix."""
    path = os.environ.get("WAYPOST_EVIDENCE")
    if not path:
        return
    line = json.dumps({"kind": kind, **facts}, ensure_ascii=False) + "\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
