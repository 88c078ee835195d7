"""The listening sockets of all workers, opened once by the parent while it may: bound, or inherited from a supervisor. Knows no session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from waypost.net.listen import Inherited, ListenError, bind, inherited, parse, place_of

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
        return [shared] * workers
    columns = [_bound(listener.bind, workers) for listener in listeners]
    return [[column[index] for column in columns] for index in range(workers)]


def _bound(spec: str, workers: int) -> list[socket.socket]:
    if workers == 1 or parse(spec).path:
        return [bind(spec)] * workers
    bind(spec).close()  # without sharing first: a place that another program holds is found out, not shared with it
    first = bind(spec, reuse_port=True)
    place = str(place_of(first))
    return [first, *(bind(place, reuse_port=True) for _ in range(workers - 1))]


def _matching(listener: ListenerSettings, given: Sequence[Inherited]) -> socket.socket:
    """The inherited socket at the listener's place; a supervisor's ``ListenStream=25`` is at every address."""
    wanted = parse(listener.bind)
    for one in given:
        place = place_of(one.listener)
        if place == wanted or (place.port == wanted.port and not wanted.path and place.address in ("::", "0.0.0.0")):  # noqa: S104 - compared, not bound
            return one.listener
    places = ", ".join(str(place_of(one.listener)) for one in given)
    raise ListenError(f"the supervisor handed over no socket for {listener.bind}, only {places}: make its unit and the listeners agree")
