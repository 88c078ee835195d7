"""What the machine says of itself and of processes: CPU by control group, memory by smaps, the facts that a reader needs."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup/cpuacct")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Group:
    """The processes of one server, counted together with every child that they ever had."""

    name: str
    leader: int = 0

    @property
    def path(self) -> Path:
        """Its control group."""
        return CGROUP / f"waypost-bench-{self.name}"

    def create(self) -> None:
        """Make the group where the system has cgroup v1 and we may."""
        if os.access(CGROUP, os.W_OK):
            self.path.mkdir(exist_ok=True)

    def entering(self) -> list[str]:
        """Words before a command that put it into the group before it begins."""
        if not self.path.is_dir():
            return []
        return ["sh", "-c", f'echo $$ > {self.path}/cgroup.procs; exec "$@"', "sh"]

    def pids(self) -> list[int]:
        """All processes."""
        if self.path.is_dir():
            return [int(line) for line in (self.path / "cgroup.procs").read_text().split()]
        return descendants(self.leader)

    def cpu(self) -> float:
        """Seconds of CPU used so far, children included."""
        if self.path.is_dir():
            return int((self.path / "cpuacct.usage").read_text()) / 1e9
        return sum(_times(pid) for pid in self.pids())

    def memory(self) -> tuple[float, float]:
        """RSS and PSS in MiB over all processes."""
        rss = pss = 0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
                found = dict(re.findall(r"^(Rss|Pss):\s+(\d+)", text, re.MULTILINE))
                rss, pss = rss + int(found.get("Rss", 0)), pss + int(found.get("Pss", 0))
        return rss / 1024, pss / 1024

    def remove(self) -> None:
        """Take the group away, once it is empty."""
        with contextlib.suppress(OSError):
            self.path.rmdir()


def _times(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(int(word) for word in fields[11:15]) / TICKS
    return 0.0


def descendants(pid: int) -> list[int]:
    """A process and all below it."""
    with contextlib.suppress(OSError):
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *(each for child in below for each in descendants(int(child)))]
    return []


def facts() -> dict[str, object]:
    """What a reader must know to judge the figures."""
    cpu = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {
        "system": _system(),
        "kernel": platform.release(),
        "processor": cpu[1] if cpu else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(int(memory[1]) / 2**20) if memory else None,
        "python": sys.version.split()[0],
        "sqlite": _sqlite(),
        "cpu_by": "cgroup v1 cpuacct" if os.access(CGROUP, os.W_OK) else "/proc",
        "load_at_start": os.getloadavg()[0],
    }


def _system() -> str:
    with contextlib.suppress(OSError):
        named = re.search(r'^PRETTY_NAME="(.*)"$', Path("/etc/os-release").read_text(), re.MULTILINE)
        return named[1] if named else platform.platform()
    return platform.platform()


def _sqlite() -> str:
    try:
        import apsw  # noqa: PLC0415 - only where it is installed
    except ImportError:
        return sqlite3.sqlite_version
    return str(apsw.sqlite_lib_version())
