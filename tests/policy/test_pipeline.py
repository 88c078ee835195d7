from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from waypost.directory.domains import Domains
from waypost.directory.settings import DomainSettings
from waypost.observe.events import Observers, ServerChanged
from waypost.policy.check import FunctionCheck, check
from waypost.policy.checks.recipients import Recipients
from waypost.policy.checks.relay import Relay
from waypost.policy.phase import Phase
from waypost.policy.pipeline import Pipeline
from waypost.policy.subject import Subject
from waypost.policy.verdict import ACCEPT, Accept, Defer, Reject
from waypost.replies import Key
from waypost.smtp.grammar import parse_path
from waypost.smtp.terms import Role

if TYPE_CHECKING:
    from waypost.mail.path import Mailbox
    from waypost.observe.events import Event
    from waypost.policy.verdict import Verdict

SETTINGS = DomainSettings(
    local=("local.test", "[192.0.2.1]"),
    relay=("relay.test",),
    mailboxes=("b@local.test", "x%y@local.test"),
    aliases={"all@local.test": ("b@local.test", "far@away.test")},
)
DIRECTORY = Domains(SETTINGS, "mx.test")


def mailbox(text: str) -> Mailbox:
    path, _ = parse_path(f"<{text}>")
    assert path is not None
    return path


def subject(to: str = "b@local.test", **known: Any) -> Subject:
    return Subject(client="192.0.2.9", recipient=mailbox(to), **known)


def pipeline(*checks: FunctionCheck, events: list[Event] | None = None, anyone: bool = False) -> Pipeline:
    told = Observers((events.append,)) if events is not None else Observers()
    return Pipeline(Relay(DIRECTORY, anyone=anyone), Recipients(DIRECTORY), checks, told)


def judged(to: str, *, anyone: bool = False, **known: Any) -> Verdict:
    return pipeline(anyone=anyone).judge(Phase.RCPT, subject(to, **known))


@pytest.mark.parametrize(
    ("to", "stranger", "known"),
    [
        ("b@local.test", None, None),
        ("B@LOCAL.TEST", None, None),
        ('"b"@local.test', None, None),
        ("all@local.test", None, None),
        ("postmaster@local.test", None, None),
        ("Postmaster", None, None),
        ("x%y@local.test", None, None),
        ("anybody@relay.test", None, None),
        ("nobody@local.test", Key.MAILBOX_UNKNOWN, Key.MAILBOX_UNKNOWN),
        ("b%away.test@local.test", Key.MAILBOX_UNKNOWN, Key.MAILBOX_UNKNOWN),
        ("away.test!b@local.test", Key.MAILBOX_UNKNOWN, Key.MAILBOX_UNKNOWN),
        ("@local.test:b@away.test", Key.RELAY_DENIED, None),
        ("far@away.test", Key.RELAY_DENIED, None),
        ("b@sub.local.test", Key.RELAY_DENIED, None),
        ("b@xlocal.test", Key.RELAY_DENIED, None),
        ("b@[192.0.2.2]", Key.LITERAL_REFUSED, Key.LITERAL_REFUSED),
        ("nobody@[192.0.2.1]", Key.MAILBOX_UNKNOWN, Key.MAILBOX_UNKNOWN),
    ],
)
def test_relay_decision(to: str, stranger: Key | None, known: Key | None) -> None:
    """What a stranger may send to, and what a trusted or authenticated client may; nothing left of the last @ changes it."""
    for verdict in (judged(to),):
        assert getattr(verdict, "key", None) == stranger
    for verdict in (judged(to, trusted=True), judged(to, account="ada", role=Role.SUBMISSION)):
        assert getattr(verdict, "key", None) == known


def test_anyone_may_send_anywhere_where_nothing_leaves() -> None:
    """The flag of the dev profile takes foreign domains and literals; an unknown mailbox of a local domain stays unknown."""
    assert judged("far@away.test", anyone=True) is ACCEPT
    assert judged("b@[198.51.100.1]", anyone=True) is ACCEPT
    assert judged("nobody@local.test", anyone=True) == Reject(Key.MAILBOX_UNKNOWN, {"forward_path": "nobody@local.test"})


def test_lmtp_passes_nothing_on() -> None:
    """Not even for trusted clients."""
    assert judged("far@away.test", trusted=True, role=Role.LMTP) == Reject(Key.RELAY_DENIED, {"forward_path": "far@away.test"})


def test_relay_and_recipients_come_first_and_cannot_be_left_out() -> None:
    """A check that would accept is not even asked for what relay control refuses."""
    asked: list[str] = []

    @check(Phase.RCPT)
    def lenient(given: Subject) -> Verdict:
        asked.append(str(given.recipient))
        return ACCEPT

    made = pipeline(lenient)
    assert isinstance(made.judge(Phase.RCPT, subject("far@away.test")), Reject)
    assert made.judge(Phase.RCPT, subject()) is ACCEPT
    assert asked == ["b@local.test"]


def test_first_refusal_decides_and_ends() -> None:
    """Checks run in order; after a refusal none is asked."""
    asked: list[int] = []

    def made(number: int, verdict: Verdict) -> FunctionCheck:
        def one(_: Subject) -> Verdict:
            asked.append(number)
            return verdict

        return check(Phase.MAIL)(one)

    checks = (made(1, ACCEPT), made(2, Accept()), made(3, Defer(Key.CHECK_FAILED)), made(4, Reject(Key.RELAY_DENIED)))
    assert pipeline(*checks).judge(Phase.MAIL, subject()) == Defer(Key.CHECK_FAILED)
    assert asked == [1, 2, 3]


def test_phases_are_apart() -> None:
    """A check is asked at its phase alone, and a phase without checks is idle."""

    @check(Phase.DATA)
    def refuse(_: Subject) -> Verdict:
        return Reject(Key.RELAY_DENIED)

    made = pipeline(refuse)
    assert made.judge(Phase.MAIL, subject()) is ACCEPT
    assert made.judge(Phase.DATA, subject()) == Reject(Key.RELAY_DENIED)
    assert [phase for phase in Phase if phase not in made.idle] == [Phase.RCPT, Phase.DATA]


def test_check_that_waits_is_known_before_it_is_asked() -> None:
    """Only a phase with an async check is waited for; its verdict holds like any other, and those before it are asked too."""
    order: list[str] = []

    @check(Phase.MAIL)
    def quick(_: Subject) -> Verdict:
        order.append("quick")
        return ACCEPT

    @check(Phase.MAIL)
    async def slow(_: Subject) -> Verdict:
        await asyncio.sleep(0)
        order.append("slow")
        return Reject(Key.RELAY_DENIED)

    made = pipeline(quick, slow)
    assert [phase for phase in Phase if made.waits(phase)] == [Phase.MAIL]
    assert asyncio.run(made.judge_waiting(Phase.MAIL, subject())) == Reject(Key.RELAY_DENIED)
    assert asyncio.run(made.judge_waiting(Phase.RCPT, subject())) is ACCEPT
    assert order == ["quick", "slow"]


def _raises(_: Subject) -> Verdict:
    raise KeyError("secret")


def _forgets(_: Subject) -> Verdict:
    return None  # type: ignore[return-value]  # the mistake that is tested


def _says_yes(_: Subject) -> Verdict:
    return True  # type: ignore[return-value]  # likewise


async def _raises_later(_: Subject) -> Verdict:
    await asyncio.sleep(0)
    raise KeyError("secret")


async def _forgets_later(_: Subject) -> Verdict:
    return None  # type: ignore[return-value]  # likewise


@pytest.mark.parametrize("broken", [_raises, _forgets, _says_yes, _raises_later, _forgets_later])
def test_broken_check_defers_and_is_told_once(broken: Any) -> None:
    """Whatever goes wrong in a check defers the mail, never accepts it, and is told once with the check's name."""
    events: list[Event] = []
    made = pipeline(check(Phase.MAIL)(broken), events=events)
    for _ in range(2):
        assert asyncio.run(made.judge_waiting(Phase.MAIL, subject())) == Defer(Key.CHECK_FAILED)
        if not made.waits(Phase.MAIL):
            assert made.judge(Phase.MAIL, subject()) == Defer(Key.CHECK_FAILED)
    (told,) = events
    assert isinstance(told, ServerChanged)
    assert (told.what, told.severity, told.detail.split(":")[0]) == ("check-failed", "error", broken.__name__)


def test_check_that_waits_unannounced_defers() -> None:
    """A plain function that gives a coroutine is no verdict: deferred, and the coroutine is closed."""

    def wrong(given: Subject) -> Verdict:
        return _forgets_later(given)  # type: ignore[return-value]  # the mistake that is tested

    assert pipeline(check(Phase.MAIL)(wrong)).judge(Phase.MAIL, subject()) == Defer(Key.CHECK_FAILED)


def test_recipient_must_be_there_to_be_judged() -> None:
    """Asked without a recipient, relay control fails closed."""
    assert pipeline().judge(Phase.RCPT, Subject(client="192.0.2.9")) == Defer(Key.CHECK_FAILED)


def test_alias_too_wide_is_refused() -> None:
    """An alias that expands without end is refused by name."""
    wide = {"all@local.test": tuple(f"r{number}@away.test" for number in range(1001))}
    directory = Domains(DomainSettings(local=("local.test",), aliases=wide), "mx.test")
    made = Pipeline(Relay(directory), Recipients(directory))
    assert made.judge(Phase.RCPT, subject("all@local.test")) == Reject(Key.ALIAS_TOO_WIDE, {"forward_path": "all@local.test"})
