"""The contract of the spool: each function is a promise that every body keeps. Run by ``test_contract.py``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from spool.spool_kit import DEFERRED, FAILED, RELAYED, START, Hands, all_goes, all_of, envelope, now_due, octets, put
from waypost.mail.content import MemoryContent
from waypost.spool.spool import LOOKED, PEOPLE, Change, Filter, LeaseLostError, Notice, Settlement, Spool, SpoolUnavailableError
from waypost.spool.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from waypost.spool.spool import Found, Standing, Telling


async def a_message_put_is_leased_with_its_content(spool: Spool, hands: Hands) -> None:
    """What was put is leased as it was put."""
    kept = await put(spool, envelope("bob@one.example"), b"Subject: hello\r\n\r\nHello\r\n")
    (lease,) = await now_due(spool)
    assert kept == lease.envelope
    assert lease.domain == "one.example"
    assert [(waiting.position, waiting.attempts, waiting.first_attempt, waiting.last) for waiting in lease.waiting] == [(0, 0, None, None)]
    assert await octets(lease.content) == b"Subject: hello\r\n\r\nHello\r\n"
    assert lease.content.size == 25


async def empty_content_is_content(spool: Spool, hands: Hands) -> None:
    """A message without an octet is a message."""
    await put(spool, envelope("bob@one.example"), b"")
    (lease,) = await now_due(spool)
    assert await octets(lease.content) == b""


async def nothing_is_leased_twice(spool: Spool, hands: Hands) -> None:
    """While a lease stands its recipients are given to nobody else."""
    await put(spool, envelope("bob@one.example"))
    first, second = await asyncio.gather(now_due(spool), now_due(spool))
    assert len([*first, *second]) == 1
    assert list(await now_due(spool)) == []


async def a_settled_message_is_gone(spool: Spool, hands: Hands) -> None:
    """When every recipient is settled nothing is left of the message."""
    await put(spool, envelope("bob@one.example"))
    (lease,) = await now_due(spool)
    await spool.settle(lease, all_of(lease))
    assert list(await spool.find(Filter())) == []
    assert list(await now_due(spool)) == []


async def recipients_of_a_domain_are_leased_together(spool: Spool, hands: Hands) -> None:
    """Recipients that share a domain come in one lease, others in another; one settled leaves the other."""
    await put(spool, envelope("a@one.example", "b@two.example", "c@one.example"))
    leases = {lease.domain: lease for lease in await now_due(spool)}
    assert {domain: [waiting.position for waiting in lease.waiting] for domain, lease in leases.items()} == {
        "one.example": [0, 2],
        "two.example": [1],
    }
    await spool.settle(leases["one.example"], all_of(leases["one.example"]))
    (found,) = await spool.find(Filter())
    assert [standing.state for standing in found.recipients] == [State.RELAYED, State.LEASED, State.RELAYED]
    await spool.settle(leases["two.example"], all_of(leases["two.example"]))
    assert list(await spool.find(Filter())) == []


async def a_domain_not_leased_yet_outlives_the_settlement_of_another(spool: Spool, hands: Hands) -> None:
    """The second domain of a message is still leased after the first was settled, and only once."""
    await put(spool, envelope("a@one.example", "b@two.example"))
    (lease,) = await now_due(spool, busy=["two.example"])
    await spool.settle(lease, all_of(lease))
    (other,) = await now_due(spool)
    assert other.domain == "two.example"
    assert list(await now_due(spool)) == []
    await spool.settle(other, all_of(other))
    assert list(await spool.find(Filter())) == []


async def the_deferred_come_back_when_due(spool: Spool, hands: Hands) -> None:
    """A deferred recipient is leased again at its moment, not a second before, and knows its past."""
    await put(spool, envelope("bob@one.example"))
    (lease,) = await now_due(spool)
    hands.turn(2.5)
    await spool.settle(lease, all_of(lease, DEFERRED, next_attempt=hands.now + 300.5))
    hands.turn(300)
    assert list(await now_due(spool)) == []
    hands.turn(0.5)
    (again,) = await now_due(spool)
    (waiting,) = again.waiting
    assert (waiting.attempts, waiting.first_attempt, waiting.last) == (1, START + 2.5, DEFERRED)
    assert await octets(again.content) == b"Subject: x\r\n\r\nbody\r\n"


async def part_of_a_lease_can_be_deferred(spool: Spool, hands: Hands) -> None:
    """Each recipient of a lease has a result of its own; those without one go back to where they were."""
    await put(spool, envelope("a@one.example", "b@one.example", "c@one.example"))
    (lease,) = await now_due(spool)
    results = [Settlement(position=0, outcome=RELAYED), Settlement(position=1, outcome=DEFERRED, next_attempt=hands.now + 60)]
    await spool.settle(lease, results)
    (again,) = await now_due(spool)
    assert [(waiting.position, waiting.attempts) for waiting in again.waiting] == [(2, 0)]
    await spool.settle(again, all_of(again))
    hands.turn(60)
    (last,) = await now_due(spool)
    assert [waiting.position for waiting in last.waiting] == [1]
    await spool.settle(last, all_of(last))
    assert list(await spool.find(Filter())) == []


async def a_lease_settled_with_nothing_is_given_again(spool: Spool, hands: Hands) -> None:
    """A deliverer may hand a lease back untouched."""
    await put(spool, envelope("bob@one.example"))
    (lease,) = await now_due(spool)
    await spool.settle(lease, ())
    (again,) = await now_due(spool)
    assert [waiting.attempts for waiting in again.waiting] == [0]
    await spool.settle(again, ())
    assert len(await now_due(spool)) == 1


async def a_recipient_that_falls_due_beside_a_lease_is_not_forgotten(spool: Spool, hands: Hands) -> None:
    """What falls due while its neighbour is leased is leased after it."""
    await put(spool, envelope("a@one.example", "b@one.example"))
    (lease,) = await now_due(spool)
    await spool.settle(
        lease,
        [
            Settlement(position=0, outcome=DEFERRED, next_attempt=hands.now + 10),
            Settlement(position=1, outcome=DEFERRED, next_attempt=hands.now + 20),
        ],
    )
    hands.turn(10)
    (first,) = await now_due(spool)
    assert [waiting.position for waiting in first.waiting] == [0]
    hands.turn(10)
    assert list(await now_due(spool)) == []
    await spool.settle(first, all_of(first))
    (second,) = await now_due(spool)
    assert [waiting.position for waiting in second.waiting] == [1]


async def the_oldest_due_comes_first(spool: Spool, hands: Hands) -> None:
    """Domains take turns by how long their first has been due."""
    for domain in ("one.example", "two.example", "three.example"):
        await put(spool, envelope(f"bob@{domain}"))
    for lease in await now_due(spool):
        wait = {"one.example": 30, "two.example": 10, "three.example": 20}[lease.domain]
        await spool.settle(lease, all_of(lease, DEFERRED, next_attempt=hands.now + wait))
    hands.turn(60)
    domains = [lease.domain for _ in range(3) for lease in await now_due(spool, most=1)]
    assert domains == ["two.example", "three.example", "one.example"]


async def busy_domains_are_left_out(spool: Spool, hands: Hands) -> None:
    """A busy domain waits, and is leased as soon as it is not busy, in its order."""
    await put(spool, envelope("bob@one.example", arrived=START - 2))
    await put(spool, envelope("bob@two.example", arrived=START - 1))
    await put(spool, envelope("eve@one.example", arrived=START))
    (free,) = await now_due(spool, busy=["one.example"])
    assert free.domain == "two.example"
    assert list(await now_due(spool, busy=["one.example"])) == []
    assert [lease.waiting[0].recipient.mailbox.text for lease in await now_due(spool)] == ["bob@one.example", "eve@one.example"]


async def most_is_a_limit(spool: Spool, hands: Hands) -> None:
    """No more leases are given than were asked for, and the others later."""
    for _ in range(5):
        await put(spool, envelope("bob@one.example"))
    assert [len(await now_due(spool, most=2)) for _ in range(4)] == [2, 2, 1, 0]


async def waiting_ends_when_a_message_comes(spool: Spool, hands: Hands) -> None:
    """A deliverer that waits is woken by a put."""
    waiter = asyncio.create_task(spool.lease(1, (), wait=20))
    await asyncio.sleep(0.01)
    await put(spool, envelope("bob@one.example"))
    assert len(await waiter) == 1


async def waiting_ends_without_a_message(spool: Spool, hands: Hands) -> None:
    """A deliverer that waits in vain gets nothing."""
    assert list(await spool.lease(1, (), wait=0.01)) == []


async def a_settlement_wakes_who_waits_for_a_busy_domain(spool: Spool, hands: Hands) -> None:
    """When a lease ends, busy domains are looked at again."""
    await put(spool, envelope("bob@one.example"))
    await put(spool, envelope("eve@one.example"))
    (lease,) = await now_due(spool, most=1)
    busy = {"one.example"}
    waiter = asyncio.create_task(spool.lease(1, busy, wait=20))
    await asyncio.sleep(0.01)
    busy.clear()
    await spool.settle(lease, all_of(lease))
    assert len(await waiter) == 1


async def notices_are_queued_with_the_result(spool: Spool, hands: Hands) -> None:
    """A settlement queues its notices, which are then leased like any message."""
    await put(spool, envelope("bob@one.example"))
    (lease,) = await now_due(spool)
    notice = envelope("ada@sender.example", sender=None)
    await spool.settle(lease, all_of(lease, FAILED), [Notice(envelope=notice, content=MemoryContent(b"it failed"))])
    (queued,) = await now_due(spool)
    assert notice == queued.envelope
    assert await octets(queued.content) == b"it failed"
    await spool.settle(queued, all_of(queued))
    assert list(await spool.find(Filter())) == []


async def who_settles_the_last_recipient_hears_that_it_was(spool: Spool, hands: Hands) -> None:
    """A settlement says whether the message left the spool with it."""
    await put(spool, envelope("bob@one.example"))
    (lease,) = await now_due(spool)
    assert await spool.settle(lease, all_of(lease)) is True
    await put(spool, envelope("bob@one.example", "eve@two.example"))
    first, second = await now_due(spool)
    assert await spool.settle(first, all_of(first)) is False
    assert await spool.settle(second, all_of(second, DEFERRED, next_attempt=hands.now + 60)) is False
    hands.turn(60)
    (again,) = await now_due(spool)
    assert await spool.settle(again, all_of(again, FAILED)) is True


async def a_lost_lease_cannot_be_settled(spool: Spool, hands: Hands) -> None:
    """A second settlement of a lease is refused, and queues nothing."""
    await put(spool, envelope("bob@one.example"))
    (lease,) = await now_due(spool)
    await spool.settle(lease, all_of(lease, DEFERRED, next_attempt=hands.now + 60))
    notice = Notice(envelope=envelope("ada@sender.example", sender=None), content=MemoryContent(b"x"))
    with pytest.raises(LeaseLostError):
        await spool.settle(lease, all_of(lease, FAILED), [notice])
    (found,) = await spool.find(Filter())
    assert [(standing.state, standing.attempts) for standing in found.recipients] == [(State.DEFERRED, 1)]


async def a_delay_notice_is_remembered(spool: Spool, hands: Hands) -> None:
    """Who was told of a delay is known at the next attempt."""
    await put(spool, envelope("bob@one.example"))
    (lease,) = await now_due(spool)
    assert not lease.notified_delay
    told = Settlement(position=0, outcome=DEFERRED, next_attempt=hands.now + 60, delay_notified=True)
    await spool.settle(lease, [told])
    for _ in range(2):
        hands.turn(60)
        (again,) = await now_due(spool)
        assert again.notified_delay
        assert again.waiting[0].delay_notified
        await spool.settle(again, all_of(again, DEFERRED, next_attempt=hands.now + 60))


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


async def content_can_be_looked_at(spool: Spool, hands: Hands) -> None:
    """What is found shows its content and its size, large or small."""
    large = bytes(range(256)) * 1024
    await put(spool, envelope("bob@one.example"), b"small")
    await put(spool, envelope("bob@one.example"), large)
    found = await spool.find(Filter())
    assert [b"small", large] == [await octets(one.content) for one in found]
    assert [5, len(large)] == [one.content.size for one in found]


async def large_content_comes_back_octet_for_octet(spool: Spool, hands: Hands) -> None:
    """Content of any size is the same when it leaves, at each edge of row, window, block and segment."""
    for size in (65_535, 65_536, 65_537, 131_072, 1_048_576, 1_048_577, 3_000_001, 16_777_217):
        content = (b"%09d\r\n" % size) * (size // 11 + 1)
        await put(spool, envelope("bob@one.example"), content[:size], piece=50_000)
        (lease,) = await now_due(spool)
        assert lease.content.size == size
        assert await octets(lease.content) == content[:size]
        await spool.settle(lease, all_of(lease))


async def many_drafts_at_once_do_not_mix(spool: Spool, hands: Hands) -> None:
    """Large messages that stream in side by side come out apart."""
    contents = {f"u{index}@one.example": bytes([index]) * (700_000 + index) for index in range(8)}
    await asyncio.gather(*(put(spool, envelope(to), content, piece=30_000) for to, content in contents.items()))
    leases = await now_due(spool)
    found = {lease.waiting[0].recipient.mailbox.text: await octets(lease.content) for lease in leases}
    assert contents == found


async def a_discarded_draft_leaves_nothing(spool: Spool, hands: Hands) -> None:
    """A draft can be discarded at any time, and twice."""
    for size in (10, 100_000, 3_000_000):
        draft = spool.draft(expect=size)
        draft.write(bytes(size))
        assert draft.size == size
        draft.discard()
        draft.discard()
    await put(spool, envelope("bob@one.example"))
    assert len(await spool.find(Filter())) == 1


PROMISES = [value for name, value in list(globals().items()) if asyncio.iscoroutinefunction(value) and value.__module__ == __name__]
