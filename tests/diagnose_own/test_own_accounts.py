"""The check from inside by other accounts than root: what may not be asked is told, and nothing is blamed for it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from support.chains import root_file
from support.needs import require_root
from support.peers import writable_by
from support.ports import free_port
from support.server import Waypost, configuration, listener
from support.small_names import SmallNames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AS_ANOTHER = """
import contextlib, io, os, pwd, sys
from waypost.cli import main as door
account, *words = sys.argv[1:]
with contextlib.redirect_stdout(io.StringIO()):
    door.main(words)  # loads every module while it may: an interpreter of root's own cannot be read by others
who = pwd.getpwnam(account)
os.setgroups([])
os.setresgid(*[who.pw_gid] * 3)
os.setresuid(*[who.pw_uid] * 3)
sys.exit(door.main(words))
"""


@pytest.fixture(scope="module")
def server(module_folder: Path) -> Iterator[Waypost]:
    """A server that was started as root and gave it up for mail."""
    require_root()
    names = SmallNames({}).start()
    tree = configuration(
        module_folder,
        listeners=[listener("relay"), listener("lmtp")],
        domains={"mailboxes": ["ada@example.org"], "postmaster": "ada@example.org"},
        networks=[],
        dns={"resolvers": [names.address]},
        user="mail",
        web={"bind": f"127.0.0.1:{free_port()}"},
    )
    running = Waypost(module_folder / "server", tree)
    yield running.start()
    running.stop()
    names.stop()


def check(server: Waypost, account: str) -> dict[str, dict[str, Any]]:
    """Findings by key, without those of the DNS."""
    words = ["check", "--self", "--json", "--lang", "en", "--config", str(server.config), "--ca", str(root_file(server.folder))]
    for path in (server.config, server.folder / "root.pem"):
        path.chmod(0o644)
    writable_by(server.folder, "root")
    done = subprocess.run(
        [sys.executable, "-c", AS_ANOTHER, account, *words], env=server.environ(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)["findings"]
    assert not {"probe-broke", "cut-short"} & {each["key"] for each in found}
    return {each["key"]: each for each in found if each["stage"] not in ("names", "domain")}


def test_as_the_account_of_the_server(server: Waypost) -> None:
    """Its own account may ask it: ports are known by its word, though the kernel does not tell who has them."""
    keys = check(server, "mail")
    assert {"own-running", "own-port-ours", "own-door-sound", "own-queue-empty", "own-data-sound", "own-descriptors-enough"} <= set(keys)
    assert not {"own-hidden", "own-port-taken", "own-root"} & set(keys)
    assert keys["own-port-unknown"]["facts"]["setting"] == "web.bind"


def test_as_a_stranger(server: Waypost) -> None:
    """Another account is told that it may not ask; ports, data and queue are not called faulty for that."""
    keys = check(server, "nobody")
    assert {"own-hidden", "own-port-unknown", "own-door-sound", "own-queue-unread"} <= set(keys)
    assert not {"own-port-taken", "own-data-unwritable", "own-stopped", "own-port-unbound"} & set(keys)
    assert "as root" in keys["own-hidden"]["fix"]


def test_as_root(server: Waypost) -> None:
    """Root sees all of it, the web's port too, and that root was given up."""
    keys = check(server, "root")
    assert "own-running" in keys
    assert not {"own-root", "own-port-unknown", "own-hidden"} & set(keys)
