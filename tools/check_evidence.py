"""Assert that a run of the tests has shown what must be shown: python tools/check_evidence.py build/evidence.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

CLIENTS = ("swaks", "smtplib", "curl", "msmtp", "postfix", "exim")
MODES = ("plain", "starttls", "implicit")
GREETING = "220 mx.example.org ESMTP Waypost"
PLAIN_ONLY = ("nodemailer", "symfony")
"""Shown with their default settings against the dev profile."""
SEQUENCES = 152
KINDS = ("parent", "worker", "deliverer")
KILLS_EACH = 3
IN_FLIGHT = 20


def complaints(evidence: dict[str, Any]) -> list[str]:
    """What is missing; nothing when all is well."""
    return [*about_clients(evidence), *about_sequences(evidence), *about_kills(evidence), *about_run(evidence)]


def about_clients(evidence: dict[str, Any]) -> list[str]:
    """Every client over every mode, and each heard the greeting."""
    seen = {(row["client"], row["mode"]): row["greeting"] for row in evidence["clients"]}
    wanted = [(client, mode) for client in CLIENTS for mode in MODES] + [(client, "plain") for client in PLAIN_ONLY]
    missing = [f"client {client} over {mode} was not shown" for client, mode in wanted if (client, mode) not in seen]
    strange = [f"{client} over {mode} heard {said!r}" for (client, mode), said in seen.items() if client in CLIENTS and said != GREETING]
    return missing + strange


def about_sequences(evidence: dict[str, Any]) -> list[str]:
    """All end-of-data sequences on every layer, none smuggled."""
    found = []
    layers = {row["layer"]: row for row in evidence["sequences"]}
    for layer, cuts in (("sans-io", 1), ("sockets", 3)):
        row = layers.get(layer)
        if row is None:
            found.append(f"the end-of-data sequences were not shown on the layer {layer}")
        elif row["sequences"] < SEQUENCES or row["cuts"] < cuts or row["smuggled"]:
            found.append(f"end-of-data sequences on {layer}: {row}")
    return found


def about_kills(evidence: dict[str, Any]) -> list[str]:
    """Enough kills with enough in flight; nothing lost, nothing torn, duplicates within the invariant."""
    by_kind = evidence["kills_by_kind"]
    found = [f"{by_kind.get(kind, 0)} kills of a {kind}, {KILLS_EACH} wanted" for kind in KINDS if by_kind.get(kind, 0) < KILLS_EACH]
    found += [f"only {count} messages in flight at a kill" for count in evidence["in_flight"] if count < IN_FLIGHT]
    found += [f"{name}: {evidence[name]}" for name in ("lost", "torn") if evidence[name]]
    if not evidence["acked"]:
        found.append("no message was acknowledged under load")
    for row in evidence["ledgers"]:
        if row["duplicates"] > row["allowed_duplicates"]:
            found.append(f"{row['duplicates']} duplicates, {row['allowed_duplicates']} allowed")
    return found


def about_run(evidence: dict[str, Any]) -> list[str]:
    """The tests passed, and none was skipped where all are required."""
    found = [] if evidence["exit_code"] == 0 else [f"the tests ended with exit code {evidence['exit_code']}"]
    if evidence["required"]:
        found += [f"skipped: {row['test']}: {row['reason']}" for row in evidence["skips"]]
    return found


def main() -> int:
    """Read, judge, say."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "build/evidence.json")
    evidence = json.loads(path.read_text())
    found = complaints(evidence)
    for complaint in found:
        print(f"evidence: {complaint}")
    if not found:
        figures = ", ".join(f"{name} {evidence[name]}" for name in ("kills", "acked", "lost", "torn", "duplicates"))
        print(f"evidence: all shown ({len(evidence['clients'])} client rows, {figures})")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
