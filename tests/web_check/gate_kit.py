"""What the tests of the gate share: a line that dials nobody, a gate in front of it, addresses of a block."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_network

from hypothesis import strategies as st

from support.broken_servers import FakeLookup
from waypost.diagnose.dialling import Withheld, WithheldError
from waypost.diagnose.lookup import Outcome
from waypost.net.dial import UnreachableError
from waypost.web.check.gate import Gate, Names, Rules


@dataclass
class Line:
    """Stands in for the network and notes what was dialled."""

    dialled: list[tuple[str, int]] = field(default_factory=list)

    async def dial(self, address: str, port: int, *, seconds: float) -> object:
        self.dialled.append((address, port))
        raise UnreachableError("the test has no network")


def through(
    address: str, port: int = 25, rules: Rules | None = None, *, own: bool = False
) -> tuple[Withheld | None, list[tuple[str, int]]]:
    """Why the gate kept a connection back, if it did, and what was dialled."""
    line = Line()
    gate = Gate(rules=rules or Rules(), inner=line.dial, own=lambda _: own)
    try:
        asyncio.run(gate.dial(address, port, seconds=1))
    except WithheldError as fault:
        return fault.why, line.dialled
    except UnreachableError:
        pass
    return None, line.dialled


def within(text: str) -> st.SearchStrategy[IPv4Address | IPv6Address]:
    network = ip_network(text)
    return st.integers(int(network.network_address), int(network.broadcast_address)).map(
        lambda number: IPv4Address(number) if network.version == 4 else IPv6Address(number)
    )


INSIDE = Rules(inside=(ip_network("10.0.0.0/8"), ip_network("127.0.0.0/8"), ip_network("fd00::/8")), ports=frozenset({1025}))
HOME = Rules(inside=INSIDE.inside, ports=INSIDE.ports, home=True)


def told(records: tuple[str, ...], rules: Rules | None = None) -> tuple[tuple[str, ...], dict[str, str]]:
    names = Names(lookup=FakeLookup({("mx.example.org", "A"): records}), gate=Gate(rules=rules or Rules(), own=lambda _: False))
    answer = asyncio.run(names.ask("mx.example.org", "A"))
    assert answer.outcome is Outcome.FOUND
    return answer.records, names.inner
