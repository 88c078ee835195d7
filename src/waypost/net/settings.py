"""The settings of reaching others; knows no file format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from waypost.setting import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsSettings:
    """``[dns]``: where names are asked for."""

    resolvers: Annotated[
        tuple[str, ...],
        Setting(
            says="Recursive resolvers as address, address:port or [IPv6]:port, asked in order. Absent: those of /etc/resolv.conf.",
            restart=True,
        ),
    ] = ()
    seconds: Annotated[
        int,
        Setting(says="Wait for an answer, all resolvers and repetitions together.", unit="seconds", least=1, most=60, restart=True),
    ] = 5
    cache_entries: Annotated[
        int,
        Setting(says="Answers kept in memory, per process; the oldest go first.", unit="answers", least=0, most=1_000_000, restart=True),
    ] = 10_000
    cache_seconds: Annotated[
        int,
        Setting(
            says="Longest time an answer is kept, whatever its own lifetime says.", unit="seconds", least=5, most=604_800, restart=True
        ),
    ] = 86_400
