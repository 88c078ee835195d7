"""SIGHUP and the service supervisor, on a real server: what is taken up, what is refused, what is told."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import socket
import subprocess
import termios
import time
from typing import TYPE_CHECKING

import pytest

from support.dialogue import Dialogue
from support.ports import free_port
from support.server import PROGRAM, Waypost, configuration, listener, port_of
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.sink import Sink


def answers(port: int, *commands: str) -> list[str]:
    """What a new session hears to each command."""
    with Dialogue(port) as talk:
        talk.hello()
        return [talk.ask(command)[:9] for command in commands]


def reloaded(server: Waypost, tree: dict[str, object], word: str) -> str:
    """Write ``tree``, send SIGHUP; the log line that has ``word``."""
    before = len(server.output())
    server.write_config(tree)
    os.kill(server.pid, signal.SIGHUP)
    return until(lambda: next((line for line in server.output()[before:].splitlines() if word in line), ""), what=word)


def test_new_sessions_find_new_domains_limits_and_transports(
    start_waypost: Callable[..., Waypost], start_sink: Callable[..., Sink], folder: Path
) -> None:
    """What a reload takes up holds for every session that begins later; one that is open goes on by its old rules."""
    first, second = start_sink(), start_sink()
    given = {"listeners": [listener("relay")], "networks": (), "local": ("one.example",), "limits": {"recipients": 100}}
    server = start_waypost(configuration(folder, next_hop=first.port, **given))
    port = port_of({"listeners": given["listeners"]})
    probe = ("MAIL FROM:<a@b.example> SIZE=200000", "RCPT TO:<x@one.example>", "RCPT TO:<x@two.example>")
    assert answers(port, *probe) == ["250 2.1.0", "250 2.1.5", "550 5.7.1"]
    with Dialogue(port) as open_session:
        open_session.hello()
        given |= {"local": ("two.example",), "limits": {"message_size": 100_000}}
        assert "configuration and certificates" in reloaded(server, configuration(folder, next_hop=second.port, **given), "reloaded")
        until(lambda: answers(port, probe[0]) == ["552 5.3.4"], what="the new limit")
        assert answers(port, "MAIL FROM:<a@b.example>", *probe[1:]) == ["250 2.1.0", "550 5.7.1", "250 2.1.5"]
        assert open_session.ask(probe[0])[:9] == "250 2.1.0"
    with Dialogue(port) as talk:
        talk.hello()
        assert talk.submit(b"Subject: x\r\n\r\n", "x@two.example", sender="a@b.example").startswith("250")
    second.wait_for("x@two.example")
    assert first.heard == []


@pytest.mark.parametrize(
    ("change", "setting"),
    [
        ({"listeners": [listener("relay", 1)]}, "listeners"),
        ({"workers": 2}, "workers"),
        ({"dns": {"seconds": 7}}, "dns.seconds"),
        ({"queue": {"free_space": 1_000_000}}, "queue.free_space"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_needs_a_restart_refuses_the_whole_reload(
    start_waypost: Callable[..., Waypost], folder: Path, change: dict[str, object], setting: str
) -> None:
    """The line names file, line and setting; nothing else of the file is taken up either."""
    tree = configuration(folder, listeners=[listener("relay")], local=("one.example",), networks=())
    server = start_waypost(tree)
    wanted = {**tree, "domains": {"local": ["two.example"]}, "log": {"format": "postfix", "level": "debug"}, **change}
    told = reloaded(server, wanted, "reload-refused")
    assert told.startswith("{")
    assert f"waypost.toml:{line_of(server, setting)}: {setting}: cannot change while the server runs" in told
    assert answers(port_of(tree), "MAIL FROM:<a@b.example>", "RCPT TO:<x@one.example>")[1] == "250 2.1.5"
    assert [line for line in server.output().splitlines() if "/smtpd[" in line] == []


def line_of(server: Waypost, setting: str) -> int:
    """Where the file sets it."""
    word = setting.rpartition(".")[2]
    lines = server.config.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.startswith((f"{word} =", f"[[{word}]]")))


def test_the_log_changes_its_form_and_level(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """The line that tells of the reload is the first in the new form; sessions are told of in it, and no longer where the level forbids."""
    tree = configuration(folder, listeners=[listener("relay")])
    server = start_waypost(tree)
    port = port_of(tree)
    told = reloaded(server, {**tree, "log": {"format": "postfix", "name": "mail"}}, "reloaded")
    assert " mail/" in told
    until(lambda: talked(server, port) and "connect from" in server.output(), what="a session in the new form")
    assert "reloaded" in reloaded(server, {**tree, "log": {"level": "debug"}}, "reloaded")
    until(lambda: talked(server, port) and '"greeting"' in server.output(), what="a session that was simply greeted")
    reloaded(server, {**tree, "log": {"level": "error"}, "dns": {"seconds": 7}}, "reload-refused")
    assert talked(server, port)
    server.write_config({**tree, "log": {"level": "error"}})
    os.kill(server.pid, signal.SIGHUP)
    until(lambda: not talked(server, port), what="silence")


def talked(server: Waypost, port: int) -> str:
    """What the log tells of a session in which something was refused."""
    before = len(server.output())
    answers(port, "NONSENSE")
    time.sleep(0.2)  # lines gather for a twentieth of a second
    return server.output()[before:]


def test_less_is_kept_from_a_reload_on(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """The inbox forgets what is beyond its new bound with the next message; conversations are kept no longer where they may not be."""
    tree = configuration(folder, listeners=[listener("relay")], transports=[{"match": "*", "kind": "capture"}])
    server = start_waypost(tree)
    port = port_of(tree)

    def listed(*words: str) -> list[str]:
        return [row.get("id") or row["session"] for row in json.loads(server.command("inbox", "list", *words, "--json").stdout)]

    for number in range(3):
        submit(port, number)
    answers(port, "NONSENSE")
    until(lambda: (len(listed()), len(listed("--refused"))) == (3, 1), what="three messages and a conversation")
    reloaded(server, {**tree, "inbox": {"messages": 2}, "history": {"keep": False}, "auth": {"parallel": 1, "remember": 0}}, "reloaded")
    until(lambda: submit(port, 9) and len(listed()) == 2, what="two messages")
    answers(port, "NONSENSE")
    time.sleep(0.5)  # conversations gather for a quarter of a second
    assert len(listed("--refused")) == 1


def submit(port: int, number: int) -> str:
    """Give a message; what it is answered."""
    with Dialogue(port) as talk:
        talk.hello()
        return talk.submit(b"Subject: %d\r\n\r\n" % number, "bob@example.org")


def test_a_wrong_file_is_told_with_its_line_and_changes_nothing(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """Every mistake is a line of the log; the old configuration stays."""
    tree = configuration(folder, listeners=[listener("relay")], local=("one.example",), networks=())
    server = start_waypost(tree)
    told = reloaded(server, {**tree, "domains": {"local": ["two.example"], "locl": []}}, "reload-refused")
    assert "waypost.toml:" in told
    assert "domains.locl: unknown key; did you mean local?; the old configuration stays" in told
    assert answers(port_of(tree), "MAIL FROM:<a@b.example>", "RCPT TO:<x@one.example>")[1] == "250 2.1.5"


def test_a_new_drain_holds_at_once(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """A transaction that is open when the server is told to stop has as long as the last reload said."""
    tree = configuration(folder, listeners=[listener("relay")], drain=60)
    server = start_waypost(tree)
    reloaded(server, {**tree, "drain": 1}, "reloaded")
    with Dialogue(port_of(tree)) as talk:
        talk.hello()
        talk.ask("MAIL FROM:<a@example.org>")
        began = time.monotonic()
        assert "up to 1 s" in server.stop()
        assert time.monotonic() - began < 13


def test_a_server_ends_with_the_terminal_that_it_was_started_on(folder: Path) -> None:
    """A window that is closed sends SIGHUP: nobody asked for a reload, and no server goes on unseen with its ports."""
    server = Waypost(folder / "closed", configuration(folder, listeners=[listener("relay")]))
    server.folder.mkdir()
    server.write_config(server.tree or {})
    window, terminal = pty.openpty()
    process = subprocess.Popen(
        [str(PROGRAM), "serve", "--config", str(server.config)],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=server.environ(),
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no thread of the test holds a lock that it needs
    )
    os.close(terminal)
    said = b""
    while b"waypost: ready" not in said:
        said += os.read(window, 4096)
    os.close(window)
    assert process.wait(15) == 0


def test_the_service_supervisor_hears_of_every_change(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """READY when all accept, WATCHDOG while they live, RELOADING with its moment before READY, STOPPING at the end (sd_notify)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ears:
        ears.bind(str(folder / "notify"))
        ears.settimeout(15)

        def heard(word: str) -> list[str]:
            while True:
                lines = ears.recv(4096).decode().splitlines()
                if lines[0] == word or not lines[0].startswith("WATCHDOG"):
                    return lines

        environment = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "400000"}
        tree = configuration(folder, listeners=[listener("relay", free_port())])
        server = start_waypost(tree, environment=environment)
        assert heard("READY=1") == ["READY=1", "STATUS=accepting with 1 worker(s)"]
        assert heard("WATCHDOG=1") == ["WATCHDOG=1"]
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        os.kill(server.pid, signal.SIGHUP)
        reloading, moment = heard("RELOADING=1")
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        assert (reloading, before <= int(moment.removeprefix("MONOTONIC_USEC=")) <= after) == ("RELOADING=1", True)
        assert heard("READY=1") == ["READY=1"]
        os.kill(server.pid, signal.SIGTERM)
        assert heard("STOPPING=1") == ["STOPPING=1"]
        server.stop()
