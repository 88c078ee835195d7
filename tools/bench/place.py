"""Where a server under measurement keeps its files: a just-made journalled ext4, memory, or a disk with a write delay."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = Path(__file__).resolve().parents[2]
BUILD = HOME / "build" / "bench"
PEERS = Path(os.environ.get("WAYPOST_PEER_ROOT") or HOME / "build" / "peers").resolve()
IMAGE_MIB = 3072


class Kind(StrEnum):
    """The kinds of place."""

    DISK = "fresh ext4"
    """A journalled ext4 made for this start, on a preallocated loop image: nobody pays for files deleted before."""
    RAM = "memory"
    """No disk to hide behind."""
    SLOW = "20 ms write delay"
    """An ext4 whose every write takes 20 ms longer."""
    PLAIN = "plain folder"
    """Where no loop device can be had: the file system of the checkout."""


class NoPlaceError(Exception):
    """This kind of place cannot be had here; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder to run in."""

    kind: Kind
    path: Path


def run(*words: str) -> None:
    """Run a program that must succeed. Raises NoPlaceError."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoPlaceError(f"{words[0]}: {done.stderr.strip() or done.returncode}")


@contextlib.contextmanager
def place(kind: Kind, name: str) -> Iterator[Place]:
    """A fresh place; gone afterwards. Raises NoPlaceError."""
    path = (Path("/dev/shm") if kind is Kind.RAM else BUILD) / f"run-{name}"  # noqa: S108 - memory is what is wanted
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    for parent in (BUILD, path):
        parent.chmod(0o755)
    match kind:
        case Kind.DISK:
            keep = _loop(path)
        case Kind.SLOW:
            keep = _delayed(path)
        case Kind.RAM | Kind.PLAIN:
            keep = contextlib.nullcontext()
    try:
        with keep:
            path.chmod(0o755)
            yield Place(kind, path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def image() -> Path:
    """The preallocated image, written once."""
    path = BUILD / "fresh.img"
    if not path.exists() or path.stat().st_size != IMAGE_MIB << 20:
        BUILD.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for _ in range(IMAGE_MIB):
                file.write(bytes(1 << 20))
    return path


@contextlib.contextmanager
def _loop(path: Path) -> Iterator[None]:
    if os.geteuid() != 0:
        raise NoPlaceError("a loop mount needs root")
    file = str(image())
    run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", file)
    run("mount", "-o", "loop", file, str(path))
    try:
        yield
    finally:
        _unmount(path)


def _unmount(path: Path) -> None:
    for _ in range(20):
        if subprocess.run(["umount", str(path)], capture_output=True, check=False).returncode == 0:
            return
        time.sleep(0.2)
    subprocess.run(["umount", "-l", str(path)], capture_output=True, check=False)


@contextlib.contextmanager
def _delayed(path: Path) -> Iterator[None]:
    """The recipe: a file behind nbdkit's delay filter, shown by nbdfuse, looped, ext4 on it."""
    tree = PEERS / "nbdkit"
    if os.geteuid() != 0 or not (tree / ".whole").exists():
        raise NoPlaceError("needs root and nbdkit (scripts/peers fetch --bench)")
    if not Path("/dev/fuse").exists():
        raise NoPlaceError("there is no /dev/fuse")
    disk, shown = BUILD / "slow.img", BUILD / "slow-shown"
    with disk.open("wb") as file:
        file.truncate(1 << 30)
    shown.mkdir(exist_ok=True)
    run("mkfs.ext4", "-q", "-F", str(disk))
    libraries = ":".join(str(each) for each in [*tree.glob("usr/lib/*-linux-gnu"), *tree.glob("lib/*-linux-gnu")])
    env = {**os.environ, "LD_LIBRARY_PATH": libraries, "PATH": f"{tree}/usr/bin:{tree}/bin:{os.environ['PATH']}"}
    binary, filters = tree / "usr/bin/nbdkit", next(iter(tree.glob("usr/lib/*/nbdkit/filters")))
    plugin = next(iter(tree.glob("usr/lib/*/nbdkit/plugins"))) / "nbdkit-file-plugin.so"
    kit = [str(binary), "--exit-with-parent", f"--filter={filters}/nbdkit-delay-filter.so", str(plugin), str(disk), "wdelay=20ms"]
    fuse = subprocess.Popen(
        [str(tree / "usr/bin/nbdfuse"), str(shown / "disk"), "[", *kit, "]"], env=env, stderr=subprocess.PIPE, text=True
    )
    try:
        _await(lambda: (shown / "disk").exists() and (shown / "disk").stat().st_size > 0, fuse)
        device = subprocess.run(["losetup", "-f", "--show", str(shown / "disk")], capture_output=True, text=True, check=False)
        if device.returncode:
            raise NoPlaceError(f"losetup: {device.stderr.strip()}")
        try:
            run("mount", device.stdout.strip(), str(path))
            try:
                yield
            finally:
                _unmount(path)
        finally:
            subprocess.run(["losetup", "-d", device.stdout.strip()], check=False, capture_output=True)
    finally:
        subprocess.run(["umount", "-l", str(shown)], check=False, capture_output=True)
        subprocess.run(["umount", "-l", str(shown / "disk")], check=False, capture_output=True)
        fuse.terminate()
        fuse.wait(20)


def _await(condition: object, process: subprocess.Popen[str]) -> None:
    for _ in range(100):
        if process.poll() is not None:
            raise NoPlaceError(f"nbdfuse: {(process.stderr.read() if process.stderr else '').strip()}")
        if condition():  # type: ignore[operator] # a callable
            return
        time.sleep(0.1)
    raise NoPlaceError("nbdfuse shows no disk")
