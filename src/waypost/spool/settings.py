"""The settings of the spool and of its retry schedule; knows no file format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from waypost.setting import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """``[queue]``: how long and how often delivery is tried."""

    retry: Annotated[
        tuple[int, ...],
        Setting(
            says="Waits between attempts; the last one repeats until the lifetime ends.",
            unit="seconds",
            least=1,
            most=604_800,
        ),
    ] = (300, 600, 1200, 2400, 3600, 7200, 14400)
    jitter: Annotated[
        int,
        Setting(
            says="Each wait is varied by up to this much, so that retries do not march in step.",
            unit="percent",
            least=0,
            most=50,
        ),
    ] = 20
    lifetime: Annotated[
        int,
        Setting(
            says="After this long without delivery a message is given up and its sender told.",
            unit="seconds",
            least=60,
            most=2_592_000,
        ),
    ] = 432_000
    notice_lifetime: Annotated[
        int,
        Setting(says="The same for notices (mail from the null reverse-path).", unit="seconds", least=60, most=2_592_000),
    ] = 86_400
    delay_notice: Annotated[
        int,
        Setting(
            says="After this long without delivery the sender is told that it is late; 0 for never.",
            unit="seconds",
            least=0,
            most=2_592_000,
        ),
    ] = 14_400
    minimum_attempts: Annotated[
        int,
        Setting(
            says="A message is not given up before this many attempts, whatever the clock says.",
            unit="attempts",
            least=1,
            most=100,
        ),
    ] = 2
    fresh: Annotated[
        int,
        Setting(
            says="Octets of fresh messages kept in memory for the deliverer; beyond it they are read back from disk.",
            unit="octets",
            least=0,
            most=1_073_741_824,
            restart=True,
        ),
    ] = 67_108_864
    free_space: Annotated[
        int,
        Setting(
            says="Free disk space below which no new mail is taken (452).", unit="octets", least=0, most=1_099_511_627_776, restart=True
        ),
    ] = 67_108_864
