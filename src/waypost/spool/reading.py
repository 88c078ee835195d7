"""What the spool reads from its shard, each function run with a read-only connection. Knows the statements, not the loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from waypost.spool.rows import Extent, decode_envelope, decode_extents, decode_outcome
from waypost.spool.search import matches, meant
from waypost.spool.spool import LOOKED, PEOPLE, Standing, Waiting
from waypost.spool.states import WAITING, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from waypost.mail.envelope import Envelope
    from waypost.spool.spool import Filter
    from waypost.store.sqlite import Connection, Row, Value

Type = TypeVar("Type")


class Due(NamedTuple):
    """A message read for a lease."""

    number: int
    due: float
    envelope: Envelope
    content: bytes | None
    size: int
    extents: Sequence[Extent]
    waiting: tuple[Waiting, ...]
    fresh: bool


class Page(NamedTuple):
    """What falls due at a domain, from a place on."""

    found: list[Due]
    cursor: tuple[float, int] | None
    """The place of the last row read."""
    following: float | None
    """No other row of the domain falls due before this; None when there is none."""


class Match(NamedTuple):
    """A message that a filter means."""

    number: int
    envelope: Envelope
    size: int
    extents: Sequence[Extent]
    standings: tuple[Standing, ...]
    """All of its recipients."""
    meant: tuple[Standing, ...]
    """Those that the filter means."""
    fresh: bool
    """No recipient has a row of its own."""
    held: bool
    """It was held as a whole when it was kept."""


class Sighted(NamedTuple):
    """What one go through the messages found."""

    matches: list[Match]
    after: str | None
    """The id of the last message that was looked at; None when there is no other."""


def of(kind: type[Type], value: Value) -> Type:
    """``value``, known to be a ``kind``. Raises TypeError when the file says otherwise."""
    if not isinstance(value, kind):
        raise TypeError(f"a {kind.__name__} was expected, {value!r} found")
    return value


def or_none(kind: type[Type], value: Value) -> Type | None:
    """``value``, known to be a ``kind`` or None."""
    return None if value is None else of(kind, value)


def _place(content: Value, extents: Value) -> tuple[bytes | None, int, Sequence[Extent]]:
    """Content, its size, its extents, of the two columns."""
    if extents is not None:
        size, places = decode_extents(of(bytes, extents))
        return None, size, places
    octets = of(bytes, content)
    return octets, len(octets), ()


def used(connection: Connection) -> list[tuple[Extent, ...]]:
    """All that is in use in the segment files."""
    return [decode_extents(of(bytes, row[0]))[1] for row in connection.execute("extents")]


def content(connection: Connection, number: int) -> tuple[bytes | None, int, Sequence[Extent]] | None:
    """The content of message ``number``, or where it is; None when the message is gone."""
    row = connection.one("content", (number,))
    return None if row is None else _place(*row)


def fresh(connection: Connection, number: int, domain: str, due: float) -> Due | None:
    """Message ``number`` for a lease at ``domain``, if it still stands as a whole."""
    if connection.one("standing", (number,)) is not None:
        return None
    row = connection.one("message", (number,))
    if row is None:
        return None
    envelope = decode_envelope(of(bytes, row[1]))
    return Due(number, due, envelope, *_place(row[2], row[3]), first_attempts(envelope, domain), fresh=True)


def first_attempts(envelope: Envelope, domain: str) -> tuple[Waiting, ...]:
    """The recipients at ``domain`` of a message never attempted."""
    return tuple(
        [
            Waiting(position=position, recipient=recipient, attempts=0, first_attempt=None)
            for position, recipient in enumerate(envelope.recipients)
            if recipient.mailbox.domain == domain
        ]
    )


def page(connection: Connection, domain: str, cursor: tuple[float, int] | None, now: float, most: int) -> Page:
    """The next ``most`` recipients due at ``domain`` after ``cursor``, as messages."""
    at, last = cursor or (float("-inf"), -1)
    rows = connection.all("due_messages", (domain, at, last, now, most))
    numbers = {of(int, number): of(float, moment) for moment, number in reversed(rows)}
    found = [due for number, moment in reversed(numbers.items()) if (due := _deferred(connection, number, domain, moment, now))]
    if rows:
        cursor = (of(float, rows[-1][0]), of(int, rows[-1][1]))
    if len(rows) == most:
        return Page(found, cursor, rows[-1][0] if isinstance(rows[-1][0], float) else now)
    row = connection.one("next_due", (domain, now))
    return Page(found, cursor, None if row is None else of(float, row[0]))


def _deferred(connection: Connection, number: int, domain: str, moment: float, now: float) -> Due | None:
    row = connection.one("message", (number,))
    if row is None:
        return None
    envelope = decode_envelope(of(bytes, row[1]))
    waiting = tuple(_waiting(envelope, found) for found in connection.execute("due_recipients", (number, domain, now)))
    return Due(number, moment, envelope, *_place(row[2], row[3]), waiting, fresh=False)


def _waiting(envelope: Envelope, row: Row) -> Waiting:
    position = of(int, row[0])
    last = or_none(bytes, row[3])
    return Waiting(
        position=position,
        recipient=envelope.recipients[position],
        attempts=of(int, row[1]),
        first_attempt=or_none(float, row[2]),
        last=None if last is None else decode_outcome(last),
        delay_notified=bool(row[4]),
    )


def look(
    connection: Connection, wanted: Filter, after: str, leased: Mapping[tuple[int, str], frozenset[int]], last: int | None = None
) -> Sighted:
    """The messages that ``wanted`` means among the next behind the id ``after``; ``leased``: the positions by message and domain.
    ``last``: the number of the last that may be meant.
    """
    found: list[Match] = []
    looked = people = 0
    for number, octets, held, length, extents in _candidates(connection, wanted, after):
        if looked == LOOKED or people >= PEOPLE or len(found) == wanted.limit:
            return Sighted(found, after)
        envelope = decode_envelope(of(bytes, octets))
        looked, people, after = looked + 1, people + len(envelope.recipients), envelope.id
        if not matches(wanted, envelope) or (last is not None and of(int, number) > last):
            continue
        if match := _match(connection, wanted, of(int, number), envelope, (bool(held), length, extents), leased):
            found.append(match)
    return Sighted(found, None)


def _candidates(connection: Connection, wanted: Filter, after: str) -> Iterator[Row]:
    if not wanted.ids:
        yield from connection.execute("messages", (after, LOOKED + 1))
        return
    for id_ in sorted(id_ for id_ in wanted.ids if id_ > after):
        if (row := connection.one("message_by_id", (id_,))) is not None:
            yield row


def _match(
    connection: Connection,
    wanted: Filter,
    number: int,
    envelope: Envelope,
    kept: tuple[bool, Value, Value],
    leased: Mapping[tuple[int, str], frozenset[int]],
) -> Match | None:
    rows = connection.all("recipients", (number,))
    held, length, extents = kept
    standings = _standings(envelope, rows) if rows else _untouched(envelope, held=held)
    standings = tuple([_overlaid(standing, leased.get((number, standing.domain), frozenset())) for standing in standings])
    chosen = tuple([standing for standing in standings if meant(wanted, standing)])
    if not chosen:
        return None
    size, places = decode_extents(of(bytes, extents)) if extents is not None else (of(int, length), ())
    return Match(number, envelope, size, places, standings, chosen, fresh=not rows, held=held)


def _overlaid(standing: Standing, leased: frozenset[int]) -> Standing:
    if standing.position not in leased or standing.state not in WAITING:
        return standing
    return Standing(
        position=standing.position,
        recipient=standing.recipient,
        domain=standing.domain,
        state=State.LEASED,
        attempts=standing.attempts,
        next_attempt=None,
        last=standing.last,
        last_attempt=standing.last_attempt,
    )


def _untouched(envelope: Envelope, *, held: bool) -> tuple[Standing, ...]:
    return tuple(
        Standing(
            position=position,
            recipient=recipient,
            domain=recipient.mailbox.domain,
            state=State.HELD if held else State.QUEUED,
            attempts=0,
            next_attempt=None if held else envelope.arrived,
            last=None,
        )
        for position, recipient in enumerate(envelope.recipients)
    )


def _standings(envelope: Envelope, rows: list[Row]) -> tuple[Standing, ...]:
    return tuple(_standing(envelope, row) for row in rows)


def _standing(envelope: Envelope, row: Row) -> Standing:
    position = of(int, row[0])
    last = or_none(bytes, row[7])
    return Standing(
        position=position,
        recipient=envelope.recipients[position],
        domain=of(str, row[1]),
        state=State(of(str, row[2])),
        attempts=of(int, row[4]),
        next_attempt=or_none(float, row[3]),
        last=None if last is None else decode_outcome(last),
        last_attempt=or_none(float, row[6]),
    )


def domains(connection: Connection, behind: str | None, most: int) -> list[tuple[str, float]]:
    """A page of the domains for which somebody waits, each with the first moment at which one falls due."""
    found: list[tuple[str, float]] = []
    if behind is None:
        row = connection.one("empty_domain")
        if row is not None and row[0] is not None:
            found.append(("", of(float, row[0])))
    found += [(of(str, name), of(float, due)) for name, due in connection.execute("due_domains", (behind or "", most))]
    return found


def whole(connection: Connection, behind: str, last: int, most: int) -> list[tuple[str, int, float, tuple[str, ...]]]:
    """A page of the messages never attempted, up to number ``last``: id, number, arrival, domains."""
    found = []
    for id_, number in connection.all("whole_messages", (behind, last, most)):
        row = connection.one("envelope", (number,))
        if row is not None:
            envelope = decode_envelope(of(bytes, row[0]))
            found.append((of(str, id_), of(int, number), envelope.arrived, domains_of(envelope)))
    return found


def domains_of(envelope: Envelope) -> tuple[str, ...]:
    """The domains of the recipients, each once, in order."""
    recipients = envelope.recipients
    if len(recipients) == 1:
        return (recipients[0].mailbox.domain,)
    return tuple(dict.fromkeys([recipient.mailbox.domain for recipient in recipients]))
