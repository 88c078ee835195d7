"""How many connections a client may hold and make, counted by address and by network. Knows no socket and no reply text.

It is asked for each connection before a session exists, so it is a few look-ups and nothing else. Networks are IPv4 /24 and IPv6 /56:
what one customer commonly holds.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from waypost.replies.keys import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_WINDOW = 60.0
"""Seconds over which new connections are counted."""
_KEPT = 4096
"""Windows that may be over before they are thrown away together."""


class Networks:
    """Networks whose clients are trusted."""

    __slots__ = ("_contains", "_networks")

    def __init__(self, networks: Iterable[str]) -> None:
        """Each in CIDR form. Raises ValueError for one that is none."""
        self._networks = tuple(ip_network(network, strict=False) for network in networks)
        self._contains = lru_cache(maxsize=4096)(self._search)

    def contains(self, address: str) -> bool:
        """Whether the client at ``address`` is in one of them; one without an address is in none."""
        return bool(self._networks) and bool(address) and self._contains(address)

    def _search(self, address: str) -> bool:
        return _within(address, self._networks)


def _within(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        wanted = ip_address(address)
    except ValueError:
        return False
    return any(wanted in network for network in networks)


class Clients:
    """The connections of all clients of this process."""

    __slots__ = ("_address_most", "_held", "_network_most", "_now", "_rate", "_swept", "_windows")

    def __init__(self, *, address: int, network: int, rate: int, now: Callable[[], float]) -> None:
        """At most ``address`` connections of one address and ``network`` of one network, ``rate`` new ones of one address a minute.

        ``now``: monotonic seconds.
        """
        self._address_most = address
        self._network_most = network
        self._rate = rate
        self._now = now
        self._held: dict[str, int] = {}
        self._windows: dict[str, tuple[float, int]] = {}
        self._swept = _KEPT

    def limit(self, *, address: int, network: int, rate: int) -> None:
        """Change the limits; connections that are there stay."""
        self._address_most, self._network_most, self._rate = address, network, rate

    def arrive(self, address: str) -> Key | None:
        """Count a new connection from ``address``, or give the key of the greeting that turns it away, uncounted."""
        if not self._within_rate(address):
            return Key.GREETING_CLIENT_RATE
        network = network_of(address)
        held = self._held
        mine, ours = held.get(address, 0), held.get(network, 0)
        if mine >= self._address_most or ours >= self._network_most:
            return Key.GREETING_CLIENT_CONNECTIONS
        held[address] = mine + 1
        held[network] = ours + 1
        return None

    def leave(self, address: str) -> None:
        """A connection that ``arrive`` counted has ended."""
        for name in (address, network_of(address)):
            left = self._held.get(name, 0) - 1
            if left > 0:
                self._held[name] = left
            else:
                self._held.pop(name, None)

    def held(self, address: str) -> int:
        """Connections of ``address`` now."""
        return self._held.get(address, 0)

    def _within_rate(self, address: str) -> bool:
        now = self._now()
        began, number = self._windows.get(address, (now, 0))
        if now - began >= _WINDOW:
            began, number = now, 0
        if number >= self._rate:
            return False
        self._windows[address] = (began, number + 1)
        if len(self._windows) > self._swept:
            self._sweep(now)
        return True

    def _sweep(self, now: float) -> None:
        """Throw away windows that are over; look again when as many again have come."""
        self._windows = {address: window for address, window in self._windows.items() if now - window[0] < _WINDOW}
        self._swept = max(2 * len(self._windows), _KEPT)


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """The network that ``address`` is counted in: its /24 or /56."""
    if ":" not in address:
        return address.rpartition(".")[0] + ".0/24"
    return str(ip_network(f"{address}/56", strict=False))
