"""Where the fetched mail programs lie, how each is called, and servers made of them. What cannot be had is named with its reason."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support.ports import wait_for_port

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(os.environ.get("WAYPOST_PEER_ROOT") or Path(__file__).resolve().parents[2] / "build" / "peers").resolve()
FETCH = "not there: run scripts/peers fetch"


def tree(name: str) -> Path:
    """The unpacked packages of one peer."""
    return ROOT / name


def fetched(name: str) -> bool:
    """Whether scripts/peers brought it whole."""
    return (tree(name) / ".whole").exists()


def environment(name: str, **more: str) -> dict[str, str]:
    """The environment in which a peer finds its own libraries and modules."""
    at = tree(name) / "usr"
    libraries = [*at.glob("lib/*-linux-gnu*"), at / "lib" / "postfix", at / "lib" / "dovecot", *(tree(name) / "lib").glob("*-linux-gnu*")]
    perl = [at / "share/perl5", *at.glob("lib/*/perl5/5.*"), *at.glob("share/perl/5.*"), *at.glob("lib/*/perl/5.*")]
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "TMPDIR") if key in os.environ}
    return {
        **kept,
        "LC_ALL": "C.UTF-8",
        "LD_LIBRARY_PATH": ":".join(str(path) for path in libraries if path.is_dir()),
        "PERL5LIB": ":".join(str(path) for path in perl if path.is_dir()),
        **more,
    }


def program(name: str, path: str) -> str | None:
    """A program of a peer: from its tree, else from PATH; None when there is neither."""
    found = tree(name) / path
    if fetched(name) and found.exists():
        return str(found)
    return shutil.which(Path(path).name)


def run(
    words: list[str], env: Mapping[str, str], *, given: bytes = b"", cwd: Path | None = None, seconds: float = 60
) -> subprocess.CompletedProcess[bytes]:
    """Run a client to its end; stdout and stderr together in ``stdout``."""
    return subprocess.run(
        words, input=given, env=dict(env), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds, check=False
    )


@dataclass(slots=True)
class Daemon:
    """A peer's server process in a group of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    def start(cls, words: list[str], env: Mapping[str, str], folder: Path, *ports: int) -> Daemon:
        """Start it and wait for its ports."""
        log = folder / "daemon.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                words, env=dict(env), cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        daemon = cls(process, log)
        for port in ports:
            if not wait_for_port(port):
                daemon.stop()
                raise AssertionError(f"{words[0]} does not answer on port {port}: {log.read_text(errors='replace')[-3000:]}")
        return daemon

    def stop(self) -> None:
        """SIGTERM to it and its children, then SIGKILL to what is left of its group."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
                time.sleep(0.05)


def writable_by(path: Path, account: str) -> None:
    """Let ``account`` reach and own a folder."""
    shutil.chown(path, account)
    for parent in path.parents:
        if parent.stat().st_mode & 0o001 == 0 and parent.owner() == "root":
            parent.chmod(parent.stat().st_mode | 0o011)
