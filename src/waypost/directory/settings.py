"""The settings of the directory; knows no file format."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - the reader resolves annotations at run time
from dataclasses import dataclass, field
from typing import Annotated

from waypost.setting import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainSettings:
    """``[domains]``: whose mail this server takes."""

    local: Annotated[
        tuple[str, ...],
        Setting(
            says="Domains whose mailboxes are here. An address literal such as [192.0.2.1] may be listed too; `*` is every domain, "
            "for servers from which nothing leaves."
        ),
    ] = ()
    relay: Annotated[
        tuple[str, ...],
        Setting(says="Domains whose mail is accepted for passing on, whatever the mailbox (a backup or a front)."),
    ] = ()
    mailboxes: Annotated[
        tuple[str, ...] | None,
        Setting(says="The mailboxes of the local domains. Absent: every mailbox exists, and unknown ones bounce later (backscatter)."),
    ] = None
    aliases: Annotated[
        Mapping[str, tuple[str, ...]],
        Setting(says="Addresses that stand for others: each goes to every address in its list, which may lie elsewhere."),
    ] = field(default_factory=dict)
    postmaster: Annotated[
        str | None,
        Setting(says="Where mail for <Postmaster> and postmaster@ any local domain goes. Absent: postmaster@ the first local domain."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthSettings:
    """``[auth]``: how names and passwords are checked."""

    anyone: Annotated[
        bool,
        Setting(says="Whether every name and password is right: legal only while nothing leaves (capture, hold, discard).", restart=True),
    ] = False

    parallel: Annotated[int, Setting(says="Password checks at the same time, per host.", unit="checks", least=1, most=64)] = 2
    queue: Annotated[
        int,
        Setting(says="Password checks that may wait; one more is answered 454.", unit="checks", least=1, most=10000),
    ] = 50
    remember: Annotated[
        int,
        Setting(
            says="How long a password that was right is remembered (hashed with a key of this process), 0 for never.",
            unit="seconds",
            least=0,
            most=3600,
        ),
    ] = 60
