"""The parent process, with workers that are small programs: forked for real, killed for real."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = textwrap.dedent(
    """
    import os, select, signal, sys
    from waypost.clock import SYSTEM
    from waypost.daemon.link import Apply, Drain, Ready, Unable, receive, send
    from waypost.daemon.supervise import Plan, Supervisor

    mode = sys.argv[1]

    def say(*words):
        os.write(1, (" ".join(map(str, words)) + "\\n").encode())

    def worker(index, link):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        say("worker", index, os.getpid())
        if mode == "unable":
            send(link, Unable("the spool is damaged", 69))
            return 69
        send(link, Ready())
        say("serving", index, os.getpid())
        while True:
            select.select([link], [], [])
            messages = receive(link)
            if messages is None:
                say("orphan", index)
                return 1
            for message in messages:
                if isinstance(message, Apply):
                    say("applied", index, message.settings)
                if isinstance(message, Drain):
                    if mode == "stubborn":
                        continue
                    say("drained", index)
                    return 0

    def pages(link):
        say("pages")
        send(link, Unable("a module is missing", 69))
        return 69

    answers = iter([None, "new settings"])

    def reload():
        say("asked")
        return next(answers)

    plan = Plan(workers=2, drain=lambda: 0.5, run_worker=worker, reload=reload, tell=lambda *words: say("tell", *words),
                announce=lambda: say("ready"), clock=SYSTEM, beside={"pages": pages} if mode == "beside" else {})
    supervisor = Supervisor(plan)
    code = supervisor.run()
    if supervisor.failure:
        say("failure", supervisor.failure)
    sys.exit(code)
    """
)


class Running:
    """A supervisor in its own process group, and what it says."""

    def __init__(self, mode: str, folder: Path) -> None:
        self.said: list[str] = []
        self._out = (folder / "out").open("wb")
        self._in = (folder / "out").open("rb")
        self.process = subprocess.Popen([sys.executable, "-c", PROGRAM, mode], stdout=self._out, start_new_session=True)

    def until(self, words: str, times: int = 1) -> list[str]:
        """Wait until a line beginning with ``words`` was said ``times`` times; those lines."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            self.said += self._in.read().decode().splitlines()
            lines = [line for line in self.said if line.startswith(words)]
            if len(lines) >= times:
                return lines
            time.sleep(0.01)
        raise AssertionError(f"{words!r} was not said {times} times: {self.said}")

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._in.close()
        self._out.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[object]:
    running: list[Running] = []

    def begin(mode: str = "plain") -> Running:
        running.append(Running(mode, tmp_path))
        return running[-1]

    yield begin
    for one in running:
        one.close()


def test_ready_is_announced_once_all_accept_and_term_drains(start) -> None:  # noqa: ANN001 - the fixture's own callable
    """Two workers, one announcement; SIGTERM to the parent drains both and ends with 0."""
    server = start()
    server.until("ready")
    assert len(server.until("worker", 2)) == 2
    server.process.send_signal(signal.SIGTERM)
    server.until("drained", 2)
    assert server.process.wait(10) == 0


def test_term_to_the_whole_group_drains_too(start) -> None:  # noqa: ANN001 - as above
    """A terminal's Ctrl-C and a service manager speak to the group."""
    server = start()
    server.until("ready")
    os.killpg(server.process.pid, signal.SIGINT)
    server.until("drained", 2)
    assert server.process.wait(10) == 0


def test_a_killed_worker_is_replaced(start) -> None:  # noqa: ANN001 - as above
    """Kill -9 of a worker is told, and a new one starts; the drain is still clean."""
    server = start()
    server.until("ready")
    pid = int(server.until("worker", 2)[0].split()[2])
    os.kill(pid, signal.SIGKILL)
    assert "signal 9" in server.until("tell worker-lost")[0]
    server.until("worker", 3)
    server.process.send_signal(signal.SIGTERM)
    server.until("drained", 2)
    assert server.process.wait(10) == 0


def test_a_worker_killed_again_and_again_is_replaced_at_once(start) -> None:  # noqa: ANN001 - as above
    """Back-off is for workers that cannot start: one that served is replaced without a pause, the sixth time as the first."""
    server = start()
    server.until("ready")
    for count in range(3, 9):
        os.kill(int(server.until("serving", count - 1)[-1].split()[2]), signal.SIGKILL)
        server.until("serving", count)
    assert all(line.endswith("the next starts in 0 s error") for line in server.until("tell worker-lost", 6))


def test_workers_end_with_their_parent(start) -> None:  # noqa: ANN001 - as above
    """Kill -9 of the parent closes the links: no orphan stays."""
    server = start()
    server.until("ready")
    server.process.kill()
    server.until("orphan", 2)


def test_reload_is_all_or_nothing(start) -> None:  # noqa: ANN001 - as above
    """A configuration that is refused reaches no worker; one that holds reaches all."""
    server = start()
    server.until("ready")
    server.process.send_signal(signal.SIGHUP)
    server.until("asked")
    server.process.send_signal(signal.SIGHUP)
    assert sorted(server.until("applied", 2)) == ["applied 0 new settings", "applied 1 new settings"]


def test_a_worker_that_cannot_start_ends_the_server_with_its_code(start) -> None:  # noqa: ANN001 - as above
    """The reason is told once, as the program's last word and not as a log line, and the exit code is the worker's."""
    server = start("unable")
    assert server.until("failure") == ["failure the spool is damaged"]
    assert server.process.wait(10) == 69
    assert [line for line in server.said if line.startswith("tell")] == []


def test_a_worker_that_does_not_drain_is_killed(start) -> None:  # noqa: ANN001 - as above
    """The drain has an end."""
    server = start("stubborn")
    server.until("ready")
    server.process.send_signal(signal.SIGTERM)
    server.until("tell worker-killed", 2)
    assert server.process.wait(10) == 0


def test_what_runs_beside_the_workers_holds_up_nothing(start) -> None:  # noqa: ANN001 - as above
    """What carries no mail and cannot start is told and tried again; the server is ready without it, and drains with 0."""
    server = start("beside")
    server.until("ready")
    assert "a module is missing" in server.until("tell worker-unable")[0]
    assert server.until("tell worker-lost")[0].startswith("tell worker-lost pages (pid")
    server.until("pages", 2)
    server.process.send_signal(signal.SIGTERM)
    server.until("drained", 2)
    assert server.process.wait(10) == 0
