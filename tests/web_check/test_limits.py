"""How often, how many, for how long: limits on checks, what is remembered of them, and what the log is told."""

from __future__ import annotations

import asyncio
import json
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from support.broken_servers import ADDRESS, DOMAIN, HOST, QUICK, SOUND, FakeLookup, Network
from waypost.clock import Clock
from waypost.diagnose.check import Step
from waypost.diagnose.dialling import Withheld
from waypost.diagnose.finding import Stage
from waypost.diagnose.shapes import as_json
from waypost.web.check import runs
from waypost.web.check.gate import Rules
from waypost.web.check.runs import ADDRESS_CHECKS, EVERYBODY, KEPT_SECONDS, Checks, Plan, Run
from waypost.web.check.wanted import TurnedAwayError, wanted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from support.broken_servers import Zone
    from waypost.diagnose.finding import Finding
    from waypost.diagnose.scene import Scene
    from waypost.observe.events import ServerChanged

FIRST, SECOND = "198.51.100.7", "198.51.100.8"


class World:
    """Checks over a network in which nothing answers, with a clock whose hands can be turned."""

    def __init__(self, plan: Plan, zone: Zone | None = None, *, own: bool = False) -> None:
        self.seconds = 1000.0
        self.noted: list[ServerChanged] = []
        clock = Clock(wall=lambda: self.seconds, monotonic=lambda: self.seconds)
        lookup = FakeLookup(dict(SOUND if zone is None else zone))
        self.checks = Checks(
            plan, clock, self.noted.append, lookup=lambda: lookup, dial=Network({}, {}).dial, own=lambda _: own, limits=QUICK
        )

    def ask(self, text: str, client: str = FIRST, *, home: bool = False, **more: str) -> Run:
        return self.checks.ask(wanted(text, **more), client, home=home)

    async def made(self, text: str, client: str = FIRST, **more: Any) -> Run:
        run = self.ask(text, client, **more)
        while not run.over:
            await run.moved.wait()
        await asyncio.sleep(0)
        return run

    def turned(self, text: str, client: str = FIRST, **more: Any) -> TurnedAwayError:
        with pytest.raises(TurnedAwayError) as caught:
            self.ask(text, client, **more)
        assert "{" not in caught.value.says("en") + caught.value.says("zh")
        return caught.value


def play(scenes: Callable[[World], Awaitable[None]], plan: Plan | None = None, zone: Zone | None = None, *, own: bool = False) -> World:
    world = World(plan or Plan(again=0), zone, own=own)

    async def run() -> None:
        await scenes(world)
        world.checks.end()
        await asyncio.sleep(0.05)

    asyncio.run(run())
    return world


def test_checks_in_an_hour() -> None:
    """A client that has used up its checks waits until one comes back; another client does not."""

    async def scenes(world: World) -> None:
        for number in range(3):
            await world.made(f"host{number}.example")
        refused = world.turned("more.example")
        assert (refused.name, refused.status) == ("hourly", 429)
        assert refused.seconds == 1201
        await world.made("more.example", SECOND)
        world.seconds += refused.seconds
        await world.made("more.example")

    play(scenes, Plan(hourly=3, again=0))


def test_a_network_of_ipv6_is_one_client() -> None:
    """Who has a network of addresses has the checks of one."""

    async def scenes(world: World) -> None:
        await world.made("a.example", "2001:db8:1:2::1")
        assert world.turned("b.example", "2001:db8:1:2:ffff::9").name == "hourly"
        await world.made("b.example", "2001:db8:1:3::1")

    play(scenes, Plan(hourly=1, again=0))


def test_everybody_together() -> None:
    """However many clients there are, all of them together have a bound."""

    async def scenes(world: World) -> None:
        for number in range(EVERYBODY):
            await world.made(f"host{number}.example", f"198.51.100.{number}")
        refused = world.turned("more.example", "198.51.100.200")
        assert (refused.name, refused.status) == ("everybody", 503)

    play(scenes, Plan(hourly=1, again=0))


def test_checks_at_once() -> None:
    """So many checks are under way at the same time, of one client one; when one is over the next may begin."""

    async def scenes(world: World) -> None:
        first = world.ask("a.example", "198.51.100.1")
        assert world.turned("b.example", "198.51.100.1").name == "one_at_a_time"
        world.ask("b.example", "198.51.100.2")
        refused = world.turned("c.example", "198.51.100.3")
        assert (refused.name, refused.status) == ("full", 503)
        assert 0 < refused.seconds <= 15
        while not first.over:
            await first.moved.wait()
        world.ask("c.example", "198.51.100.3")

    play(scenes, Plan(at_once=2, again=0))


def test_the_same_within_a_time() -> None:
    """Whoever asks the same is given what was found, with its age, at no cost; asked in another way it must wait; then it is new."""

    async def scenes(world: World) -> None:
        first = await world.made(DOMAIN)
        world.seconds += 40
        assert world.ask(DOMAIN.upper(), SECOND) is first
        assert world.checks.age(first) == 40
        assert world.checks.waits(first) == 20
        for other in (f"ada@{DOMAIN}", f"bob@{DOMAIN}", f"{DOMAIN}:25"):
            refused = world.turned(other, SECOND)
            assert (refused.name, refused.seconds) == ("again", 20)
        assert world.turned(DOMAIN, SECOND, sender="a@b.example").name == "again"
        world.seconds += 20
        assert await world.made(DOMAIN, SECOND) is not first

    play(scenes, Plan(hourly=2, again=60))


def test_the_same_under_way_is_joined() -> None:
    """Two who ask the same at the same time share one check, whatever the time between checks."""

    async def scenes(world: World) -> None:
        assert world.ask(DOMAIN) is world.ask(DOMAIN, SECOND) is world.ask(DOMAIN)

    play(scenes)


def test_what_is_found_at_home_stays_there() -> None:
    """An answer made for somebody at this machine, who may see more, is not given to a visitor."""

    async def scenes(world: World) -> None:
        own = await world.made(DOMAIN, "127.0.0.1", home=True)
        assert await world.made(DOMAIN, SECOND) is not own

    play(scenes, Plan(again=60))


def test_one_address_under_many_names() -> None:
    """Names that all lead to one server do not let anybody connect to it ever again."""
    names = [f"host{number}.example" for number in range(ADDRESS_CHECKS + 1)]
    zone: Zone = {(name, "A"): (ADDRESS,) for name in names}

    async def scenes(world: World) -> None:
        for number, name in enumerate(names):
            run = await world.made(name, f"198.51.100.{number}")
            assert bool(run.gate.passed) == (number < ADDRESS_CHECKS)
            assert (run.withheld is Withheld.OFTEN) == (number == ADDRESS_CHECKS)
        assert run.diagnosis is not None
        assert "address-asked-often" in {finding.key for finding in run.diagnosis.findings}

    world = play(scenes, zone=zone)
    assert any("address-asked-often" in event.detail for event in world.noted if event.what == "check-withheld")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("127.0.0.1", "address_not_public"),
        ("[::1]:25", "address_not_public"),
        ("ada@[10.0.0.1]", "address_not_public"),
        ("ada@[IPv6:fd00::1]", "address_not_public"),
        ("169.254.169.254", "address_not_public"),
        ("[::ffff:7f00:1]:25", "address_not_public"),
        ("44.128.9.9", "address_kept_out"),
    ],
)
def test_an_address_that_is_not_reached_is_refused_at_once(text: str, name: str) -> None:
    """No question leaves this machine, and nothing is counted."""

    async def scenes(world: World) -> None:
        refused = world.turned(text)
        assert (refused.name, refused.status) == (name, 403)
        assert world.noted == []

    play(scenes, Plan(rules=Rules(never=(ip_network("44.128.9.0/24"),))))


KEYS = {
    "address-not-public": ({("in.example", "A"): ("10.1.2.3",)}, "in.example", Plan(again=0), False),
    "address-own-machine": ({("own.example", "A"): (ADDRESS,)}, "own.example", Plan(again=0), True),
}


@pytest.mark.parametrize("key", KEYS)
def test_what_is_kept_back_is_told(key: str) -> None:
    """A name that leads where checks do not go brings a finding that says so; where nothing else was tried, nothing is claimed."""
    zone, name, plan, own = KEYS[key]

    async def scenes(world: World) -> None:
        run = await world.made(name)
        assert run.diagnosis is not None
        found = [finding for finding in run.diagnosis.findings if finding.key == key]
        assert len(found) == 1
        assert found[0].facts["ports"] == "25, 465, 587, 2525, 24"
        assert (run.withheld is None) == (key == "address-not-public")
        assert not {"connection-refused", "ports-closed", "address-dead"} & {finding.key for finding in run.diagnosis.findings}
        assert "10.1.2.3" not in json.dumps(as_json(run.diagnosis)) + json.dumps(as_json(run.diagnosis, "zh"))

    world = play(scenes, plan, dict(zone), own=own)
    withheld = [event.detail for event in world.noted if event.what == "check-withheld"]
    assert any("in.example leads to 10.1.2.3" in detail for detail in withheld) == (key == "address-not-public")
    assert any(f"({key})" in detail for detail in withheld) == (key == "address-own-machine")
    assert len(withheld) == 1


def test_kept_out_and_other_ports_are_told() -> None:
    """A network that the operator keeps out, and a port that is not of mail, each bring their finding."""

    async def kept(world: World) -> None:
        run = await world.made(HOST)
        assert run.diagnosis is not None
        assert "address-kept-out" in {finding.key for finding in run.diagnosis.findings}

    async def port(world: World) -> None:
        run = world.checks.ask(wanted(f"{HOST}:1025", ports=frozenset({1025})), FIRST, home=True)
        while not run.over:
            await run.moved.wait()
        assert run.diagnosis is not None
        assert "port-not-asked" in {finding.key for finding in run.diagnosis.findings}
        assert run.gate.passed == set()

    play(kept, Plan(rules=Rules(never=(ip_network("44.128.0.0/16"),))))
    play(port, Plan(rules=Rules(inside=(ip_network("10.0.0.0/8"),), ports=frozenset({1025}))))


def test_block_lists_are_understood() -> None:
    """The answers of block lists, which are loopback addresses, come through as they are."""
    zone: Zone = {
        ("listed.example", "A"): (ADDRESS,),
        ("2.0.0.127.zen.spamhaus.org", "A"): ("127.0.0.2",),
        ("25.0.128.44.zen.spamhaus.org", "A"): ("127.0.0.2",),
    }

    async def scenes(world: World) -> None:
        run = await world.made("listed.example")
        assert run.diagnosis is not None
        told = json.dumps(as_json(run.diagnosis))
        assert "127.0.0.2" in told
        assert "127.0.0.0" not in told
        assert any(finding.key.startswith("listed") for finding in run.diagnosis.findings)

    world = play(scenes, zone=zone)
    assert not [event for event in world.noted if event.what == "check-withheld"]


def test_the_log_says_who_asked_for_what() -> None:
    """Each check has a line when it begins and one when it is over; what was typed cannot forge another."""

    async def scenes(world: World) -> None:
        await world.made(f'"a\u0085b"@{DOMAIN}'.replace("\u0085", "c"), "2001:db8::9")
        await world.made("mx.example.org:587", FIRST)

    world = play(scenes)
    assert [event.what for event in world.noted] == ["check-asked", "check-made"] * 2
    assert world.noted[0].detail == f'"acb"@{DOMAIN} for 2001:db8::9'
    assert world.noted[1].detail.startswith(f'"acb"@{DOMAIN} for 2001:db8::9: does-not-work, ')
    assert world.noted[2].detail == f"mx.example.org:587 for {FIRST}"


def test_a_fault_of_ours_tells_strangers_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """When a probe breaks, the page says that it did; what the system said about it is in the log alone."""

    async def broken(scene: Scene) -> AsyncIterator[Finding]:
        raise RuntimeError("/var/lib/secret")
        yield

    real = runs.check

    async def check(*args: Any, **more: Any) -> Any:
        return await real(*args, **more, probes=(Step(Stage.NAMES, broken),))

    monkeypatch.setattr(runs, "check", check)

    async def scenes(world: World) -> None:
        run = await world.made(DOMAIN)
        assert run.diagnosis is not None
        assert [finding.key for finding in run.diagnosis.findings] == ["probe-broke"]
        assert "secret" not in json.dumps(as_json(run.diagnosis))

    world = play(scenes)
    assert any("/var/lib/secret" in event.detail for event in world.noted if event.what == "check-broke")


def test_a_check_that_breaks_off_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that ends without an answer is over and said to be broken, and the same can be asked again at once."""

    async def check(*_: Any, **__: Any) -> Any:
        raise OSError("no more files")

    monkeypatch.setattr(runs, "check", check)

    async def scenes(world: World) -> None:
        run = await world.made(DOMAIN)
        assert (run.broken, run.diagnosis) == (True, None)
        world.seconds += 60
        assert world.ask(DOMAIN) is not run

    world = play(scenes, Plan(again=60))
    assert next(event.detail for event in world.noted if event.what == "check-broke") == f"{DOMAIN} for {FIRST}: OSError: no more files"


def test_results_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many results are kept, the oldest go first, and none for longer than an hour."""
    monkeypatch.setattr(runs, "KEPT", 5)

    async def scenes(world: World) -> None:
        made = [await world.made(f"host{number}.example", f"198.51.{number}.1") for number in range(8)]
        assert [world.checks.find(run.id) is not None for run in made] == [False] * 3 + [True] * 5
        world.seconds += KEPT_SECONDS + 1
        assert world.checks.find(made[-1].id) is None

    play(scenes, Plan(hourly=1000, again=0), zone={})


def test_names_of_results_cannot_be_guessed() -> None:
    """Each is drawn anew and has 128 bits."""

    async def scenes(world: World) -> None:
        names = {(await world.made("a.example")).id for _ in range(5)}
        assert len(names) == 5
        assert all(len(name) == 22 for name in names)

    play(scenes, zone={})
