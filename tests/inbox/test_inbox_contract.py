from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from waypost.clock import Clock
from waypost.inbox.inbox import Captured, Inbox, Search
from waypost.inbox.memory import MemoryInbox
from waypost.inbox.settings import InboxSettings
from waypost.inbox.sqlite import PIECE, SqliteInbox
from waypost.mail import identifier
from waypost.mail.content import MemoryContent
from waypost.mail.envelope import Body, Envelope, Notify, Origin, Recipient, Return
from waypost.smtp.grammar import parse_mailbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from pathlib import Path

    from waypost.mail.content import Content

DAY = 86_400.0
SMALL = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@a>\r\n\r\nHello\r\n"


class Streamed:
    """Content that is never at hand as a whole."""

    octets = None

    def __init__(self, octets: bytes, *, torn: bool = False) -> None:
        self._octets = octets
        self._torn = torn
        self.size = len(octets)

    async def chunks(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._octets), 100_000):
            yield self._octets[start : start + 100_000]
        if self._torn:
            raise ConnectionError("the content broke off")


class Hands:
    """A clock whose hands the test turns."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def clock(self) -> Clock:
        return Clock(wall=lambda: self.now, monotonic=lambda: self.now)


Make = Callable[..., Inbox]


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture(params=["memory", "sqlite"])
def make(request: pytest.FixtureRequest, tmp_path: Path, hands: Hands) -> Iterator[Make]:
    """Makes an inbox of either body; the same one again on the same folder."""
    opened: list[SqliteInbox] = []

    def inbox(**settings: int) -> Inbox:
        if request.param == "memory":
            return MemoryInbox(hands.clock(), InboxSettings(**settings))
        opened.append(SqliteInbox(tmp_path, hands.clock(), InboxSettings(**settings)))
        return opened[-1]

    yield inbox
    for each in opened:
        each.close()


def an_envelope(*to: str, sender: str | None = "ada@example.org", id_: str = "") -> Envelope:
    return Envelope(
        id=id_ or identifier.new(1_700_000_000.0),
        reverse_path=None if sender is None else parse_mailbox(sender),
        recipients=tuple(Recipient(parse_mailbox(each)) for each in to or ("bob@example.net",)),
        arrived=1_700_000_000.0,
    )


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await work()

    asyncio.run(main())


async def octets(content: Content) -> bytes:
    return b"".join([piece async for piece in content.chunks()])


async def opened(inbox: Inbox, id_: str) -> tuple[Captured, bytes]:
    found = await inbox.open(id_)
    assert found is not None
    assert found[1].size == len(await octets(found[1]))
    return found[0], await octets(found[1])


async def ids(inbox: Inbox, **wanted: object) -> Sequence[str]:
    return [each.id for each in await inbox.list(Search(**wanted))]  # type: ignore[arg-type]  # the fields are those of Search


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 17])
@pytest.mark.parametrize("kind", [MemoryContent, Streamed])
def test_content_comes_back_octet_for_octet(make: Make, kind: Callable[[bytes], Content], size: int) -> None:
    """Whatever its size and source, the content is what was kept, with Return-Path on top."""

    async def work() -> None:
        inbox, envelope = make(), an_envelope()
        sent = (SMALL + bytes(range(256)) * (size // 256 + 1))[:size]
        await inbox.keep(envelope, kind(sent))
        captured, kept = await opened(inbox, envelope.id)
        assert kept == b"Return-Path: <ada@example.org>\r\n" + sent
        assert captured.size == size

    run(work)


def test_what_is_kept_describes_itself(make: Make, hands: Hands) -> None:
    """Envelope, decoded subject, Message-ID, size and moment are those of the message."""
    envelope = Envelope(
        id=identifier.new(hands.now),
        reverse_path=None,
        recipients=(Recipient(parse_mailbox("grüße@example.net"), frozenset({Notify.SUCCESS, Notify.DELAY}), "rfc822;x+2By"),),
        arrived=5.5,
        size=7,
        body=Body.EIGHT_BIT,
        smtputf8=True,
        ret=Return.HDRS,
        envid="e+2Bid",
        origin=Origin(client="::1", port=9, helo="h", protocol="ESMTPSA", tls="TLSv1.3 X", account="ada", session="S"),
    )

    async def work() -> None:
        inbox = make()
        await inbox.keep(envelope, MemoryContent(SMALL))
        expected = Captured(id=envelope.id, captured=hands.now, envelope=envelope, subject="Grüße", message_id="<1@a>", size=len(SMALL))
        assert await inbox.list(Search()) == [expected]
        captured, kept = await opened(inbox, envelope.id)
        assert captured == expected
        assert kept.startswith(b"Return-Path: <>\r\nSubject:")

    run(work)


def test_the_same_id_adds_its_recipients(make: Make) -> None:
    """A second delivery of a message adds recipients; the same once more changes nothing."""

    async def work() -> None:
        inbox, envelope = make(), an_envelope("a@x.example")
        other = replace(envelope, recipients=an_envelope("b@y.example").recipients)
        for each in (envelope, other, other, envelope):
            await inbox.keep(each, MemoryContent(SMALL))
        (captured,) = await inbox.list(Search())
        assert captured.envelope.recipients == envelope.recipients + other.recipients
        assert await ids(inbox, recipient="b@y.example") == [envelope.id]
        assert (await opened(inbox, envelope.id))[1].endswith(SMALL)

    run(work)


def test_two_large_deliveries_of_one_message_at_once_are_one_message(make: Make) -> None:
    """Leases of two domains deliver the same content at the same time; it is kept once, for both."""

    async def work() -> None:
        inbox, envelope = make(), an_envelope("a@x.example")
        other = replace(envelope, recipients=an_envelope("b@y.example").recipients)
        sent = SMALL + b"x" * (2 * PIECE)
        await asyncio.gather(*(inbox.keep(each, Streamed(sent)) for each in (envelope, other)))
        (captured,) = await inbox.list(Search())
        assert {each.mailbox.text for each in captured.envelope.recipients} == {"a@x.example", "b@y.example"}
        assert (await opened(inbox, envelope.id))[1].endswith(sent)

    run(work)


def test_lists_are_newest_first_and_bounded(make: Make) -> None:
    """The newest comes first; ``limit`` keeps that many."""

    async def work() -> None:
        inbox, kept = make(), [an_envelope() for _ in range(3)]
        for each in kept:
            await inbox.keep(each, MemoryContent(SMALL))
        assert await ids(inbox) == [kept[2].id, kept[1].id, kept[0].id]
        assert await ids(inbox, limit=2) == [kept[2].id, kept[1].id]
        assert await ids(inbox, limit=0) == []

    run(work)


SEARCHES = [
    ({"reverse_path": "ADA@Example.ORG"}, ["one"]),
    ({"reverse_path": "@example.org"}, ["one"]),
    ({"reverse_path": "<>"}, ["two"]),
    ({"reverse_path": ""}, ["two"]),
    ({"reverse_path": "nobody@example.org"}, []),
    ({"recipient": "bob@example.net"}, ["one"]),
    ({"recipient": "<Bob@Example.NET>"}, ["one"]),
    ({"recipient": "@bücher.example"}, ["two"]),
    ({"recipient": "@xn--bcher-kva.example"}, ["two"]),
    ({"recipient": "@net"}, []),
    ({"recipient": "postmaster"}, ["two"]),
    ({"subject": "GRÜSSE"}, []),
    ({"subject": "grü"}, ["one"]),
    ({"subject": "%"}, []),
    ({"subject": ""}, ["two", "one"]),
    ({"after": 1_700_000_000.0}, ["two"]),
    ({"after": 1_699_999_999.0}, ["two", "one"]),
    ({"after": 1_700_000_001.0}, []),
    ({"before": 1_700_000_000.0}, ["one"]),
    ({"before": 1_700_000_001.0}, ["two", "one"]),
    ({"before": 1_699_999_999.0}, []),
    ({"after": 1_700_000_000.0, "before": 1_700_000_000.5}, []),
    ({"reverse_path": "@example.org", "subject": "nothing"}, []),
    ({"reverse_path": "@example.org", "subject": "ü", "recipient": "bob@example.net"}, ["one"]),
]


@pytest.mark.parametrize(("wanted", "found"), SEARCHES, ids=[str(wanted) for wanted, _ in SEARCHES])
def test_a_search_finds_what_matches_all_of_it(make: Make, hands: Hands, wanted: dict[str, object], found: list[str]) -> None:
    """Each field narrows; addresses compare without case; ``@domain`` means the whole domain and no other."""

    async def work() -> None:
        inbox = make()
        names = {}
        one = an_envelope("bob@example.net", "x@example.com")
        await inbox.keep(one, MemoryContent(SMALL.replace(b"=C3=9Fe", b"n")))
        hands.now += 1
        two = an_envelope("y@bücher.example", "postmaster", sender=None)
        await inbox.keep(two, MemoryContent(b"\r\n"))
        names = {one.id: "one", two.id: "two"}
        assert [names[each] for each in await ids(inbox, **wanted)] == found

    run(work)


def test_ids_are_searched(make: Make) -> None:
    """The ids that are given, and no other."""

    async def work() -> None:
        inbox, kept = make(), [an_envelope() for _ in range(3)]
        for each in kept:
            await inbox.keep(each, MemoryContent(SMALL))
        assert await ids(inbox, ids=frozenset({kept[0].id, kept[2].id, "x"})) == [kept[2].id, kept[0].id]
        assert await ids(inbox, ids=frozenset({"x"})) == []

    run(work)


def test_what_is_not_there_is_none(make: Make) -> None:
    """Opening an unknown id gives None."""

    async def work() -> None:
        assert await make().open("01ARZ3NDEKTSV4RRFFQ69G5FAV") is None

    run(work)


def test_waiting_gives_what_is_there_already(make: Make) -> None:
    """A message that was kept before is given at once."""

    async def work() -> None:
        inbox, envelope = make(), an_envelope()
        await inbox.keep(envelope, MemoryContent(SMALL))
        found = await inbox.wait(Search(recipient="bob@example.net"), seconds=0)
        assert found is not None
        assert found.id == envelope.id

    run(work)


def test_waiting_wakes_up_when_it_comes(make: Make) -> None:
    """Those who wait get the first message that matches, and none that does not."""

    async def work() -> None:
        inbox, envelope = make(), an_envelope("carol@example.net")
        async with asyncio.TaskGroup() as group:
            waiters = [group.create_task(inbox.wait(Search(recipient="carol@example.net"), seconds=30)) for _ in range(3)]
            await asyncio.sleep(0)
            await inbox.keep(an_envelope(), MemoryContent(SMALL))
            await inbox.keep(envelope, MemoryContent(SMALL))
        assert [each.result() and each.result().id for each in waiters] == [envelope.id] * 3  # type: ignore[union-attr]  # checked before the dot

    run(work)


def test_a_recipient_that_comes_later_wakes_too(make: Make) -> None:
    """A merge that makes a message match ends the wait."""

    async def work() -> None:
        inbox, envelope = make(), an_envelope()
        await inbox.keep(envelope, MemoryContent(SMALL))
        async with asyncio.TaskGroup() as group:
            waiter = group.create_task(inbox.wait(Search(recipient="late@example.net"), seconds=30))
            await asyncio.sleep(0)
            await inbox.keep(replace(envelope, recipients=an_envelope("late@example.net").recipients), MemoryContent(SMALL))
        found = waiter.result()
        assert found is not None
        assert found.id == envelope.id

    run(work)


def test_waiting_ends_with_none(make: Make) -> None:
    """When nothing comes in time the answer is None."""

    async def work() -> None:
        assert await make().wait(Search(), seconds=0.01) is None

    run(work)


def test_deleting_deletes_what_matches(make: Make) -> None:
    """What matched is gone, with its content; the rest stays; the count says how many."""

    async def work() -> None:
        inbox, kept = make(), [an_envelope(f"user{number}@example.net") for number in range(4)]
        for each in kept:
            await inbox.keep(each, Streamed(SMALL))
        assert await inbox.delete(Search(recipient="user1@example.net")) == 1
        assert await inbox.delete(Search(recipient="user1@example.net")) == 0
        assert await inbox.open(kept[1].id) is None
        assert await inbox.delete(Search(limit=1)) == 1
        assert await ids(inbox) == [kept[2].id, kept[0].id]
        assert await inbox.delete(Search()) == 2
        await inbox.keep(kept[1], MemoryContent(b"again"))
        assert (await opened(inbox, kept[1].id))[1].endswith(b"again")

    run(work)


def test_the_oldest_go_beyond_the_bound(make: Make) -> None:
    """At the bound all stay; one message past it the oldest is gone. No bound keeps all."""

    async def work() -> None:
        inbox, kept = make(messages=3), [an_envelope() for _ in range(4)]
        for each in kept[:3]:
            await inbox.keep(each, MemoryContent(SMALL))
        assert len(await ids(inbox)) == 3
        await inbox.keep(kept[3], MemoryContent(SMALL))
        assert await ids(inbox) == [kept[3].id, kept[2].id, kept[1].id]

    run(work)


def test_no_bound_keeps_everything(make: Make) -> None:
    """Zero means no limit, of number and of age."""

    async def work() -> None:
        inbox = make(messages=0, days=0)
        for _ in range(5):
            await inbox.keep(an_envelope(), MemoryContent(SMALL))
        assert len(await ids(inbox)) == 5

    run(work)


def test_what_is_too_old_goes(make: Make, hands: Hands) -> None:
    """A message of exactly the age stays; a second older it is gone."""

    async def work() -> None:
        inbox, old = make(days=2), an_envelope()
        await inbox.keep(old, MemoryContent(SMALL))
        hands.now += 2 * DAY
        await inbox.keep(an_envelope(), MemoryContent(SMALL))
        assert old.id in await ids(inbox)
        hands.now += 1
        await inbox.keep(an_envelope(), MemoryContent(SMALL))
        assert old.id not in await ids(inbox)

    run(work)


def test_content_that_breaks_off_leaves_nothing(make: Make) -> None:
    """A keep that fails keeps nothing, and the same message can be kept again."""

    async def work() -> None:
        inbox, envelope = make(), an_envelope()
        with pytest.raises(ConnectionError):
            await inbox.keep(envelope, Streamed(SMALL + b"x" * PIECE, torn=True))
        assert await ids(inbox) == []
        await inbox.keep(envelope, Streamed(SMALL))
        assert (await opened(inbox, envelope.id))[1].endswith(SMALL)

    run(work)
