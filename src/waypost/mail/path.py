"""Mailboxes and paths as values (RFC 5321 section 4.1.2); knows no syntax: parsing is ``smtp.grammar``."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct


class Mailbox(Struct, frozen=True):
    """A local part at a domain, in canonical form, together with the text as it came."""

    local_part: str
    """Unquoted; case kept (5321#2.4); ``postmaster`` is lower case when it is the reserved name."""

    domain: str
    """Lower-case A-labels without a trailing dot, or ``[192.0.2.1]`` / ``[IPv6:2001:db8::1]``; empty for bare <Postmaster>."""

    text: str
    """As received, without angle brackets and source route; what goes on the wire again."""

    @property
    def is_postmaster(self) -> bool:
        """Whether this is the reserved mailbox name, in any case (5321#4.5.1)."""
        return self.local_part.lower() == "postmaster"

    @property
    def is_literal(self) -> bool:
        """Whether the domain is an address literal (5321#4.1.3)."""
        return self.domain.startswith("[")

    @property
    def is_ascii(self) -> bool:
        """Whether it can be said without SMTPUTF8 (6531#3.2)."""
        return self.text.isascii()

    def __str__(self) -> str:
        return self.text


ReversePath: TypeAlias = Mailbox | None
"""The null reverse-path ``<>`` is None (5321#4.5.5)."""
