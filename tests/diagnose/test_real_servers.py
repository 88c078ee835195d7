"""Servers that are in order bring no error: our own, Postfix, Exim; and they are checked quickly."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from support.ports import free_port
from support.server import configuration, listener, port_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.certificates import Certificates
    from support.exim import Exim
    from support.postfix import Postfix
    from support.server import Waypost

WHOLE_SECONDS = 15
"""What a check may take at most."""


def checked(*words: str) -> dict[str, Any]:
    """What the command says, as JSON, with its exit code."""
    command = [sys.executable, "-m", "waypost.cli.main", "check", "--json", "--lang", "en", *words]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert time.monotonic() - began < 2 * WHOLE_SECONDS
    assert done.stdout, done.stderr
    return {**json.loads(done.stdout), "code": done.returncode}


def grave(found: dict[str, Any], *severities: str) -> list[str]:
    """Keys of findings of these severities."""
    return [finding["key"] for finding in found["findings"] if finding["severity"] in severities]


def test_our_own_server(start_waypost: Callable[..., Waypost], folder: Path, certificates: Certificates) -> None:
    """A Waypost in order works without a fault: exit code 0, within a whole check's time, nothing of the probes broken."""
    tree = configuration(folder, listeners=[listener("relay")], certificates=certificates)
    start_waypost(tree)
    found = checked(f"127.0.0.1:{port_of(tree)}")
    assert grave(found, "error") == []
    assert not {"probe-broke", "cut-short"} & {finding["key"] for finding in found["findings"]}
    assert found["verdict"] != "does-not-work"
    assert {"greeting-ok", "ehlo-ok", "help-ok", "postmaster-accepted"} <= {finding["key"] for finding in found["findings"]}


def test_our_own_server_resists(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """Named as one's own, a Waypost neither lets mail be smuggled in nor obeys bare line feeds."""
    tree = configuration(folder, listeners=[listener("relay")], networks=[])
    start_waypost(tree)
    found = checked(f"127.0.0.1:{port_of(tree)}", "--intrusive", "--own", "127.0.0.1")
    keys = {finding["key"] for finding in found["findings"]}
    assert {"smuggling-resisted", "relay-refused"} <= keys
    assert not {"smuggling-possible", "bare-lf-command", "open-relay"} & keys


def test_dev_server(start_waypost: Callable[..., Waypost]) -> None:
    """The dev profile, as a newcomer starts it, brings no error either."""
    arguments = [word for number in range(3) for word in ("--set", f"listeners.{number}.bind=127.0.0.1:0")]
    server = start_waypost(None, arguments=[*arguments, "--set", f"web.bind=127.0.0.1:{free_port()}"])
    port = next(word.rsplit(":", 1)[1] for word in server.output().split() if word.startswith("127.0.0.1:"))
    found = checked(f"localhost:{port.rstrip(',.')}")
    assert grave(found, "error") == []
    assert found["verdict"] != "does-not-work"


@pytest.mark.peers
def test_postfix(start_postfix: Callable[..., Postfix]) -> None:
    """A Postfix in order brings no error."""
    server = start_postfix(sink=9)
    found = checked(f"127.0.0.1:{server.port}")
    assert grave(found, "error") == []
    assert found["verdict"] != "does-not-work"


@pytest.mark.peers
def test_exim(start_exim: Callable[..., Exim]) -> None:
    """An Exim in order brings no error."""
    server = start_exim(sink=9)
    found = checked(f"127.0.0.1:{server.port}")
    assert grave(found, "error") == []
    assert found["verdict"] != "does-not-work"
