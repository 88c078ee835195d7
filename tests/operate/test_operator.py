"""The operator's verbs over the shipped fakes: what goes in and out is plain JSON."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from waypost.clock import Clock
from waypost.history.memory import MemoryHistory
from waypost.history.transcript import Line, Transcript
from waypost.inbox.inbox import Captured
from waypost.inbox.memory import MemoryInbox
from waypost.mail import identifier
from waypost.mail.content import MemoryContent
from waypost.mail.envelope import Envelope, Notify, Origin, Recipient
from waypost.mail.outcome import Action, Heard, Outcome
from waypost.mail.path import Mailbox
from waypost.operate.failing import Voice
from waypost.operate.operator import SHOWN, Operator, Stores
from waypost.operate.verbs import OperatorError
from waypost.replies import Key, say
from waypost.report.settings import NoticeSettings
from waypost.spool.memory import MemorySpool
from waypost.spool.settings import QueueSettings
from waypost.spool.spool import LOOKED, Settlement

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

NOW = 1_800_000_000.0
CLOCK = Clock(wall=lambda: NOW, monotonic=lambda: 5.0)
ADA = Mailbox("ada", "example.org", "ada@example.org")
BOB = Recipient(Mailbox("bob", "example.net", "bob@example.net"))
EVE = Recipient(Mailbox("eve", "example.com", "eve@example.com"), frozenset({Notify.NEVER}))
MESSAGE = b"Subject: hello\r\nFrom: ada@example.org\r\n\r\nhi\r\n"
REFUSED = Outcome(
    action=Action.DEFERRED,
    key=Key.REMOTE_DEFERRED,
    status="4.2.1",
    heard=Heard(code=450, status="4.2.1", lines=("Greylisted,\x1b[2J come back",), command="RCPT"),
    next_hop="mx.example.net[192.0.2.1]:25",
)


VOICE = Voice(hostname="mx.example.org", postmaster="postmaster@mx.example.org", notices=NoticeSettings())


class House:
    """Stores with one message in the queue, and the operator over them."""

    def __init__(self) -> None:
        self.stores = Stores(spool=MemorySpool(CLOCK), inbox=MemoryInbox(CLOCK), history=MemoryHistory(CLOCK))
        self.operator = Operator([self.stores], queue=QueueSettings(), voice=VOICE, clock=CLOCK)

    async def queue(self, *recipients: Recipient) -> str:
        origin = Origin(client="192.0.2.9", helo="laptop\u202e", protocol="ESMTP", session=identifier.new(NOW))
        envelope = Envelope(
            id=identifier.new(NOW), reverse_path=ADA, recipients=recipients, arrived=NOW - 60, size=len(MESSAGE), origin=origin
        )
        draft = self.stores.spool.draft()
        draft.write(MESSAGE)
        await self.stores.spool.put(envelope, draft)
        return envelope.id

    async def defer(self, domain: str) -> None:
        for lease in await self.stores.spool.lease(10, (), wait=0.0):
            results = [Settlement(position=one.position, outcome=REFUSED, next_attempt=NOW + 300) for one in lease.waiting]
            await self.stores.spool.settle(lease, results if lease.domain == domain else [])

    async def call(self, verb: str, **args: Any) -> Any:
        """Ask, as through the socket: what comes back must survive JSON."""
        return json.loads(json.dumps(await self.operator.call(verb, args)))


def play(scene: Callable[[House], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        return await scene(House())

    return asyncio.run(run())


def test_the_queue_is_listed_with_each_recipient() -> None:
    """Every recipient has its state, its next attempt and the last answer, without control characters."""

    async def scene(house: House) -> Any:
        await house.queue(BOB, EVE)
        await house.defer("example.net")
        return (await house.call("queue.list", filter=[]))["rows"]

    (row,) = play(scene)
    bob, eve = row["recipients"]
    assert (bob["state"], bob["attempts"], bob["next_attempt"]) == ("deferred", 1, NOW + 300)
    assert bob["reply"] == "450 4.2.1 Greylisted,\N{REPLACEMENT CHARACTER}[2J come back"
    assert (eve["state"], eve["reply"], eve["detail"]) == ("queued", None, None)


def test_one_message_is_shown_with_the_reasons_why_it_waits() -> None:
    """The last reply is explained in the wanted language, the rule is named, the next attempts and the end are there."""

    async def scene(house: House) -> Any:
        id_ = await house.queue(BOB)
        await house.defer("example.net")
        return await house.call("queue.show", id=id_.lower(), lang="zh")

    row = play(scene)
    (bob,) = row["recipients"]
    assert bob["rule"] == "queue.retry[0] = 300 s, varied by up to queue.jitter = 20 %"
    assert any("\u4e00" <= letter <= "\u9fff" for letter in bob["explanation"]["meaning"])
    assert (row["plan"][0], len(row["plan"]), row["expires"]) == (NOW + 300, 10, NOW - 60 + 432_000)
    assert row["helo"] == "laptop\N{REPLACEMENT CHARACTER}"


def test_a_long_list_lets_others_have_their_turn() -> None:
    """While rows of a long queue are made, the loop goes on with what else there is to do."""

    async def scene(house: House) -> Any:
        for _ in range(450):
            await house.queue(BOB)
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.ensure_future(other())
        listed = await listing(house)
        task.cancel()
        return list(map(len, listed)), turns >= 2

    assert play(scene) == ([LOOKED] * 4 + [50], True)


async def listing(house: House) -> list[list[str]]:
    """The ids of each page of the queue."""
    pages = []
    after: Any = None
    while not pages or after is not None:
        page = await house.call("queue.list", filter=[], after=after)
        pages.append([row["id"] for row in page["rows"]])
        after = page["after"]
    return pages


def test_a_change_of_a_long_queue_comes_in_pages() -> None:
    """Each page does a part; the notices that the change itself queues are none of its business, whenever it comes to them."""

    async def scene(house: House) -> Any:
        ids = sorted([await house.queue(BOB) for _ in range(LOOKED + 50)])
        first = await house.call("queue.alter", change="fail", filter=["all"])
        second = await house.call("queue.alter", change="fail", filter=["all"], after=first["after"])
        left = [id_ for page in await listing(house) for id_ in page]
        return ids, [first["changed"], second["changed"]], second["after"], len(left), set(left) & set(ids)

    ids, changed, after, left, same = play(scene)
    assert (ids[:LOOKED], ids[LOOKED:]) == tuple(changed)
    assert (after, left, same) == (None, LOOKED + 50, set())


def test_a_change_of_everything_must_be_said() -> None:
    """No filter is no order; all is."""

    async def scene(house: House) -> Any:
        id_ = await house.queue(BOB)
        with pytest.raises(OperatorError, match="say which messages"):
            await house.call("queue.alter", change="delete", filter=[])
        return id_, await house.call("queue.alter", change="delete", filter=["all"]), await listing(house)

    id_, done, left = play(scene)
    assert (done, left) == ({"changed": [id_], "busy": [], "after": None}, [[]])


def test_a_dry_run_changes_nothing() -> None:
    """What would change is named and stays as it is."""

    async def scene(house: House) -> Any:
        id_ = await house.queue(BOB)
        done = await house.call("queue.alter", change="hold", filter=["to:@example.net"], dry_run=True)
        (row,) = (await house.call("queue.list", filter=[]))["rows"]
        return id_, done, row["recipients"][0]["state"]

    id_, done, state = play(scene)
    assert (done["changed"], state) == ([id_], "queued")


def test_failing_tells_the_sender_of_those_who_want_to_know() -> None:
    """One notice in the same transaction, about Bob; NOTIFY=NEVER keeps Eve out of it."""

    async def scene(house: House) -> Any:
        await house.queue(BOB, EVE)
        await house.call("queue.alter", change="fail", filter=["all"])
        leases = await house.stores.spool.lease(10, (), wait=0.0)
        return [(lease.envelope.reverse_path, lease.domain, lease.content.octets) for lease in leases]

    ((path, domain, octets),) = play(scene)
    assert (path, domain) == (None, "example.org")
    assert b"bob@example.net" in octets
    assert b"eve@example.com" not in octets


JOE = Recipient(Mailbox("joe", "example.com", "joe@example.com"))


@pytest.mark.parametrize("together", [True, False])
def test_failing_tells_of_nobody_who_moved_on_meanwhile(together: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Joe, who is taken up in the instant of the change, is left alone and in no notice, be he of the same message as Bob or of another."""

    async def scene(house: House) -> Any:
        queued = [await house.queue(BOB, JOE)] if together else [await house.queue(BOB), await house.queue(JOE)]
        spool = house.stores.spool
        alter = spool.alter

        async def overtaken(*args: Any, **more: Any) -> Any:
            await spool.lease(1, ("example.net",), wait=0.0)
            return await alter(*args, **more)

        spool.alter = overtaken  # type: ignore[method-assign]  # somebody is quicker
        done = await house.call("queue.alter", change="fail", filter=["all"])
        notices = [lease.content.octets for lease in await spool.lease(10, (), wait=0.0)]
        return queued[-1], done, notices

    left, done, (notice,) = play(scene)
    assert (done["busy"], len(done["changed"])) == ([left], 1)
    assert b"bob@example.net" in notice
    assert b"joe@example.com" not in notice


def test_failing_some_recipients_speaks_of_those_alone() -> None:
    """A filter by recipient gives up that recipient; the other goes on."""

    async def scene(house: House) -> Any:
        await house.queue(BOB, Recipient(Mailbox("joe", "example.com", "joe@example.com")))
        await house.call("queue.alter", change="fail", filter=["to:@example.net"])
        leases = await house.stores.spool.lease(10, (), wait=0.0)
        return sorted((lease.domain, lease.envelope.reverse_path is None) for lease in leases), [
            lease.content.octets for lease in leases if lease.envelope.reverse_path is None
        ]

    domains, (notice,) = play(scene)
    assert domains == [("example.com", False), ("example.org", True)]
    assert b"joe@example.com" not in notice


def test_a_captured_message_is_shown_with_its_conversation() -> None:
    """Envelope, source and each reply explained."""

    async def scene(house: House) -> Any:
        session = identifier.new(NOW)
        origin = Origin(session=session)
        envelope = Envelope(id=identifier.new(NOW), reverse_path=None, recipients=(BOB,), arrived=NOW, origin=origin)
        await house.stores.inbox.keep(envelope, MemoryContent(MESSAGE))
        line = Line(0.5, from_client=False, octets=say(Key.MAIL_ACCEPTED).wire, key=Key.MAIL_ACCEPTED)
        house.stores.history.keep(
            Transcript(
                session=session,
                began=NOW,
                outbound=False,
                peer="192.0.2.9:5",
                helo="x",
                tls="",
                account="",
                messages=(envelope.id,),
                refused="",
                lines=(line,),
            )
        )
        shown = await house.call("inbox.show", id=envelope.id)
        return shown, await house.call("trace", id=envelope.id), await house.call("inbox.wait", filter=["subject:HELLO"], seconds=0)

    shown, trace, waited = play(scene)
    assert (shown["from"], shown["subject"], shown["to"]) == ("<>", "hello", ["bob@example.net"])
    assert shown["headers"].startswith("Return-Path: <>\r\nSubject: hello")
    assert shown["conversation"]["lines"][0]["explanation"]["title"]
    assert trace == shown["conversation"]
    assert waited["id"] == shown["id"]


@dataclass(frozen=True)
class AtRest:
    """Content that is read in pieces, as that of large messages is."""

    pieces: tuple[bytes, ...]
    octets: None = None

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces))

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


@pytest.mark.parametrize("offset", [0, 1, SHOWN - 1, SHOWN, SHOWN + 1, SHOWN + 5, SHOWN + 6, SHOWN + 99])
def test_a_large_source_is_given_piece_by_piece(monkeypatch: pytest.MonkeyPatch, offset: int) -> None:
    """From any octet on, at most ``SHOWN``; nothing where nothing is left."""
    octets = bytes(range(256)) * (SHOWN // 256) + b"\r\nend"
    content = AtRest(tuple(octets[at : at + 262_144] for at in range(0, len(octets), 262_144)))
    envelope = Envelope(id=identifier.new(NOW), reverse_path=None, recipients=(BOB,), arrived=NOW, origin=Origin())
    captured = Captured(id=envelope.id, captured=NOW, envelope=envelope, subject="", message_id="", size=len(octets))

    async def opened(*_: object) -> tuple[Captured, AtRest]:
        return captured, content

    async def scene(house: House) -> Any:
        monkeypatch.setattr(house.stores.inbox, "open", opened)
        return await house.call("inbox.source", id=envelope.id, offset=offset)

    assert base64.b64decode(play(scene)) == octets[offset : offset + SHOWN]


def test_shards_are_listed_as_one() -> None:
    """Over several shards the newest captured message is the first, the oldest that waits is, and a limit is that of all."""

    async def scene(house: House) -> Any:
        other = House()
        for number, shard in enumerate([house, other, house, other]):
            origin = Origin(session=identifier.new(NOW))
            id_ = identifier.new(NOW + number)
            envelope = Envelope(id=id_, reverse_path=None, recipients=(BOB,), arrived=NOW + number, origin=origin)
            moved = Clock(wall=lambda number=number: NOW + number, monotonic=lambda: 5.0)  # type: ignore[misc]  # bound early on purpose
            shard.stores.inbox._clock = moved  # type: ignore[attr-defined]  # the fake's own
            await shard.stores.inbox.keep(envelope, MemoryContent(b"Subject: %d\r\n\r\n" % number))
            draft = shard.stores.spool.draft()
            draft.write(MESSAGE)
            await shard.stores.spool.put(envelope, draft)
        operator = Operator([house.stores, other.stores], queue=QueueSettings(), voice=VOICE, clock=CLOCK)
        captured = await operator.call("inbox.list", {"filter": [], "limit": 3})
        waiting = await operator.call("queue.list", {"filter": [], "limit": 3})
        rest = await operator.call("queue.list", {"filter": [], "after": waiting["after"]})
        done = await operator.call("queue.alter", {"change": "hold", "filter": ["all"]})
        more = await operator.call("queue.alter", {"change": "hold", "filter": ["all"], "after": done["after"]})
        shown = [[row["arrived"] - NOW for row in page["rows"]] for page in (waiting, rest)]
        return [row["subject"] for row in captured], shown, [len(page["changed"]) for page in (done, more)], more["after"]

    assert play(scene) == (["3", "2", "1"], [[0.0, 1.0, 2.0], [3.0]], [2, 2], None)


@pytest.mark.parametrize("verb", ["queue.show", "inbox.show", "inbox.source", "trace"])
def test_what_is_not_there_is_none(verb: str) -> None:
    """An unknown id is no error, and a hostile one no path."""

    async def scene(house: House) -> Any:
        return await house.call(verb, id="../../etc/passwd")

    assert play(scene) is None


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("nonsense", {}),
        ("queue.alter", {"filter": ["all"]}),
        ("queue.alter", {"filter": ["all"], "change": "hold", "after": "x"}),
        ("queue.list", {}),
        ("inbox.wait", {}),
    ],
)
def test_a_wrong_question_is_one_sentence(verb: str, args: dict[str, Any]) -> None:
    """Unknown verbs and missing arguments end in an OperatorError, never in a traceback."""

    async def scene(house: House) -> None:
        with pytest.raises(OperatorError):
            await house.call(verb, **args)

    play(scene)
