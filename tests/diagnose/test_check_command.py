"""``waypost check`` as people and programs use it: first screen, pipe, JSON, exit codes, usage errors, Ctrl-C."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from support.ports import free_port
from support.terminal import on_terminal
from waypost.cli import main as door
from waypost.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "waypost.cli.main", "check"]


@contextlib.contextmanager
def server(*lines: bytes) -> Iterator[int]:
    """A port that says ``lines`` one by one, each after the first in answer to something."""

    def serve(made: socket.socket) -> None:
        with contextlib.suppress(OSError), made:
            for number, line in enumerate(lines):
                if number and not made.recv(4096):
                    return
                made.sendall(line)
            while made.recv(4096):
                made.sendall(b"250 OK\r\n")

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_first_screen(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer, what is wrong and what to do stand at the top, before any evidence."""
    with server(b"554 5.7.1 no service for you\r\n") as port:
        assert door.main(["check", f"127.0.0.1:{port}", "--lang", "en"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"127.0.0.1:{port}  does not work"
    assert lines[1].startswith("127.0.0.1 refuses this client: 554")
    assert lines[3].startswith("Do next: ")
    assert any("554 5.7.1 no service for you" in line for line in lines[4:])


def test_in_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    """All of it speaks the language that was asked for."""
    with server(b"554 5.7.1 no service for you\r\n") as port:
        door.main(["check", f"127.0.0.1:{port}", "--lang", "zh"])
    out = capsys.readouterr().out
    assert "无法工作" in out.splitlines()[0]
    assert "下一步：" in out
    assert "Do next" not in out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """One object on one line in a pipe, with the verdict and the findings."""
    with server(b"220 mx.example.org ESMTP\r\n") as port:
        door.main(["check", f"127.0.0.1:{port}", "--json"])
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert set(json.loads(out)) == {"target", "verdict", "next_step", "seconds", "servers", "findings"}


def test_unreachable(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing listens the exit code is 2, and one is told to start the server."""
    assert door.main(["check", f"127.0.0.1:{free_port()}", "--lang", "en"]) == 2
    assert "Do next: Start the mail server" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["two words"], "is no host, domain, IP address or mailbox"),
        (["example.org", "--intrusive"], "name them with --own HOST"),
        (["example.org", "--own", "mx.example.org"], "--intrusive, which was not given"),
        (["example.org", "--from", "nobody"], "--from nobody: it has no domain"),
        (["example.org", "--port", "0"], "no number from 1 on"),
        (["example.org", "--port", "70000"], "ports go from 1 to 65535"),
        (["example.org", "--resolver", "dns.example"], "is no address of a resolver"),
        ([], "say what to check"),
    ],
)
def test_usage(capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    """What makes no sense is said in one line, with exit code 64, before anything is asked of the network."""
    assert door.main(["check", *words]) == Exit.USAGE
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_password_must_come_from_somewhere(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A login without a terminal and without the variable is a usage error, not a prompt that nobody sees."""
    monkeypatch.delenv("WAYPOST_PASSWORD", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert door.main(["check", "127.0.0.1:1", "--auth", "ada"]) == Exit.USAGE
    assert "WAYPOST_PASSWORD" in capsys.readouterr().err


def test_on_a_terminal() -> None:
    """On a terminal progress is drawn and gone at the end, lines fit, and nothing of the server's can steer it."""
    with server(b"220 mx.example.org \x1b[31mred\r\n", b"250-mx.example.org\r\n250 SIZE 9\x1b]0;title\x07\r\n") as port:
        env = {**os.environ, "LANG": "C.UTF-8", "TERM": "xterm"}
        code, shown = on_terminal([*COMMAND, f"127.0.0.1:{port}", "--full"], env=env, columns=80)
    assert code == 1
    assert "\x1b[31mred" not in shown
    assert "\x1b]0;" not in shown
    assert "checking 127.0.0.1" in shown
    assert shown.rindex("\x1b[K") < shown.index("works, with faults")


def test_interrupted() -> None:
    """Ctrl-C ends a check at once, without a traceback, with exit code 130."""
    heeding = ["env", "--default-signal=INT"]  # what a shell runs behind & ignores the signal, and so would its children
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = subprocess.Popen(
            [*heeding, *COMMAND, f"127.0.0.1:{listening.getsockname()[1]}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        met, _ = listening.accept()
        with met:  # it is connected: the check waits for a greeting
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (Exit.INTERRUPTED, "")
    assert "Traceback" not in err


def test_help_names_what_it_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    """The help tells every option."""
    assert door.main(["check", "--help"]) == Exit.OK
    out = capsys.readouterr().out
    wanted = ("--port", "--from", "--auth", "--intrusive", "--own", "--resolver", "--full", "--json", "--lang")
    assert all(option in out for option in wanted)
