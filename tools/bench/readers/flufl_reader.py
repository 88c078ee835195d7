"""Read messages with flufl.bounce, a black box; one line of JSON for each path on standard input. Needs nothing of Waypost."""

from __future__ import annotations

import email
import json
import sys
import time
from pathlib import Path

from flufl.bounce import all_failures  # type: ignore[import-not-found]  # it lives in the environment of the peers


def read(path: str) -> dict[str, object]:
    """One message, from the disk to its recipients."""
    began = time.perf_counter()
    try:
        temporary, permanent = all_failures(email.message_from_bytes(Path(path).read_bytes()))
    except Exception as error:  # noqa: BLE001 - that it raises is a finding
        return {"us": (time.perf_counter() - began) * 1e6, "bounce": False, "recipients": [], "error": type(error).__name__}
    taken = time.perf_counter() - began
    found = [address.decode("utf-8", "replace") for address in {*temporary, *permanent}]
    return {"us": taken * 1e6, "bounce": bool(found), "recipients": found}


def main() -> None:
    """Once to warm up, once to measure."""
    paths = sys.stdin.read().split("\n")[:-1]
    for path in paths:
        read(path)
    for path in paths:
        print(json.dumps(read(path)))


if __name__ == "__main__":
    main()
