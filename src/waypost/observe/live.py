"""Conversations as they happen, for whoever runs the dev profile in a terminal: each line, each reply explained, a refusal with its fix.

Sessions run at once and are told apart by the end of their id, in a colour of their own. Knows no socket: it is handed a sink.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from waypost.mail.outcome import Action
from waypost.observe.dialogue import Entry, Who, entries
from waypost.observe.escape import printable
from waypost.observe.events import (
    AttemptMade,
    Authenticated,
    MessageAccepted,
    NoticeQueued,
    ServerChanged,
    SessionClosed,
    SessionOpened,
    SessionSecured,
    Spoken,
)
from waypost.observe.layout import wrapped
from waypost.replies.gloss import gloss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from waypost.observe.events import Event

_COLOURS = ("36", "35", "34", "32", "33", "96", "95", "94")
"""Of the sessions, in turn: cyan, magenta, blue, green, yellow and the bright ones."""
_BOLD, _DIM, _RED, _GREEN, _YELLOW, _CYAN = "1", "2", "31", "32", "33", "36"
_REMEMBERED = 1000
"""Sessions whose colour is remembered."""
_NAME = 4
"""Characters of a session's id that name it on the screen."""
_NARROW, _WIDE = 30, 120


class Paragraph(NamedTuple):
    """What stands behind a session's name."""

    mark: str
    """Two characters: who speaks."""
    text: str
    style: str = ""
    """Number of an ANSI colour, or empty."""


class Live:
    """An observer that writes each conversation into ``sink``."""

    __slots__ = ("_colour", "_colours", "_last", "_look", "_next", "_sink", "_width")

    def __init__(self, sink: Callable[[bytes], None], *, colour: bool, width: Callable[[], int], look: str = "waypost inbox show") -> None:
        """``width``: columns of the terminal, asked each time, for windows change; ``look``: the command that shows a message."""
        self._sink = sink
        self._look = look
        self._width = width
        self._colour = colour
        self._colours: OrderedDict[str, str] = OrderedDict()
        self._next = 0
        self._last = ""

    def tell(self, event: Event) -> None:
        """Write what there is to say of ``event``."""
        paragraphs = list(_paragraphs(event, self._look))
        if not paragraphs:
            return
        session = str(getattr(event, "session", ""))
        lines = [""] if session != self._last else []
        self._last = session
        name = f"{session[-_NAME:]:<{_NAME}}" if session else " " * _NAME
        label = self._styled(name, self._colour_of(session)) if session else name
        room = max(min(self._width(), _WIDE), _NARROW) - _NAME - 4
        for paragraph in paragraphs:
            mark = paragraph.mark
            for line in wrapped(printable(paragraph.text), room):
                lines.append(f"{label} {self._styled(f'{mark:<2} {line}', paragraph.style)}".rstrip())
                mark = ""
        self._sink("\n".join([*lines, ""]).encode("utf-8", "replace"))

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if style and self._colour else text

    def _colour_of(self, session: str) -> str:
        if session not in self._colours:
            self._colours[session] = _COLOURS[self._next % len(_COLOURS)]
            self._next += 1
            if len(self._colours) > _REMEMBERED:
                self._colours.popitem(last=False)
        return self._colours[session]


def _paragraphs(event: Event, look: str) -> Iterator[Paragraph]:  # noqa: C901 - one case per event, each flat
    """Nothing for events that say nothing new to a reader of the conversation."""
    match event:
        case Spoken():
            for entry in entries(event.octets, from_client=event.from_client, key=event.key):
                yield from _entry(entry)
        case SessionOpened():
            client = f"[{event.client}]" if ":" in event.client else event.client
            yield Paragraph("", f"{client}:{event.port} to {event.role} {event.local}", _BOLD)
        case SessionSecured():
            yield Paragraph("~", event.tls or f"TLS handshake failed: {event.error}", _CYAN if event.tls else _RED)
        case MessageAccepted():
            yield from _accepted(event, look)
        case AttemptMade() if event.outcome.action in {Action.DEFERRED, Action.FAILED}:
            yield from _attempt(event)
        case Authenticated():
            yield Paragraph("~", f"{event.mechanism} as {event.account}: {event.key}", _CYAN)
        case NoticeQueued():
            yield Paragraph("~", f"a notice ({event.kind}) goes to <{event.to}>: {look} {event.id}", _CYAN)
        case SessionClosed():
            yield Paragraph("~", f"closed after {event.seconds:.1f} s: {event.accepted} accepted, {event.refused} refused", _DIM)
        case ServerChanged():
            style = {"warning": _YELLOW, "error": _RED}.get(event.severity, "")
            yield Paragraph("*", f"{event.what}: {event.detail}".removesuffix(": "), style)
        case _:
            return


def _entry(entry: Entry) -> Iterator[Paragraph]:
    """A line of the conversation, and below a reply what it means; of a refusal the whole of it, and the fix."""
    match entry.who:
        case Who.CLIENT:
            yield Paragraph("->", entry.lines[0], _BOLD)
        case Who.NOTE:
            yield Paragraph("~", entry.lines[0], _CYAN)
        case Who.SERVER:
            bad = entry.code >= 400
            for text in _reply(entry):
                yield Paragraph("<-", text, _RED if bad else _GREEN)
            if entry.gloss is not None and bad:
                yield Paragraph("", f"{entry.gloss.title.rstrip('.')}. {entry.gloss.meaning}")
                yield Paragraph("", f"Fix: {entry.gloss.fix}", _YELLOW)
            elif entry.gloss is not None:
                yield Paragraph("", entry.gloss.meaning, _DIM)


def _reply(entry: Entry) -> Iterator[str]:
    """The reply; what EHLO offers stands on one line, for it is the same each time."""
    if entry.key != "ehlo" or len(entry.lines) < 3:
        yield from entry.lines
        return
    yield entry.lines[0]
    yield f"{entry.lines[-1][:3]} " + ", ".join(line[4:] for line in entry.lines[1:])


def _accepted(event: MessageAccepted, look: str) -> Iterator[Paragraph]:
    envelope = event.envelope
    sender = "" if envelope.reverse_path is None else envelope.reverse_path.text
    to = ", ".join(f"<{each.mailbox}>" for each in envelope.recipients[:3])
    more = f" and {len(envelope.recipients) - 3} more" if len(envelope.recipients) > 3 else ""
    yield Paragraph("**", f"Accepted {envelope.id}: <{sender}> to {to}{more}, {envelope.size} octets", f"{_BOLD};{_GREEN}")
    yield Paragraph("", f"Look at it: {look} {envelope.id}")


def _attempt(event: AttemptMade) -> Iterator[Paragraph]:
    outcome = event.outcome
    said = outcome.heard.text if outcome.heard is not None else outcome.detail
    explained = gloss(0, outcome.status, key=outcome.key)
    yield Paragraph("!!", f"{event.id} {outcome.action.value} for <{event.recipient}>: {said}", _RED)
    yield Paragraph("", f"{explained.title.rstrip('.')}. {explained.meaning}")
    yield Paragraph("", f"Fix: {explained.fix}", _YELLOW)
