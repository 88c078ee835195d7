"""The settings of notices; knows no file format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from waypost.setting import Setting


class Language(StrEnum):
    """A language that notices are written in."""

    EN = "en"
    """English."""
    ZH = "zh"
    """Simplified Chinese."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSettings:
    """``[notices]``: what senders are told of their mail, and in which words."""

    languages: Annotated[
        tuple[Language, ...],
        Setting(says="Languages of the part for people, one below the other: en, zh."),
    ] = (Language.EN,)
    returned_size: Annotated[
        int,
        Setting(
            says="Largest message that a failure notice returns whole when its sender asked for that (RET=FULL); of a larger one "
            "only the header section.",
            unit="octets",
            least=0,
            most=1_048_576,
        ),
    ] = 50_000
