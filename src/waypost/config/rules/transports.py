"""Rules on transports: each can work, every accepted domain has one, and nothing leaves for whoever asks. Knows no listener."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from waypost.config.problem import quoted
from waypost.config.rules.finding import Finding, warning
from waypost.directory.domains import ANY
from waypost.net.tls import CertificateError, client_context
from waypost.route.settings import Kind, OutboundTls
from waypost.route.transports import TransportError, matches, read_transport

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from waypost.config.load import Loaded
    from waypost.route.settings import TransportSettings

Network: TypeAlias = IPv4Network | IPv6Network

CAPTIVE = frozenset({Kind.CAPTURE, Kind.HOLD, Kind.DISCARD})
"""Kinds from which nothing leaves."""
WIDEST = {4: 8, 6: 16}
"""Shortest prefix of relay.networks by IP version, where mail can leave."""
_OUR_OWN = tuple(ip_network(text) for text in ("fc00::/7", "fe80::/10"))
_MAPPED = IPv6Network("::ffff:0:0/96")
_NETWORKED = frozenset({Kind.SMTP, Kind.LMTP})


def transports_can_work(loaded: Loaded) -> Iterator[Finding]:
    """Each transport has what its kind needs, and nothing that has no meaning for it."""
    for position, transport in enumerate(loaded.settings.transports):
        where = f"transports.{position}"
        try:
            read_transport(transport, where)
        except TransportError as error:
            subject, _, says = str(error).partition(" ")
            key = subject.rstrip(":").removeprefix(where).removeprefix(".")
            yield Finding(("transports", position, *([key] if key else [])), says)
        yield from _meaningless(transport, position)
        yield from _authorities(transport, position)


def _meaningless(transport: TransportSettings, position: int) -> Iterator[Finding]:
    kind = transport.kind
    if transport.path is not None and kind is not Kind.MAILDIR:
        yield Finding(("transports", position, "path"), f"has no meaning for kind {kind}: remove it")
    if transport.tls is not OutboundTls.OPPORTUNISTIC and kind not in _NETWORKED:
        yield Finding(("transports", position, "tls"), f"has no meaning for kind {kind}: remove it")
    if transport.ca is not None and kind not in _NETWORKED:
        yield Finding(("transports", position, "ca"), f"has no meaning for kind {kind}: remove it")


def _authorities(transport: TransportSettings, position: int) -> Iterator[Finding]:
    if transport.ca is None or transport.kind not in _NETWORKED:
        return
    try:
        client_context(verify=True, ca=Path(transport.ca))
    except (CertificateError, OSError) as error:
        yield Finding(("transports", position, "ca"), f"cannot be used: {error}")


def every_domain_has_a_transport(loaded: Loaded) -> Iterator[Finding]:
    """What is accepted can be routed: local and relay domains each have a transport."""
    settings = loaded.settings
    if not settings.transports:
        yield Finding(("transports",), "is missing: accepted mail would go nowhere; add [[transports]] with match and kind")
        return
    for key, names in (("local", settings.domains.local), ("relay", settings.domains.relay)):
        for position, name in enumerate(names):
            keys = ("domains", key, position)
            transport = _first(settings.transports, name)
            if transport is None:
                yield Finding(keys, f"no transport matches {name}: add [[transports]] with match = {quoted(name)}")
            elif key == "local" and name != ANY and transport.kind is Kind.SMTP and not transport.hosts:
                yield warning(keys, f"its transport goes by MX, and the MX of {name} may well be this server: give it hosts")


def _first(transports: Sequence[TransportSettings], domain: str) -> TransportSettings | None:
    return next((each for each in transports if any(matches(pattern, domain) for pattern in _patterns(each))), None)


def others_have_a_transport(loaded: Loaded) -> Iterator[Finding]:
    """A transport behind one that takes everything is never used; where senders may send anywhere, something must take it."""
    taken = False
    for position, transport in enumerate(loaded.settings.transports):
        if taken:
            yield warning(("transports", position), 'is never used: one before it matches "*", and the first match wins')
        taken = taken or ANY in _patterns(transport)
    sends = any(listener.role == "submission" for listener in loaded.settings.listeners) or bool(loaded.settings.relay.networks)
    if sends and not taken and loaded.settings.transports:
        yield warning(("transports",), 'none matches "*": what clients send to other domains is refused')


def nothing_leaves_for_strangers(loaded: Loaded) -> Iterator[Finding]:
    """Whoever takes mail for everywhere from anybody, or any password, is an open relay: legal only where nothing leaves."""
    leaving = _leaving(loaded)
    if leaving is None:
        return
    position, kind = leaving
    way = f"transports.{position} ({kind}) lets mail leave: only capture, hold and discard may be reached"
    if ANY in loaded.settings.domains.local:
        yield Finding(("domains", "local"), f'"*" takes mail for every domain from anybody, and {way}')
    if loaded.settings.auth.anyone:
        yield Finding(("auth", "anyone"), f"every password is right, and {way}")
    yield from _wide_networks(loaded, way)


def _leaving(loaded: Loaded) -> tuple[int, Kind] | None:
    """The first transport that can be reached and from which mail leaves."""
    for position, transport in enumerate(loaded.settings.transports):
        if transport.kind not in CAPTIVE:
            return position, transport.kind
        if ANY in _patterns(transport):
            return None
    return None


def networks_are_networks(loaded: Loaded) -> Iterator[Finding]:
    """Each of relay.networks and relay.refused is an address or a network."""
    relay = loaded.settings.relay
    for key, networks in (("networks", relay.networks), ("refused", relay.refused)):
        for position, text in enumerate(networks):
            try:
                ip_network(text)
            except ValueError:
                yield Finding(("relay", key, position), _network_fault(text))


def _network_fault(text: str) -> str:
    try:
        return f"{quoted(text)} has bits behind its prefix: write {ip_network(text, strict=False)}"
    except ValueError:
        return f"{quoted(text)} is no network: write it like 192.0.2.0/24 or 2001:db8::/32"


def _wide_networks(loaded: Loaded, way: str) -> Iterator[Finding]:
    networks: list[tuple[int, Network]] = []
    for position, text in enumerate(loaded.settings.relay.networks):
        try:
            networks.append((position, _unmapped(ip_network(text))))
        except ValueError:
            continue  # told by another rule
    wide = [(position, network) for position, network in networks if _is_wide(network)]
    for position, network in wide:
        text = loaded.settings.relay.networks[position]
        yield Finding(
            ("relay", "networks", position),
            f"{text} is wider than a /{WIDEST[network.version]}: strangers in it could send anywhere, and {way}",
        )
    if not wide and any(_is_wide(network) for network in _together([network for _, network in networks])):
        yield Finding(("relay", "networks"), f"together they are wider than a /8: strangers in them could send anywhere, and {way}")


def _together(networks: Sequence[Network]) -> list[Network]:
    old = collapse_addresses([network for network in networks if isinstance(network, IPv4Network)])
    new = collapse_addresses([network for network in networks if isinstance(network, IPv6Network)])
    return [*old, *new]


def _unmapped(network: Network) -> Network:
    """IPv4 addresses written as IPv6 are IPv4."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network


def _is_wide(network: Network) -> bool:
    if isinstance(network, IPv6Network) and any(network.subnet_of(own) for own in _OUR_OWN if isinstance(own, IPv6Network)):
        return False
    return network.prefixlen < WIDEST[network.version]


def unknown_mailboxes_are_refused(loaded: Loaded) -> Iterator[Finding]:
    """Without a list of mailboxes mail for unknown ones is taken and bounced to senders who are often forged."""
    domains = loaded.settings.domains
    if domains.mailboxes is None and any(_leaves(loaded, name) for name in domains.local if name != ANY):
        yield warning(
            ("domains",),
            "mailboxes is missing: every mailbox of the local domains is accepted, and what turns out unknown is bounced, often to "
            "forged senders (backscatter); list the mailboxes",
        )


def _leaves(loaded: Loaded, domain: str) -> bool:
    transport = _first(loaded.settings.transports, domain)
    return transport is not None and transport.kind not in CAPTIVE


def _patterns(transport: TransportSettings) -> tuple[str, ...]:
    return (transport.match,) if isinstance(transport.match, str) else transport.match
