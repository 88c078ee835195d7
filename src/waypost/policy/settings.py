"""The settings of policy; knows no file format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from waypost.setting import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class RelaySettings:
    """``[relay]``: who may send anywhere, and who nowhere."""

    networks: Annotated[
        tuple[str, ...],
        Setting(says="Networks (CIDR) whose clients may send to any domain; they are exempt from per-client limits. Default: none."),
    ] = ()
    refused: Annotated[
        tuple[str, ...],
        Setting(says="Networks (CIDR) whose clients are turned away by the greeting (554), those of `networks` excepted. Default: none."),
    ] = ()
    normalize: Annotated[
        bool,
        Setting(says="Mend bare CR and LF in the mail of these networks instead of refusing it, for clients that cannot be mended."),
    ] = False
