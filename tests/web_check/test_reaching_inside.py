"""Nobody reaches inside through a check: a real server, a real resolver whose names lead inside, and sockets that would notice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
import socket
import sys
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from support.needs import require_root
from support.ports import free_port
from support.server import Waypost, configuration
from waypost.clock import SYSTEM
from waypost.diagnose.dialling import dial
from waypost.diagnose.lookup import DnsLookup
from waypost.diagnose.plan import Limits
from waypost.net.dial import UnreachableError
from waypost.web.check.runs import Checks, Plan
from waypost.web.check.wanted import wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from waypost.net.stream import ClientStream
    from waypost.web.check.runs import Run

    Start = Callable[..., Waypost]

TRAP = "127.0.13.37"
"""An address of loopback where nothing else lives."""
PRIVATE = "10.213.47.11"
PORTS = (25, 465, 587, 2525, 24, 443)
SECONDS = 40

Zone = dict[tuple[str, str], tuple[str, ...]]
ZONE: Zone = {
    ("mx.test", "MX"): ("10 mail.mx.test.", "20 other.mx.test."),
    ("mail.mx.test", "A"): (TRAP,),
    ("other.mx.test", "AAAA"): ("::1", f"::ffff:{TRAP}"),
    ("literal.test", "MX"): (f"10 {TRAP}.",),
    ("private.test", "MX"): ("10 mail.private.test.",),
    ("mail.private.test", "A"): (PRIVATE,),
    ("host.test", "A"): (TRAP,),
    ("host.test", "AAAA"): (f"::ffff:{TRAP}", f"64:ff9b::{TRAP}", f"::{TRAP}"),
    ("alias.test", "CNAME"): ("host.test.",),
    ("policy.test", "MX"): ("10 mail.mx.test.",),
    ("_mta-sts.policy.test", "TXT"): ('"v=STSv1; id=1;"',),
    ("mta-sts.policy.test", "A"): (TRAP,),
    ("localhost", "A"): (TRAP,),
}


class Names:
    """A resolver on loopback, in a thread of its own."""

    def __init__(
        self, zone: Mapping[tuple[str, str], tuple[str, ...]], *, turns: Mapping[tuple[str, str], tuple[str, ...]] | None = None
    ) -> None:
        """``turns``: questions whose answer is another one each time, in a circle; they are not to be kept."""
        self._zone = zone
        self._turns = dict(turns or {})
        self.asked: list[tuple[str, str]] = []
        self.peers: set[object] = set()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.place = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        port = self._socket.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", port))
        self._thread.join(10)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            octets, peer = self._socket.recvfrom(4096)
            if not octets:
                return
            self.peers.add(peer)
            self._socket.sendto(self._answer(dns.message.from_wire(octets)).to_wire(), peer)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        response = dns.message.make_response(query, recursion_available=True)
        alias = self._zone.get((name, "CNAME"))
        if alias:
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "CNAME", *alias))
            name = alias[0].rstrip(".")
        records = self._zone.get((name, kind), ())
        if (name, kind) in self._turns:
            first, *rest = self._turns[name, kind]
            records, self._turns[name, kind] = (first,), (*rest, first)
        if records:
            response.answer.append(dns.rrset.from_text(f"{name}.", 0 if (name, kind) in self._turns else 60, "IN", kind, *records))
        return response


class Traps:
    """Sockets that listen where nobody may connect, hang up on whoever does, and remember it."""

    def __init__(self) -> None:
        self._sockets = [socket.create_server((TRAP, port), backlog=64) for port in PORTS]
        for each in self._sockets:
            each.setblocking(False)
        self._over = threading.Event()
        self._sprung: set[int] = set()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def sprung(self) -> list[int]:
        """The ports to which somebody connected."""
        self._take(0)
        return sorted(self._sprung)

    def close(self) -> None:
        self._over.set()
        self._thread.join(10)
        for each in self._sockets:
            each.close()

    def _watch(self) -> None:
        while not self._over.is_set():
            self._take(0.05)

    def _take(self, seconds: float) -> None:
        ready, _, _ = select.select(self._sockets, [], [], seconds)
        for each in ready:
            self._sprung.add(each.getsockname()[1])
            with contextlib.suppress(BlockingIOError):
                each.accept()[0].close()


@pytest.fixture
def traps() -> Iterator[Traps]:
    """A listener on each port that a check could dial."""
    require_root()
    made = Traps()
    yield made
    made.close()


@pytest.fixture
def names() -> Iterator[Names]:
    """A resolver of names that lead inside."""
    made = Names(ZONE)
    yield made
    made.close()


def call(port: int, body: Mapping[str, object], **fields: str) -> tuple[int, str]:
    headers = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in fields.items()}}
    place = f"http://127.0.0.1:{port}/api/check"
    try:
        with urllib.request.urlopen(urllib.request.Request(place, json.dumps(body).encode(), headers), timeout=SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def serve(start: Start, folder: Path, names: Names, **more: object) -> tuple[Waypost, int]:
    """A production server whose pages check for visitors."""
    port = free_port()
    web = {"bind": f"127.0.0.1:{port}", "check": True, "check_again": 0, "check_hourly": 1000, **more}
    listeners = [{"role": "relay", "bind": f"127.0.0.1:{free_port()}", "tls": "none"}]
    return start(configuration(folder, listeners=listeners, web=web, dns={"resolvers": [names.place]})), port


def test_no_name_leads_inside(start_waypost: Start, folder: Path, names: Names, traps: Traps) -> None:
    """MX, A, AAAA, CNAME, an address behind MX and the host of a policy lead to loopback: nothing is dialled, and no address is told."""
    server, port = serve(start_waypost, folder, names)
    for target in (
        "mx.test",
        "ada@mx.test",
        "literal.test",
        "host.test",
        "host.test:25",
        "alias.test",
        "policy.test",
        "private.test",
        "localhost",
        "localhost:25",
    ):
        status, told = call(port, {"target": target})
        assert status == 200, told
        assert json.loads(told)["verdict"] == "does-not-work"
        assert PRIVATE not in told
        states = {each["state"] for host in json.loads(told)["servers"] for each in host["ports"]}
        assert states <= {"withheld"}
    keys = {each["key"] for each in json.loads(call(port, {"target": "host.test"})[1])["findings"]}
    assert {"address-private", "address-not-public"} <= keys
    for target in (TRAP, f"{TRAP}:25", f"[::ffff:{TRAP}]:25", f"ada@[{TRAP}]", "[::1]:25", "0.0.0.0"):  # noqa: S104 - asked for, not bound
        assert call(port, {"target": target})[0] in (403, 422), target

    assert traps.sprung() == []
    assert ("mta-sts.policy.test", "A") in names.asked
    said = server.stop()
    assert "check-withheld" in said
    assert f"mail.private.test leads to {PRIVATE}" in said
    assert f"{TRAP} (address-not-public)" in said


def test_the_traps_work(start_waypost: Start, folder: Path, names: Names, traps: Traps) -> None:
    """The same names, where the operator lets checks in: now somebody connects, and only for whoever asks from this machine."""
    _, port = serve(start_waypost, folder, names, check_networks=["127.0.0.0/8"])

    assert call(port, {"target": "policy.test"}, x_forwarded_for="198.51.100.7")[0] == 200
    assert traps.sprung() == []
    assert call(port, {"target": "policy.test"})[0] == 200
    assert traps.sprung() == sorted(PORTS)


def test_a_check_under_way_does_not_hold_up_the_end(start_waypost: Start, folder: Path, names: Names) -> None:
    """SIGTERM ends a server whose visitor's check waits for a silent host: at once, with exit code 0, and the visitor is told."""
    told: list[tuple[int, str]] = []
    with socket.create_server(("127.0.13.38", 2525)) as silent:
        server, port = serve(start_waypost, folder, names, check_networks=["127.0.0.0/8"])
        asking = threading.Thread(target=lambda: told.append(call(port, {"target": "127.0.13.38:2525"})))
        asking.start()
        silent.accept()[0].close()
        said = server.stop()
        asking.join(20)

    assert told[0][0] == 503
    assert "ends just now" in told[0][1]
    assert "did not drain" not in said
    assert "Traceback" not in said


# ---- what the system hears of

ROUTES = (("192.0.2.1", 9), ("2001:db8::1", 9))
"""Whether there is a way out at all is asked of the machine's own routes, by a datagram socket that sends nothing."""
HEARD: list[tuple[str, object]] = []
LISTENING = threading.Event()


def _hear(event: str, args: tuple[object, ...]) -> None:
    if LISTENING.is_set() and event in ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"):
        HEARD.append((event, args[-1] if event.startswith("socket.send") or event == "socket.connect" else args[0]))


sys.addaudithook(_hear)  # there is no way to take one back: it listens where a test wants it to


def test_the_system_is_asked_for_nothing_inside() -> None:
    """Every call by which the interpreter can reach out, whichever module makes it, goes to the resolver alone."""
    names = Names({**ZONE, ("wide.test", "A"): (PRIVATE, "169.254.169.254", "192.168.7.7", TRAP, "100.64.0.9", "0.0.0.0")})  # noqa: S104 - told, not bound
    limits = Limits(dns=2, connect=1, greeting=1, reply=0.5, suspicion=0.1, whole=8)

    async def run() -> None:
        plan = Plan(again=0, hourly=1000, resolvers=(names.place,))
        checks = Checks(plan, SYSTEM, lambda _: None, limits=limits)
        for text in ("mx.test", "ada@policy.test", "host.test", "wide.test", "alias.test", "localhost", "private.test", "literal.test"):
            one = checks.ask(wanted(text), "198.51.100.7", home=False)
            while not one.over:
                await one.moved.wait()
            await asyncio.sleep(0)
            assert one.diagnosis is not None

    HEARD.clear()
    LISTENING.set()
    try:
        asyncio.run(run())
    finally:
        LISTENING.clear()
        names.close()
    resolver = ("127.0.0.1", int(names.place.rpartition(":")[2]))
    others = [(event, to) for event, to in HEARD if to != resolver and to not in names.peers and to not in ROUTES]
    assert others == []
    assert ("socket.connect", resolver) in HEARD or ("socket.sendto", resolver) in HEARD


# ---- rebinding

PUBLIC = "44.128.0.25"
SWIFT = Limits(dns=2, connect=1, greeting=1, reply=0.5, suspicion=0.3, whole=8)


class Border:
    """Dials loopback for real; what would leave this machine is noted and refused."""

    def __init__(self) -> None:
        self.dialled: list[str] = []

    async def dial(self, address: str, port: int, *, seconds: float, **more: Any) -> ClientStream:
        self.dialled.append(address)
        if address.startswith(("127.", "::1", "::ffff")):
            return await dial(address, port, seconds=seconds)
        raise UnreachableError("refused") from ConnectionRefusedError(111, "refused")


def rebinding(turns: Mapping[tuple[str, str], tuple[str, ...]], rounds: int) -> tuple[list[Run], Border]:
    """Checks one after another of a name whose address changes with each question."""
    names = Names(ZONE, turns=turns)
    border = Border()

    async def run() -> list[Run]:
        checks = Checks(
            Plan(again=0, hourly=1000),
            SYSTEM,
            lambda _: None,
            lookup=lambda: DnsLookup((names.place,), seconds=2),
            dial=border.dial,
            own=lambda _: False,
            limits=SWIFT,
        )
        made = []
        for _ in range(rounds):
            one = checks.ask(wanted("rebind.test"), "198.51.100.7", home=False)
            while not one.over:
                await one.moved.wait()
            await asyncio.sleep(0)
            made.append(one)
        return made

    try:
        return asyncio.run(run()), border
    finally:
        names.close()


def test_rebinding_between_lookups(traps: Traps) -> None:
    """A name that is public when it is asked for first and inside when it is asked again is never dialled inside."""
    turns = {("rebind.test", "A"): (PUBLIC, TRAP, TRAP, PUBLIC), ("rebind.test", "AAAA"): ("::1", f"::ffff:{TRAP}", "2a02:db0::25")}
    made, border = rebinding(turns, 8)

    assert traps.sprung() == []
    assert set(border.dialled) == {PUBLIC, "2a02:db0::25"}
    assert all(run.diagnosis is not None for run in made)
    assert sum(bool(run.gate.refused) for run in made) >= 4


def test_rebinding_of_the_policy(traps: Traps) -> None:
    """The host of a policy that turns inside between two questions is not fetched from there."""
    turns = {
        ("rebind.test", "MX"): ("10 rebind.test.",),
        ("rebind.test", "A"): (PUBLIC,),
        ("_mta-sts.rebind.test", "TXT"): ('"v=STSv1; id=1;"',),
        ("mta-sts.rebind.test", "A"): (PUBLIC, TRAP),
    }
    _, border = rebinding(turns, 4)

    assert traps.sprung() == []
    assert set(border.dialled) == {PUBLIC}
