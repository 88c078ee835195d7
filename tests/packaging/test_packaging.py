"""What is shipped: the wheel, the locked requirements, the first command of a newcomer, the changelog."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
LOCKS = ("runtime.txt", "dev.txt")


def run(*words: str, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    """A program's end, with what it said."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}  # make may have started us
    return subprocess.run(words, cwd=cwd, env={**outside, **environ}, capture_output=True, text=True, timeout=120, check=False)


# ---- the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    place = tmp_path_factory.mktemp("wheel")
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place))
    assert done.returncode == 0, done.stderr
    return next(place.glob("*.whl"))


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    """Code, catalogues, schemas and the mark that it is typed."""
    package = ROOT / "src"
    files = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        told = {name.rpartition("/")[2] for name in archive.namelist() if ".dist-info/" in name}
    assert held == files
    assert {"LICENSE", "METADATA", "entry_points.txt"} <= told
    assert {Path(name).suffix for name in held} == {"", ".py", ".toml", ".json", ".sql", ".typed", ".html", ".css", ".js", ".svg"}


def test_it_runs_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    """Away from the tree, the commands find their data: catalogue, settings, schemas of all databases."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import waypost.cli.main as door; "
        "print(door.__file__, file=sys.stderr); sys.exit(door.main(sys.argv[1:]))"
    )
    start = [sys.executable, "-I", "-c", program, str(tmp_path / "site")]
    free = [word for at in range(3) for word in ("--set", f"listeners.{at}.bind=127.0.0.1:0")]
    with subprocess.Popen(
        [*start, "serve", "--data", str(tmp_path / "data"), *free], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        ready = any(line == "waypost: ready\n" for line in server.stdout)
        shown = run(*start, "inbox", "list", "--refused", "--data", str(tmp_path / "data"), cwd=tmp_path)
        server.terminate()
        said = server.communicate(timeout=30)[1]
    assert (ready, server.returncode, shown.returncode) == (True, 0, 0), said
    assert said.startswith(str(tmp_path / "site"))


# ---- the requirements


def pins(name: str) -> dict[str, list[str]]:
    """The requirements of a lock: each line that names one, with its hashes."""
    found: dict[str, list[str]] = {}
    for line in (ROOT / "requirements" / name).read_text().replace("\\\n", " ").splitlines():
        pinned, *hashes = line.split("--hash=")
        found[pinned.strip()] = [one.strip() for one in hashes]
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_pinned_by_hashes_and_none_by_an_address(name: str) -> None:
    """One version each, hashes of all its files, and no registry, so that any mirror serves."""
    for pinned, hashes in pins(name).items():
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*==[\w.]+( ; .+)?", pinned), pinned
        assert hashes, pinned
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), pinned
    assert not re.search(r"://|--(extra-)?index|--find-links|@ ", (ROOT / "requirements" / name).read_text())


def test_developers_run_what_operators_run() -> None:
    """The lock for developers has the same versions, for the same platforms."""
    runtime, dev = pins("runtime.txt"), pins("dev.txt")
    assert {pinned: dev.get(pinned) for pinned in runtime} == runtime


def test_the_lock_is_for_every_platform() -> None:
    """What one platform lacks is marked, and compiled packages have files for more than one."""
    runtime = pins("runtime.txt")
    by_name = {pinned.partition("==")[0]: (pinned, hashes) for pinned, hashes in runtime.items()}
    assert by_name["uvloop"][0].endswith("; sys_platform != 'win32'")
    assert all(len(by_name[name][1]) > 10 for name in ("apsw", "cffi", "cryptography", "msgspec", "uvloop"))


def test_each_dependency_is_used_and_each_import_is_declared() -> None:
    """No package is asked for in vain, and none is had by accident."""
    names = {"argon2-cffi": "argon2", "dnspython": "dns"}
    declared = re.search(r"^dependencies = \[(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.MULTILINE | re.DOTALL)
    assert declared
    wanted = {names.get(name, name) for name in re.findall(r'"([a-z0-9-]+)', declared[1])}
    imported = {
        found
        for path in (ROOT / "src").rglob("*.py")
        for found in re.findall(r"^\s*(?:from|import) ([a-z0-9_]+)", path.read_text(), re.MULTILINE)
    }
    assert imported - set(sys.stdlib_module_names) - {"waypost", "_typeshed", "typing_extensions"} == wanted


# ---- the first command


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A tree in which nothing was installed yet."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("exit 1", "Waypost needs Python 3.11 or newer: say make PYTHON=python3.11"),
        ("""case "$*" in *ensurepip*) exit 1;; esac""", "Python's venv module is missing: apt-get install python3-venv"),
    ],
    ids=["old", "no venv"],
)
def test_what_python_lacks_is_told_before_anything_is_made(bare: Path, body: str, said: str) -> None:
    """One line says what to do, and no half environment stays behind."""
    python = bare / "python"
    python.write_text(f"#!/bin/sh\n{body}\n")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    done = run("make", "serve", f"PYTHON={python}", cwd=bare)
    assert (done.returncode, done.stdout.strip()) == (2, said)
    assert not (bare / ".venv").exists()


@pytest.mark.parametrize(("stamp", "anew"), [(None, True), ("/somewhere/else", True), ("", True), ("here", False)])
def test_an_installation_that_was_broken_off_or_moved_is_made_anew(bare: Path, stamp: str | None, *, anew: bool) -> None:
    """A half environment would fail for ever, and one of another place would run that place's code."""
    (bare / ".venv").mkdir()
    if stamp is not None:
        (bare / ".venv" / ".installed").write_text(str(bare) if stamp == "here" else stamp)
    done = run("make", "-n", "install", cwd=bare)
    assert done.returncode == 0, done.stderr
    assert ("-m venv --clear .venv" in done.stdout) == anew


def test_make_does_not_do_twice_what_is_done() -> None:
    """Once installed, the targets do their own work alone."""
    done = run("make", "-n", "-o", ".venv/.installed", "serve")
    assert (done.returncode, done.stdout) == (0, ".venv/bin/waypost serve\n")
    assert run("make", "-n", "-o", ".venv/.installed", "test").stdout.splitlines()[-1] == ".venv/bin/python tools/run_tests.py"


# ---- the tree


def texts() -> Iterator[Path]:
    """Every file that a checkout has."""
    done = run("git", "ls-files", "-z")
    names = done.stdout.split("\0") if done.returncode == 0 else []
    yield from (ROOT / name for name in names if name and (ROOT / name).is_file())


def test_no_file_knows_where_this_checkout_lies() -> None:
    """Nothing that is kept names a place of one machine."""
    here = str(ROOT).encode()
    assert [str(path) for path in texts() if here in path.read_bytes()] == []


def test_links_between_documents_lead_somewhere() -> None:
    """Each relative link of README and docs names a file."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *ROOT.glob("[CS]*.md")]
    dead = [
        f"{page.name}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert dead == []


def test_the_changelog_can_be_made() -> None:
    """Every fragment has a kind that towncrier knows, and its words come out."""
    done = run(sys.executable, "-m", "towncrier", "build", "--draft", "--version", "0.0.0")
    assert done.returncode == 0, done.stderr
    plain = " ".join(done.stdout.split())
    fragments = sorted((ROOT / "changelog.d").glob("*.md"))
    assert fragments
    assert [path.name for path in fragments if " ".join(path.read_text().split())[:60] not in plain] == []
