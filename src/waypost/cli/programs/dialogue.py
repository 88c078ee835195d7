"""``sendmail -bs``: SMTP on standard input and output, for programs that speak it to a child process. Knows no drop file's form.

The language is the server's own; a message is kept in the drop folder before 250 is said. No policy here: the server judges later.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, assert_never

from waypost.accept.dropped import Envelope
from waypost.cli.exits import FailureError
from waypost.replies import Key, say
from waypost.smtp import events
from waypost.smtp.server import ServerSession
from waypost.smtp.terms import Role, Terms

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from waypost.cli.programs.handing_over import Door, Parcel
    from waypost.config.settings import Settings
    from waypost.replies import Reply

_PIECE = 65_536


class Dialogue:
    """One session over two descriptors."""

    def __init__(self, settings: Settings, door: Door, say_octets: Callable[[bytes], None]) -> None:
        terms = Terms(
            hostname=settings.hostname,
            software=settings.software,
            role=Role.SUBMISSION,
            message_size=settings.limits.message_size,
            recipients=settings.limits.recipients,
            normalize=True,
        )
        self._session = ServerSession(terms)
        self._door = door
        self._say = say_octets
        self._mail: events.Mail | None = None
        self._recipients: list[events.Rcpt] = []
        self._opened: AbstractContextManager[Parcel] | None = None
        self._parcel: Parcel | None = None
        self._bare: bool | None = None
        """Whether lines come with LF alone; None until the first one came."""
        self._last = b""
        self._say(self._session.greet(say(Key.GREETING, hostname=terms.hostname, software=terms.software)))

    def run(self, descriptor: int) -> None:
        """Until QUIT, or the end of what ``descriptor`` gives."""
        try:
            while octets := os.read(descriptor, _PIECE):
                self._session.receive(self._lines(octets))
                while not self._session.over and (event := self._session.next_event()) is not None:
                    self._heed(event)
                if self._session.over:
                    return
        finally:
            self._forget()

    def _lines(self, octets: bytes) -> bytes:
        """As they are; of whoever ends the first line with LF alone, as a person at a terminal does, with CRLF.

        Nothing can be smuggled by that: the message goes no farther than this account could send it anyway.
        """
        if self._bare is None and b"\n" in octets:
            self._bare = not (self._last + octets).partition(b"\n")[0].endswith(b"\r")
        self._last = octets[-1:]
        return octets.replace(b"\n", b"\r\n") if self._bare else octets

    def _answer(self, reply: Reply) -> None:
        self._say(self._session.answer(reply))

    def _heed(self, event: events.Event) -> None:  # noqa: C901 - a row per event
        match event:
            case events.Mail():
                self._mail, self._recipients = event, []
                self._answer(event.suggested)
            case events.Rcpt():
                self._recipients.append(event)
                self._answer(event.suggested)
            case events.Data():
                self._begin()
                self._answer(event.suggested)
            case events.ChunkAnnounced():
                self._begin()
            case events.Content():
                self._write(event.octets)
            case events.ContentEnded():
                self._answer(self._kept(event.fault))
            case events.Reset() | events.Hello():
                self._forget()
                self._answer(event.suggested)
            case events.ChunkEnded() | events.Asked() | events.Quit() | events.Fault() | events.StartTls() | events.Challenge():
                self._answer(event.suggested)
            case events.Credentials():
                self._answer(say(Key.AUTH_UNAVAILABLE))  # not offered, so never heard
            case events.Violation():
                if event.reply is not None:
                    self._say(event.reply.wire)
            case _:
                assert_never(event)

    def _begin(self) -> None:
        mail = self._mail
        if mail is None:
            return
        people = {self._whole(each): each.recipient for each in self._recipients}
        self._opened = self._door.message(
            Envelope(
                sender=mail.reverse_path.text if mail.reverse_path is not None else "",
                recipients=list(people),
                wishes={text: sorted(each.notify) for text, each in people.items()},
                orcpt={text: each.orcpt for text, each in people.items() if each.orcpt is not None},
                ret=mail.ret,
                envid=mail.envid,
                smtputf8=mail.smtputf8,
            )
        )
        try:
            self._parcel = self._opened.__enter__()
        except FailureError:
            self._opened = None

    def _whole(self, rcpt: events.Rcpt) -> str:
        text = rcpt.recipient.mailbox.text
        return text if rcpt.recipient.mailbox.domain else f"{text}@{self._door.domain}"

    def _write(self, octets: bytes) -> None:
        if self._parcel is None:
            return
        try:
            self._parcel.write(octets)
        except (FailureError, OSError):
            self._forget_content()

    def _kept(self, fault: Reply | None) -> Reply:
        parcel = self._parcel
        try:
            if fault is not None:
                return fault
            if parcel is None:
                return say(Key.SPOOL_UNAVAILABLE)
            parcel.commit()
            return say(Key.QUEUED, id=parcel.id)
        except OSError:
            return say(Key.SPOOL_UNAVAILABLE)
        finally:
            self._forget()

    def _forget(self) -> None:
        self._mail, self._recipients = None, []
        self._forget_content()

    def _forget_content(self) -> None:
        opened, self._opened, self._parcel = self._opened, None, None
        if opened is not None:
            opened.__exit__(None, None, None)
