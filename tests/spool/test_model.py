"""The body in a folder does what the body in memory does, whatever happens in whatever order, crashes between."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from spool.spool_kit import DEFERRED, FAILED, RELAYED, Hands, Overflowing, Sqlite, envelope, put, run
from waypost.mail.content import MemoryContent
from waypost.spool.memory import MemorySpool
from waypost.spool.spool import Change, Filter, Notice, Settlement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from waypost.mail.outcome import Outcome
    from waypost.spool.spool import Found, Lease, Spool, Standing

DOMAINS = ["one.example", "two.example", "three.example"]
ADDRESSES = [f"{name}@{domain}" for domain in DOMAINS for name in "ab"]

STEPS = {"put": 6, "lease": 6, "settle": 7, "turn": 3, "alter": 2, "reopen": 1}


def chosen(random: Random, name: str) -> object:
    """What a step of that name is given."""
    match name:
        case "put":
            return random.sample(ADDRESSES, random.randint(1, 4))
        case "lease":
            return set(random.sample(DOMAINS, random.choice([0, 0, 1, 2])))
        case "settle":
            outcomes = [random.choice([RELAYED, FAILED, DEFERRED, DEFERRED, None]) for _ in range(4)]
            return random.randrange(6), outcomes, random.random() < 0.3
        case "turn":
            return random.choice([1, 7, 30.5])
        case "alter":
            return random.choice(list(Change)), random.choice([*ADDRESSES, *ADDRESSES, "@one.example", None]), random.random() < 0.3
        case _:
            return None


class Pair:
    """Both bodies, fed the same."""

    def __init__(self, place: Sqlite, hands: Hands) -> None:
        self.place = place
        self.hands = hands
        self.model = MemorySpool(hands.clock)
        self.leases: list[tuple[Lease, Lease]] = []
        self.settled = 0

    async def step(self, name: str, given_: object) -> None:
        await getattr(self, name)(given_)
        assert await shown(self.model) == await shown(self.real)

    @property
    def real(self) -> Spool:
        assert self.place.spool is not None
        return self.place.spool

    async def put(self, addresses: Sequence[str]) -> None:
        kept = envelope(*addresses, arrived=self.hands.now)
        for spool in (self.model, self.real):
            await put(spool, kept)

    async def lease(self, busy: set[str]) -> None:
        model = {(lease.envelope.id, lease.domain): lease for lease in await self.model.lease(100, busy, wait=0)}
        real = {(lease.envelope.id, lease.domain): lease for lease in await self.real.lease(100, busy, wait=0)}
        assert set(model) == set(real)
        for key, lease in model.items():
            assert lease.waiting == real[key].waiting
            assert lease.envelope == real[key].envelope
            self.leases.append((lease, real[key]))

    async def settle(self, what: tuple[int, list[Outcome | None], bool]) -> None:
        index, outcomes, with_notice = what
        if not self.leases:
            return
        model, real = self.leases.pop(index % len(self.leases))
        later = self.hands.now + 7.5
        self.settled += 1
        settlements = [
            Settlement(position=waiting.position, outcome=outcome, next_attempt=later, hold=outcome is DEFERRED and turn == 1)
            for turn, (waiting, outcome) in enumerate(zip(model.waiting, outcomes, strict=False))
            if outcome is not None
        ]
        notices = [self.notice()] if with_notice else []
        await self.model.settle(model, settlements, notices)
        await self.real.settle(real, settlements, notices)

    def notice(self) -> Notice:
        return Notice(envelope=envelope("a@one.example", sender=None, arrived=self.hands.now), content=MemoryContent(b"n"))

    async def turn(self, seconds: float) -> None:
        self.hands.turn(seconds)

    async def alter(self, what: tuple[Change, str | None, bool]) -> None:
        change, recipient, with_notice = what
        notices: dict[str, Notice] = {}

        async def compose(found: Found, changing: Sequence[Standing]) -> Sequence[Notice]:
            return [notices.setdefault(found.envelope.id, self.notice())]

        telling = compose if with_notice else None
        model, real = [await spool.alter(Filter(recipient=recipient), change, telling=telling) for spool in (self.model, self.real)]
        assert model == real

    async def reopen(self, _: None) -> None:
        """The owner ends; in memory that is each lease handed back untouched."""
        await self.place.reopen()
        for model, _real in self.leases:
            await self.model.settle(model, ())
        self.leases.clear()


async def shown(spool: Spool) -> list[object]:
    """All that an operator sees."""
    return [(found.envelope, found.recipients) for found in await spool.find(Filter())]


@pytest.mark.parametrize("body", [Sqlite, Overflowing], ids=lambda body: body.__name__)
@pytest.mark.parametrize("seed", range(20))
def test_both_bodies_agree(seed: int, body: type[Sqlite], tmp_path: Path) -> None:
    """After every step both show the same, and in the end everybody who is due is leased."""

    async def check() -> None:
        random = Random(seed)  # noqa: S311 - the steps of a test
        hands = Hands()
        place = body(tmp_path, hands)
        await place.open()
        pair = Pair(place, hands)
        try:
            for name in random.choices(list(STEPS), weights=list(STEPS.values()), k=60):
                await pair.step(name, chosen(random, name))
            for _ in range(2):
                hands.turn(1000)
                await pair.step("reopen", None)
                await pair.step("lease", set())
            assert pair.settled >= 3
        finally:
            await place.close()

    run(check())
