"""Where the own server takes mail: the next hops and folders that its transports name, each gone to as far as the greeting. Sends no mail.

RFC 5321 sections 3.8 and 4.5.4.1 (what waits for a host that does not answer), RFC 2033 section 4 (LMTP).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from waypost.diagnose.scene import is_ip
from waypost.diagnose.shown import found
from waypost.diagnose.talk import Talk
from waypost.net.dial import UnreachableError, dial_unix
from waypost.net.stream import HandshakeError
from waypost.net.tls import client_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.own.facts import Hop
    from waypost.diagnose.own.view import View
    from waypost.diagnose.scene import Scene
    from waypost.route.transports import NextHop

MOST = 10
"""Transports, and hosts of each, that are gone to."""


async def probe(view: View, scene: Scene) -> AsyncIterator[Finding]:
    """Go to every next hop, all at once."""
    hops = view.own.hops[:MOST]
    heard = await asyncio.gather(*(asyncio.gather(*(_ask(scene, hop, host) for host in hop.hosts[:MOST])) for hop in hops))
    for hop, answers in zip(hops, heard, strict=True):
        for finding in judge(view.own.account, hop, answers):
            yield finding


async def _ask(scene: Scene, hop: Hop, host: NextHop) -> str:
    """Why it cannot be used; empty where it bids welcome."""
    reasons = []
    for address in await _addresses(scene, host):
        try:
            reason = await _greeted(scene, hop, host, address)
        except (UnreachableError, HandshakeError) as fault:
            reason = str(fault)
        if not reason:
            return ""
        reasons.append(reason)
    return "; ".join(dict.fromkeys(reasons)) or "no address"


async def _addresses(scene: Scene, host: NextHop) -> tuple[str, ...]:
    if not host.port or is_ip(host.host):
        return (host.host,)
    local = await scene.lookup.local(host.host)
    if local:
        return local
    four, six = await asyncio.gather(scene.lookup.ask(host.host, "A"), scene.lookup.ask(host.host, "AAAA"))
    return (*four.records[:2], *six.records[:2])


async def _greeted(scene: Scene, hop: Hop, host: NextHop, address: str) -> str:
    seconds = scene.limits.connect
    stream = await (scene.dial(address, host.port, seconds=seconds) if host.port else dial_unix(address, seconds=seconds))
    talk = Talk(stream, scene.limits, scene.clock)
    try:
        if hop.implicit:
            await talk.start_tls(client_context(verify=False), None if is_ip(host.host) else host.host, seconds=seconds)
        said = await talk.reply(seconds=scene.limits.greeting)
        if said.code == 220 and not said.ended:
            await talk.quit()
            return ""
        return said.text or f"no greeting ({said.ended})"
    finally:
        talk.close()


def judge(account: str, hop: Hop, answers: Sequence[str]) -> Iterator[Finding]:
    """What one transport comes to; ``answers``: of each host why it cannot be used."""
    facts = {"match": hop.match, "setting": hop.setting, "account": account, "folder": hop.folder.path if hop.folder is not None else "-"}
    if hop.folder is not None and not hop.folder.allowed:
        yield found("own-maildir-closed", hop.setting, f"{hop.folder.path}: mode {hop.folder.mode:o}", **facts)
    if not answers:
        return
    told = [f"{host}: {answer or '220'}" for host, answer in zip(hop.hosts, answers, strict=False)]
    dead = ", ".join(str(host) for host, answer in zip(hop.hosts, answers, strict=False) if answer)
    facts |= {"hosts": ", ".join(map(str, hop.hosts)), "dead": dead or "-"}
    if all(answers):
        yield found("own-hop-dead", hop.setting, *told, **facts)
    elif any(answers):
        yield found("own-hop-partly", hop.setting, *told, **facts)
    else:
        yield found("own-hop-answers", hop.setting, *told, **facts)
