"""A queue that is longer than one page: listed and changed, by a server that runs and without one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.server import PROGRAM, Waypost, configuration, listener
from support.terminal import on_terminal
from waypost.cli import output, queue
from waypost.cli.exits import Exit, FailureError
from waypost.cli.main import main
from waypost.clock import SYSTEM
from waypost.mail import identifier
from waypost.mail.envelope import Envelope, Recipient
from waypost.mail.path import Mailbox
from waypost.spool.settings import QueueSettings
from waypost.spool.spool import LOOKED, Change, Filter
from waypost.spool.sqlite import SqliteSpool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANY = 2 * LOOKED + 50
BOB = Recipient(Mailbox("bob", "example.net", "bob@example.net"))


async def fill(shard: Path) -> None:
    """Messages that are held, so that no deliverer touches them."""
    spool = SqliteSpool(shard, QueueSettings(free_space=0), SYSTEM)
    await spool.open()
    now = SYSTEM.wall() - 3600
    for number in range(MANY):
        draft = spool.draft()
        draft.write(b"Subject: x\r\n\r\n")
        when = now + number
        await spool.put(Envelope(id=identifier.new(when), reverse_path=None, recipients=(BOB,), arrived=when), draft)
    after: str | None = ""
    while after is not None:
        after = (await spool.alter(Filter(), Change.HOLD, after=after)).after
    await spool.close()


@pytest.fixture(scope="module", params=["running", "stopped"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waypost]:
    """A server with a long queue, running or not."""
    folder = tmp_path_factory.mktemp(request.param)
    server = Waypost(folder, configuration(folder, listeners=[listener("relay")]))
    (folder / "data" / "shards").mkdir(parents=True, mode=0o700)
    asyncio.run(fill(folder / "data" / "shards" / "0"))
    server.write_config(server.tree or {})
    if request.param == "running":
        server.start()
    yield server
    if request.param == "running":
        try:
            server.stop()
        finally:
            server.kill()


def listed(place: Waypost, *words: str) -> list[str]:
    done = place.command("queue", "list", "--json", *words)
    assert done.returncode == 0, done.stderr
    return [row["id"] for row in json.loads(done.stdout)]


def test_all_of_it_in_order(place: Waypost) -> None:
    """JSON is one list; in a pipe there is a line for each; --limit ends within a page, at one and behind one."""
    ids = listed(place)
    assert (MANY, ids) == (len(ids), sorted(set(ids)))
    assert [line.split("\t")[0] for line in place.command("queue", "list").stdout.splitlines()] == ids
    for limit in (1, LOOKED, LOOKED + 1, MANY, MANY + 1):
        assert listed(place, "--limit", str(limit)) == ids[:limit]
    assert listed(place, "state:deferred") == []


def test_on_a_terminal_the_heading_comes_once(place: Waypost) -> None:
    """Whatever number of pages there is, it is one table."""
    more = ["--config", str(place.config)]
    code, shown = on_terminal([str(PROGRAM), "queue", "list", *more], env=place.environ(), columns=100)
    lines = shown.splitlines()
    assert (code, len(lines), [line[:2] for line in lines].count("ID")) == (0, MANY + 1, 1)


def test_who_reads_no_further_ends_the_command(place: Waypost) -> None:
    """As `| head -1` does: the first line is there, and the command ends as others do whose reader is gone."""
    command = [str(PROGRAM), "queue", "list", "--json", "--config", str(place.config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=place.environ()) as running:
        assert running.stdout
        assert running.stderr
        assert running.stdout.read(3) == b'[{"'
        running.stdout.close()
        assert (running.wait(30), running.stderr.read()) in ((141, b""), (0, b""))


def test_a_change_reaches_all_of_it(place: Waypost) -> None:
    """Each message is changed once, and named once."""
    ids = listed(place)
    for words in (["release", "all", "--dry-run"], ["delete", "older:1s"]):
        done = place.command("queue", *words, "--json")
        assert (done.returncode, json.loads(done.stdout)) == (0, {"changed": ids, "busy": []})
    assert listed(place) == []


@pytest.mark.parametrize("members", [[], [1], [{"a": "x\ny", "b": [1, {"c": []}]}, {}, "ü"]])
@pytest.mark.parametrize("terminal", [True, False])
def test_a_list_in_parts_is_the_list(
    members: list[object],
    terminal: bool,  # noqa: FBT001 - a parameter of the test
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """JSON that is written member by member is what it would be as a whole."""
    monkeypatch.setattr(output, "on_terminal", lambda: terminal)
    output.json_out(members)
    whole = capsys.readouterr().out
    output.json_list([[member] for member in members] + [[]])
    assert capsys.readouterr().out == whole


@pytest.mark.parametrize("end", [KeyboardInterrupt(), FailureError("the server went away", Exit.TEMPORARY)], ids=["ctrl-c", "gone"])
def test_a_change_that_is_stopped_says_how_far_it_came(
    end: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was changed is changed, and the operator learns how much that is."""

    class Stopped:
        def pages(self, verb: str, **args: object) -> Iterator[dict[str, object]]:
            yield {"changed": ["A", "B"], "busy": [], "after": "x"}
            raise end

    monkeypatch.setattr(queue, "open_desk", lambda _: contextlib.nullcontext(Stopped()))
    code = main(["queue", "hold", "all"])
    told = capsys.readouterr()
    assert code == (Exit.TEMPORARY if isinstance(end, FailureError) else Exit.INTERRUPTED)
    assert told.err.startswith("waypost: stopped early: 2 of the messages are held\n")
    assert told.out == ""


def test_no_part_is_asked_for_in_vain() -> None:
    """Behind the last row that is shown nothing more is asked for."""
    asked = 0

    def parts() -> Iterator[list[int]]:
        nonlocal asked
        while True:
            asked += 1
            yield [1] * 10

    assert list(map(len, output.cut_parts(parts(), 20))) == [10, 10]
    assert asked == 2
