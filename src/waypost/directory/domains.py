"""Whose mail is it: local and relay domains, mailboxes, aliases, postmaster. Knows no session, no transport and no relay control.

Local parts of local mailboxes, aliases and postmaster are compared without regard to case, and after unquoting, so that
``"Ada"@example.org`` is ``ada@example.org`` (5321#2.4 leaves it to the host of the mailbox, which we are). Domains are compared
in canonical form, which the grammar has given them already. Of domains that are not local nothing is known, and nothing refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.directory.resolution import Expanded, Known, Resolution, TooWide, Unknown
from waypost.mail.path import Mailbox
from waypost.smtp.grammar import parse_domain, parse_literal, parse_mailbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waypost.directory.settings import DomainSettings

ANY = "*"
"""In ``domains.local``: every domain, address literals too."""
WIDTH = 1000
"""Mailboxes that one alias may lead to."""
DEPTH = 1000
"""Aliases that may be passed through on the way to one mailbox."""


class _TooWideError(Exception):
    """An expansion passed WIDTH or DEPTH."""


class Domains:
    """The directory of domains, made once from the settings and never changed: reload makes a new one."""

    __slots__ = ("_aliases", "_any", "_local", "_mailboxes", "_postmaster", "_relay")

    def __init__(self, settings: DomainSettings, hostname: str) -> None:
        """``hostname`` is the domain of <Postmaster> where no local domain is named. Raises AddressError: check the settings first."""
        named = [canonical_domain(name) for name in settings.local if name != ANY]
        self._any = ANY in settings.local
        self._local = frozenset(named)
        self._relay = frozenset(canonical_domain(name) for name in settings.relay)
        self._mailboxes = None if settings.mailboxes is None else frozenset(_key(parse_mailbox(text)) for text in settings.mailboxes)
        self._aliases = {
            _key(parse_mailbox(alias)): tuple(parse_mailbox(target) for target in targets) for alias, targets in settings.aliases.items()
        }
        self._postmaster = _postmaster(settings, next((name for name in named if not name.startswith("[")), hostname.lower()))

    def is_local(self, domain: str) -> bool:
        """Whether mailboxes of ``domain`` (canonical; empty for bare <Postmaster>) are here."""
        return domain in self._local or self._any or not domain

    def is_relay(self, domain: str) -> bool:
        """Whether mail for any mailbox of ``domain`` (canonical) is accepted for passing on."""
        return domain in self._relay

    def resolve(self, mailbox: Mailbox) -> Resolution:
        """What ``mailbox`` stands for. Of a domain that is not local every mailbox is Known: who may send there is not judged here."""
        domain = mailbox.domain
        if not (domain in self._local or self._any or not domain):
            return Known(mailbox)
        key = mailbox.local_part.lower(), domain
        if key in self._aliases:
            return self._expanded(mailbox, key)
        if key[0] == "postmaster" and not (self._mailboxes is not None and key in self._mailboxes):
            return self._resolved_postmaster()
        return Known(mailbox) if self._exists(key) else Unknown(mailbox)

    def _exists(self, key: tuple[str, str]) -> bool:
        return self._mailboxes is None or key in self._mailboxes or key == _key(self._postmaster)

    def _resolved_postmaster(self) -> Resolution:
        """Bare <Postmaster> and postmaster@ every local domain reach somebody, whatever the settings (5321#4.5.1)."""
        key = _key(self._postmaster)
        if key in self._aliases and isinstance(expanded := self._expanded(self._postmaster, key), Expanded):
            return expanded
        return Known(self._postmaster)

    def _expanded(self, mailbox: Mailbox, key: tuple[str, str]) -> Resolution:
        found: dict[tuple[str, str], Mailbox] = {}
        try:
            for target in self._targets(key):
                if self.is_local(target.domain) and not self._exists(_key(target)):
                    return Unknown(mailbox)
                found.setdefault(self._identity(target), target)
                if len(found) > WIDTH:
                    return TooWide(mailbox)
        except _TooWideError:
            return TooWide(mailbox)
        return Expanded(tuple(found.values())) if found else Unknown(mailbox)

    def _identity(self, target: Mailbox) -> tuple[str, str]:
        """By which two targets are the same: elsewhere the case of a local part may matter (5321#2.4)."""
        return _key(target) if self.is_local(target.domain) else (target.local_part, target.domain)

    def _targets(self, key: tuple[str, str]) -> Iterator[Mailbox]:
        """The mailboxes at the ends of an alias, depth first, without recursion; an alias met again is passed by, so circles end.

        An alias that lists itself means its own mailbox: ``ada = [ada, archive]``.
        """
        met = {key}
        path = [(key, iter(self._aliases[key]))]
        while path:
            alias, targets = path[-1]
            target = next(targets, None)
            if target is None:
                path.pop()
                continue
            target = self._postmaster if self._stands_for_postmaster(target) else target
            reached = _key(target)
            if reached == alias or reached not in self._aliases:
                yield target
            elif reached not in met:
                met.add(reached)
                path.append((reached, iter(self._aliases[reached])))
                if len(path) > DEPTH:
                    raise _TooWideError

    def _stands_for_postmaster(self, target: Mailbox) -> bool:
        if not target.is_postmaster or not self.is_local(target.domain):
            return False
        key = _key(target)
        return key not in self._aliases and (self._mailboxes is None or key not in self._mailboxes)


def canonical_domain(name: str) -> str:
    """``name`` (a domain or an address literal) as paths carry it: lower-case A-labels, no trailing dot. Raises AddressError."""
    return parse_literal(name) if name.startswith("[") else parse_domain(name)


def _postmaster(settings: DomainSettings, domain: str) -> Mailbox:
    if settings.postmaster is not None and (given := parse_mailbox(settings.postmaster)).domain:
        return given
    return Mailbox("postmaster", domain, f"postmaster@{domain}")


def _key(mailbox: Mailbox) -> tuple[str, str]:
    return mailbox.local_part.lower(), mailbox.domain
