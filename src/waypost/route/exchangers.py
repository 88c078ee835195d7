"""From a domain to the hosts that take its mail, in the order in which they are tried. Knows no session.

RFC 5321 section 5.1 (MX, implicit MX, ourselves among them), RFC 7505 (null MX).
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from waypost.net.dns import NameLookupError, NameMissingError
from waypost.replies.keys import Key
from waypost.route.route import Unroutable
from waypost.route.transports import NextHop

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from waypost.net.dns import Exchanger, Resolver

PORT = 25
"""Exchangers listen nowhere else."""


async def exchangers(
    domain: str, resolver: Resolver, *, ourselves: Container[str], shuffle: Callable[[list[str]], None]
) -> tuple[NextHop, ...] | Unroutable:
    """The hosts for ``domain``, best first; ``ourselves`` holds the names we are known by, lower case.

    ``shuffle`` mixes hosts of one preference in place (5321#5.1: they MUST be tried in random order).
    """
    literal = _literal(domain)
    if literal is not None:
        return (NextHop(literal, PORT),)
    found = await _look_up(domain, resolver)
    if isinstance(found, Unroutable):
        return found
    if not found:
        return (NextHop(domain, PORT),)  # 5321#5.1: the implicit MX
    if all(not exchanger.host for exchanger in found):
        return Unroutable(key=Key.DOMAIN_NO_MAIL, detail=f"{domain} publishes a null MX")  # 7505#3
    hosts = tuple(NextHop(host, PORT) for host in _ordered(found, ourselves, shuffle))
    if not hosts:
        return Unroutable(key=Key.ROUTE_LOOPS_BACK, detail=f"this server is the best exchanger of {domain}")
    return hosts


async def _look_up(domain: str, resolver: Resolver) -> Sequence[Exchanger] | Unroutable:
    try:
        return await resolver.exchangers(domain)
    except NameMissingError:
        return Unroutable(key=Key.DOMAIN_UNKNOWN, detail=f"{domain} does not exist")
    except NameLookupError as error:
        return Unroutable(key=Key.NAME_LOOKUP_FAILED, detail=str(error))


def _ordered(found: Sequence[Exchanger], ourselves: Container[str], shuffle: Callable[[list[str]], None]) -> list[str]:
    """By preference, mixed within one; from the preference at which we stand ourselves on, nothing (5321#5.1)."""
    ordered: list[str] = []
    usable = sorted((exchanger for exchanger in found if exchanger.host), key=lambda exchanger: exchanger.preference)
    for _, group in groupby(usable, key=lambda exchanger: exchanger.preference):
        hosts = list(dict.fromkeys(exchanger.host for exchanger in group))
        if any(host in ourselves for host in hosts):
            break
        shuffle(hosts)
        ordered += (host for host in hosts if host not in ordered)
    return ordered


def _literal(domain: str) -> str | None:
    """The address within an address literal (5321#4.1.3), or None."""
    if not domain.startswith("["):
        return None
    return domain[1:-1].removeprefix("IPv6:")
