"""``mailq``, ``postqueue``, ``postsuper``, ``postcat`` and ``newaliases``, with a server that runs and with none."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.ports import free_port
from support.sending import SCRIPT, link
from support.server import PROGRAM, Waypost, configuration, listener
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def call(server: Waypost, name: str, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[str]:
    """Run a program of the family."""
    env = {**server.environ(), "WAYPOST_CONFIG": str(server.config), "TZ": "UTC", "LC_ALL": "C"}
    done = subprocess.run([str(PROGRAM), name, *words], input=given, env=env, capture_output=True, timeout=60, check=False)
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def rows(server: Waypost) -> list[dict[str, object]]:
    """What postqueue -j says."""
    return [json.loads(line) for line in call(server, "postqueue", "-j").stdout.splitlines()]


def states(server: Waypost) -> list[object]:
    """The queue names, oldest message first."""
    return [row["queue_name"] for row in rows(server)]


@pytest.fixture(params=["up", "down"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Waypost]:
    """A server whose next hop refuses connections, with two messages deferred: it runs, or it ran."""
    tree = configuration(tmp_path, listeners=[listener("relay")], next_hop=free_port(), drop={"domain": "example.org"})
    waypost = Waypost(tmp_path, tree).start()
    call(waypost, "sendmail", "-fgrace@example.net", "one@example.com", "two@example.com", given=b"Subject: first\n\nbody of it\n")
    until(lambda: states(waypost) == ["deferred"])
    call(waypost, "sendmail", "-f<>", "three@example.org", given=b"Subject: second\n\nx\n")
    until(lambda: states(waypost) == ["deferred", "deferred"])
    if request.param == "down":
        waypost.stop()
    yield waypost
    if request.param == "up":
        waypost.stop()


def test_lists_are_in_the_shapes_of_postfix(server: Waypost) -> None:
    """Postqueue -j gives its fields; mailq its columns, with the reason once for those who share it, and a count."""
    first, second = rows(server)
    fields = ["queue_name", "queue_id", "arrival_time", "message_size", "forced_expire", "sender", "recipients"]
    assert fields == list(first)
    assert (
        first["queue_name"],
        first["forced_expire"],
        first["sender"],
        second["sender"],
    ) == ("deferred", False, "grace@example.net", "MAILER-DAEMON")
    people = first["recipients"]
    assert isinstance(people, list)
    assert [one["address"] for one in people] == ["one@example.com", "two@example.com"]
    assert all("refused" in one["delay_reason"] for one in people)
    listed = call(server, "mailq")
    lines = listed.stdout.splitlines()
    assert (listed.returncode, listed.stderr) == (0, "")
    assert lines[0].startswith("-Queue ID-")
    assert lines[1].startswith(str(first["queue_id"]))
    assert lines[1].endswith(" grace@example.net")
    assert sum("refused" in line for line in lines) == 2
    assert lines[-1] == "-- 1 Kbytes in 2 Requests."
    assert listed.stdout == call(server, "sendmail", "-bp").stdout == call(server, "postqueue", "-p").stdout


def test_postsuper_holds_releases_and_deletes(server: Waypost) -> None:
    """By id, by ALL, by ids from standard input, and by queue; what is gone meanwhile is no failure."""
    one, two = (str(row["queue_id"]) for row in rows(server))
    held = call(server, "postsuper", "-h", one)
    assert (held.returncode, held.stdout, held.stderr) == (0, "", "postsuper: Placed on hold: 1 message\n")
    assert states(server) == ["hold", "deferred"]
    assert f"{one}! " in call(server, "mailq").stdout
    assert call(server, "postsuper", "-d", "ALL", "deferred").stderr == "postsuper: Deleted: 1 message\n"
    assert states(server) == ["hold"]
    assert call(server, "postsuper", "-H", "-", given=f"{one}\n".encode()).stderr == "postsuper: Released from hold: 1 message\n"
    assert "hold" not in states(server)
    call(server, "postsuper", "-h", "ALL")
    gone = call(server, "postsuper", "-d", two, "-d", one)
    assert (gone.returncode, gone.stderr) == (0, "postsuper: Deleted: 0 messages\npostsuper: Deleted: 1 message\n")
    assert call(server, "mailq").stdout == "Mail queue is empty\n"


def test_postcat_shows_envelope_and_content(server: Waypost) -> None:
    """-q ID gives all of it, and -e, -h and -b a part."""
    id_ = str(rows(server)[0]["queue_id"])
    whole = call(server, "postcat", "-q", id_).stdout
    assert f"*** ENVELOPE RECORDS {id_} ***\n" == whole[: whole.index("\n") + 1]
    assert "\nsender: grace@example.net\nrecipient: one@example.com\nrecipient: two@example.com\n" in whole
    assert whole.endswith(f"\n\nbody of it\n*** MESSAGE FILE END {id_} ***\n")
    assert call(server, "postcat", "-bq", id_).stdout == "body of it\n"
    head = call(server, "postcat", "-h", "-q", id_).stdout
    assert (head[:9], "\nSubject: first\n" * ("\nSubject: first\n" in head), "body" in head) == ("Received:", "\nSubject: first\n", False)
    assert call(server, "postcat", "-q", "0" * 26).returncode == 1


def test_flushing_tries_what_waits(server: Waypost) -> None:
    """Postqueue -f, -i and -s and sendmail -q take what waits, and say so by their exit codes."""
    id_ = str(rows(server)[0]["queue_id"])
    assert [
        call(server, *words).returncode
        for words in (
            ("postqueue", "-f"),
            ("postqueue", "-s", "example.com"),
            ("sendmail", "-q"),
            ("sendmail", f"-qI{id_}"),
            ("postqueue", "-i", id_),
        )
    ] == [0, 0, 0, 0, 0]
    assert call(server, "postqueue", "-i", "0" * 26).returncode == 1


@pytest.mark.parametrize(
    "words",
    [
        ("postqueue",),
        ("postqueue", "-p", "-j"),
        ("postqueue", "-x"),
        ("postqueue", "-i", "no"),
        ("postsuper", "-d", "no"),
        ("postsuper", "-d"),
        ("postsuper", "-d", "ALL", "nowhere"),
        ("postcat", "x"),
        ("postcat", "-q", "no"),
        ("mailq", "word"),
        ("mailq", "-Z"),
    ],
)
def test_what_makes_no_sense_is_told_before_anything_is_opened(tmp_path: Path, words: tuple[str, ...]) -> None:
    """One line, exit code 64."""
    tree = configuration(tmp_path, listeners=[listener("relay")])
    server = Waypost(tmp_path, tree)
    server.write_config(tree)
    done = call(server, *words)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (64, 1, "")


@pytest.mark.parametrize("name", ["sendmail", "mailq", "newaliases", "postqueue", "postsuper", "postcat"])
def test_a_link_to_the_program_or_to_the_script_is_that_program(tmp_path: Path, name: str) -> None:
    """Called as mailq it is mailq: both the script of contrib and a bare link to waypost."""
    link(tmp_path)
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / name).symlink_to(PROGRAM)
    env = {"PATH": "/usr/bin:/bin", "WAYPOST": str(PROGRAM), "HOME": str(tmp_path), "WAYPOST_CONFIG": "/nonexistent.toml"}
    said = [
        subprocess.run([str(path), "--help"], env=env, capture_output=True, text=True, check=True).stdout
        for path in (tmp_path / name, bare / name)
    ]
    assert said[0] == said[1]
    assert ("Aliases are in" if name == "newaliases" else f"usage: {name} ") == said[0][: 14 if name == "newaliases" else len(name) + 8]
    assert SCRIPT.stat().st_mode & 0o111 == 0o111


def test_streams_that_are_closed_fail_nothing(tmp_path: Path) -> None:
    """GNU Mailutils closes its child's output: sendmail must end with 0 all the same, and write into no file by mistake."""
    tree = configuration(tmp_path, listeners=[listener("relay")])
    server = Waypost(tmp_path, tree)
    server.write_config(tree)
    (tmp_path / "data").mkdir()
    env = {**server.environ(), "WAYPOST_CONFIG": str(server.config)}
    code = f"echo text | {PROGRAM} sendmail -v ada@example.org >&- 2>&-"
    assert subprocess.run(["sh", "-c", code], env=env, check=False).returncode == 0
    (file,) = (tmp_path / "data/drop").iterdir()
    assert file.read_bytes().endswith(b"\r\n\r\ntext\r\n")
