"""The process of the web: beside the workers, never in their way, and gone when the server is."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.ports import free_port, listens
from support.server import Waypost, configuration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Start = Callable[..., Waypost]

SECONDS = 20
NO_FOLLOWING = urllib.request.build_opener(type("Stay", (urllib.request.HTTPRedirectHandler,), {"redirect_request": lambda *_: None}))


def fetch(port: int, path: str, *, host: str = "", address: str = "127.0.0.1") -> tuple[int, str]:
    """Status and body, waited for until the web is there."""
    request = urllib.request.Request(f"http://{address}:{port}{path}", headers={"Host": host} if host else {})
    try:
        with NO_FOLLOWING.open(request, timeout=SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def tree(folder: Path, web: Mapping[str, object] | None, smtp: int) -> dict[str, object]:
    """A small production configuration."""
    more = {} if web is None else {"web": dict(web)}
    return configuration(folder, listeners=[{"role": "relay", "bind": f"127.0.0.1:{smtp}", "tls": "none"}], **more)


def mapped(pid: int) -> str:
    """What a process has mapped into its memory."""
    try:
        return Path(f"/proc/{pid}/maps").read_text()
    except OSError:
        return ""


def web_of(server: Waypost) -> int:
    """The process that serves pages: the only one that has loaded what pages are made with."""
    until(lambda: [pid for pid in server.workers() if "pydantic_core" in mapped(pid)])
    return next(pid for pid in server.workers() if "pydantic_core" in mapped(pid))


def until(happens: Callable[[], object]) -> None:
    """Wait for it."""
    end = time.monotonic() + SECONDS
    while not happens():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def start(start_waypost: Start, folder: Path) -> Callable[..., tuple[Waypost, int]]:
    """Start a server with pages; it and the port of its pages."""

    def started(web: Mapping[str, object] | None = None, *, address: str = "127.0.0.1") -> tuple[Waypost, int]:
        port = free_port()
        given = None if web is None else {"bind": f"{address}:{port}", **web}
        return start_waypost(tree(folder, given, free_port())), port

    return started


def test_pages_are_served_beside_the_mail(start: Callable[..., tuple[Waypost, int]]) -> None:
    """The ready line comes with the address of the pages; they answer, and readiness asks the mail server behind them."""
    server, port = start({"inbox": True})

    assert f"http://127.0.0.1:{port}/" in server.output()
    assert fetch(port, "/codes/550")[0] == 200
    assert fetch(port, "/livez")[0] == 200
    assert fetch(port, "/readyz")[0] == 200
    assert fetch(port, "/")[0] == 200


def test_what_is_off_costs_nothing(start: Callable[..., tuple[Waypost, int]]) -> None:
    """Without a place for pages there is no such process, and with one the workers have loaded nothing of it."""
    off, _ = start()
    assert len(off.workers()) == 1
    assert "pydantic_core" not in mapped(off.workers()[0])
    off.stop()

    on, _ = start({})
    others = [pid for pid in on.workers() if pid != web_of(on)]
    assert len(others) == 1
    assert "pydantic_core" not in mapped(others[0])
    assert "pydantic_core" not in mapped(on.pid)


def test_the_inbox_is_shown_only_where_it_was_asked_for(start: Callable[..., tuple[Waypost, int]]) -> None:
    """In production a loopback bind shows the reference alone until the operator asks for the inbox."""
    _, port = start({})

    assert fetch(port, "/")[0] == 302


def test_a_public_place_never_shows_the_inbox(start: Callable[..., tuple[Waypost, int]], folder: Path) -> None:
    """Where others can connect there is no inbox, even for a request that names localhost; the check of the configuration warns."""
    server, port = start({"inbox": True}, address="0.0.0.0")  # noqa: S104 - this is the place that is tested
    warned = server.command("config", "check")

    assert fetch(port, "/", host="localhost")[0] == 302
    assert fetch(port, "/codes/550", host="mx.example.org")[0] == 200
    assert "web.inbox" in warned.stdout + warned.stderr
    assert "reply reference" in server.output()
    assert "inbox and" not in server.output()


def test_a_process_that_dies_is_replaced(start: Callable[..., tuple[Waypost, int]]) -> None:
    """A web process that is killed is started anew; the mail server goes on, and no browser is refused meanwhile."""
    server, port = start({})
    assert fetch(port, "/livez")[0] == 200
    first = web_of(server)
    os.kill(first, signal.SIGKILL)

    assert fetch(port, "/livez")[0] == 200
    assert web_of(server) != first
    assert server.process
    assert server.process.poll() is None


def test_nothing_is_left_when_the_parent_is_killed(start: Callable[..., tuple[Waypost, int]]) -> None:
    """A web process whose parent is gone ends at once and gives its port back."""
    server, port = start({})
    web = web_of(server)
    assert fetch(port, "/livez")[0] == 200
    os.kill(server.pid, signal.SIGKILL)

    until(lambda: not _lives(web))
    until(lambda: not listens(port))


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_it_holds_no_port_of_mail(start: Callable[..., tuple[Waypost, int]]) -> None:
    """The process that reads browsers' requests has closed the sockets of mail, the workers that of the pages."""
    server, port = start({})
    assert fetch(port, "/livez")[0] == 200
    web = web_of(server)
    held = {pid: _ports(pid) for pid in server.workers()}

    assert held[web] == {port}
    assert all(port not in ports for pid, ports in held.items() if pid != web)


def _ports(pid: int) -> set[int]:
    """The TCP ports on which a process listens."""
    sockets = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            sockets.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in sockets}


def test_a_place_that_is_taken(start_waypost: Start, folder: Path) -> None:
    """A place that was asked for and cannot be had ends the start with one line that names the setting."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = start_waypost(tree(folder, {"bind": f"127.0.0.1:{port}"}, free_port()), wait=False)
        assert server.process
        code = server.process.wait(SECONDS)

    assert code == 69
    assert "web.bind" in server.output()
    assert "Traceback" not in server.output()


def test_the_place_of_the_dev_profile_may_be_taken(folder: Path) -> None:
    """What the dev profile takes by itself may be somebody else's: the mail goes on, and a line says that there are no pages."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # then somebody else has it, which is as well
            stack.enter_context(socket.create_server(("127.0.0.1", 8025)))
        arguments = [word for at in range(3) for word in ("--set", f"listeners.{at}.bind=127.0.0.1:{free_port()}")]
        server = Waypost(folder / "dev", None, arguments).start()
        try:
            assert "No pages: " in server.output()
            assert "web.bind" in server.output()
        finally:
            server.stop()
            server.kill()


def test_it_drains_with_the_server(start: Callable[..., tuple[Waypost, int]]) -> None:
    """SIGTERM ends the pages with the mail, well within the drain, though a connection is held open."""
    server, port = start({})
    assert fetch(port, "/livez")[0] == 200
    with socket.create_connection(("127.0.0.1", port)) as idle:
        idle.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(4096)
        server.stop()

    assert "did not drain" not in server.output()
