"""Rules on the pages for browsers: where they are served, and who may see the inbox. Opens nothing."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from waypost.config.rules.finding import Finding, warning
from waypost.net.dns import resolver_address
from waypost.net.listen import ListenError, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waypost.config.load import Loaded
    from waypost.net.listen import Place


def web_can_be_served(loaded: Loaded) -> Iterator[Finding]:
    """The pages have a place of their own, an address and port; at one that others can reach there is no inbox."""
    web = loaded.settings.web
    if not web.bind:
        return
    try:
        place = parse(web.bind)
    except ListenError as error:
        yield Finding(("web", "bind"), str(error))
        return
    if place.path:
        yield Finding(("web", "bind"), "a browser reaches no UNIX socket: write an address and port, such as 127.0.0.1:8025")
        return
    taken = [position for position, listener in enumerate(loaded.settings.listeners) if listener.bind == web.bind]
    if taken and place.port:
        yield Finding(("web", "bind"), f"{place} is listeners.{taken[0]}'s already: give each its own")
    yield from _reachable(loaded, place)


def _reachable(loaded: Loaded, place: Place) -> Iterator[Finding]:
    web = loaded.settings.web
    if place.is_loopback:
        return
    says = f"{place.address} can be reached by others: the reply reference alone is served there, not the inbox, which has no login yet"
    yield warning(("web", "inbox") if web.inbox else ("web", "bind"), says)
    if not (web.hosts or web.url):
        yield warning(
            ("web", "hosts"), "is empty and the bind is public: requests for any host name are answered; list yours, or set web.url"
        )


def web_names_are_names(loaded: Loaded) -> Iterator[Finding]:
    """The address of the public is one that a browser can open; hosts are names without port or path."""
    web = loaded.settings.web
    parts = urlsplit(web.url)
    if web.url and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment):
        yield Finding(("web", "url"), f"{web.url!r} is no address of a site: write it like https://mx.example.org")
    for position, name in enumerate(web.hosts):
        if not name or set(name) & set("/:*@ ") or not name.isascii():
            yield Finding(("web", "hosts", position), f"{name!r} is no host name: write it like mx.example.org, without port and path")


def web_checks_reach_what_is_meant(loaded: Loaded) -> Iterator[Finding]:
    """Networks of checks are networks; what opens inner ones to others is told."""
    web = loaded.settings.web
    wrong = False
    for name, networks in (("check_networks", web.check_networks), ("check_never", web.check_never)):
        for position, text in enumerate(networks):
            fault = _network_fault(text)
            wrong = wrong or bool(fault)
            if fault:
                yield Finding(("web", name, position), fault)
    for position, text in enumerate(web.check_resolvers):
        try:
            resolver_address(text)
        except ValueError as error:
            yield Finding(("web", "check_resolvers", position), str(error))
    if not (web.check and web.bind) or wrong:
        return
    inner = [text for text in web.check_networks if not ip_network(text).is_loopback]
    if inner and not _is_private(web.bind):
        says = f"whoever reaches the pages at {web.bind} can have mail servers in {', '.join(inner)} checked"
        yield warning(("web", "check_networks"), says)


def _network_fault(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        return f"{text!r} is no network: {error}; write it like 10.0.0.0/8 or fd00::/8"
    return ""


def _is_private(bind: str) -> bool:
    """Whether this machine alone can connect there; of what is no place another rule tells."""
    try:
        return parse(bind).is_loopback
    except ListenError:
        return True
