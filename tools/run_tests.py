"""Run every test as `make test` does, and write what was shown to build/evidence.json. Knows no test.

The parallel-safe part runs on two processes, the tests that kill run alone. Arguments go on to both runs of pytest.
The exit code is the first that was not good; no evidence turns a failed run into a good one.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
BUILD = HOME / "build"
NOTHING_COLLECTED = 5

Line = dict[str, object]


def run(words: list[str], environment: dict[str, str]) -> int:
    """One run of pytest, its output as it comes."""
    print("$", " ".join(words), flush=True)
    return subprocess.run([sys.executable, "-m", *words], cwd=HOME, env=environment, check=False).returncode


def sans_io(row: Line) -> Line:
    """The same sequences without a socket, at every cut."""
    return {"layer": "sans-io", "sequences": row["sequences"], "cuts": row["cuts"], "smuggled": row["second_messages"]}


def gather(lines: list[Line], *, seconds: float, code: int) -> Line:
    """The whole evidence from the lines that tests wrote."""
    of: dict[str, list[Line]] = {}
    for line in lines:
        of.setdefault(str(line.pop("kind")), []).append(line)
    kills = of.get("kill", [])
    clients = sorted({(str(row["client"]), str(row["mode"]), str(row["greeting"])) for row in of.get("client", [])})
    return {
        "exit_code": code,
        "seconds": round(seconds, 1),
        "python": platform.python_version(),
        "required": os.environ.get("WAYPOST_REQUIRE") == "1",
        "clients": [{"client": client, "mode": mode, "greeting": greeting} for client, mode, greeting in clients],
        "next_hops": sorted({f"{row['hop']}/{row['mode']}" for row in of.get("next_hop", [])}),
        "shapes": len({(row["client"], row["shape"]) for row in of.get("shape", [])}),
        "sequences": [*of.get("sequences", []), *(sans_io(row) for row in of.get("cuts", []))],
        "relay": of.get("relay", []),
        "starttls": of.get("starttls", []),
        "kills": len(kills),
        "kills_by_kind": dict(Counter(str(row["what"]) for row in kills)),
        "in_flight": [row["in_flight"] for row in kills],
        **{
            name: sum(int(str(row[name])) for row in of.get("ledger", []))
            for name in ("acked", "lost", "torn", "duplicates", "allowed_duplicates")
        },
        "ledgers": of.get("ledger", []),
        "skips": of.get("skip", []),
        "other": {kind: rows for kind, rows in of.items() if kind not in KNOWN},
    }


KNOWN = frozenset({"client", "cuts", "next_hop", "shape", "sequences", "relay", "starttls", "kill", "ledger", "skip"})


def main() -> int:
    """Run, gather, write; the exit code of the tests."""
    BUILD.mkdir(exist_ok=True)
    lines = BUILD / "evidence.jsonl"
    lines.unlink(missing_ok=True)
    environment = {**os.environ, "WAYPOST_EVIDENCE": str(lines)}
    started = time.monotonic()
    more = sys.argv[1:]
    codes = [
        run(["pytest", "-n", "2", "--dist", "loadfile", "-q", "--ignore", "tests/kill", "tests", *more], environment),
        run(["pytest", "-q", "tests/kill", *more], environment),
    ]
    code = next((code for code in codes if code not in (0, NOTHING_COLLECTED)), 0)
    written = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    evidence = gather(written, seconds=time.monotonic() - started, code=code)
    (BUILD / "evidence.json").write_text(json.dumps(evidence, indent=1, ensure_ascii=False) + "\n")
    print(f"evidence: {BUILD / 'evidence.json'} (kills {evidence['kills']}, acked {evidence['acked']}, lost {evidence['lost']})")
    return code


if __name__ == "__main__":
    sys.exit(main())
