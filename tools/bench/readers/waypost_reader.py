"""Read messages with Waypost; one line of JSON for each path on standard input: microseconds, recipients, whether it is a bounce."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from waypost.replies.bounce import read_message
from waypost.replies.explanation import Kind

BOUNCES = (Kind.DSN, Kind.BOUNCE, Kind.DELAYED)


def read(path: str) -> dict[str, object]:
    """One message, from the disk to its recipients."""
    began = time.perf_counter()
    kind, readings = read_message(Path(path).read_bytes())
    taken = time.perf_counter() - began
    return {"us": taken * 1e6, "bounce": kind in BOUNCES, "recipients": [each.recipient or "" for each in readings]}


def main() -> None:
    """Once to warm up, once to measure."""
    paths = sys.stdin.read().split("\n")[:-1]
    for path in paths:
        read(path)
    for path in paths:
        print(json.dumps(read(path)))


if __name__ == "__main__":
    main()
