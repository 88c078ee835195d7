"""The commands while a server is awaited, and after it has stopped: data in use, damaged, newer, or made by root."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from cli.command_kit import ID, MESSAGE, Place, announced, dev_server
from support.dialogue import Dialogue
from support.needs import require_root
from support.server import PROGRAM

if TYPE_CHECKING:
    from pathlib import Path


def test_wait_takes_what_is_there_and_what_comes(dev: Place) -> None:
    """A message that was captured before, and one that comes while it is waited for, are the same to a test."""
    assert re.fullmatch(
        rf"{ID}\tada@example\.net\tbob@example\.org, carl@example\.org\tgrüße\n", dev.run("inbox", "wait", "subject:GRÜ").stdout
    )

    def send() -> None:
        with Dialogue(dev.port) as talk:
            talk.hello()
            talk.submit(b"Subject: later\r\n\r\n", "later@example.org")

    timer = threading.Timer(1.0, send)
    timer.start()
    done = dev.run("inbox", "wait", "to:later@example.org", "--timeout", "20")
    timer.join()
    assert (done.returncode, done.stdout.endswith("\tlater@example.org\tlater\n")) == (0, True)
    assert dev.run("inbox", "delete", "to:later@example.org").stdout == "1 message deleted.\n"


def test_wait_bears_with_a_server_that_is_not_up_yet(folder: Path) -> None:
    """A test may start both at once: the wait neither fails nor stands in the way of the start."""
    server = dev_server(folder / "late")
    waiting = subprocess.Popen(
        [str(PROGRAM), "inbox", "wait", "to:early@example.org"], env=server.environ(), stdout=subprocess.PIPE, text=True
    )
    try:
        server.start()
        with Dialogue(announced(server)[0]) as talk:
            talk.hello()
            talk.submit(b"Subject: early\r\n\r\n", "early@example.org")
        out, _ = waiting.communicate(timeout=30)
        assert (waiting.returncode, out.endswith("\tearly@example.org\tearly\n")) == (0, True)
        server.stop()
    finally:
        waiting.kill()
        waiting.wait()
        server.kill()


@pytest.fixture
def stopped(folder: Path) -> Place:
    """A server that captured one message and was stopped by Ctrl-C."""
    server = dev_server(folder / "stopped").start()
    port = announced(server)[0]
    with Dialogue(port) as talk:
        talk.hello()
        talk.submit(MESSAGE, "bob@example.org")
    before = Place(server, port).run("inbox", "wait", "--timeout", "10").stdout
    os.killpg(server.pid, signal.SIGINT)
    assert server.process
    assert server.process.wait(15) == 0
    assert Place(server, port).run("inbox", "wait", "--timeout", "0").stdout == before
    return Place(server, port)


def test_a_stopped_server_answers_the_same(stopped: Place) -> None:
    """The commands open the shards themselves, and leave them as they were."""
    data = stopped.server.folder / "state" / "waypost"
    assert len(stopped.json("inbox", "list")) == 1
    assert stopped.run("inbox", "show", "latest").stdout.count("Subject: ") == 1
    assert stopped.run("queue", "list").stdout == ""
    assert stopped.run("trace", stopped.json("inbox", "list")[0]["id"]).returncode == 0
    assert not (data / "control.sock").exists()
    assert stopped.run("inbox", "delete", "all").stdout == "1 message deleted.\n"


def test_a_data_directory_in_use_is_tried_again_later(stopped: Place) -> None:
    """While another process holds it and answers nothing, it is named, and the code says to come back."""
    lock = stopped.server.folder / "state" / "waypost" / "lock"
    hold = f"import fcntl, sys; f = open({str(lock)!r}, 'r+'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        done = stopped.run("queue", "list")
        holder.communicate()
    assert (done.returncode, done.stderr.count("\n")) == (75, 1), done.stderr
    assert f"{lock.parent} is in use by a process that does not answer" in done.stderr


@pytest.mark.parametrize("name", ["spool.db", "inbox.db", "history.db"])
def test_a_damaged_or_newer_database_is_one_line(stopped: Place, name: str) -> None:
    """Each of them is named with what to do, by the commands and by the server."""
    database = stopped.server.folder / "state" / "waypost" / "shards" / "0" / name
    whole = database.read_bytes()
    commands = [["queue", "list"], *([["serve", *stopped.server.arguments]] if name == "spool.db" else [])]
    for octets, said in (
        (b"no database" * 1000, "is not a database of Waypost"),
        (whole[:60] + (999).to_bytes(4, "big") + whole[64:], "newer"),
    ):
        database.write_bytes(octets)
        for words in commands:
            done = subprocess.run(
                [str(PROGRAM), *words], env=stopped.server.environ(), capture_output=True, text=True, timeout=40, check=False
            )
            assert (done.returncode, done.stderr.count("\n"), done.stdout) == (69, 1, ""), (words, done)
            assert done.stderr.startswith("waypost: ")
            assert str(database) in done.stderr
            assert said in done.stderr, done.stderr


def test_what_root_makes_belongs_to_the_owner_of_the_data(stopped: Place) -> None:
    """An operator's command as root, while the server is down, leaves no file that the server cannot open."""
    require_root()
    data = stopped.server.folder / "state" / "waypost"
    for path in (data, *data.rglob("*")):
        os.chown(path, 65534, 65534)
    for name in ("history.db", "spool.db.reserve"):
        (data / "shards" / "0" / name).unlink()
    assert stopped.run("queue", "list").returncode == 0
    assert (data / "shards" / "0" / "history.db").exists()
    assert [path for path in data.rglob("*") if path.stat().st_uid != 65534] == []
