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
    AttemptBegan,
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
from waypost.replies.gloss import Gloss, gloss
from waypost.replies.terms import label

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from waypost.mail.outcome import Outcome
    from waypost.observe.events import Event

_COLOURS = ("36", "35", "34", "32", "33", "96", "95", "94")
"""Of the sessions, in turn: cyan, magenta, blue, green, yellow and the bright ones."""
_BOLD, _DIM, _RED, _GREEN, _YELLOW, _CYAN = "1", "2", "31", "32", "33", "36"
_REMEMBERED = 1000
"""Sessions whose colour is remembered, and messages whose conversation is."""
_DONE = 250
"""The code of an answer to EHLO that offers something (5321#4.1.1.1)."""
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

    __slots__ = ("_colour", "_colours", "_last", "_next", "_out", "_sink", "_told", "_width", "_words")

    def __init__(
        self, sink: Callable[[bytes], None], *, colour: bool, width: Callable[[], int], look: str = "waypost inbox show", lang: str = "en"
    ) -> None:
        """``width``: columns of the terminal, asked each time, for windows change; ``look``: the command that shows a message."""
        self._sink = sink
        self._words = _Words(look, lang)
        self._width = width
        self._colour = colour
        self._colours: OrderedDict[str, str] = OrderedDict()
        self._out: OrderedDict[str, str] = OrderedDict()
        """Messages, and the conversation in which each is on its way out."""
        self._told: OrderedDict[str, set[str]] = OrderedDict()
        """Of each such conversation what its replies were said to mean: strangers say 250 to everything, which is explained once."""
        self._next = 0
        self._last = ""

    def tell(self, event: Event) -> None:
        """Write what there is to say of ``event``."""
        session = self._session(event)
        paragraphs = list(self._unheard(session, self._words.paragraphs(event, on_its_way=bool(session))))
        if not paragraphs:
            return
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

    def _session(self, event: Event) -> str:
        """The conversation that ``event`` belongs to; of an attempt whose conversation is not kept, the one in which it was made."""
        if isinstance(event, AttemptBegan):
            self._out[event.id] = event.session
            self._told[event.session] = set()
            for remembered in (self._out, self._told):
                if len(remembered) > _REMEMBERED:
                    remembered.popitem(last=False)
        if isinstance(event, AttemptMade):
            return event.session or self._out.get(event.id, "")
        return str(getattr(event, "session", ""))

    def _unheard(self, session: str, paragraphs: Iterator[Paragraph]) -> Iterator[Paragraph]:
        """Those that say something new."""
        told = self._told.get(session)
        for paragraph in paragraphs:
            if told is None or paragraph.style != _DIM:
                yield paragraph
            elif paragraph.text not in told:
                told.add(paragraph.text)
                yield paragraph

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if style and self._colour else text

    def _colour_of(self, session: str) -> str:
        if session not in self._colours:
            self._colours[session] = _COLOURS[self._next % len(_COLOURS)]
            self._next += 1
            if len(self._colours) > _REMEMBERED:
                self._colours.popitem(last=False)
        return self._colours[session]


class _Words:
    """What is said of events, in a language."""

    __slots__ = ("_lang", "_look")

    def __init__(self, look: str, lang: str) -> None:
        self._look = look
        self._lang = lang

    def _say(self, name: str, **facts: object) -> str:
        return label("live", name, self._lang).format(**facts)

    def paragraphs(self, event: Event, *, on_its_way: bool) -> Iterator[Paragraph]:  # noqa: C901 - one case per event, each flat
        """Nothing for events that say nothing new to a reader. ``on_its_way``: an attempt belongs to a conversation that is shown."""
        match event:
            case Spoken():
                for entry in entries(event.octets, from_client=event.from_client, key=event.key, lang=self._lang):
                    yield from self._entry(entry)
            case SessionOpened():
                client = f"[{event.client}]" if ":" in event.client else event.client
                yield Paragraph("", self._say("came", client=f"{client}:{event.port}", role=event.role, local=event.local), _BOLD)
            case AttemptBegan():
                name = "again" if event.reused else "goes"
                yield Paragraph("", self._say(name, peer=event.peer, domain=event.domain, id=event.id), _BOLD)
            case SessionSecured():
                text = event.tls or self._say("no-tls", error=event.error)
                yield Paragraph("~", text, _CYAN if event.tls else _RED)
            case MessageAccepted():
                yield from self._accepted(event)
            case AttemptMade() if on_its_way or event.outcome.action in {Action.DEFERRED, Action.FAILED}:
                yield from self._attempt(event, event.outcome)
            case Authenticated():
                yield Paragraph("~", self._say("login", mechanism=event.mechanism, account=event.account, key=event.key), _CYAN)
            case NoticeQueued():
                yield Paragraph("~", self._say("notice", kind=event.kind, to=event.to, command=self._look, id=event.id), _CYAN)
            case SessionClosed():
                seconds = f"{event.seconds:.1f}"
                yield Paragraph("~", self._say("closed", seconds=seconds, accepted=event.accepted, refused=event.refused), _DIM)
            case ServerChanged():
                style = {"warning": _YELLOW, "error": _RED}.get(event.severity, "")
                yield Paragraph("*", f"{event.what}: {event.detail}".removesuffix(": "), style)
            case _:
                return

    def _entry(self, entry: Entry) -> Iterator[Paragraph]:
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
                    yield from self._explained(entry.gloss)
                elif entry.gloss is not None:
                    yield Paragraph("", entry.gloss.meaning, _DIM)

    def _explained(self, told: Gloss) -> Iterator[Paragraph]:
        yield Paragraph("", self._say("meaning", title=told.title.rstrip("."), meaning=told.meaning))
        yield Paragraph("", self._say("fix", fix=told.fix), _YELLOW)

    def _accepted(self, event: MessageAccepted) -> Iterator[Paragraph]:
        envelope = event.envelope
        sender = "" if envelope.reverse_path is None else envelope.reverse_path.text
        to = ", ".join(f"<{each.mailbox}>" for each in envelope.recipients[:3])
        more = len(envelope.recipients) - 3
        to = self._say("more", to=to, count=more) if more > 0 else to
        yield Paragraph("**", self._say("accepted", id=envelope.id, sender=sender, to=to, size=envelope.size), f"{_BOLD};{_GREEN}")
        yield Paragraph("", self._say("look", command=self._look, id=envelope.id))

    def _attempt(self, event: AttemptMade, outcome: Outcome) -> Iterator[Paragraph]:
        said = outcome.heard.text if outcome.heard is not None else outcome.detail
        text = self._say(outcome.action.value, id=event.id, recipient=event.recipient, said=said).rstrip(": ：")
        if outcome.action not in {Action.DEFERRED, Action.FAILED}:
            yield Paragraph("**", text, f"{_BOLD};{_GREEN}")
            return
        yield Paragraph("!!", text, _RED)
        yield from self._explained(gloss(0, outcome.status, key=outcome.key, lang=self._lang))


def _reply(entry: Entry) -> Iterator[str]:
    """The reply; what EHLO offers stands on one line, for it is the same each time."""
    if len(entry.lines) < 3 or not (entry.key == "ehlo" or (not entry.key and entry.code == _DONE)):
        yield from entry.lines
        return
    yield entry.lines[0]
    yield f"{entry.lines[-1][:3]} " + ", ".join(line[4:] for line in entry.lines[1:])
