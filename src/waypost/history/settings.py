"""The settings of history; knows no file format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from waypost.setting import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySettings:
    """``[history]``: which conversations are kept, and for how long."""

    keep: Annotated[
        bool,
        Setting(says="Whether conversations are kept at all: commands and replies, never content, AUTH redacted."),
    ] = True
    days: Annotated[
        int,
        Setting(says="Days after which a conversation is forgotten; 0: never for its age.", unit="days", least=0, most=3650),
    ] = 14
    most: Annotated[
        int,
        Setting(
            says="Conversations kept; beyond it the oldest go first; 0: no bound.",
            unit="conversations",
            least=0,
            most=100_000_000,
        ),
    ] = 100_000
    waiting: Annotated[
        int,
        Setting(
            says="Conversations that may wait to be written; beyond it new ones are dropped and counted, for history never delays mail.",
            unit="conversations",
            least=1,
            most=1_000_000,
        ),
    ] = 4096
