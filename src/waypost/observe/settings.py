"""The settings of what is told and how; knows no file format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from waypost.setting import Setting


class LogFormat(StrEnum):
    """How a log line is written."""

    AUTO = "auto"
    """terminal when standard error is one, json otherwise."""
    JSON = "json"
    """One JSON object per line."""
    TERMINAL = "terminal"
    """For people."""
    POSTFIX = "postfix"
    """In the form that Postfix's log readers know."""


class LogLevel(StrEnum):
    """The least severity that is logged."""

    DEBUG = "debug"
    """Everything, for finding faults."""
    INFO = "info"
    """What happened to each message and session."""
    WARNING = "warning"
    """What an operator should look at."""
    ERROR = "error"
    """What does not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """``[log]``: what is written to standard error."""

    format: Annotated[LogFormat, Setting(says="auto (terminal when standard error is one, else json), json, terminal or postfix.")] = (
        LogFormat.AUTO
    )
    level: Annotated[LogLevel, Setting(says="The least severity that is logged: debug, info, warning or error.")] = LogLevel.INFO
    name: Annotated[
        str,
        Setting(says="The name before the slash in the postfix form; readers such as pflogsumm expect postfix there."),
    ] = "waypost"
