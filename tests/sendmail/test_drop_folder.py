"""``waypost sendmail`` and the drop folder: what it must refuse, mail that waits for a start, what others put there, reloads, crashes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sendmail.sendmail_kit import arrived, call, tree_of
from support.needs import require_root
from support.server import Waypost
from support.waiting import until

if TYPE_CHECKING:
    from pathlib import Path

AS_ANOTHER = """
import io, os, sys
from waypost.cli.main import main
class Given:
    def __init__(self, octets): self.buffer = io.BytesIO(octets)
sys.stdin = Given(b"Subject: warm\\n\\nx\\n")
assert 0 == main(["sendmail", "--data", sys.argv[1], "ada"])  # loads what another account may not be able to read
os.setgroups([]); os.setgid(1); os.setuid(1)
sys.stdin = Given(b"Subject: from another\\n\\nx\\n")
code = main(["sendmail", "ada"])
try:
    os.listdir(sys.argv[2])
    print("listed")
except PermissionError:
    print("not listed")
sys.exit(code)
"""


def call_as_another(server: Waypost) -> subprocess.CompletedProcess[bytes]:
    """The same from the account ``daemon``; what the interpreter needs is loaded before, as it may lie in root's own folders."""
    warm = server.folder / "warm"
    warm.mkdir(exist_ok=True)
    words = [sys.executable, "-c", AS_ANOTHER, str(warm), str(server.folder / "data/drop")]
    env = {**server.environ(), "WAYPOST_CONFIG": str(server.config)}
    return subprocess.run(words, env=env, capture_output=True, timeout=60, check=False)


@pytest.fixture
def stopped(tmp_path: Path) -> Waypost:
    """One that does not run, and has a data directory."""
    waypost = Waypost(tmp_path, tree_of(tmp_path))
    waypost.write_config(tree_of(tmp_path))
    (tmp_path / "data").mkdir(mode=0o700)
    return waypost


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 64),
        (("-bd",), 64),
        (("-bt",), 64),
        (("-Z", "ada"), 64),
        (("-X", "log", "ada"), 64),
        (("-q30m",), 64),
        (("-N", "often", "ada"), 64),
        (("-Rsome", "ada"), 64),
        (("-f",), 64),
        (("--unknown", "ada"), 64),
        (("-t",), 65),
        (("a b@@c", "-i"), 65),
        (("-f", "no good@@", "ada"), 65),
        (("-f", "x@y z", "ada"), 65),
        (("ada\ngrace",), 65),
        (("ada@[127.0.0.1",), 65),
        (("ada@",), 65),
        (("-C", "/nonexistent.toml", "ada"), 78),
        (("--data", "/nonexistent/data", "ada"), 75),
    ],
)
def test_what_cannot_be_done_ends_with_the_code_that_programs_know(stopped: Waypost, words: tuple[str, ...], code: int) -> None:
    """Codes are those of sysexits.h, with one line that says why, and nothing is handed over."""
    done = call(stopped, *words, given=b"Subject: never\n\nx\n")
    assert code == done.returncode, done.stderr
    assert done.stderr.count(b"\n") == 1
    assert not (stopped.folder / "data/drop").exists()


def test_a_message_that_is_too_large_is_refused_at_once(stopped: Waypost) -> None:
    """limits.message_size holds for local mail too, and nothing of it stays."""
    done = call(stopped, "--set", "limits.message_size=65536", "ada", given=b"Subject: big\n\n" + b"x" * 70_000 + b"\n")
    assert done.returncode == 65
    assert b"limits.message_size" in done.stderr
    assert list((stopped.folder / "data/drop").iterdir()) == []


def test_without_a_server_the_message_waits_for_its_start(stopped: Waypost) -> None:
    """It lies in DATA/drop, mailq shows it, and the next start takes it: once."""
    assert call(stopped, "ada", given=b"Subject: patient\n\nx\n").returncode == 0
    assert b"ada@example.org" in call(stopped, name="mailq").stdout
    rows = [json.loads(line) for line in call(stopped, "-j", name="postqueue").stdout.splitlines()]
    assert [(row["queue_name"], row["recipients"]) for row in rows] == [("maildrop", [{"address": "ada@example.org"}])]
    stopped.start()
    try:
        assert rows[0]["queue_id"] == arrived(stopped, "patient")["id"]
        assert {"poke", "corrupt"} == {path.name for path in (stopped.folder / "data/drop").iterdir()}
    finally:
        stopped.stop()


def test_what_is_no_message_is_set_aside_and_told_once(stopped: Waypost) -> None:
    """Links, halves, foreign names and bare line feeds are never taken, and never stop what is sound."""
    call(stopped, "ada", given=b"Subject: sound\n\nx\n")
    drop = stopped.folder / "data/drop"
    (sound,) = drop.iterdir()
    whole = sound.read_bytes()
    names = [sound.name[:-1] + letter for letter in "ABCDEF" if letter != sound.name[-1]]
    (drop / "README").write_bytes(whole)
    (drop / names[0]).symlink_to("/etc/passwd")
    (drop / names[1]).write_bytes(b"no envelope")
    (drop / names[2]).write_bytes(whole + b"bare\nline\r\n")
    outside = stopped.folder / "outside"
    outside.write_bytes(whole)
    os.link(outside, drop / names[3])
    stopped.start()
    try:
        assert arrived(stopped, "sound")["to"] == ["ada@example.org"]
        bad = {"README", *names[:4]}
        until(lambda: bad == {path.name for path in (drop / "corrupt").iterdir()})
        assert [sum(f"{name}: " in line and "drop-refused" in line for line in stopped.output().splitlines()) for name in bad] == [1] * 5
    finally:
        stopped.stop()
    assert whole == outside.read_bytes()


def test_others_may_hand_over_mail_only_where_that_is_said(tmp_path_factory: pytest.TempPathFactory) -> None:
    """drop.everyone lets any account write into the folder and nobody list it; without it they are told so (77)."""
    require_root()
    folder = tmp_path_factory.mktemp("everyone")
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    server = Waypost(folder, {**tree_of(folder), "user": "nobody"}).start()
    try:
        closed = call_as_another(server)
        assert (closed.returncode, b"drop.everyone" in closed.stderr) == (77, True)
    finally:
        server.stop()
    server.tree = {**tree_of(folder, everyone=True), "user": "nobody"}
    server.start()
    try:
        drop = folder / "data/drop"
        assert (drop.stat().st_mode, (folder / "data").stat().st_mode & 0o777) == (0o41733, 0o711)
        opened = call_as_another(server)
        assert (opened.returncode, opened.stdout, opened.stderr) == (0, b"not listed\n", b"")
        mail = arrived(server, "from another")
        assert mail["account"] == "daemon"
    finally:
        server.stop()


def test_a_start_as_root_gives_away_nothing_that_others_put_into_the_drop_folder(tmp_path: Path) -> None:
    """A hard link that another account made there must not become the server's: root's hands stay off."""
    require_root()
    from waypost.daemon import privilege  # noqa: PLC0415 - for root alone

    data = tmp_path / "data"
    (data / "drop/corrupt").mkdir(parents=True)
    (data / "shards").mkdir()
    (data / "drop/file").write_text("x")
    privilege.hand_over(data, "nobody")
    owners = {path.name: path.owner() for path in (data, data / "drop", data / "shards", data / "drop/file")}
    assert owners == {"data": "nobody", "drop": "nobody", "shards": "nobody", "file": "root"}


def test_a_file_that_comes_back_after_a_crash_brings_no_second_message(tmp_path: Path) -> None:
    """The server ended between the commit and the removal of the file: the next one finds the message in its queue, and the file goes."""
    tree = {**tree_of(tmp_path), "transports": [{"match": "*", "kind": "hold"}]}
    server = Waypost(tmp_path, tree)
    server.write_config(tree)
    drop = tmp_path / "data/drop"
    drop.parent.mkdir()
    assert call(server, "ada").returncode == 0
    (file,) = drop.iterdir()
    whole = file.read_bytes()
    server.start()
    until(lambda: not file.exists())
    server.stop()
    file.write_bytes(whole)
    file.chmod(0o600)
    server.start()
    try:
        until(lambda: not file.exists())
        assert [file.name] == [row["id"] for row in json.loads(server.command("queue", "list", "--json").stdout)]
        assert list((drop / "corrupt").iterdir()) == []
    finally:
        server.stop()


def test_a_reload_opens_and_closes_the_folder(stopped: Waypost) -> None:
    """drop.everyone is taken up without a restart, both ways."""
    drop = stopped.folder / "data/drop"
    stopped.start()
    try:
        for everyone, mode in ((True, 0o1733), (False, 0o700)):
            stopped.write_config(tree_of_same(stopped, everyone=everyone))
            os.kill(stopped.pid, signal.SIGHUP)
            until(lambda mode=mode: drop.stat().st_mode & 0o7777 == mode, what=oct(mode))
    finally:
        stopped.stop()


def tree_of_same(server: Waypost, **drop: object) -> dict[str, object]:
    """The configuration of ``server`` with another ``[drop]``."""
    return {**(server.tree or {}), "drop": {"domain": "example.org", **drop}}


def test_the_log_has_it_as_postfix_would(tmp_path: Path) -> None:
    """In Postfix's form a message of this machine is one that pickup took."""
    tree = {**tree_of(tmp_path), "log": {"format": "postfix"}}
    server = Waypost(tmp_path, tree).start()
    try:
        assert call(server, "ada", "-fgrace@example.org").returncode == 0
        until(lambda: re.search(r"/pickup\[\d+\]: [0-9A-Z]{26}: uid=\w+ from=<grace@example.org>\n", server.output()), what="the line")
    finally:
        server.stop()
