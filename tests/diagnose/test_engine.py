"""The engine: order, bounds, progress, and what it leaves behind; and what a target, a reply and a verdict are."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as some

from support.broken_servers import QUICK, SOUND, Broken, FakeLookup, Network, diagnose
from waypost.clock import SYSTEM
from waypost.diagnose.check import Began, Ended, Found, Step, check
from waypost.diagnose.finding import Finding, Stage
from waypost.diagnose.form import Flaw, StatusFlaw, flaws, status_flaw
from waypost.diagnose.plan import Given, Limits, TargetError, target
from waypost.diagnose.probes.reach import speech_of, way_of
from waypost.diagnose.scene import Speech, Way
from waypost.diagnose.shapes import as_json
from waypost.diagnose.talk import Said, Talk
from waypost.net.dial import UnreachableError
from waypost.net.stream import HandshakeError
from waypost.net.tls import client_context
from waypost.testing.streams import memory_streams

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from waypost.diagnose.check import Progress
    from waypost.diagnose.scene import Scene


# ---- targets -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "given_as", "name", "port", "mailbox"),
    [
        ("mx.Example.org", Given.NAME, "mx.example.org", None, ""),
        ("example.org.", Given.NAME, "example.org", None, ""),
        ("localhost:1025", Given.NAME, "localhost", 1025, ""),
        ("192.0.2.1", Given.ADDRESS, "192.0.2.1", None, ""),
        ("192.0.2.1:2525", Given.ADDRESS, "192.0.2.1", 2525, ""),
        ("2001:db8::1", Given.ADDRESS, "2001:db8::1", None, ""),
        ("[2001:db8::1]:25", Given.ADDRESS, "2001:db8::1", 25, ""),
        ("[192.0.2.1]", Given.ADDRESS, "192.0.2.1", None, ""),
        ("ada@Example.org", Given.MAILBOX, "example.org", None, "ada@example.org"),
        ("<ada@example.org>", Given.MAILBOX, "example.org", None, "ada@example.org"),
        ("ada@[192.0.2.1]", Given.MAILBOX, "192.0.2.1", None, "ada@[192.0.2.1]"),
        ("jürgen@bücher.example", Given.MAILBOX, "xn--bcher-kva.example", None, "jürgen@xn--bcher-kva.example"),
        ("bücher.example", Given.NAME, "xn--bcher-kva.example", None, ""),
        ("ada@example.org.", Given.MAILBOX, "example.org", None, "ada@example.org"),
        ("Ada <ada@example.org>", Given.MAILBOX, "example.org", None, "ada@example.org"),
        ("mailto:ada@example.org?subject=x", Given.MAILBOX, "example.org", None, "ada@example.org"),
        ("smtp://mx.example.org/", Given.NAME, "mx.example.org", None, ""),
        ("SMTP://[2001:db8::1]:2525", Given.ADDRESS, "2001:db8::1", 2525, ""),
        ("smtps://mx.example.org", Given.NAME, "mx.example.org", 465, ""),
        ("submission://mx.example.org:1587", Given.NAME, "mx.example.org", 1587, ""),
    ],
)
def test_targets(text: str, given_as: Given, name: str, port: int | None, mailbox: str) -> None:
    """Hosts, domains, addresses, ports and mailboxes are told apart."""
    found = target(text)
    assert (found.given, found.name, found.port, found.mailbox) == (given_as, name, port, mailbox)


@pytest.mark.parametrize("text", ["", "two words", "a..b", "@", "ada@", "host:0", "host:65536", "-x.example", "http://example.org/"])
def test_no_targets(text: str) -> None:
    """What names nothing is refused with a reason."""
    with pytest.raises(TargetError, match=r"\w+"):
        target(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("https://example.org/", "give the host alone, example.org"),
        ("mx.example.org 25", "write mx.example.org:25"),
        ("mx.example.org:smtp", "the number of a port"),
        ("999.1.1.1", "four numbers from 0 to 255"),
        ("224.0.0.1", "no single machine"),
        (" ", "nothing to check was given"),
    ],
)
def test_what_to_write_instead(text: str, told: str) -> None:
    """What was pasted by mistake is refused with what to write instead."""
    with pytest.raises(TargetError, match=told):
        target(text)


def test_two_ports_are_one_too_many() -> None:
    """A port in the target and another by option contradict each other."""
    with pytest.raises(TargetError, match="give one of them"):
        target("example.org:25", port=26)


@given(some.text(max_size=80))
def test_any_target_is_read_or_refused(text: str) -> None:
    """No text makes reading a target fail in another way."""
    with contextlib.suppress(TargetError):
        assert target(text).name


# ---- replies -------------------------------------------------------------------------------------------------


async def _reply(*pieces: bytes, close: bool = True) -> Said:
    near, far = memory_streams()
    for piece in pieces:
        far.send(piece)
    if close:
        far.close()
    return await Talk(near, QUICK, SYSTEM).reply(seconds=0.2)  # type: ignore[arg-type] # the fake keeps what is needed


@given(some.lists(some.binary(max_size=60), max_size=8))
def test_any_octets_are_a_reply_or_a_reason(pieces: list[bytes]) -> None:
    """Whatever a stranger sends, reading ends with a value whose evidence can be shown, and judging it never fails."""
    said = asyncio.run(_reply(*pieces))
    assert all(line.isprintable() for line in said.evidence)
    assert all(flaw in Flaw for flaw in flaws(said))
    assert speech_of(said) in Speech
    assert status_flaw(said, expected=True) in (None, *StatusFlaw) if said.lines else True


@given(some.binary(min_size=1, max_size=60), some.integers(0, 60))
def test_pieces_do_not_matter(octets: bytes, cut: int) -> None:
    """A reply is the same however its octets come."""
    whole, parts = asyncio.run(_reply(octets)), asyncio.run(_reply(octets[:cut], octets[cut:]))
    assert (whole.lines, whole.ended) == (parts.lines, parts.ended)


def test_what_came_in_the_clear_is_never_heard_under_tls() -> None:
    """Octets behind the 220 to STARTTLS end it before the handshake: else anybody on the way could answer the first EHLO under TLS."""

    async def shake() -> None:
        near, far = memory_streams()
        talk = Talk(near, QUICK, SYSTEM)  # type: ignore[arg-type] # likewise
        far.send(b"220 go\r\n250-mx.test\r\n250 AUTH PLAIN\r\n")
        assert (await talk.ask("STARTTLS")).code == 220
        async with asyncio.timeout(2):
            await talk.start_tls(client_context(verify=False), None, seconds=1)

    with pytest.raises(HandshakeError, match="in the clear"):
        asyncio.run(shake())


def test_endless_replies_are_cut() -> None:
    """Neither lines without number nor a line without end fills the memory."""
    many = asyncio.run(_reply(*[b"220-x\r\n" * 50] * 10, close=False))
    assert (many.ended, len(many.lines)) == ("endless", QUICK.reply_lines + 1)
    long = asyncio.run(_reply(b"x" * 100_000, close=False))
    assert long.ended == "endless"
    assert len(long.evidence[0]) < 400


@pytest.mark.parametrize(
    ("octets", "wanted"),
    [
        (b"250 fine\r\n", ()),
        (b"250\r\n", ()),
        (b"250-a\r\n250 b\r\n", ()),
        (b"250-a\r\nb\r\n250 c\r\n", (Flaw.NO_CODE,)),
        (b"250-a\r\n251 b\r\n", (Flaw.MIXED_CODES,)),
        (b"2500\r\n", (Flaw.NO_SPACE,)),
        (b"650 a\r\n", (Flaw.BAD_CODE,)),
        (b"250 a\n", (Flaw.BARE_LF,)),
        (b"250 " + b"a" * 506 + b"\r\n", ()),
        (b"250 " + b"a" * 507 + b"\r\n", (Flaw.TOO_LONG,)),
        (b"250 \xff\r\n", (Flaw.NOT_ASCII,)),
        (b"250 a\x00\r\n", (Flaw.CONTROL,)),
        (b"250-a\r\n", (Flaw.UNFINISHED,)),
    ],
)
def test_form(octets: bytes, wanted: tuple[Flaw, ...]) -> None:
    """The form of a reply is judged by the standard, and 512 octets are still allowed."""
    assert flaws(asyncio.run(_reply(octets))) == wanted


@pytest.mark.parametrize(
    ("octets", "expected", "wanted"),
    [
        (b"250 2.1.0 ok\r\n", True, None),
        (b"250 5.1.0 ok\r\n", True, StatusFlaw.MISMATCH),
        (b"250 2.1 ok\r\n", True, StatusFlaw.MALFORMED),
        (b"250 2.01.0 ok\r\n", True, StatusFlaw.MALFORMED),
        (b"250 2.99.0 ok\r\n", True, StatusFlaw.UNREGISTERED),
        (b"250 ok\r\n", True, StatusFlaw.MISSING),
        (b"250 ok\r\n", False, None),
        (b"250 1.2.3 of something\r\n", False, None),
        (b"354 go\r\n", True, None),
    ],
)
def test_enhanced_codes(octets: bytes, *, expected: bool, wanted: StatusFlaw | None) -> None:
    """Enhanced codes are judged where they are promised, and where they contradict."""
    assert status_flaw(asyncio.run(_reply(octets)), expected=expected) == wanted


def test_how_connecting_ends() -> None:
    """A timeout of ours, and one of the system, are both no answer; an error without number is a failure."""

    def fault(cause: BaseException) -> UnreachableError:
        error = UnreachableError("x")
        error.__cause__ = cause
        return error

    assert way_of(fault(TimeoutError())) is Way.DROPPED
    assert way_of(fault(OSError(110, "timed out"))) is Way.DROPPED
    assert way_of(fault(OSError(111, "refused"))) is Way.REFUSED
    assert way_of(fault(OSError("strange"))) is Way.FAILED


# ---- running -------------------------------------------------------------------------------------------------


def _run(*steps: Step, limits: Limits = QUICK, tell: list[Progress] | None = None) -> list[str]:
    told: list[Progress] = [] if tell is None else tell
    found = asyncio.run(
        check(
            target("broken.example"),
            limits=limits,
            lookup=FakeLookup(SOUND),
            dial=Network({}, {}).dial,
            probes=steps,
            tell=told.append,
        )
    )
    return [finding.key for finding in found.findings]


def _probe(*keys: str, seconds: float = 0.0, fault: Exception | None = None) -> Step:
    async def probe(scene: Scene) -> AsyncIterator[Finding]:
        for key in keys:
            yield Finding(key=key, about=scene.target.name)
        await asyncio.sleep(seconds)
        if fault is not None:
            raise fault

    return Step(Stage.NAMES, probe)


def test_what_takes_too_long_is_cut_short() -> None:
    """What was found until then stays, and it is told which stage is not complete."""
    assert _run(_probe("mx-found", seconds=60), limits=Limits(whole=0.2)) == ["mx-found", "cut-short-unknown"]


def test_a_probe_that_breaks_hides_no_other() -> None:
    """A fault of ours is told as one, beside what the others found."""
    later = Step(Stage.REACH, _probe("port-open").probe, (Stage.NAMES,))
    assert sorted(_run(_probe("mx-found", fault=LookupError("oh")), later)) == ["mx-found", "port-open", "probe-broke"]


def test_progress_is_told_in_order() -> None:
    """Each stage begins, finds and ends; a stage begins when those before it are over."""
    told: list[Progress] = []
    _run(Step(Stage.REACH, _probe("port-open").probe, (Stage.NAMES,)), _probe("mx-found", seconds=0.05), tell=told)
    assert [type(event) for event in told] == [Began, Found, Ended, Began, Found, Ended]
    assert isinstance(told[0], Began)
    assert told[0].stage is Stage.NAMES


def test_cancelling_ends_everything() -> None:
    """A check that is cancelled, as by Ctrl-C, leaves no task behind."""

    async def run() -> int:
        checking = asyncio.ensure_future(
            check(target("broken.example"), lookup=FakeLookup(SOUND), dial=Network({}, {}).dial, probes=(_probe(seconds=60),))
        )
        await asyncio.sleep(0.05)
        checking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await checking
        return len(asyncio.all_tasks())

    assert asyncio.run(run()) == 1


def test_json_form() -> None:
    """The JSON object has the promised members, in both languages, and can be written."""
    import json  # noqa: PLC0415 - this test alone

    diagnosis, _ = diagnose(Broken(name="no code", key="", says={"": b"Welcome\r\n"}))
    for lang in ("en", "zh"):
        shape = as_json(diagnosis, lang)
        assert list(shape) == ["target", "verdict", "next_step", "seconds", "servers", "findings"]
        assert set(shape["findings"][0]) == {
            *("key", "severity", "stage", "about", "evidence", "facts"),
            *("title", "meaning", "fix", "standard"),
        }
        assert json.loads(json.dumps(shape)) == shape
    assert as_json(diagnosis)["verdict"] == "does-not-work"
    assert as_json(diagnosis)["servers"][0]["ports"][0]["state"] == "open"
