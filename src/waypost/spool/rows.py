"""How values of the spool become octets in a row, and values again. Knows no engine and no SQL.

Envelopes and outcomes are arrays in MessagePack: compact, quick, and checked when read. New fields go to the end, with a default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from waypost.mail.envelope import Body, Envelope, Notify, Origin, Recipient, Return
from waypost.mail.outcome import Action, Heard, Outcome
from waypost.mail.path import Mailbox

if TYPE_CHECKING:
    from collections.abc import Sequence


Type = TypeVar("Type")


class Extent(NamedTuple):
    """A run of blocks in one segment file."""

    segment: int
    start: int
    """Its first block."""
    length: int
    """How many blocks."""


class _Envelope(msgspec.Struct, array_like=True, gc=False):
    id: str
    reverse_path: tuple[str, str, str] | None
    recipients: list[tuple[str, str, str, list[str], str | None]]
    arrived: float
    size: int
    body: str
    smtputf8: bool
    ret: str | None
    envid: str | None
    origin: tuple[str, int, str, str, str, str, str]


class _Outcome(msgspec.Struct, array_like=True, gc=False):
    action: str
    key: str
    status: str
    heard: tuple[int, str | None, list[str], str] | None
    next_hop: str
    detail: str
    supports_dsn: bool


_ENCODER = msgspec.msgpack.Encoder()
_ENVELOPE = msgspec.msgpack.Decoder(_Envelope)
_OUTCOME = msgspec.msgpack.Decoder(_Outcome)
_EXTENTS = msgspec.msgpack.Decoder(tuple[int, list[tuple[int, int, int]]])


def _read(decoder: msgspec.msgpack.Decoder[Type], octets: bytes) -> Type:
    try:
        return decoder.decode(octets)
    except msgspec.MsgspecError as error:
        raise ValueError(f"a row cannot be read: {error}") from error


def _mailbox(mailbox: Mailbox) -> tuple[str, str, str]:
    return (mailbox.local_part, mailbox.domain, mailbox.text)


def _recipient(recipient: Recipient) -> tuple[str, str, str, list[str], str | None]:
    mailbox, notify = recipient.mailbox, recipient.notify
    return (mailbox.local_part, mailbox.domain, mailbox.text, sorted(notify) if notify else [], recipient.orcpt)


def encode_envelope(envelope: Envelope) -> bytes:
    """The octets of ``envelope``."""
    path, origin = envelope.reverse_path, envelope.origin
    return _ENCODER.encode(
        (
            envelope.id,
            None if path is None else _mailbox(path),
            [_recipient(recipient) for recipient in envelope.recipients],
            envelope.arrived,
            envelope.size,
            envelope.body,
            envelope.smtputf8,
            envelope.ret,
            envelope.envid,
            (origin.client, origin.port, origin.helo, origin.protocol, origin.tls, origin.account, origin.session),
        )
    )


def decode_envelope(octets: bytes) -> Envelope:
    """The envelope of ``octets``. Raises ValueError when they are none."""
    row = _read(_ENVELOPE, octets)
    return Envelope(
        id=row.id,
        reverse_path=None if row.reverse_path is None else Mailbox(*row.reverse_path),
        recipients=tuple(
            Recipient(Mailbox(local_part, domain, text), frozenset(map(Notify, notify)), orcpt)
            for local_part, domain, text, notify, orcpt in row.recipients
        ),
        arrived=row.arrived,
        size=row.size,
        body=Body(row.body),
        smtputf8=row.smtputf8,
        ret=None if row.ret is None else Return(row.ret),
        envid=row.envid,
        origin=Origin(**dict(zip(_ORIGIN, row.origin, strict=True))),  # type: ignore[arg-type]  # the struct has checked each type
    )


_ORIGIN = ("client", "port", "helo", "protocol", "tls", "account", "session")


def encode_outcome(outcome: Outcome) -> bytes:
    """The octets of ``outcome``."""
    heard = outcome.heard
    return _ENCODER.encode(
        (
            outcome.action,
            outcome.key,
            outcome.status,
            None if heard is None else (heard.code, heard.status, heard.lines, heard.command),
            outcome.next_hop,
            outcome.detail,
            outcome.supports_dsn,
        )
    )


def decode_outcome(octets: bytes) -> Outcome:
    """The outcome of ``octets``. Raises ValueError when they are none."""
    row = _read(_OUTCOME, octets)
    heard = None
    if row.heard is not None:
        code, status, lines, command = row.heard
        heard = Heard(code=code, status=status, lines=tuple(lines), command=command)
    return Outcome(
        action=Action(row.action),
        key=row.key,
        status=row.status,
        heard=heard,
        next_hop=row.next_hop,
        detail=row.detail,
        supports_dsn=row.supports_dsn,
    )


def encode_extents(size: int, extents: Sequence[Extent]) -> bytes:
    """The octets that say where ``size`` octets of content are."""
    return _ENCODER.encode((size, extents))


def decode_extents(octets: bytes) -> tuple[int, tuple[Extent, ...]]:
    """How many octets of content there are, and where. Raises ValueError when the octets do not say."""
    size, extents = _read(_EXTENTS, octets)
    return size, tuple(Extent(*extent) for extent in extents)
