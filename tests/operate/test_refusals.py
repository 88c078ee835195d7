"""Why a conversation was refused: the right command beside the right reply, and the refusal that matters."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from waypost.clock import Clock
from waypost.history.memory import MemoryHistory
from waypost.history.render import render
from waypost.history.transcript import Line, Transcript
from waypost.inbox.memory import MemoryInbox
from waypost.mail import identifier
from waypost.mail.content import MemoryContent
from waypost.mail.envelope import Envelope, Origin, Recipient
from waypost.mail.path import Mailbox
from waypost.operate.failing import Voice
from waypost.operate.operator import Operator, Stores
from waypost.operate.refusals import exchanges, refusal
from waypost.report.settings import NoticeSettings
from waypost.spool.memory import MemorySpool
from waypost.spool.settings import QueueSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NOW = 1_800_000_000.0


def transcript(*said: tuple[str, str] | str, refused: str = "") -> Transcript:
    """A conversation: what the client said as text, what we said as text with its key."""
    lines = [
        Line(at / 10, from_client=isinstance(each, str), octets=_wire(each), key="" if isinstance(each, str) else each[1])
        for at, each in enumerate(said)
    ]
    return Transcript(
        session=identifier.new(NOW),
        began=NOW,
        outbound=False,
        peer="127.0.0.1:9",
        helo="x",
        tls="",
        account="",
        messages=(),
        refused=refused,
        lines=tuple(lines),
    )


def _wire(said: tuple[str, str] | str) -> bytes:
    return (said if isinstance(said, str) else said[0]).replace("|", "\r\n").encode() + b"\r\n"


def pairs(*said: tuple[str, str] | str) -> list[tuple[str, int]]:
    return [(command, reply.code) for command, reply in exchanges(render(transcript(*said)))]


def test_each_reply_stands_beside_its_command() -> None:
    """The greeting answers nothing; of several commands in one piece each gets its own reply; content gets one too."""
    found = pairs(
        ("220 mx", "greeting"),
        "EHLO x",
        ("250-mx|250 HELP", "ehlo"),
        "MAIL FROM:<a@b.c>|RCPT TO:<x@y.z>|DATA",
        ("250 ok|550 no|554 nobody", ""),
        "RCPT TO:<b@b.c>|DATA",
        ("250 ok|354 go", ""),
        "<content: 12 octets>",
        ("250 kept", "queued"),
        "QUIT",
        ("221 bye", "closing"),
    )

    assert found == [
        ("", 220),
        ("EHLO x", 250),
        ("MAIL FROM:<a@b.c>", 250),
        ("RCPT TO:<x@y.z>", 550),
        ("DATA", 554),
        ("RCPT TO:<b@b.c>", 250),
        ("DATA", 354),
        ("<content: 12 octets>", 250),
        ("QUIT", 221),
    ]


def test_a_chunk_and_its_content_have_one_reply() -> None:
    """BDAT is answered once, for command and content together; what is said of TLS is answered by nothing."""
    assert pairs(
        "BDAT 5 LAST",
        "<content: 5 octets>",
        ("552 5.3.4 too much", ""),
        "STARTTLS",
        ("220 go", ""),
        "<TLS: TLSv1.3>",
        "QUIT",
        ("221 x", ""),
    ) == [
        ("BDAT 5 LAST", 552),
        ("STARTTLS", 220),
        ("QUIT", 221),
    ]


@pytest.mark.parametrize(
    ("said", "command", "key"),
    [
        ((("554 5.7.1 no", "greeting-refused"),), "", "greeting-refused"),
        (
            ("RCPT TO:<x@y.z>|DATA", ("550 5.7.1 no", "relay-denied"), ("554 5.5.1 nobody", "no-valid-recipients")),
            "RCPT TO:<x@y.z>",
            "relay-denied",
        ),
        (("DATA", ("503 5.5.1 first RCPT", "rcpt-first")), "DATA", "rcpt-first"),
        (
            ("BLAH", ("500 5.5.2 what", "command-unknown"), "RCPT TO:<>", ("501 5.1.3 who", "forward-path-invalid")),
            "RCPT TO:<>",
            "forward-path-invalid",
        ),
    ],
)
def test_the_reason_is_what_began_it(said: tuple[Any, ...], command: str, key: str) -> None:
    """The last refusal is the reason, unless an earlier one brought it about; where there is no other it is its own."""
    found = refusal(transcript(*said), "en")

    assert found is not None
    assert (command, key) == (found["command"], found["key"])
    assert found["explanation"]["fix"]


def test_a_conversation_without_refusal_has_none() -> None:
    """Nothing is made up where every reply is good."""
    assert refusal(transcript(("220 mx", "greeting"), "QUIT", ("221 bye", "closing")), "en") is None


def play(scene: Callable[[Operator, Stores], Awaitable[Any]]) -> Any:
    hands = [NOW]
    clock = Clock(wall=lambda: hands[0], monotonic=lambda: 5.0)
    stores = Stores(spool=MemorySpool(clock), inbox=MemoryInbox(clock), history=MemoryHistory(clock))
    voice = Voice(hostname="mx.example.org", postmaster="postmaster@mx.example.org", notices=NoticeSettings())
    operator = Operator([stores], queue=QueueSettings(), voice=voice, clock=clock)

    async def run() -> Any:
        for number in range(3):
            hands[0] = NOW + number
            origin = Origin(session=identifier.new(NOW))
            bob = Recipient(Mailbox("bob", "example.net", "bob@example.net"))
            envelope = Envelope(id=identifier.new(NOW), reverse_path=None, recipients=(bob,), arrived=NOW, origin=origin)
            await stores.inbox.keep(envelope, MemoryContent(b"Subject: %d\r\n\r\n" % number))
        return await scene(operator, stores)

    return asyncio.run(run())


def test_refusals_are_listed_with_their_reason_on_request() -> None:
    """Whoever names a language gets the reason in it; whoever names none gets the plain rows."""
    kept = transcript("VRFY", ("501 5.5.4 whom", "argument-missing"), refused="argument-missing")

    async def scene(operator: Operator, stores: Stores) -> Any:
        stores.history.keep(kept)
        return await operator.call("refused", {}), await operator.call("refused", {"lang": "zh"})

    (plain,), (told,) = play(scene)
    assert "refusal" not in plain
    assert (told["refusal"]["command"], told["refusal"]["code"], told["session"]) == ("VRFY", 501, kept.session)
    assert any("\u4e00" <= letter <= "\u9fff" for letter in told["refusal"]["explanation"]["fix"])


def test_pages_of_the_inbox_are_cut_at_exact_moments() -> None:
    """What was captured up to a moment, and later than one; waiting too."""

    async def scene(operator: Operator, _: Stores) -> Any:
        older = await operator.call("inbox.list", {"filter": [], "before": NOW + 1, "limit": 5})
        newer = await operator.call("inbox.list", {"filter": ["newer:1d"], "after": NOW + 1})
        waited = await operator.call("inbox.wait", {"filter": [], "after": NOW + 2, "seconds": 0.0})
        return [row["subject"] for row in older], [row["subject"] for row in newer], waited

    assert play(scene) == (["1", "0"], ["2"], None)
