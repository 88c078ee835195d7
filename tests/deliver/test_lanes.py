"""Lanes, the pool of idle connections, and dialling."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from typing import TYPE_CHECKING

import pytest

from deliver.outbound_kit import lease
from waypost.clock import SYSTEM
from waypost.deliver import lanes as lanes_module
from waypost.deliver.hop import HopKey
from waypost.deliver.lanes import AHEAD, AT_HAND, Job, Lanes
from waypost.deliver.pool import Pool
from waypost.deliver.share import Share
from waypost.net import dial as dialling
from waypost.net.dial import UnreachableError, dial, dial_unix
from waypost.route.plan import plan
from waypost.route.route import Route
from waypost.route.settings import Kind, TransportSettings
from waypost.route.transports import read_transports

if TYPE_CHECKING:
    from pathlib import Path

TRANSPORTS = read_transports(
    (
        TransportSettings(match="here.example", kind=Kind.DISCARD),
        TransportSettings(match=("a.hub", "b.hub"), hosts=("hub",)),
        TransportSettings(),
    )
)


def route(domain: str) -> Route:
    found = plan(domain, TRANSPORTS)
    assert isinstance(found, Route)
    return found


def job(domain: str) -> Job:
    return Job(lease(f"bob@{domain}"), route(domain), 0.0, 0.0)


def lanes(total: int = 10, per_destination: int = 2) -> Lanes:
    return Lanes(route, Share(SYSTEM.monotonic), total=total, per_destination=per_destination)


def test_a_full_lane_is_busy() -> None:
    """A domain is busy when as many leases wait for it as are good for, not one before."""
    these = lanes()
    entered = [these.enter(job("x.example")) for _ in range(2)]
    assert all(each is not None for each in entered)
    for _ in range(2 * AHEAD - 1):
        assert these.enter(job("x.example")) is None
        assert "x.example" not in these
    assert these.enter(job("x.example")) is None
    assert "x.example" in these
    assert "y.example" not in these
    assert 5 not in these


def test_domains_of_one_next_hop_share_a_lane() -> None:
    """What goes to the same named next hop is counted together."""
    these = lanes(per_destination=1)
    assert these.enter(job("a.hub")) is not None
    assert these.enter(job("b.hub")) is None
    assert these.enter(job("c.example")) is not None


def test_local_ways_have_all_the_room() -> None:
    """What needs no connection is bounded by the limit for all alone."""
    these = lanes(total=3, per_destination=1)
    assert [these.enter(job("here.example")) is not None for _ in range(4)] == [True, True, True, False]


def test_a_runner_goes_on_and_leaves() -> None:
    """A runner takes what waits in its lane, and an empty lane is forgotten."""
    these = lanes(per_destination=1)
    name, lane = these.enter(job("x.example"))
    second = job("x.example")
    these.enter(second)
    assert these.next(name, lane) is second
    assert these.next(name, lane) is None
    assert (these.running, these.parked, these.room) == (0, 0, AT_HAND)
    assert not these._lanes


def test_who_waited_for_room_is_found() -> None:
    """When the limit for all held a job back, it runs as soon as anybody leaves."""
    these = lanes(total=1)
    name, lane = these.enter(job("x.example"))
    waiting = job("y.example")
    assert these.enter(waiting) is None
    assert these.stranded() is None
    these.leave(name, lane)
    assert these.stranded()[2] is waiting
    assert these.stranded() is None


def test_a_reload_moves_the_limit() -> None:
    """A lane that is in use takes a new limit: more may run at once, or runners leave until they are few enough."""
    these = lanes(per_destination=2)
    (name, lane), _ = these.enter(job("x.example")), these.enter(job("x.example"))
    these.per_destination = 1
    these.enter(job("x.example"))
    assert these.next(name, lane) is None
    assert these.next(name, lane) is not None
    these.per_destination = 2
    assert these.enter(job("x.example")) is not None


def test_leases_at_hand() -> None:
    """No more leases are taken than may be held in memory."""
    these = lanes()
    for number in range(AT_HAND):
        assert these.room == AT_HAND - number
        these.enter(job("x.example"))
    assert these.room == 0


# ---- the pool -------------------------------------------------------------------------------------------------
class Line:
    def __init__(self) -> None:
        self.quiet = True
        self.closed = False

    def close(self) -> None:
        self.closed = True

    def deadline(self, seconds: float | None) -> None:
        assert seconds is None


class Idle:
    def __init__(self, key: HopKey) -> None:
        self.key = key
        self.stream = Line()
        self.idle_since = 0.0


KEY = HopKey("hub", 25, "smtp", "none", None, None)


def test_the_last_one_in_is_the_first_one_out() -> None:
    """The connection used last is used first, and only for what it is good for."""
    now = deque([1.0, 2.0, 3.0, 3.0])
    pool = Pool(now.popleft)
    first, second = Idle(KEY), Idle(KEY)
    pool.give(first)
    pool.give(second)
    assert pool.take(KEY._replace(username="ada"), seconds=5) is None
    assert pool.take(KEY, seconds=5) is second
    assert pool.take(KEY, seconds=5) is first
    assert pool.take(KEY, seconds=5) is None
    assert len(pool) == 0


@pytest.mark.parametrize(("age", "taken"), [(5.0, True), (5.01, False)])
def test_idle_for_so_long(age: float, *, taken: bool) -> None:
    """A connection may be idle for just the time the setting says."""
    now = [0.0]
    pool = Pool(lambda: now[0])
    hop = Idle(KEY)
    pool.give(hop)
    now[0] = age
    assert pool.stale(seconds=5) == ([] if taken else [hop])
    pool = Pool(lambda: now[0])
    now[0] = 0.0
    pool.give(hop)
    now[0] = age
    assert (pool.take(KEY, seconds=5) is hop) == taken
    assert hop.stream.closed != taken


def test_something_happened_on_it() -> None:
    """A connection on which anything came meanwhile is closed, not used."""
    pool = Pool(lambda: 0.0)
    dead, fine = Idle(KEY), Idle(KEY)
    pool.give(fine)
    pool.give(dead)
    dead.stream.quiet = False
    assert pool.take(KEY, seconds=5) is fine
    assert dead.stream.closed


# ---- dialling -------------------------------------------------------------------------------------------------
def test_nobody_listens() -> None:
    """A refused connection says so in words."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(UnreachableError, match=r"^connection refused$"):
        asyncio.run(dial("127.0.0.1", port, seconds=2))


def test_no_such_socket(tmp_path: Path) -> None:
    """A UNIX socket that is not there says so in words."""
    with pytest.raises(UnreachableError, match=r"^no such file or directory$"):
        asyncio.run(dial_unix(f"{tmp_path}/none", seconds=2))


def test_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that does not come about in time is none."""

    async def run() -> None:
        async def never(*_: object, **__: object) -> None:
            await asyncio.sleep(10)

        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", never)
        await dialling.dial("192.0.2.1", 25, seconds=0.05)

    with pytest.raises(UnreachableError, match=r"^no connection within 0\.05 seconds$"):
        asyncio.run(run())


def test_lanes_take_turns_when_there_is_no_room_for_all() -> None:
    """A lane that always has more to do does not keep the others waiting."""
    these = lanes(total=1)
    name, lane = these.enter(job("x.example"))
    ahead, other = job("x.example"), job("y.example")
    these.enter(ahead)
    these.enter(other)
    order = []
    for _ in range(2):
        assert these.next(name, lane) is None
        name, lane, found = these.stranded()
        these.enter(job("x.example"))
        order.append(found)
    assert order == [ahead, other]


def test_two_deliverers_share_the_limits() -> None:
    """Two shards of one process have together no more than the limits, and a runner of one makes way for the other."""
    share = Share(SYSTEM.monotonic)
    one, two = (Lanes(route, share, total=2, per_destination=1) for _ in range(2))
    name, lane = one.enter(job("x.example"))
    assert two.enter(job("x.example")) is None
    assert two.enter(job("y.example")) is not None
    assert one.enter(job("z.example")) is None
    one.enter(job("x.example"))
    assert one.next(name, lane) is None
    assert two.stranded() is not None
    assert (share.running, share.at("x.example")) == (2, 1)


def test_octets_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """No further lease is taken while the content that waits in memory is as much as it may be, to the octet."""
    small = len(job("x.example").lease.content.octets)
    monkeypatch.setattr(lanes_module, "OCTETS_AT_HAND", 2 * small)
    these = lanes(per_destination=1)
    name, lane = these.enter(job("x.example"))
    these.enter(job("x.example"))
    assert these.room > 0
    these.enter(job("x.example"))
    assert these.room == 0
    assert these.next(name, lane) is not None
    assert these.room > 0
