"""Whose fault it was on the wire, each error with the reply key that it suggests; knows no reply's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.replies import Key, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from waypost.replies import Reply


class ProtocolError(Exception):
    """Something that the protocol forbids. ``key`` is the reply it suggests, ``facts`` what that reply wants filled in."""

    def __init__(self, key: Key, **facts: object) -> None:
        super().__init__(key, facts)
        self.key = key
        self.facts: Mapping[str, object] = facts

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.facts.items())
        return f"{self.key} ({told})" if told else str(self.key)

    @property
    def reply(self) -> Reply:
        """The reply it suggests, its facts filled in."""
        return say(self.key, more=(), **self.facts)


class LocalProtocolError(ProtocolError):
    """We asked for what the protocol forbids: a fault in our own code."""


class RemoteProtocolError(ProtocolError):
    """The other side said what the protocol forbids."""


class AddressError(ValueError):
    """A path, mailbox or domain that the grammar refuses. ``fault`` says why, in words fit for a reply: ASCII, no full stop."""

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault = fault


class NoDomainError(AddressError):
    """A mailbox without a domain that is not Postmaster (5321#2.3.5)."""


class XtextError(ValueError):
    """Not xtext (3461#4)."""


class ParameterError(ValueError):
    """A parameter of MAIL or RCPT that the grammar refuses: ``parameter`` names it, ``key`` says how."""

    def __init__(self, parameter: str, key: Key = Key.PARAMETER_INVALID) -> None:
        super().__init__(parameter)
        self.parameter = parameter
        self.key = key
