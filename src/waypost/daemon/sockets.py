"""The listening sockets of all workers, opened once by the parent while it may: bound, or inherited from a supervisor. Knows no session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from waypost.net.listen import EVERYWHERE, Inherited, ListenError, bind, inherited, parse, place_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

    from waypost.accept.settings import ListenerSettings


def open_sockets(
    listeners: Sequence[ListenerSettings], workers: int, environment: Mapping[str, str] = os.environ
) -> list[list[socket.socket]]:
    """For each worker its sockets, in the order of ``listeners``. Raises ListenError.

    Several workers have a socket each at the same place (SO_REUSEPORT) and the kernel spreads connections over them; an inherited
    socket and a UNIX socket are shared.
    """
    given = inherited(environment, os.getpid())
    if given:
        shared = [_matching(listener, given) for listener in listeners]
        _demand_all_used(given, shared)
        return [shared] * workers
    columns = [_bound(place, listener.bind, workers) for place, listener in enumerate(listeners)]
    return [[column[index] for column in columns] for index in range(workers)]


def _bound(position: int, spec: str, workers: int) -> list[socket.socket]:
    """A socket for each worker; a fault names the setting, which ``--set`` takes as it stands."""
    try:
        return _opened(spec, workers)
    except ListenError as error:
        raise ListenError(f"listeners.{position}.bind: {error}") from error


def _opened(spec: str, workers: int) -> list[socket.socket]:
    if workers == 1 or parse(spec).path:
        return [bind(spec)] * workers
    bind(spec).close()  # without sharing first: a place that another program holds is found out, not shared with it
    first = bind(spec, reuse_port=True)
    place = str(place_of(first))
    return [first, *(bind(place, reuse_port=True) for _ in range(workers - 1))]


def _matching(listener: ListenerSettings, given: Sequence[Inherited]) -> socket.socket:
    """The inherited socket at the listener's place. A supervisor's ``ListenStream=25`` is at every address, of IPv4 and IPv6.

    It serves a listener at every address alone: one that names an address must not hear more of the world than it says.
    """
    wanted = parse(listener.bind)
    for one in given:
        place = place_of(one.listener)
        if place == wanted or (place.port == wanted.port and {place.address, wanted.address} <= EVERYWHERE):
            return one.listener
    places = ", ".join(str(place_of(one.listener)) for one in given)
    raise ListenError(f"the supervisor handed over no socket for {listener.bind}, only {places}: make its unit and the listeners agree")


def _demand_all_used(given: Sequence[Inherited], used: Sequence[socket.socket]) -> None:
    """Raise ListenError for a socket that no listener names: clients would connect to it and never hear a word."""
    spare = [str(place_of(one.listener)) for one in given if one.listener not in used]
    if spare:
        raise ListenError(f"the supervisor handed over {', '.join(spare)}, which no listener names: make its unit and the listeners agree")
