"""Mail that is not taken: the client went away, the spool failed or is full, a check refused it; nothing of it is kept."""

from __future__ import annotations

from support.acceptance import opened, running
from waypost.clock import SYSTEM
from waypost.policy.check import check
from waypost.policy.phase import Phase
from waypost.policy.verdict import ACCEPT, Defer, Reject
from waypost.replies import Key
from waypost.spool.memory import MemorySpool


def test_client_that_vanishes_in_data_leaves_nothing() -> None:
    """Content without its end is dropped, whatever had come of it."""

    async def body() -> None:
        async with opened() as place:
            for cut in (b"", b"Subject: x\r\n\r\nhalf", b"Subject: x\r\n\r\nhalf\r\n.", b"Subject: x\r\n\r\nhalf\r\n.\r"):
                talk = await place.greeted()
                for line in (b"MAIL FROM:<a@src.test>", b"RCPT TO:<b@local.test>", b"DATA"):
                    await talk.ask(line)
                talk.send(cut)
                await talk.close()
            await place.settled(lambda: place.gate.sessions == 0)
            assert (await place.found(), place.spool.used) == ([], 0)

    running(body)


def test_spool_that_fails_is_answered_451_and_keeps_nothing() -> None:
    """250 is said only when put returned; else 451, and the session goes on."""

    async def body() -> None:
        spool = MemorySpool(SYSTEM)
        async with opened(spool=spool) as place:
            talk = await place.greeted()
            for line in (b"MAIL FROM:<a@src.test>", b"RCPT TO:<b@local.test>", b"DATA"):
                await talk.ask(line)
            spool.refuse = True
            talk.send(b"x: y\r\n.\r\n")
            assert (await talk.reply())[:9] == b"451 4.3.0"
            spool.refuse = False
            assert (await talk.message(b"x: y"))[:3] == b"250"

    running(body)


def test_spool_without_room_is_answered_452_at_mail_and_in_mid_content() -> None:
    """No room: 452 at MAIL when the size is declared, at the end of content when it was not; the session goes on (1870#6.1)."""

    async def body() -> None:
        async with opened(spool=MemorySpool(SYSTEM, capacity=2000)) as place:
            talk = await place.greeted()
            assert (await talk.ask(b"MAIL FROM:<a@src.test> SIZE=2001"))[:9] == b"452 4.3.1"
            assert (await talk.message(b"x: y\r\n\r\n" + b"z" * 2000))[:9] == b"452 4.3.1"
            assert (await talk.message(b"x: y"))[:3] == b"250"
            assert len(await place.found()) == 1

    running(body)


def test_policy_refuses_at_each_phase_by_key() -> None:
    """A check of any phase may refuse; its key becomes the reply and the session goes on."""

    async def body() -> None:
        asked: list[Phase] = []

        def made(phase: Phase, *, waits: bool) -> object:
            if waits:

                async def slow(subject: object) -> object:
                    asked.append(phase)
                    return Defer(Key.CHECK_FAILED) if len([one for one in asked if one is phase]) == 1 else ACCEPT

                return check(phase)(slow)  # type: ignore[arg-type]  # a check's own types do not matter here

            def quick(subject: object) -> object:
                asked.append(phase)
                return Reject(Key.RELAY_DENIED, {"forward_path": "x"}) if len([one for one in asked if one is phase]) == 1 else ACCEPT

            return check(phase)(quick)  # type: ignore[arg-type]  # likewise

        checks = tuple(made(phase, waits=waits) for phase, waits in zip(list(Phase)[1:], (True, False, True, False, True), strict=True))
        async with opened(checks=checks) as place:  # type: ignore[arg-type]  # likewise
            talk = await place.connect()
            await talk.reply()
            codes = []
            for line in (b"EHLO c.test", b"MAIL FROM:<a@src.test>", b"RCPT TO:<b@local.test>", b"DATA", b"x: y\r\n."):
                codes += [await talk.code(line) for _ in range(2 if line[-1:] != b"." else 1)]
            assert codes == [451, 250, 550, 250, 451, 250, 550, 354, 451]
            assert (await talk.message(b"x: y"))[:3] == b"250"

    running(body)


def test_check_that_raises_defers_and_is_told_once() -> None:
    """An error of a check is answered 451 without a word of its own, and told with its name, once."""

    async def body() -> None:
        @check(Phase.MAIL)
        def broken(subject: object) -> object:
            raise RuntimeError("secret")

        async with opened(checks=(broken,)) as place:
            talk = await place.greeted()
            for _ in range(2):
                assert await talk.ask(b"MAIL FROM:<a@src.test>") == b"451 4.3.0 A check failed on our side, try again later\r\n"
            assert [event.detail for event in place.events if hasattr(event, "detail")] == ["broken: RuntimeError: secret"]

    running(body)
