"""What every body of the spool promises of what operators do and see: each function is a promise. Run by ``test_contract.py``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from spool.spool_kit import DEFERRED, START, Hands, all_goes, all_of, envelope, now_due, put
from waypost.mail.content import MemoryContent
from waypost.spool.spool import LOOKED, PEOPLE, Change, Filter, Notice, Settlement, Spool, SpoolUnavailableError
from waypost.spool.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.spool.spool import Found, Standing, Telling


async def the_held_wait_for_release(spool: Spool, hands: Hands) -> None:
    """A settlement can park a recipient; it moves on only when released, and parking counts as no attempt."""
    await put(spool, envelope("bob@one.example"))
    (lease,) = await now_due(spool)
    await spool.settle(lease, [Settlement(position=0, outcome=DEFERRED, hold=True)])
    hands.turn(1_000_000)
    assert list(await now_due(spool)) == []
    (found,) = await spool.find(Filter(states=frozenset({State.HELD})))
    assert [found.envelope.id] == (await spool.alter(Filter(), Change.RELEASE)).messages
    (again,) = await now_due(spool)
    assert [waiting.attempts for waiting in again.waiting] == [0]


async def a_fresh_message_can_be_held(spool: Spool, hands: Hands) -> None:
    """Hold stops a message before its first attempt, release lets it go."""
    kept = await put(spool, envelope("bob@one.example", "eve@two.example"))
    assert [kept.id] == (await spool.alter(Filter(), Change.HOLD)).messages
    assert list(await now_due(spool)) == []
    assert (await spool.alter(Filter(), Change.HOLD)).messages == []
    await spool.alter(Filter(recipient="eve@two.example"), Change.RELEASE)
    assert [lease.domain for lease in await now_due(spool)] == ["two.example"]


async def retry_makes_the_deferred_due(spool: Spool, hands: Hands) -> None:
    """Retry brings the next attempt to this moment and wakes who waits."""
    await put(spool, envelope("bob@one.example"))
    (lease,) = await now_due(spool)
    await spool.settle(lease, all_of(lease, DEFERRED, next_attempt=hands.now + 3600))
    waiter = asyncio.create_task(spool.lease(1, (), wait=20))
    await asyncio.sleep(0.01)
    await spool.alter(Filter(), Change.RETRY)
    (again,) = await waiter
    assert [waiting.attempts for waiting in again.waiting] == [1]


async def failing_queues_the_notice_and_ends_the_message(spool: Spool, hands: Hands) -> None:
    """Fail gives up and queues the notice; of a message that is gone nothing is queued."""
    kept = await put(spool, envelope("bob@one.example"))
    notice = Notice(envelope=envelope("ada@sender.example", sender=None), content=MemoryContent(b"given up"))
    one = Filter(ids=frozenset({kept.id}))
    assert [kept.id] == (await spool.alter(one, Change.FAIL, telling=telling(notice))).messages
    assert [notice.envelope.id] == [found.envelope.id for found in await spool.find(Filter())]
    other = Notice(envelope=envelope("ada@sender.example", sender=None), content=MemoryContent(b"given up"))
    assert (await spool.alter(one, Change.FAIL, telling=telling(other))).messages == []
    assert [notice.envelope.id] == [lease.envelope.id for lease in await now_due(spool)]


def telling(notice: Notice, named: list[str] | None = None) -> Telling:
    """Composes ``notice``, and notes whom it would name."""

    async def compose(found: Found, changing: Sequence[Standing]) -> Sequence[Notice]:
        if named is not None:
            named.extend(one.recipient.mailbox.text for one in changing)
        return [notice]

    return compose


async def a_notice_names_those_who_change(spool: Spool, hands: Hands) -> None:
    """Whoever is being attempted when a message is failed is not named in its notice."""
    await put(spool, envelope("bob@one.example", "eve@two.example", "joe@two.example"))
    await now_due(spool, busy=["one.example"])
    named: list[str] = []
    notice = Notice(envelope=envelope("ada@sender.example", sender=None), content=MemoryContent(b"given up"))
    altered = await spool.alter(Filter(), Change.FAIL, telling=telling(notice, named))
    assert (len(altered.messages), altered.messages, named) == (1, altered.busy, ["bob@one.example"])


async def nobody_is_leased_while_a_notice_is_composed(spool: Spool, hands: Hands) -> None:
    """Between the look at a recipient and its end nobody takes it up; when no notice can be composed all goes on as before."""
    kept = await put(spool, envelope("bob@one.example", "eve@two.example"))
    leased: list[str] = []

    async def broken(found: Found, changing: Sequence[Standing]) -> Sequence[Notice]:
        leased.extend(lease.domain for lease in await now_due(spool))
        raise SpoolUnavailableError("content cannot be read")

    with pytest.raises(SpoolUnavailableError):
        await spool.alter(Filter(recipient="@two.example"), Change.FAIL, telling=broken)
    assert "two.example" not in leased
    leased.extend(lease.domain for lease in await now_due(spool))
    assert sorted(leased) == ["one.example", "two.example"]
    assert [kept.id] == [found.envelope.id for found in await spool.find(Filter())]


async def a_long_queue_is_looked_at_in_goes(spool: Spool, hands: Hands) -> None:
    """Each go looks at so many messages, the next begins behind it, and together they see each message once, in the order of ids."""
    ids = [(await put(spool, envelope("bob@one.example" if number % 3 else "eve@two.example"))).id for number in range(2 * LOOKED + 50)]
    goes = await all_goes(spool, Filter())
    assert list(map(len, goes)) == [LOOKED, LOOKED, 50]
    assert ids == [id_ for go in goes for id_ in go]
    seldom = await all_goes(spool, Filter(recipient="@two.example"))
    assert ids[::3] == [id_ for go in seldom for id_ in go]
    assert len(seldom) == 3
    assert [ids[7:10]] == (await all_goes(spool, Filter(limit=3), after=ids[6]))[:1]
    assert [[ids[-1]]] == await all_goes(spool, Filter(ids=frozenset(ids)), after=ids[-2])
    assert ids == [found.envelope.id for found in await spool.find(Filter())]


async def a_long_change_reaches_what_was_there_when_it_began(spool: Spool, hands: Hands) -> None:
    """The goes of one change together change each message once, and leave alone what came since, their own notices first of all."""
    ids = [(await put(spool, envelope("bob@one.example"))).id for _ in range(LOOKED + 5)]
    done: list[str] = []
    after: str | None = ""
    while after is not None:
        notice = Notice(envelope=envelope("ada@sender.example", sender=None), content=MemoryContent(b"given up"))
        altered = await spool.alter(Filter(), Change.FAIL, after=after, telling=once(notice))
        done += altered.messages
        after = altered.after
    assert ids == done
    assert [one.state for found in await spool.find(Filter()) for one in found.recipients] == [State.QUEUED] * 2
    with pytest.raises(ValueError, match="invalid literal"):
        await spool.alter(Filter(), Change.FAIL, after="nonsense")


def once(notice: Notice) -> Telling:
    """Tells of the first message alone."""
    left = [notice]

    async def compose(found: Found, changing: Sequence[Standing]) -> Sequence[Notice]:
        told, left[:] = list(left), []
        return told

    return compose


async def a_go_ends_early_where_messages_have_many_recipients(spool: Spool, hands: Hands) -> None:
    """A go looks at no further message once it has seen so many recipients."""
    crowd = [f"r{number}@one.example" for number in range(PEOPLE // 2)]
    for _ in range(5):
        await put(spool, envelope(*crowd))
    assert list(map(len, await all_goes(spool, Filter()))) == [2, 2, 1]


async def deleting_leaves_nothing(spool: Spool, hands: Hands) -> None:
    """Delete removes messages, attempted or not; of some recipients only those."""
    await put(spool, envelope("bob@one.example"))
    await put(spool, envelope("bob@one.example", "eve@two.example"))
    altered = await spool.alter(Filter(recipient="@ONE.example"), Change.DELETE)
    assert len(altered.messages) == 2
    assert [waiting.recipient.mailbox.text for lease in await now_due(spool) for waiting in lease.waiting] == ["eve@two.example"]


async def the_leased_are_left_alone(spool: Spool, hands: Hands) -> None:
    """What is being attempted is not altered but reported, its other recipients are altered."""
    kept = await put(spool, envelope("bob@one.example", "eve@two.example"))
    (lease,) = await now_due(spool, busy=["two.example"])
    altered = await spool.alter(Filter(), Change.DELETE)
    assert ([kept.id], [kept.id]) == (altered.messages, altered.busy)
    assert list(await now_due(spool)) == []
    await spool.settle(lease, all_of(lease, DEFERRED, next_attempt=hands.now + 1))
    assert [standing.state for standing in (await spool.find(Filter()))[0].recipients] == [State.DEFERRED, State.FAILED]


async def a_dry_run_changes_nothing(spool: Spool, hands: Hands) -> None:
    """A dry run says what would change."""
    kept = await put(spool, envelope("bob@one.example"))
    assert [kept.id] == (await spool.alter(Filter(), Change.DELETE, dry_run=True)).messages
    assert len(await now_due(spool)) == 1


async def filters_find_what_they_say(spool: Spool, hands: Hands) -> None:
    """Each field of a filter narrows what is found; the oldest comes first."""
    one = await put(spool, envelope("bob@one.example", arrived=START - 10))
    two = await put(spool, envelope("eve@two.example", arrived=START - 5, sender="Sue@other.example"))
    null = await put(spool, envelope("bob@one.example", arrived=START, sender=None))
    (lease,) = await now_due(spool, busy=["one.example"])
    rows = [
        ("all", Filter(), [one, two, null]),
        ("one id", Filter(ids=frozenset({two.id, "0" * 26})), [two]),
        ("an address", Filter(reverse_path="ada@SENDER.example"), [one]),
        ("the case of a local part matters", Filter(reverse_path="sue@other.example"), []),
        ("a domain", Filter(reverse_path="@other.example"), [two]),
        ("the null path", Filter(reverse_path="<>"), [null]),
        ("a recipient", Filter(recipient="bob@one.example"), [one, null]),
        ("a recipient's domain", Filter(recipient="@two.example"), [two]),
        ("the leased", Filter(states=frozenset({State.LEASED})), [two]),
        ("the queued", Filter(states=frozenset({State.QUEUED})), [one, null]),
        ("before, which is not at", Filter(arrived_before=START - 5), [one]),
        ("after, which is not at", Filter(arrived_after=START - 5), [null]),
        ("a limit", Filter(limit=2), [one, two]),
        ("none", Filter(limit=0), []),
        ("both fields", Filter(recipient="@one.example", reverse_path="<>"), [null]),
    ]
    for caption, wanted, expected in rows:
        assert [kept.id for kept in expected] == [found.envelope.id for found in await spool.find(wanted)], caption
    assert lease.envelope.id == two.id
