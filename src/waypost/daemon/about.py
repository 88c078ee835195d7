"""What a running server says of itself to whoever asks at its control socket: plain values. Knows no store and no session."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from waypost.net.listen import connections_of

if TYPE_CHECKING:
    from waypost.accept.gate import Gate

_MANY = 1_000_000
"""Descriptors where there is no limit."""


def about(gate: Gate, workers: int) -> dict[str, Any]:
    """``process`` (the parent's), ``account``, ``root``, ``listeners``, ``descriptors`` of one process, ``connections`` of all."""
    descriptors = _descriptors()
    return {
        "process": os.getppid(),
        "account": account_name(os.geteuid()),
        "root": os.geteuid() == 0,
        "listeners": [str(place) for place in gate.places],
        "descriptors": descriptors,
        "connections": connections_of(descriptors) * workers,
    }


def account_name(number: int) -> str:
    """The name of a user id, or the number where it has none."""
    import pwd  # noqa: PLC0415 - does not exist on every system that has the dev profile

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _descriptors() -> int:
    import resource  # noqa: PLC0415 - likewise

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MANY if soft == resource.RLIM_INFINITY else soft
