"""The settings of the inbox; knows no file format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from waypost.setting import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxSettings:
    """``[inbox]``: how much captured mail is kept."""

    messages: Annotated[
        int,
        Setting(says="Captured messages kept; the oldest go first; 0 for no limit.", unit="messages", least=0, most=100_000_000),
    ] = 100_000
    days: Annotated[
        int,
        Setting(says="Days a captured message is kept; 0 for no limit.", unit="days", least=0, most=36_500),
    ] = 0
