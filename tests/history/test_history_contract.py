from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

import apsw
import pytest

from waypost.clock import Clock
from waypost.history.memory import MemoryHistory
from waypost.history.settings import HistorySettings
from waypost.history.sqlite import SqliteHistory
from waypost.history.transcript import History, Line, Transcript
from waypost.store.database import FullError
from waypost.store.sqlite import Schema

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400.0
NOW = 1_700_000_000.0
CLOCK = Clock(wall=lambda: NOW, monotonic=lambda: 0.0)
Make = Callable[..., History]


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes a history of either body."""

    def history(**settings: int) -> History:
        body = HistorySettings(**settings)  # type: ignore[arg-type]  # numbers stand for numbers and truth alike
        return MemoryHistory(CLOCK, body) if request.param == "memory" else SqliteHistory(tmp_path, CLOCK, body)

    return history


def a_transcript(session: str, *messages: str, refused: str = "", began: float = NOW) -> Transcript:
    return Transcript(
        session=session,
        began=began,
        outbound=False,
        peer="192.0.2.1:4711",
        helo="a.example",
        tls="TLSv1.3 X",
        account="ada",
        messages=messages,
        refused=refused,
        lines=(Line(0.0, False, b"220 \xff\r\n", "greeting"), Line(0.25, True, b"QUIT\r\n")),
        omitted=7,
    )


def run(history: History, work: Callable[[History], Awaitable[None]]) -> None:
    async def main() -> None:
        try:
            await work(history)
        finally:
            if isinstance(history, SqliteHistory):
                history.close()

    asyncio.run(main())


async def recent(history: History, *, refused: bool = False, limit: int = 99) -> list[str]:
    return [each.session for each in await history.recent(refused=refused, limit=limit)]


def test_a_conversation_is_read_as_it_was_kept(make: Make) -> None:
    """Every octet, key and time comes back; an unknown session is None."""

    async def work(history: History) -> None:
        kept = a_transcript("S1", "M1", "M2", refused="relay-denied")
        history.keep(kept)
        assert await history.read("S1") == kept
        assert await history.read("S2") is None

    run(make(), work)


def test_the_newest_come_first_and_refusals_can_be_asked_for(make: Make) -> None:
    """``recent`` orders by keeping, filters refusals and obeys its limit."""

    async def work(history: History) -> None:
        for number in range(6):
            history.keep(a_transcript(f"S{number}", refused="relay-denied" if number % 2 else ""))
        assert await recent(history) == ["S5", "S4", "S3", "S2", "S1", "S0"]
        assert await recent(history, refused=True) == ["S5", "S3", "S1"]
        assert await recent(history, refused=True, limit=2) == ["S5", "S3"]
        assert await recent(history, limit=1) == ["S5"]

    run(make(), work)


def test_a_message_leads_to_its_conversations(make: Make) -> None:
    """``about`` gives those that brought or carried it, oldest first."""

    async def work(history: History) -> None:
        history.keep(a_transcript("in", "M1"))
        history.keep(a_transcript("other", "M2"))
        history.keep(a_transcript("out", "M2", "M1", "M1"))
        assert [each.session for each in await history.about("M1")] == ["in", "out"]
        assert await history.about("M3") == []

    run(make(), work)


def test_a_conversation_that_goes_on_takes_its_own_place(make: Make) -> None:
    """The same session kept again replaces what was kept of it."""

    async def work(history: History) -> None:
        history.keep(a_transcript("S", "M1"))
        await history.read("S")
        history.keep(a_transcript("S", "M2", refused="timeout"))
        assert await history.read("S") == a_transcript("S", "M2", refused="timeout")
        assert await recent(history) == ["S"]
        assert await history.about("M1") == []

    run(make(), work)


def test_the_oldest_go_beyond_the_bound(make: Make) -> None:
    """At the bound all stay; one past it the first is gone, and with it the way to it."""

    async def work(history: History) -> None:
        for number in range(3):
            history.keep(a_transcript(f"S{number}", f"M{number}"))
        assert await recent(history) == ["S2", "S1", "S0"]
        history.keep(a_transcript("S3"))
        assert await recent(history) == ["S3", "S2", "S1"]
        assert await history.about("M0") == []

    run(make(most=3), work)


def test_what_is_too_old_is_forgotten(make: Make) -> None:
    """Begun exactly so many days ago it stays; a second earlier it goes."""

    async def work(history: History) -> None:
        history.keep(a_transcript("edge", began=NOW - 2 * DAY))
        history.keep(a_transcript("past", began=NOW - 2 * DAY - 1))
        assert await recent(history) == ["edge"]

    run(make(days=2), work)


def test_no_bounds_keep_all(make: Make) -> None:
    """Zero days and zero conversations mean no bound."""

    async def work(history: History) -> None:
        for number in range(4):
            history.keep(a_transcript(f"S{number}", began=0.0))
        assert len(await recent(history)) == 4

    run(make(days=0, most=0), work)


def test_nothing_is_kept_when_switched_off(make: Make) -> None:
    """``keep = false`` keeps no conversation."""

    async def work(history: History) -> None:
        history.keep(a_transcript("S"))
        assert await recent(history) == []

    run(make(keep=False), work)


def test_a_flood_is_dropped_and_counted(tmp_path: Path) -> None:
    """At the bound of the queue nothing is dropped; one past it is, and is counted; keeping never waits."""

    async def main() -> None:
        history = SqliteHistory(tmp_path, CLOCK, HistorySettings(waiting=3))
        for number in range(3):
            history.keep(a_transcript(f"S{number}"))
        assert history.dropped == 0
        history.keep(a_transcript("S3"))
        assert history.dropped == 1
        assert await recent(history) == ["S2", "S1", "S0"]
        history.close()

    asyncio.run(main())


def test_closing_writes_what_waits(tmp_path: Path) -> None:
    """What was queued before the end is there after the start."""

    async def before() -> None:
        history = SqliteHistory(tmp_path, CLOCK)
        history.keep(a_transcript("S1"))
        first = asyncio.ensure_future(history.read("S1"))
        await asyncio.sleep(0)
        history.keep(a_transcript("S2"))
        await asyncio.wait((first,))
        history.keep(a_transcript("S3"))
        history.close()

    async def after() -> list[str]:
        history = SqliteHistory(tmp_path, CLOCK)
        found = await recent(history)
        history.close()
        return found

    asyncio.run(before())
    assert asyncio.run(after()) == ["S3", "S2", "S1"]


def test_a_closed_store_costs_the_conversation_and_nothing_else(tmp_path: Path) -> None:
    """keep() never raises: what cannot be written is counted."""

    async def main() -> None:
        history = SqliteHistory(tmp_path, CLOCK)
        history.close()
        history.keep(a_transcript("S"))
        history.close()
        assert history.dropped == 1

    asyncio.run(main())


def test_the_history_schema_equals_its_migrations() -> None:
    """What the steps make is what the schema says."""
    schema = Schema.of("waypost.history")

    def made(*scripts: str) -> list[tuple[object, ...]]:
        connection = apsw.Connection(":memory:")
        for script in scripts:
            connection.execute(script)
        found = list(connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name"))
        connection.close()
        return found

    assert made(*schema.migrations) == made(schema.text)


def test_a_batch_that_fails_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that cannot write costs conversations, not mail, and the next batch is tried anew."""

    async def main() -> None:
        history = SqliteHistory(tmp_path, CLOCK)
        with monkeypatch.context() as broken:
            broken.setattr(history, "_keep", _fail)
            history.keep(a_transcript("S1"))
            assert await history.read("S1") is None
            assert history.dropped == 1
        history.keep(a_transcript("S2"))
        assert await recent(history) == ["S2"]
        history.close()

    asyncio.run(main())


def _fail(*_: object) -> None:
    raise FullError("no space left")
