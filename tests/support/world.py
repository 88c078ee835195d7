"""A network namespace with addresses of its own, in which servers of unpacked packages run as if they were installed.

Each program gets a view of its own: its package's tree lies over the system's /usr, /etc and /var, and what it writes is gone with it. So
programs that conflict as packages, or hold fixed paths, run side by side, each on the ports that are really theirs.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from support.needs import require, require_root
from support.peers import Daemon, tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

NET, LOOPBACK = "44.128.0", "127.0.0.1"
MAIL, NAMES, WEB = f"{NET}.25", f"{NET}.53", f"{NET}.80"

_VIEW = """
set -e
upper="$1"; etc="$2"; tree="$3"; shift 3
mount -t tmpfs -o mode=755 none "$upper"
for part in usr etc var lib; do
  at="$(readlink -f /$part)"
  mkdir "$upper/$part" "$upper/$part.work"
  lower="$at"
  if [ -d "$tree/$part" ]; then lower="$tree/$part:$lower"; elif [ $part = lib ]; then continue; fi
  if [ $part = etc ]; then lower="$etc:$lower"; fi
  mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper/$part,workdir=$upper/$part.work" "$at"
done
mount -t tmpfs -o mode=755 none /run
exec "$@"
"""
_WAIT = """
import socket, sys, time
end = time.monotonic() + 15
for place in sys.argv[1:]:
    address, port = place.rsplit(":", 1)
    while True:
        try:
            socket.create_connection((address, int(port)), 1).close()
            break
        except OSError as error:
            if time.monotonic() > end:
                sys.exit(f"{place}: {error}")
            time.sleep(0.02)
"""


@dataclass(slots=True)
class World:
    """One namespace and what runs in it."""

    folder: Path
    name: str = field(default_factory=lambda: f"wp-{secrets.token_hex(4)}")
    daemons: list[Daemon] = field(default_factory=list)

    def make(self) -> World:
        """Addresses on its loopback; skips where the system allows no namespaces."""
        require_root()
        require("ip", shutil.which("ip"), "install iproute2")
        made = subprocess.run(["ip", "netns", "add", self.name], capture_output=True, text=True, check=False)
        require("network namespaces", made.returncode == 0, made.stderr.strip())
        self._ip("link", "set", "lo", "up")
        self._ip("address", "add", f"{NET}.1/24", "dev", "lo")  # every address of this net is here
        self.etc.mkdir(parents=True)
        (self.etc / "resolv.conf").write_text(f"nameserver {LOOPBACK}\n")
        (self.etc / "hosts").write_text(f"{LOOPBACK} localhost\n::1 localhost\n")
        return self

    def address(self, address: str) -> None:
        """One more address of this machine, for servers that look for theirs (all of the net answer anyhow)."""
        self._ip("address", "add", f"{address}/32", "dev", "lo")

    @property
    def etc(self) -> Path:
        """What lies over /etc for all who are in this world."""
        return self.folder / "etc"

    def accounts(self, **accounts: int) -> None:
        """Users, each with a group of the same name and number, beside those of the system."""
        users, groups = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
        users += "".join(f"{name}:x:{number}:{number}::{self.folder}/home/{name}:/bin/sh\n" for name, number in accounts.items())
        groups += "".join(f"{name}:x:{number}:\n" for name, number in accounts.items())
        (self.etc / "passwd").write_text(users)
        (self.etc / "group").write_text(groups)

    def words(self, peer: str, *words: str) -> list[str]:
        """A command line that runs ``words`` here, with a peer's packages as if installed."""
        upper = self.folder / f"upper-{secrets.token_hex(3)}"
        upper.mkdir()
        view = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _VIEW, "sh", str(upper), str(self.etc), str(tree(peer))]
        return ["ip", "netns", "exec", self.name, *view, *words]

    def start(self, peer: str, *words: str, ports: Sequence[int | str]) -> Daemon:
        """Run a server until the world ends; returns when its ports (of the mail server's address, or ``address:port``) answer."""
        daemon = Daemon.start(self.words(peer, *words), environment(), self.folder)
        self.daemons.append(daemon)
        self.wait(*ports)
        return daemon

    def wait(self, *ports: int | str) -> None:
        """Until all of them answer."""
        places = [port if isinstance(port, str) else f"{MAIL}:{port}" for port in ports]
        waited = subprocess.run(
            ["ip", "netns", "exec", self.name, sys.executable, "-c", _WAIT, *places], capture_output=True, text=True, check=False
        )
        if waited.returncode:
            said = "".join(path.read_text(errors="replace") for path in self.folder.glob("*.log"))
            raise AssertionError(f"nothing answers at {waited.stderr.strip()}; the servers said:\n{said[-3000:]}")

    def run(self, *words: str, peer: str = "", given: str = "", more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run something to its end here."""
        return subprocess.run(
            self.words(peer or "nothing", *words),
            input=given,
            env={**environment(), **(more or {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def remove(self) -> None:
        """Leave nothing behind."""
        for daemon in self.daemons:
            daemon.stop()
        left = subprocess.run(["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False).stdout.split()
        for number in left:  # those that began a session of their own
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(number), signal.SIGKILL)
        subprocess.run(["ip", "netns", "delete", self.name], capture_output=True, check=False)

    def _ip(self, *words: str) -> None:
        subprocess.run(["ip", "-n", self.name, *words], capture_output=True, check=True)


def environment() -> dict[str, str]:
    """Nothing of the tester's own settings."""
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "TMPDIR")}
    return {**kept, "PATH": f"{kept['PATH']}:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "NO_COLOR": "1"}


def made(folder: Path) -> Iterator[World]:
    """The body of a fixture."""
    world = World(folder)
    try:
        yield world.make()
    finally:
        world.remove()
