"""What the tests of ``waypost sendmail`` share: a server that captures everything, the program as others call it, and what arrived."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import TYPE_CHECKING, Any

from support.server import PROGRAM, configuration, listener
from support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

    from support.server import Waypost


PLAIN = b"Subject: note\n\nhello\n"


def tree_of(folder: Path, **drop: object) -> dict[str, object]:
    """A server that captures everything and knows two mailboxes."""
    return configuration(
        folder,
        listeners=[listener("relay")],
        transports=[{"match": "*", "kind": "capture"}],
        domains={"mailboxes": ["ada@example.org", "grace@example.org"], "aliases": {"root@example.org": ["ada@example.org"]}},
        drop={"domain": "example.org", **drop},
    )


def call(server: Waypost, *words: str, given: bytes = PLAIN, name: str = "sendmail") -> subprocess.CompletedProcess[bytes]:
    """Run a program of the family on the configuration of ``server``."""
    env = {**server.environ(), "WAYPOST_CONFIG": str(server.config), "NAME": ""}
    return subprocess.run([str(PROGRAM), name, *words], input=given, env=env, capture_output=True, timeout=60, check=False)


def inbox(server: Waypost, *words: str) -> list[dict[str, Any]]:
    """What was captured, newest first."""
    found: list[dict[str, Any]] = json.loads(server.command("inbox", "list", "--json", *words).stdout)
    return found


def arrived(server: Waypost, subject: str) -> dict[str, Any]:
    """The one message of that subject, once it is there, with its source."""
    found = until(lambda: inbox(server, f"subject:{subject}"), what=subject)
    assert len(found) == 1, found
    shown: dict[str, Any] = json.loads(server.command("inbox", "show", "--json", found[0]["id"]).stdout)
    shown["octets"] = base64.b64decode(shown["source"])
    return shown
