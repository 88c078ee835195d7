"""Rules on domains, mailboxes, aliases and postmaster. Knows no transport."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.config.problem import quoted
from waypost.config.rules.finding import Finding, warning
from waypost.directory.domains import ANY, DEPTH, WIDTH, Domains, canonical_domain
from waypost.directory.resolution import TooWide, Unknown
from waypost.smtp.errors import AddressError
from waypost.smtp.grammar import parse_mailbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waypost.config.load import Loaded
    from waypost.config.problem import Keys
    from waypost.mail.path import Mailbox


def names_are_domains(loaded: Loaded) -> Iterator[Finding]:
    """Local and relay domains are domains, each in one list and once."""
    domains = loaded.settings.domains
    seen: dict[str, str] = {}
    for key, names in (("local", domains.local), ("relay", domains.relay)):
        for position, name in enumerate(names):
            keys = ("domains", key, position)
            if name == ANY and key == "local":
                continue
            if (fault := _domain_fault(name)) is not None:
                yield Finding(keys, fault)
            elif name in seen and seen[name] != key:
                yield Finding(keys, f"{name} is in domains.{seen[name]} already: a domain is either local or relayed")
            elif name in seen:
                yield warning(keys, f"{name} is listed twice")
            seen.setdefault(name, key)


def _domain_fault(name: str) -> str | None:
    try:
        canonical_domain(name)
    except AddressError:
        if name == ANY:
            return "* would make this an open relay: name the domains"
        if name.startswith((".", "*.")):
            return f"{quoted(name)} is no domain: subdomains are listed one by one"
        return f"{quoted(name)} is no domain: write it like example.org" + (", without the local part" if "@" in name else "")
    return None


def mailboxes_are_local(loaded: Loaded) -> Iterator[Finding]:
    """Every mailbox and every alias is an address in a local domain; every target is an address."""
    domains = loaded.settings.domains
    for position, text in enumerate(domains.mailboxes or ()):
        yield from _local_address(loaded, ("domains", "mailboxes", position), text)
    spelled: dict[tuple[str, str], str] = {}
    for name, targets in domains.aliases.items():
        keys: Keys = ("domains", "aliases", name)
        yield from _local_address(loaded, keys, name)
        if (alias := _parsed(name)) is not None:
            first = spelled.setdefault((alias.local_part.lower(), alias.domain), name)
            if first != name:
                yield Finding(keys, f"is the same address as {first}: put their targets together")
        if not targets:
            yield Finding(keys, "leads to nobody: list at least one address")
        for position, target in enumerate(targets):
            yield from _address(("domains", "aliases", name, position), target)
    if domains.postmaster is not None:
        yield from _address(("domains", "postmaster"), domains.postmaster)


def _address(keys: Keys, text: str) -> Iterator[Finding]:
    try:
        mailbox = parse_mailbox(text)
    except AddressError as error:
        yield Finding(keys, f"{quoted(text)} is no address, {error.fault}: write it like ada@example.org")
        return
    if not mailbox.domain:
        yield Finding(keys, f"{quoted(text)} has no domain: write it like ada@example.org")


def _local_address(loaded: Loaded, keys: Keys, text: str) -> Iterator[Finding]:
    findings = [*_address(keys, text)]
    yield from findings
    domains = loaded.settings.domains
    mailbox = _parsed(text)
    if not findings and mailbox is not None and mailbox.domain not in domains.local and ANY not in domains.local:
        yield Finding(keys, f"{mailbox.domain} is not in domains.local: add it there, or correct the address")


def aliases_reach_somebody(loaded: Loaded) -> Iterator[Finding]:
    """Each alias ends at mailboxes that exist, without going in circles or growing without bound."""
    domains = loaded.settings.domains
    try:
        directory = Domains(domains, loaded.settings.hostname)
    except AddressError:
        return  # what is no address has been found already
    for name, targets in domains.aliases.items():
        keys: Keys = ("domains", "aliases", name)
        resolution = directory.resolve(parse_mailbox(name))
        missing = [*_missing(loaded, keys, targets)]
        yield from missing
        if isinstance(resolution, TooWide):
            yield Finding(keys, f"leads to more than {WIDTH} mailboxes or through more than {DEPTH} aliases: use a list server")
        elif isinstance(resolution, Unknown) and not missing and targets and not _leads_on(loaded, targets):
            yield Finding(keys, "goes in a circle and reaches no mailbox")


def _missing(loaded: Loaded, keys: Keys, targets: tuple[str, ...]) -> Iterator[Finding]:
    """The direct targets that are neither mailbox nor alias. Those further down are found at the alias that names them."""
    domains = loaded.settings.domains
    if domains.mailboxes is None:
        return
    known = {_folded(parse_mailbox(text)) for text in (*domains.mailboxes, *([domains.postmaster] if domains.postmaster else []))}
    aliases = {_folded(parse_mailbox(text)) for text in domains.aliases}
    itself = _folded(parse_mailbox(str(keys[-1])))
    for position, text in enumerate(targets):
        target = parse_mailbox(text)
        elsewhere = target.domain not in domains.local and ANY not in domains.local
        is_alias = _folded(target) in aliases and _folded(target) != itself
        if not (elsewhere or target.is_postmaster or is_alias or _folded(target) in known):
            yield Finding((*keys, position), f"{target.text} is not in domains.mailboxes: add it there, or correct the address")


def _leads_on(loaded: Loaded, targets: tuple[str, ...]) -> bool:
    """Whether an alias among the targets is at fault instead, and is told of itself."""
    domains = loaded.settings.domains
    aliases = {_folded(parse_mailbox(name)): (name, onward) for name, onward in domains.aliases.items()}
    waiting, met = [*targets], set()
    while waiting:
        folded = _folded(parse_mailbox(waiting.pop()))
        if folded in aliases and folded not in met:
            met.add(folded)
            name, onward = aliases[folded]
            if next(_missing(loaded, ("domains", "aliases", name), onward), None) is not None:
                return True
            waiting.extend(onward)
    return False


def somebody_is_postmaster(loaded: Loaded) -> Iterator[Finding]:
    """<Postmaster> must work on every server that takes mail (5321#4.5.1)."""
    domains = loaded.settings.domains
    if not domains.local and domains.postmaster is None and loaded.settings.listeners:
        yield warning(("domains",), "there is no local domain: set domains.postmaster, so that mail for <Postmaster> reaches somebody")


def _parsed(text: str) -> Mailbox | None:
    try:
        return parse_mailbox(text)
    except AddressError:
        return None


def _folded(mailbox: Mailbox) -> tuple[str, str]:
    return mailbox.local_part.lower(), mailbox.domain
