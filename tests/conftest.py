"""What every test may ask for: real servers, next hops, certificates. With WAYPOST_REQUIRE=1 a skip is a failure."""

from __future__ import annotations

import faulthandler
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import evidence
from support.certificates import Certificates, make_certificates
from support.exim import Exim
from support.needs import REQUIRED, require, require_root
from support.peers import fetched
from support.postfix import Postfix
from support.server import Waypost
from support.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    Start = Callable[..., Waypost]


HANGS_AFTER = 240
"""Seconds; nothing but a hang takes so long, even on a busy machine."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """How often the kill tests kill."""
    parser.addoption("--kills", type=int, default=3, help="kills of each kind in tests/kill (default 3; the long mode is 200)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """With WAYPOST_REQUIRE=1 a skip is a failure, whoever asked for it; without, it is counted in the evidence."""
    report: pytest.TestReport = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        evidence.record("skip", test=item.nodeid, reason=reason)
        if REQUIRED:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: skipped, and WAYPOST_REQUIRE=1 allows no skip: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A test that hangs ends its process with its stacks on stderr; the tests that kill take as long as they are told to.

    Nothing gentler reaches a loop that waits in C; pytest-xdist reports the test as failed and goes on in a new process.
    """
    if not item.get_closest_marker("kill"):
        faulthandler.dump_traceback_later(HANGS_AFTER, exit=True, file=sys.__stderr__)
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


def _folder() -> Path:
    """A folder that other accounts may pass through: mail servers drop privileges."""
    path = Path(tempfile.mkdtemp(prefix="waypost-test-"))
    path.chmod(0o755)
    return path


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of this test's own."""
    path = _folder()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def module_folder() -> Iterator[Path]:
    """A folder of this module's own."""
    path = _folder()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def certificates() -> Iterator[Certificates]:
    """A certificate for mx.example.org, localhost and the loopback addresses, and its authority."""
    path = _folder()
    yield make_certificates(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def start_waypost(folder: Path) -> Iterator[Start]:
    """Start ``waypost serve``; each server still running at the end is stopped by SIGTERM and must end well."""
    servers: list[Waypost] = []

    def start(tree: dict[str, object] | None, *, name: str = "waypost", wait: bool = True, **more: object) -> Waypost:
        server = Waypost(folder / name, tree, **more)
        servers.append(server)
        return server.start() if wait else server.launch()

    yield start
    try:
        for server in servers:
            if server.process and server.process.poll() is None:
                server.stop()
    finally:
        for server in servers:
            server.kill()


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A recording next hop that takes everything."""
    hop = Sink().start()
    yield hop
    hop.stop()


@pytest.fixture
def start_sink() -> Iterator[Callable[..., Sink]]:
    """Make next hops as a test wants them."""
    sinks: list[Sink] = []

    def start(**facts: object) -> Sink:
        sinks.append(Sink(**facts).start())
        return sinks[-1]

    yield start
    for hop in sinks:
        hop.stop()


@pytest.fixture
def start_postfix(folder: Path, certificates: Certificates) -> Iterator[Callable[..., Postfix]]:
    """A Postfix of the test's own, or a skip."""
    require_root()
    require("Postfix", fetched("postfix"))
    servers: list[Postfix] = []

    def start(**facts: object) -> Postfix:
        servers.append(Postfix(folder / f"postfix{len(servers)}", certificates, **facts))
        return servers[-1].start()

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    """A browser, or a skip."""
    from support.browser import browser, chromium  # noqa: PLC0415 - most tests need no browser, and its driver takes long to load

    require("Chromium", chromium())
    with browser() as started:
        yield started


@pytest.fixture
def start_exim(folder: Path, certificates: Certificates) -> Iterator[Callable[..., Exim]]:
    """An Exim of the test's own, or a skip."""
    require_root()
    require("Exim", fetched("exim") and fetched("nss-wrapper"))
    servers: list[Exim] = []

    def start(*, daemon: bool = True, **facts: object) -> Exim:
        servers.append(Exim(folder / f"exim{len(servers)}", certificates, **facts))
        return servers[-1].start() if daemon else servers[-1].prepare()

    yield start
    for server in servers:
        server.stop()
