"""The server as a process: whether it runs, as whom, with which ports, as its configuration says. Judges facts; asks nobody.

RFC 5321 section 4.5.4.2 (a server keeps listening, and for several clients at once).
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from waypost.diagnose.own.facts import Presence
from waypost.diagnose.shown import found
from waypost.net.listen import EVERYWHERE
from waypost.smtp.terms import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.own.facts import Door, Own

FEW = 1000
"""Connections fewer than which a burst of ordinary mail may take up."""
WIDE = {4: 8, 6: 16}
"""Prefixes shorter than this hold strangers, whoever owns them."""


def judge(own: Own) -> Iterator[Finding]:
    """Everything about the process."""
    yield from _presence(own)
    yield from _rights(own)
    yield from _troubles(own)
    for door in (*own.doors, *((own.web,) if own.web is not None else ())):
        yield from _port(own, door)
        yield from _trusting(own, door)
    yield from _restart(own)
    yield from _networks(own)
    yield from _descriptors(own)
    if own.dev:
        yield found("own-dev", own.hostname, data=own.data)


# ---- process --------------------------------------------------------------------------------------------------


def _presence(own: Own) -> Iterator[Finding]:
    facts = {"data": own.data, "command": own.command, "process": own.holder, "account": own.account}
    match own.presence:
        case Presence.RUNNING:
            yield found("own-running", own.hostname, **facts)
        case Presence.STOPPED:
            yield found("own-stopped", own.hostname, **facts)
        case Presence.MUTE:
            yield found("own-mute", own.hostname, **facts)
        case Presence.HIDDEN:
            yield found("own-hidden", own.hostname, **facts)


def _rights(own: Own) -> Iterator[Finding]:
    if own.running is not None and own.running.root and not own.dev:
        yield found("own-root", own.hostname, f"process {own.running.process}: account {own.running.account}")


def _troubles(own: Own) -> Iterator[Finding]:
    for trouble in own.troubles:
        key = "own-config-error" if trouble.grave else "own-config-warning"
        yield found(key, trouble.setting, f"{trouble.place}: {trouble.setting}: {trouble.says}", setting=trouble.setting, says=trouble.says)


def _descriptors(own: Own) -> Iterator[Finding]:
    if own.running is None:
        return
    facts = {"descriptors": own.running.descriptors, "connections": own.running.connections, "wanted": own.wanted}
    evidence = f"RLIMIT_NOFILE {own.running.descriptors}"
    if own.wanted > own.running.connections:
        yield found("own-descriptors-short", own.hostname, evidence, **facts)
    elif own.running.connections < FEW:
        yield found("own-descriptors-few", own.hostname, evidence, **facts)
    else:
        yield found("own-descriptors-enough", own.hostname, evidence, **facts)


# ---- ports ----------------------------------------------------------------------------------------------------


def _port(own: Own, door: Door) -> Iterator[Finding]:
    """Whether what the configuration names is bound, and by whom."""
    facts = {"setting": door.setting, "place": door.place, "holder": door.holder or "-", "hostname": own.hostname}
    runs = own.presence in (Presence.RUNNING, Presence.MUTE)
    if not (door.place.port or door.place.path):
        yield found("own-port-any", door.setting, **facts)
    elif door.ours:
        yield found("own-port-ours", door.setting, **facts)
    elif door.bound:
        yield found("own-port-taken", door.setting, f"{door.place}: {door.holder}" if door.holder else str(door.place), **facts)
    elif door.bound is None:
        yield found("own-port-unknown", door.setting, **facts)
    elif runs:
        yield found("own-port-unbound", door.setting, **facts)
    else:
        yield found("own-port-free", door.setting, **facts)


def _trusting(own: Own, door: Door) -> Iterator[Finding]:
    """LMTP takes what it is handed: it is for programs of one's own (2033#5)."""
    address = door.place.address
    if door.role is Role.LMTP and not own.dev and address and (address in EVERYWHERE or ip_address(address).is_global):
        yield found("own-lmtp-public", door.setting, f"{door.setting} = {door.place}", place=door.place, setting=door.setting)


def _restart(own: Own) -> Iterator[Finding]:
    """Listeners are changed by a restart alone."""
    if own.strange and own.running is not None:
        listens = ", ".join(own.running.places)
        names = ", ".join(str(door.place) for door in own.doors) or "-"
        yield found("own-restart-needed", own.hostname, f"listens: {listens}", f"configured: {names}", listens=listens, names=names)


# ---- trust ----------------------------------------------------------------------------------------------------


def _networks(own: Own) -> Iterator[Finding]:
    """Networks that may send anywhere, and hold half the internet."""
    for text in own.networks:
        try:
            network = ip_network(text, strict=False)
        except ValueError:
            continue  # the configuration's own rules tell of it
        if network.prefixlen < WIDE[network.version]:
            yield found("own-networks-wide", "relay.networks", f"relay.networks: {text}", network=text)
