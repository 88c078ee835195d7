"""Bad input of every kind gets one clear message that says what is wrong and where, never a traceback."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from support import messages, toml
from support.dialogue import Dialogue
from support.needs import require, require_root
from support.ports import free_port
from support.server import PROGRAM, Waypost, configuration, listener, port_of
from support.sink import Sink
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONFIG, USAGE, UNAVAILABLE, CANNOT_CREATE = 78, 64, (69, 71), (73, 77, 78)


def serve(folder: Path, text: str, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Start a server that must not start."""
    folder.mkdir(exist_ok=True)
    (folder / "waypost.toml").write_text(text)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("WAYPOST")}
    words = [str(PROGRAM), "serve", "--config", str(folder / "waypost.toml"), *arguments]
    return subprocess.run(words, env={**kept, **(environment or {})}, text=True, capture_output=True, timeout=40, check=False, cwd=folder)


def one_clear_line(done: subprocess.CompletedProcess[str], code: int | tuple[int, ...], *words: str) -> None:
    """One line on stderr with all ``words``, the exit code of that kind of fault, no traceback."""
    said = done.stderr.strip()
    assert done.returncode in ((code,) if isinstance(code, int) else code), (done.returncode, done.stdout, said)
    assert "Traceback" not in done.stdout + done.stderr
    lines = [line for line in said.splitlines() if line.strip()]
    assert len(lines) == 1, said
    for word in words:
        assert word in lines[0], (word, lines[0])


@pytest.fixture
def good(folder: Path) -> str:
    """A configuration with nothing wrong."""
    return toml.dump(configuration(folder, listeners=[listener("relay")]))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ('hostnam = "mx.example.org"\n', ("waypost.toml:1", "hostnam")),
        ("limits.mesage_size = 100000\n", ("waypost.toml:1", "mesage_size")),
        ("limits = { recipients = 200, recipient = 3 }\n", ("waypost.toml:1", "recipient")),
        ("[limits]\nmessage_sise = 100000\n", ("message_sise",)),
        ('[[listeners]]\nrole = "relay"\nbind = "127.0.0.1:0"\ntsl = "none"\n', ("tsl",)),
        ('[[transports]]\nmatch = "x.example"\nkind = "hold"\nhosst = ["a"]\n', ("hosst",)),
        ("[outbond]\nconnections = 5\n", ("outbond",)),
    ],
    ids=["at the top", "dotted", "inline table", "table", "array of tables: listeners", "array of tables: transports", "unknown table"],
)
def test_unknown_key(folder: Path, good: str, wrong: str, words: tuple[str, ...]) -> None:
    """A key that does not exist is named with its file and line, however it is written."""
    text = wrong + good if not wrong.startswith("[") else good + "\n" + wrong
    line = next(number for number, each in enumerate(text.splitlines(), 1) if words[-1] in each)
    one_clear_line(serve(folder, text), CONFIG, *words, f"waypost.toml:{line}")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('hostname = "mx.example.org"', "hostname = 25", ("hostname",)),
        ('role = "relay"', 'role = "rely"', ("role", "rely", "relay")),
        ('tls = "none"', 'tls = "starttl"', ("tls", "starttl")),
        ('local = ["example.org"]', 'local = "example.org"', ("domains.local",)),
        ('networks = ["127.0.0.0/8", "::1/128"]', 'networks = ["127.0.0.0/33"]', ("networks", "127.0.0.0/33")),
        ('hostname = "mx.example.org"', 'hostname = "mx.example.org', ("waypost.toml:1",)),
    ],
    ids=["wrong type", "unknown role", "unknown mode", "text for a list", "not a network", "not TOML"],
)
def test_wrong_value(folder: Path, good: str, old: str, new: str, words: tuple[str, ...]) -> None:
    """A value that cannot be is named with its setting, and what may stand there."""
    assert old in good
    one_clear_line(serve(folder, good.replace(old, new, 1)), CONFIG, *words)


def test_environment_and_command_line_are_named(folder: Path, good: str) -> None:
    """A wrong override names the variable or the option that gave it."""
    one_clear_line(serve(folder, good, environment={"WAYPOST__LIMITS__RECIPIENTZ": "5"}), CONFIG, "WAYPOST__LIMITS__RECIPIENTZ")
    one_clear_line(serve(folder, good, "--set", "limits.recipients=many"), CONFIG, "--set", "limits.recipients")


def test_missing_configuration_file(folder: Path) -> None:
    """A configuration file that is not there is named."""
    done = subprocess.run(
        [str(PROGRAM), "serve", "--config", str(folder / "nowhere.toml")], text=True, capture_output=True, timeout=40, check=False
    )
    one_clear_line(done, (66, 78), "nowhere.toml")


def test_port_in_use(folder: Path) -> None:
    """A port that another program holds is named, and so is the listener."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = serve(folder, toml.dump(configuration(folder, listeners=[listener("relay", port)])))
    one_clear_line(done, UNAVAILABLE, f"127.0.0.1:{port}", "in use")


def test_missing_certificate(folder: Path) -> None:
    """A certificate file that is not there is named with its path."""
    tree = configuration(folder, listeners=[listener("relay", tls="starttls")])
    tree["tls"] = {"certificate": str(folder / "no-cert.pem"), "key": str(folder / "no-key.pem")}
    one_clear_line(serve(folder, toml.dump(tree)), CONFIG, "no-cert.pem")


def test_certificate_that_is_none(folder: Path) -> None:
    """A file that holds no certificate is named."""
    for name in ("cert.pem", "key.pem"):
        (folder / name).write_text("this is no certificate\n")
    tree = configuration(folder, listeners=[listener("relay", tls="starttls")])
    tree["tls"] = {"certificate": str(folder / "cert.pem"), "key": str(folder / "key.pem")}
    one_clear_line(serve(folder, toml.dump(tree)), CONFIG, "cert.pem")


def test_data_directory_that_cannot_be_made(folder: Path) -> None:
    """A data directory below a plain file is named."""
    (folder / "file").write_text("")
    tree = configuration(folder, listeners=[listener("relay")], data=str(folder / "file" / "data"))
    one_clear_line(serve(folder, toml.dump(tree)), CANNOT_CREATE, "data", str(folder / "file"))


def test_data_directory_that_cannot_be_written(folder: Path) -> None:
    """A data directory on a read-only file system is named (root may write anywhere else)."""
    require_root()
    place = folder / "readonly"
    place.mkdir()
    with mounted(place, "size=1m"):
        subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
        tree = configuration(folder, listeners=[listener("relay")], data=str(place / "data"))
        one_clear_line(serve(folder, toml.dump(tree)), CANNOT_CREATE, "data", str(place))


def test_data_directory_of_another_server(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """A second server on the same data does not start, and says who has it."""
    tree = configuration(folder, listeners=[listener("relay")])
    start_waypost(tree)
    other = {**tree, "listeners": [listener("relay")]}
    one_clear_line(serve(folder / "second", toml.dump(other)), UNAVAILABLE, str(folder / "data"))


def databases(folder: Path) -> list[Path]:
    """Every database file below a data directory."""
    return [path for path in folder.rglob("*") if path.is_file() and path.read_bytes()[:15] == b"SQLite format 3"]


def stopped_with_mail(folder: Path) -> tuple[Waypost, Path]:
    """A server that took a message and was stopped; and the database of its queue."""
    tree = configuration(folder, listeners=[listener("relay")])
    server = Waypost(folder / "waypost", tree).start()
    with Dialogue(port_of(tree)) as talk:
        talk.hello()
        assert talk.submit(messages.shape("dots"), "grace@example.org").startswith("250")
    server.stop()
    shards = [path for path in databases(folder / "data") if "shard" in str(path)]
    assert shards, databases(folder / "data")
    return server, next((path for path in shards if "spool" in path.name or "queue" in path.name), shards[0])


def refused(server: Waypost) -> str:
    """Start a server that must refuse; what it says."""
    before = len(server.output())
    server.launch()
    assert server.process
    try:
        code = server.process.wait(30)
    except subprocess.TimeoutExpired:
        server.kill()
        raise
    said = server.output()[before:]
    assert code != 0, said
    assert "Traceback" not in said
    return said


def test_corrupt_database(folder: Path) -> None:
    """A database that is no longer one is named; the server refuses rather than begin an empty one over it."""
    server, database = stopped_with_mail(folder)
    damaged = b"this is not a database at all\n" * 500
    database.write_bytes(damaged)
    assert str(database) in refused(server)
    assert database.read_bytes() == damaged


def test_newer_schema(folder: Path) -> None:
    """A database of a later Waypost is refused with a message that says so."""
    import sqlite3  # noqa: PLC0415 - here alone

    server, database = stopped_with_mail(folder)
    connection = sqlite3.connect(database)
    connection.execute("pragma user_version = 9999")
    connection.commit()
    connection.close()
    assert "newer" in refused(server)


@contextlib.contextmanager
def mounted(place: Path, options: str) -> Iterator[None]:
    """A file system in memory on ``place``."""
    place.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, text=True, check=False)
    require("tmpfs", done.returncode == 0, f"it cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "content"), [("16m", 60_000), ("48m", 1_000_000)], ids=["small content", "large content"])
def test_disk_full(start_waypost: Callable[..., Waypost], folder: Path, size: str, content: int) -> None:
    """A full disk: 452 to new mail, sessions go on, what was accepted is delivered, and then mail is taken again."""
    require_root()
    port = free_port()
    body = LARGE[:content].rsplit(b"\r\n", 1)[0] + b"\r\n"
    with mounted(folder / "small", f"size={size},mode=755"):
        tree = configuration(
            folder,
            listeners=[listener("relay")],
            next_hop=port,
            data=str(folder / "small" / "data"),
            queue={"retry": [1], "jitter": 0, "free_space": 1_048_576, "fresh": 0},
            limits={"session_messages": 10_000},
        )
        server = start_waypost(tree)
        accepted, last = fill(port_of(tree), body)
        assert last.startswith("452 4.3.1"), last
        assert accepted
        hop = Sink(port=port).start()
        try:
            until(lambda: {address for heard in hop.heard for address in heard.recipients} >= accepted, seconds=60, what="every delivery")
            assert all(heard.content.endswith(body) for heard in hop.heard)
            assert until(lambda: try_one(port_of(tree), body).startswith("250"), seconds=20, what="room again")
            hop.wait_for("again@example.org")
        finally:
            hop.stop()
        server.stop()


LARGE = messages.shape("large")


def fill(port: int, body: bytes) -> tuple[set[str], str]:
    """Send until the server says that there is no room; who was accepted, and what it said."""
    accepted, reply = set(), ""
    with Dialogue(port, seconds=30) as talk:
        talk.hello()
        for number in range(2000):
            reply = transact(talk, f"full{number}@example.org", body)
            if not reply.startswith("250"):
                assert talk.ask("NOOP").startswith("250")
                break
            accepted.add(f"full{number}@example.org")
    return accepted, reply


def transact(talk: Dialogue, recipient: str, body: bytes) -> str:
    """One transaction; the first reply that is not positive, or the last."""
    for command in ("RSET", "MAIL FROM:<a@example.net>", f"RCPT TO:<{recipient}>", "DATA"):
        reply = talk.ask(command)
        if reply[:1] not in ("2", "3"):
            return reply
    talk.send(body.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    return talk.reply()


def try_one(port: int, body: bytes) -> str:
    """Whether a message is taken now."""
    with Dialogue(port, seconds=30) as talk:
        talk.hello()
        return transact(talk, "again@example.org", body)


def test_descriptors_exhausted(start_waypost: Callable[..., Waypost], folder: Path, sink: Sink) -> None:
    """With few file descriptors: sessions that are open go on and deliver, new ones hear 421 or wait, then all is well again."""
    prlimit = shutil.which("prlimit")
    require("prlimit", prlimit, "it is part of util-linux")
    tree = configuration(folder, listeners=[listener("relay")], next_hop=sink.port)
    server = start_waypost(tree, prefix=[str(prlimit), "--nofile=96:96"])
    port = port_of(tree)
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(Dialogue(port))
        first.hello()
        crowd = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 5)) for _ in range(200)]
        greeted = []
        for each in crowd:
            each.settimeout(0.05)
            with contextlib.suppress(TimeoutError, ConnectionError):
                greeted.append(each.recv(100)[:3])
        assert first.submit(messages.shape("dots"), "within@example.org").startswith("250")
        sink.wait_for("within@example.org")
        assert b"220" in greeted
        assert set(greeted) <= {b"220", b"421"}
    until(lambda: greets(port), what="a greeting after the crowd has gone")
    said = server.output()
    assert "Traceback" not in said
    assert len(said.splitlines()) < 900, f"{len(said.splitlines())} lines of log"


def greets(port: int) -> bool:
    """Whether a new client is greeted."""
    with contextlib.suppress(OSError), Dialogue(port, seconds=2) as talk:
        return talk.reply().startswith("220")
    return False


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["serve", "--nonsense"],
        ["serve", "--set", "no-equals-sign"],
        ["queue"],
        ["queue", "nonsense"],
        ["queue", "show"],
        ["inbox", "nonsense"],
        ["user", "add"],
        ["config", "nonsense"],
        [],
    ],
    ids=" ".join,
)
def test_wrong_arguments(words: list[str], folder: Path) -> None:
    """A command line that makes no sense ends with 64 and a line that says what is wrong."""
    env = {**os.environ, "XDG_STATE_HOME": str(folder)}
    done = subprocess.run([str(PROGRAM), *words], env=env, text=True, capture_output=True, timeout=40, check=False)
    assert done.returncode == USAGE, (done.returncode, done.stderr)
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr
