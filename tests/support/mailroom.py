"""An inbox application over the shipped fakes: captured mail and conversations put in by hand, pages asked for without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

from support.asking import Answer, get
from waypost.clock import Clock
from waypost.history.memory import MemoryHistory
from waypost.history.transcript import Line, Transcript
from waypost.inbox.memory import MemoryInbox
from waypost.mail import identifier
from waypost.mail.content import MemoryContent
from waypost.mail.envelope import Envelope, Origin, Recipient
from waypost.mail.path import Mailbox
from waypost.operate.failing import Voice
from waypost.operate.operator import Operator, Stores
from waypost.report.settings import NoticeSettings
from waypost.spool.memory import MemorySpool
from waypost.spool.settings import QueueSettings
from waypost.web.app import Given, make
from waypost.web.security import Hosts

NOW = 1_800_000_000.0


class Room:
    """Stores, the operator over them, and the pages over that."""

    def __init__(self) -> None:
        self.seconds = NOW
        self.clock = Clock(wall=lambda: self.seconds, monotonic=lambda: self.seconds)
        self.stores = Stores(spool=MemorySpool(self.clock), inbox=MemoryInbox(self.clock), history=MemoryHistory(self.clock))
        voice = Voice(hostname="mx.example.org", postmaster="postmaster@mx.example.org", notices=NoticeSettings())
        self.desk = Operator([self.stores], queue=QueueSettings(), voice=voice, clock=self.clock)
        self.ending = asyncio.Event()
        self.app: Any = make(Given(hosts=Hosts(), url="", desk=self.desk, clock=self.clock, smtp="127.0.0.1:1025", ending=self.ending))

    def keep(
        self, octets: bytes, *, sender: str = "ada@example.org", to: str = "bob@example.net", session: str = "", helo: str = "x"
    ) -> str:
        """Capture a message; its id."""
        self.seconds += 1
        local, _, domain = to.partition("@")
        path = Mailbox(sender.partition("@")[0], sender.partition("@")[2], sender) if sender else None
        origin = Origin(client="127.0.0.1", helo=helo, session=session or identifier.new(self.seconds))
        envelope = Envelope(
            id=identifier.new(self.seconds),
            reverse_path=path,
            recipients=(Recipient(Mailbox(local, domain, to)),),
            arrived=self.seconds,
            size=len(octets),
            origin=origin,
        )
        asyncio.run(self.stores.inbox.keep(envelope, MemoryContent(octets)))
        return envelope.id

    def talk(self, *said: str | tuple[str, str], refused: str = "", messages: tuple[str, ...] = (), helo: str = "x") -> str:
        """Keep a conversation: what the client said as text, what we said as text with its key; its session."""
        session = identifier.new(self.seconds)
        lines = [
            Line(at / 10, from_client=isinstance(each, str), octets=_wire(each), key="" if isinstance(each, str) else each[1])
            for at, each in enumerate(said)
        ]
        self.stores.history.keep(
            Transcript(
                session=session,
                began=self.seconds,
                outbound=False,
                peer="127.0.0.1:9",
                helo=helo,
                tls="",
                account="",
                messages=messages,
                refused=refused,
                lines=tuple(lines),
            )
        )
        return session

    def get(self, path: str, **more: Any) -> Answer:
        """Ask for a page."""
        return get(self.app, path, **more)


def _wire(said: str | tuple[str, str]) -> bytes:
    return (said if isinstance(said, str) else said[0]).replace("|", "\r\n").encode() + b"\r\n"
