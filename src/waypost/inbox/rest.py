"""An envelope at rest: JSON with short names, so that a newer Waypost reads what an older one kept. Knows no table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from waypost.mail.envelope import Body, Envelope, Notify, Origin, Recipient, Return
from waypost.mail.path import Mailbox

if TYPE_CHECKING:
    from waypost.mail.path import ReversePath


class _Path(msgspec.Struct, array_like=True):
    local_part: str
    domain: str
    text: str


class _Recipient(msgspec.Struct, array_like=True):
    path: _Path
    notify: list[str]
    orcpt: str | None


class _Origin(msgspec.Struct, omit_defaults=True, frozen=True):
    client: str = ""
    port: int = 0
    helo: str = ""
    protocol: str = ""
    tls: str = ""
    account: str = ""
    session: str = ""


class _Envelope(msgspec.Struct, omit_defaults=True):
    id: str
    sender: _Path | None
    to: list[_Recipient]
    arrived: float
    size: int = 0
    body: str = "7BIT"
    utf8: bool = False
    ret: str | None = None
    envid: str | None = None
    origin: _Origin = _Origin()


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(_Envelope)


def written(envelope: Envelope) -> bytes:
    """``envelope`` as octets."""
    origin = envelope.origin
    return _ENCODER.encode(
        _Envelope(
            id=envelope.id,
            sender=_path(envelope.reverse_path),
            to=[
                _Recipient(_Path(each.mailbox.local_part, each.mailbox.domain, each.mailbox.text), sorted(each.notify), each.orcpt)
                for each in envelope.recipients
            ],
            arrived=envelope.arrived,
            size=envelope.size,
            body=envelope.body,
            utf8=envelope.smtputf8,
            ret=envelope.ret,
            envid=envelope.envid,
            origin=_Origin(origin.client, origin.port, origin.helo, origin.protocol, origin.tls, origin.account, origin.session),
        )
    )


def read(octets: bytes) -> Envelope:
    """The envelope that was written. Raises msgspec.DecodeError for anything else."""
    row = _DECODER.decode(octets)
    kept = row.origin
    return Envelope(
        id=row.id,
        reverse_path=None if row.sender is None else _mailbox(row.sender),
        recipients=tuple(Recipient(_mailbox(each.path), frozenset(map(Notify, each.notify)), each.orcpt) for each in row.to),
        arrived=row.arrived,
        size=row.size,
        body=Body(row.body),
        smtputf8=row.utf8,
        ret=None if row.ret is None else Return(row.ret),
        envid=row.envid,
        origin=Origin(
            client=kept.client,
            port=kept.port,
            helo=kept.helo,
            protocol=kept.protocol,
            tls=kept.tls,
            account=kept.account,
            session=kept.session,
        ),
    )


def _path(path: ReversePath) -> _Path | None:
    return None if path is None else _Path(path.local_part, path.domain, path.text)


def _mailbox(path: _Path) -> Mailbox:
    return Mailbox(path.local_part, path.domain, path.text)
