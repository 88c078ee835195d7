"""A real ``waypost serve`` process, as an operator starts it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from support import toml
from support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from support.certificates import Certificates

PROGRAM = Path(sys.executable).parent / "waypost"
START_SECONDS = 30
STOP_SECONDS = 14
"""The drain is 10 s by default, and the parent waits two more for a worker."""


def configuration(
    folder: Path,
    *,
    listeners: Sequence[Mapping[str, object]],
    next_hop: int | None = None,
    transports: Sequence[Mapping[str, object]] | None = None,
    local: Sequence[str] = ("example.org",),
    relay: Sequence[str] = (),
    networks: Sequence[str] = ("127.0.0.0/8", "::1/128"),
    domains: Mapping[str, object] | None = None,
    certificates: Certificates | None = None,
    **more: object,
) -> dict[str, object]:
    """A configuration as a tree; ``more`` adds or replaces tables and values at the top."""
    if transports is None:
        hop: dict[str, object] = {"match": "*", "kind": "hold"}
        if next_hop is not None:
            hop = {"match": "*", "kind": "smtp", "hosts": [f"127.0.0.1:{next_hop}"]}
        transports = [hop]
    tree: dict[str, object] = {
        "hostname": "mx.example.org",
        "data": str(folder / "data"),
        "listeners": [dict(listener) for listener in listeners],
        "domains": {"local": list(local), "relay": list(relay), **(domains or {})},
        "relay": {"networks": list(networks)},
        "transports": [dict(transport) for transport in transports],
    }
    if certificates:
        tree["tls"] = {"certificate": str(certificates.certificate), "key": str(certificates.key)}
    tree.update(more)
    return tree


@dataclass(slots=True)
class Waypost:
    """One server process and what it says."""

    folder: Path
    tree: Mapping[str, object] | None = None
    """The configuration; None for the dev profile."""
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    prefix: Sequence[str] = ()
    """A program that starts ours: prlimit, setpriv."""
    fds: Sequence[int] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "waypost.toml"

    @property
    def log(self) -> Path:
        """Where stdout and stderr go."""
        return self.folder / "serve.log"

    def output(self) -> str:
        """All that it has said so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def write_config(self, tree: Mapping[str, object]) -> None:
        """Replace the configuration file."""
        self.tree = tree
        self.config.write_text(toml.dump(tree))

    def environ(self) -> dict[str, str]:
        """The environment of every process of this server: nothing of the tester's own Waypost settings."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("WAYPOST")}
        return {**kept, "XDG_STATE_HOME": str(self.folder / "state"), "NO_COLOR": "1", **self.environment}

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another ``waypost`` command on the same configuration."""
        where = ["--config", str(self.config)] if self.tree is not None else []
        return subprocess.run([str(PROGRAM), *words, *where], env=self.environ(), text=True, capture_output=True, timeout=60, check=False)

    def launch(self) -> Waypost:
        """Start the process and return at once."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.tree is not None:
            self.write_config(self.tree)
        where = ["--config", str(self.config)] if self.tree is not None else []
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, str(PROGRAM), "serve", *where, *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environ(),
                cwd=self.folder,
                start_new_session=True,
                pass_fds=tuple(self.fds),
            )
        return self

    def start(self) -> Waypost:
        """Start the process; returns when its ready line is out."""
        seen = len(self.output())
        self.launch()
        assert self.process
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            if _is_ready(self.output()[seen:]):
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        said = self.output()
        self.kill()
        raise AssertionError(f"waypost serve did not become ready (exit code {self.process.poll()}); it said:\n{said}")

    @property
    def pid(self) -> int:
        """The parent's process id."""
        assert self.process
        return self.process.pid

    def workers(self) -> list[int]:
        """Process ids of the workers."""
        return children(self.pid)

    def stop(self, *, whole_group: bool = False) -> str:
        """SIGTERM, wait for the end; asserts exit code 0 and no traceback; what it said in all."""
        assert self.process
        if self.process.poll() is None:
            (os.killpg if whole_group else os.kill)(self.pid, signal.SIGTERM)
        try:
            code = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"waypost did not end within {STOP_SECONDS} s of SIGTERM; it said:\n{self.output()[-8000:]}") from None
        said = self.output()
        assert "Traceback" not in said, said[-8000:]
        assert code == 0, f"exit code {code}; it said:\n{said[-8000:]}"
        return said

    def kill(self) -> None:
        """Kill -9 of the whole group; for the end of a test that failed."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)


def _is_ready(said: str) -> bool:
    return any("ready" in line.lower() for line in said.splitlines())


def children(pid: int) -> list[int]:
    """Process ids of the direct children of ``pid``, oldest first."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def listener(role: str, port: int | None = None, *, tls: str = "none", host: str = "127.0.0.1") -> dict[str, object]:
    """One ``[[listeners]]``; a free port when none is given."""
    port = port or free_port(host)
    shown = f"[{host}]" if ":" in host else host
    return {"role": role, "bind": f"{shown}:{port}", "tls": tls}


def port_of(tree: Mapping[str, object], role: str = "relay", tls: str | None = None) -> int:
    """The port of the first listener of that role (and TLS mode)."""
    found = [
        str(each["bind"])
        for each in tree["listeners"]  # type: ignore[attr-defined] # configuration() made it a list of tables
        if each["role"] == role and tls in (None, each["tls"])
    ]
    return int(found[0].rsplit(":", 1)[1])
