"""SMTP and LMTP: hosts in order, their addresses in order, until every recipient has its answer. Knows no spool.

RFC 5321 sections 4.5.4.1 and 5.1. Another address is tried where no connection came about, or where the next hop sent us away
before it took anything (a greeting of 4xx or 5xx, 421); a recipient's own refusal is its answer, whichever host gave it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from waypost.deliver.attempt import Attempted, all_failed
from waypost.deliver.ear import Ear
from waypost.deliver.hop import Hop, HopKey
from waypost.mail.outcome import Action
from waypost.net.dial import UnreachableError, dial, dial_unix
from waypost.net.dns import NameLookupError, NameMissingError
from waypost.net.stream import HandshakeError, StreamError
from waypost.net.tls import CertificateError
from waypost.replies.keys import Key
from waypost.route.exchangers import exchangers
from waypost.route.route import Unroutable
from waypost.route.settings import Kind, OutboundTls
from waypost.smtp.client import ClientTerms, Dialect, Upgrade
from waypost.smtp.consequence import outcome

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from waypost.deliver.means import Means
    from waypost.mail.outcome import Outcome
    from waypost.net.stream import ClientStream
    from waypost.route.route import Route
    from waypost.route.transports import NextHop
    from waypost.spool.spool import Lease, Waiting

_UPGRADES = {
    OutboundTls.OPPORTUNISTIC: Upgrade.OFFERED,
    OutboundTls.REQUIRED: Upgrade.REQUIRED,
    OutboundTls.IMPLICIT: Upgrade.NEVER,
    OutboundTls.NONE: Upgrade.NEVER,
}


@dataclass(frozen=True, slots=True)
class Target:
    """One address of one next hop."""

    host: NextHop
    address: str
    """Empty: a UNIX socket."""

    @property
    def name(self) -> str:
        """As outcomes name it."""
        return f"{self.host.host}[{self.address}]:{self.host.port}" if self.address else str(self.host)


class NetworkWay:
    """The way of transports ``smtp`` and ``lmtp``."""

    def __init__(self, means: Means) -> None:
        self._means = means

    async def attempt(self, lease: Lease, route: Route) -> Attempted:
        """See ``Way``."""
        if not route.by_exchangers:
            return await _Journey(self._means, lease, route, route.hosts).run()
        means = self._means
        hosts = await exchangers(route.domain, means.resolver, ourselves=means.ourselves, shuffle=means.random.shuffle)
        if isinstance(hosts, Unroutable):
            return all_failed(lease, hosts.key, next_hop=route.domain, detail=hosts.detail)
        return await _Journey(means, lease, route, hosts).run()


class _Journey:
    """One lease over the hosts of one route."""

    __slots__ = ("_hosts", "_last", "_lease", "_means", "_moved", "_open", "_outcomes", "_result", "_route", "_since")

    def __init__(self, means: Means, lease: Lease, route: Route, hosts: Sequence[NextHop]) -> None:
        self._means = means
        self._lease = lease
        self._route = route
        self._hosts = hosts
        self._open: list[Waiting] = list(lease.waiting)
        self._outcomes: dict[int, Outcome] = {}
        self._moved = False
        """Whether anybody has got the message: then that is to be durable before another host is gone to (I2)."""
        self._last: Outcome | None = None
        """Why the host before this one did not do."""
        self._result = Attempted([])
        self._since = means.clock.monotonic()

    async def run(self) -> Attempted:
        """All hosts until nobody waits; what is left over gets the last reason."""
        for host in self._hosts[: self._means.outbound.hosts]:
            if await self._reuse(host):
                break
        else:
            await self._visit_all()
        last = self._last or outcome(Key.UNREACHABLE, next_hop=self._route.domain, detail="it has no address")
        self._result.outcomes = [self._outcomes.get(waiting.position, last) for waiting in self._lease.waiting]
        if self._moved:
            self._result.soon = frozenset(waiting.position for waiting in self._open)
        return self._result

    async def _visit_all(self) -> None:
        """Every address until nobody waits; those that timed out lately come last."""
        later: list[Target] = []
        async for target in self._targets():
            if self._means.unreached.lately(target.name):
                later.append(target)
                self._note(outcome(Key.UNREACHABLE, next_hop=target.name, detail="it let a connection time out a moment ago"))
            elif await self._visit(target, self._upgrade):
                return
        for target in later:
            if await self._probe(target):
                return

    async def _probe(self, target: Target) -> bool:
        """Visit what timed out lately, unless another message is just doing so: mail for a dead host must not take up the connections
        of all (5321#4.5.4.1).
        """
        unreached = self._means.unreached
        if not unreached.begin(target.name):
            return False
        try:
            return await self._visit(target, self._upgrade)
        finally:
            unreached.end(target.name)

    @property
    def _upgrade(self) -> Upgrade:
        return _UPGRADES[self._route.transport.tls]

    def _key(self, host: NextHop) -> HopKey:
        transport = self._route.transport
        return HopKey(host.host, host.port, transport.kind, transport.tls, transport.ca, transport.username)

    async def _targets(self) -> AsyncIterator[Target]:
        """Addresses, host by host, as many as the settings allow."""
        means = self._means
        left = means.outbound.addresses
        for host in self._hosts[: means.outbound.hosts]:
            if not host.port:
                yield Target(host, "")
                continue
            try:
                addresses = await means.resolver.addresses(host.host, ipv6=means.outbound.ipv6)
            except NameMissingError:
                self._addressless(host)
                continue
            except NameLookupError as error:
                self._note(outcome(Key.NAME_LOOKUP_FAILED, next_hop=host.host, detail=str(error)))
                continue
            if not addresses:
                self._addressless(host)
            for address in addresses[:left]:
                yield Target(host, address)
            left -= len(addresses)
            if left <= 0:
                return

    def _addressless(self, host: NextHop) -> None:
        """A name without an address. Where the DNS names all hosts and none has one, the domain takes no mail (5321#5.1)."""
        key = Key.DOMAIN_UNKNOWN if self._route.by_exchangers else Key.UNREACHABLE
        self._note(outcome(key, next_hop=host.host, detail=f"{host.host} has no address"))

    def _note(self, reason: Outcome) -> None:
        """Why a host did not do. While one of them may do later nothing is final, whatever the others say (5321#5.1)."""
        if self._last is None or reason.action is Action.DEFERRED or self._last.action is Action.FAILED:
            self._last = reason

    # ---- connections ------------------------------------------------------------------------------------------

    async def _reuse(self, host: NextHop) -> bool:
        """Go on with a kept connection, if there is one; whether the journey is over with it."""
        means = self._means
        hop = means.share.pool.take(self._key(host), seconds=means.outbound.reuse_seconds)
        if hop is None:
            return False
        hop.listen(self._ear(hop.name, reused=True))
        return await self._deliver(hop)

    async def _visit(self, target: Target, upgrade: Upgrade) -> bool:
        """Connect, introduce, deliver; whether the journey is over."""
        means, transport = self._means, self._route.transport
        try:
            stream = await self._dial(target)
        except UnreachableError as error:
            self._note(outcome(Key.UNREACHABLE, next_hop=target.name, detail=str(error)))
            if isinstance(error.__cause__, TimeoutError):
                means.unreached.add(target.name)
            return False
        means.unreached.discard(target.name)
        hop = Hop(stream, self._terms(target, upgrade), self._key(target.host), means.outbound, self._ear(target.name))
        try:
            failure = await self._introduce(hop, target)
        except BaseException:
            stream.close()  # cancelled: nobody else would
            raise
        if failure is None and self._route.by_exchangers and hop.session.peer_name.lower() in means.ourselves:
            stream.close()
            self._note(outcome(Key.ROUTE_LOOPS_BACK, next_hop=target.name, detail="the exchanger greets with our own name"))
            return True  # 5321#5.1: nothing from our own preference on
        if failure is None:
            done = await self._deliver(hop)
            if not done and hop.session.transaction is not None and hop.session.transaction.chunking_refused:
                return await self._visit(target, upgrade)  # the same again by DATA
            return done
        self._note(failure)
        stream.close()
        if failure.key == Key.TLS_FAILED and transport.tls is OutboundTls.OPPORTUNISTIC and not failure.detail.startswith("octets"):
            return upgrade is not Upgrade.NEVER and await self._visit(target, Upgrade.NEVER)  # 7435#3: better in the clear than not at all
        return False

    async def _dial(self, target: Target) -> ClientStream:
        outbound = self._means.outbound
        self._means.share.make_room(outbound.connections)
        seconds = outbound.connect_seconds
        if not target.host.port:
            return await dial_unix(target.host.host, seconds=seconds)
        return await dial(target.address, target.host.port, seconds=seconds)

    async def _introduce(self, hop: Hop, target: Target) -> Outcome | None:
        """Greeting, TLS, AUTH; why not, or None."""
        means, transport = self._means, self._route.transport
        try:
            context = None
            if transport.tls is not OutboundTls.NONE and target.host.port:
                context = await means.context(verify=transport.tls is not OutboundTls.OPPORTUNISTIC, ca=transport.ca)
            if transport.tls is OutboundTls.IMPLICIT and context is not None:
                hop.stream.deadline(means.outbound.handshake_seconds)
                await hop.stream.start_tls(context, server_side=False, server_name=target.host.host)
        except (CertificateError, HandshakeError) as error:
            return outcome(Key.TLS_FAILED, next_hop=target.name, detail=str(error))
        except StreamError as error:
            return outcome(Key.REMOTE_HUNG_UP, next_hop=target.name, detail=str(error))
        return await hop.introduce(context, server_name=target.host.host, handshake_seconds=means.outbound.handshake_seconds)

    def _terms(self, target: Target, upgrade: Upgrade) -> ClientTerms:
        transport = self._route.transport
        return ClientTerms(
            hostname=self._means.hostname,
            next_hop=target.name,
            dialect=Dialect.LMTP if transport.kind is Kind.LMTP else Dialect.SMTP,
            upgrade=upgrade if target.host.port else Upgrade.NEVER,
            secured=transport.tls is OutboundTls.IMPLICIT,
            username=transport.username,
            password=transport.password,
            chunking=self._means.chunks_with(target.name),
        )

    def _ear(self, peer: str, *, reused: bool = False) -> Ear | None:
        means = self._means
        if means.history is None and not means.observers.live:
            return None
        lease = self._lease
        ear = Ear(
            means.clock,
            means.observers,
            hostname=means.hostname,
            message=lease.envelope.id,
            peer=peer,
            domain=lease.domain,
            reused=reused,
        )
        self._result.ears.append(ear)
        return ear

    # ---- transactions -----------------------------------------------------------------------------------------

    async def _deliver(self, hop: Hop) -> bool:
        """Transactions on ``hop`` until nobody waits; whether the journey is over."""
        means = self._means
        self._result.connecting += means.clock.monotonic() - self._since
        try:
            going = True
            while self._open and going and not hop.session.over:
                going = await self._transact(hop, self._batch(hop))
        except BaseException:
            hop.stream.close()  # cancelled in the middle: a message without its end is dropped by the next hop
            raise
        if hop.session.over:
            hop.stream.close()
        elif self._open and not self._moved:
            hop.leave()
        else:
            self._result.hop = hop
        self._since = means.clock.monotonic()
        return self._moved or not self._open

    def _batch(self, hop: Hop) -> list[Waiting]:
        """Who is next. A next hop without SMTPUTF8 gets those with plain addresses apart: the others are no reason to refuse them."""
        waiting = self._open
        if not hop.session.offers.smtputf8:
            waiting = [each for each in waiting if each.recipient.mailbox.text.isascii()] or waiting
        return waiting[: self._means.outbound.recipients]

    async def _transact(self, hop: Hop, batch: list[Waiting]) -> bool:
        """One transaction; whether the next may follow on this connection."""
        means, lease = self._means, self._lease
        transaction = await hop.carry(
            lease.envelope, [waiting.recipient for waiting in batch], lease.content, block_seconds=means.outbound.block_seconds
        )
        results = list(zip(batch, transaction.outcomes, strict=True))
        if transaction.chunking_refused:
            means.never_chunk_with(hop.name)
        moved = any(result is not None and result.action in (Action.RELAYED, Action.DELIVERED) for _, result in results)
        self._moved = self._moved or moved
        going = True
        for waiting, result in results:
            if result is None:
                continue
            if self._put_off(hop, waiting, result, chunking_refused=transaction.chunking_refused):
                going = False
                continue
            self._outcomes[waiting.position] = result
            if not (moved and result.key == Key.REMOTE_RECIPIENTS_FULL):  # 5321#4.5.3.1.10: those go into the next transaction at once
                self._open.remove(waiting)
        return going

    def _put_off(self, hop: Hop, waiting: Waiting, result: Outcome, *, chunking_refused: bool) -> bool:
        """Whether the recipient was certainly not taken and another connection may do better at once."""
        if chunking_refused and result.heard is not None and result.heard.command.startswith("BDAT"):
            self._note(outcome(Key.REMOTE_GARBLED, next_hop=hop.name, heard=result.heard, detail="CHUNKING is offered and BDAT refused"))
        elif result.action is Action.DEFERRED and _untaken(hop, result):
            self._note(result)
        else:
            return False
        self._outcomes.pop(waiting.position, None)
        return True


def _untaken(hop: Hop, result: Outcome) -> bool:
    """Whether a temporary failure was the host's, not the recipient's, and nothing was taken for certain.

    So it is when 421 was said; when MAIL or DATA was put off; when the connection ended before the content had; and when a kept
    connection was dead.
    """
    heard, transaction = result.heard, hop.session.transaction
    if heard is not None:
        return (heard.code == 421 and hop.session.over) or heard.command in ("MAIL", "DATA")
    if not hop.session.over or transaction is None or result.key == Key.CONTENT_UNREADABLE:
        return False
    return not transaction.complete or (hop.messages > 1 and not transaction.answered)
