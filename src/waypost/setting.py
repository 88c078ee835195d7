"""The marker by which a room declares a setting; knows no other room and no file format.

A room's settings are a frozen dataclass; each field is ``Annotated[type, Setting(...)]``. The configuration reader, the
reference page and ``config show`` are all drawn from these markers, so a setting is documented where it is declared.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a setting says of itself."""

    says: str
    """One or two sentences for the operator: what it does and what happens at its edge."""

    unit: str = ""
    """Its unit (seconds, octets, messages, ...); empty where it counts nothing. A unit demands bounds and an edge test."""

    least: float | None = None
    """The smallest value accepted."""

    most: float | None = None
    """The largest value accepted."""

    secret: bool = False
    """Never shown; may be given as ``file:PATH`` or ``cred:NAME``."""

    restart: bool = False
    """Cannot change on reload: the server must be started anew."""

    path: bool = False
    """A file or folder: a relative one is taken from the folder of the configuration file."""
