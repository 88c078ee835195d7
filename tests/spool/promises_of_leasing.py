"""What every body of the spool promises of leases and settlements: each function is a promise. Run by ``test_contract.py``."""

from __future__ import annotations

import asyncio

import pytest

from spool.spool_kit import DEFERRED, FAILED, RELAYED, START, Hands, all_of, envelope, now_due, octets, put
from waypost.mail.content import MemoryContent
from waypost.spool.spool import Filter, LeaseLostError, Notice, Settlement, Spool
from waypost.spool.states import State


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
