from __future__ import annotations

from dataclasses import replace

import pytest

from support.acceptance import listener, opened, running
from waypost.clock import SYSTEM
from waypost.mail.envelope import Body, Notify
from waypost.policy.check import check
from waypost.policy.phase import Phase
from waypost.policy.settings import RelaySettings
from waypost.policy.verdict import ACCEPT, Defer, Reject
from waypost.replies import Key
from waypost.smtp.terms import Role
from waypost.spool.memory import MemorySpool

MESSAGE = b"Subject: hello\r\nReceived: by elsewhere\r\n\r\nbody\r\n..dots\r\n"


def test_greeting_names_host_and_software() -> None:
    """The first thing a client hears is 220 with our name, ESMTP and the software's."""

    async def body() -> None:
        async with opened() as place:
            assert await (await place.connect()).reply() == b"220 mx.test ESMTP Waypost\r\n"

    running(body)


def test_message_rests_with_its_trace_field_on_top_and_nothing_else_changed() -> None:
    """A relay adds Received above and leaves every other octet alone, dots unstuffed."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            answer = await talk.message(MESSAGE[:-2])
            (found,) = await place.found()
            assert answer == f"250 2.0.0 Queued as {found.envelope.id}\r\n".encode()
            octets = found.content.octets or b""
            assert octets.startswith(b"Received: from c.test ([127.0.0.1])\r\n\tby mx.test with ESMTP id ")
            assert b"\tfor <b@local.test>;\r\n" in octets
            assert octets.endswith(b"+0000\r\n" + MESSAGE.replace(b"..", b"."))
            assert found.envelope.size == len(octets)

    running(body)


def test_helo_is_traced_as_smtp_and_several_recipients_are_not_named() -> None:
    """HELO makes it SMTP; the for clause stands only for a single recipient (5321#7.2)."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted(hello=b"HELO c.test")
            await talk.ask(b"MAIL FROM:<>")
            await talk.ask(b"RCPT TO:<b@local.test>")
            await talk.ask(b"RCPT TO:<c@local.test>")
            await talk.ask(b"DATA")
            assert (await talk.ask(b"x: y\r\n\r\nz\r\n."))[:3] == b"250"
            (octets,) = await place.contents()
            assert b" with SMTP id " in octets
            assert b"local.test" not in octets.split(b"x: y")[0]

    running(body)


def test_group_of_commands_is_answered_in_one_write() -> None:
    """Pipelined commands are answered in order, together (2920#3.2)."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            talk.send(b"MAIL FROM:<a@src.test>\r\nRCPT TO:<b@local.test>\r\nRCPT TO:<nobody@local.test>\r\nDATA\r\n")
            octets = await talk.reader.read(4096)
            assert [line[:3] for line in octets.splitlines()] == [b"250", b"250", b"550", b"354"]

    running(body)


def test_envelope_keeps_what_was_asked() -> None:
    """RET, ENVID, NOTIFY, ORCPT and BODY reach the spool as given."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            assert await talk.code(b"MAIL FROM:<a@src.test> RET=HDRS ENVID=e+2B1 BODY=8BITMIME SIZE=100") == 250
            assert await talk.code(b"RCPT TO:<b@local.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y.test") == 250
            await talk.ask(b"DATA")
            await talk.ask("x: ü\r\n.".encode())
            (found,) = await place.found()
            envelope = found.envelope
            assert (str(envelope.ret), envelope.envid, envelope.body) == ("HDRS", "e+2B1", Body.EIGHT_BIT)
            (recipient,) = envelope.recipients
            assert (recipient.notify, recipient.orcpt) == (frozenset({Notify.SUCCESS, Notify.DELAY}), "rfc822;x@y.test")
            assert envelope.origin.session
            assert envelope.origin.client == "127.0.0.1"

    running(body)


def test_content_in_ascii_alone_needs_no_8bitmime() -> None:
    """What was declared 8BITMIME and is not can go anywhere."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            await talk.ask(b"MAIL FROM:<a@src.test> BODY=8BITMIME")
            await talk.ask(b"RCPT TO:<b@local.test>")
            await talk.ask(b"DATA")
            await talk.ask(b"x: y\r\n.")
            assert (await place.found())[0].envelope.body is Body.SEVEN_BIT

    running(body)


def test_alias_goes_to_each_of_its_mailboxes_once_with_the_address_as_written() -> None:
    """An alias is expanded, what was also named stays single, and ORCPT names what the sender wrote (3461#5.2.1)."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            await talk.ask(b"MAIL FROM:<a@src.test>")
            for to in (b"B@local.test", b"all@local.test", b"one@local.test NOTIFY=NEVER", b"b@local.test"):
                address, _, parameters = to.partition(b" ")
                assert await talk.code(b"RCPT TO:<" + address + b"> " + parameters if parameters else b"RCPT TO:<" + address + b">") == 250
            await talk.ask(b"DATA")
            await talk.ask(b".")
            (found,) = await place.found()
            assert [(str(one.mailbox), one.orcpt) for one in found.envelope.recipients] == [
                ("B@local.test", None),
                ("c@local.test", "rfc822;all@local.test"),
                ("far@away.test", "rfc822;all@local.test"),
            ]
            assert found.envelope.recipients[0].notify == {Notify.FAILURE}

    running(body)


@pytest.mark.parametrize("to", [b"Postmaster", b"postmaster@local.test", b"PostMaster@LOCAL.test"])
def test_postmaster_is_always_there(to: bytes) -> None:
    """The reserved mailbox takes mail in any case, with and without domain (5321#4.5.1)."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            assert (await talk.message(b"x: y", to=to))[:3] == b"250"
            assert str((await place.found())[0].envelope.recipients[0].mailbox).lower() == "postmaster@local.test"

    running(body)


@pytest.mark.parametrize(
    ("to", "answer"),
    [
        (b"nobody@local.test", b"550 5.1.1 "),
        (b"x@elsewhere.test", b"550 5.7.1 "),
        (b"x@[192.0.2.1]", b"550 5.7.1 "),
        (b"anybody@relay.test", b"250 2.1.5 "),
        (b"B@LOCAL.TEST", b"250 2.1.5 "),
    ],
)
def test_recipient_is_judged_at_rcpt(to: bytes, answer: bytes) -> None:
    """Unknown mailboxes, foreign domains and literals are refused at RCPT; relay domains take any mailbox."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            await talk.ask(b"MAIL FROM:<a@src.test>")
            said = await talk.ask(b"RCPT TO:<" + to + b">")
            assert said[: len(answer)] == answer

    running(body)


def test_trusted_network_sends_anywhere() -> None:
    """A client of relay.networks may send to any domain."""

    async def body() -> None:
        async with opened(networks=("127.0.0.0/8",)) as place:
            talk = await place.greeted()
            assert (await talk.message(b"x: y", to=b"x@elsewhere.test"))[:3] == b"250"

    running(body)


def test_trusted_network_may_have_line_ends_mended() -> None:
    """Where relay.normalize is set, bare LF of a trusted client becomes CRLF; of a stranger it is refused."""

    async def body(networks: tuple[str, ...], code: bytes, kept: list[bytes]) -> None:
        async with opened(networks=networks, normalize=True) as place:
            talk = await place.greeted()
            assert (await talk.message(b"x: y\r\n\r\none\ntwo"))[:3] == code
            assert [octets.split(b"x: y", 1)[1] for octets in await place.contents()] == kept

    running(lambda: body(("127.0.0.1",), b"250", [b"\r\n\r\none\r\ntwo\r\n"]))
    running(lambda: body((), b"554", []))


def test_lmtp_answers_each_recipient() -> None:
    """After the dot one reply stands for each accepted recipient, in order (2033#4.2)."""

    async def body() -> None:
        async with opened(listener(Role.LMTP)) as place:
            talk = await place.connect()
            assert await talk.reply() == b"220 mx.test LMTP Waypost\r\n"
            assert await talk.code(b"LHLO c.test") == 250
            await talk.ask(b"MAIL FROM:<a@src.test>")
            for to in (b"b", b"nobody", b"c"):
                await talk.ask(b"RCPT TO:<" + to + b"@local.test>")
            await talk.ask(b"DATA")
            talk.send(b"x: y\r\n.\r\n")
            (found_id,) = {(await talk.reply()).split()[-1] for _ in range(2)}
            assert found_id.decode() == (await place.found())[0].envelope.id
            assert await talk.code(b"QUIT") == 221
            assert b" with LMTP id " in (await place.contents())[0]

    running(body)


def test_lmtp_relays_for_nobody() -> None:
    """LMTP is final delivery: even a trusted client sends nowhere else."""

    async def body() -> None:
        async with opened(listener(Role.LMTP), networks=("127.0.0.1",)) as place:
            talk = await place.greeted(hello=b"LHLO c.test")
            await talk.ask(b"MAIL FROM:<a@src.test>")
            assert await talk.code(b"RCPT TO:<x@elsewhere.test>") == 550

    running(body)


def test_unix_socket_speaks_lmtp(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A listener may be a path; its clients have no address and are known by their greeting alone."""

    async def body() -> None:
        path = tmp_path_factory.mktemp("u") / "lmtp"
        async with opened(listener(Role.LMTP, where=f"unix:{path}")) as place:
            talk = await place.greeted(hello=b"LHLO c.test")
            assert (await talk.message(b"x: y"))[:3] == b"250"
            assert (await place.contents())[0].startswith(b"Received: from c.test\r\n\tby mx.test")

    running(body)


def test_chunks_make_one_message() -> None:
    """BDAT content is kept octet for octet, dots and all, and the last chunk is answered by the queue id."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            talk.send(
                b"MAIL FROM:<a@src.test>\r\nRCPT TO:<b@local.test>\r\nBDAT 6\r\nx: y\r\nBDAT 5\r\n\r\n.\r\nBDAT 2 LAST\r\n\r\nNOOP\r\n"
            )
            codes = [(await talk.reply())[:9] for _ in range(6)]
            assert codes == [b"250 2.1.0", b"250 2.1.5", b"250 2.0.0", b"250 2.0.0", b"250 2.0.0", b"250 2.0.0"]
            assert (await place.contents())[0].endswith(b"x: y\r\n\r\n.\r\n\r\n")

    running(body)


def test_big_message_streams_through() -> None:
    """Three mebibytes in odd pieces arrive octet for octet."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            line = b"0123456789" * 7 + b"\r\n"
            content = b"Subject: big\r\n\r\n" + line * 43_691
            await talk.ask(b"MAIL FROM:<a@src.test>")
            await talk.ask(b"RCPT TO:<b@local.test>")
            await talk.ask(b"DATA")
            for start in range(0, len(content), 99_991):
                talk.send(content[start : start + 99_991])
                await talk.writer.drain()
            talk.send(b".\r\n")
            assert (await talk.reply())[:3] == b"250"
            assert (await place.contents())[0].endswith(content)

    running(body)


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


def test_client_that_half_closes_still_gets_its_answers() -> None:
    """Who sends everything and then closes its own direction hears every reply."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            talk.send(b"MAIL FROM:<a@src.test>\r\nRCPT TO:<b@local.test>\r\nBDAT 8 LAST\r\nx: y\r\n\r\nQUIT\r\n")
            talk.writer.write_eof()
            assert [line[:3] for line in (await talk.rest()).splitlines()] == [b"250", b"250", b"250", b"221"]
            assert len(await place.found()) == 1

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


def test_dev_profile_takes_mail_for_everywhere() -> None:
    """Where nothing can leave, every recipient is taken, literals too."""

    async def body() -> None:
        async with opened(anyone=True) as place:
            talk = await place.greeted()
            await talk.ask(b"MAIL FROM:<a@src.test>")
            assert await talk.code(b"RCPT TO:<x@elsewhere.test>") == 250
            assert await talk.code(b"RCPT TO:<x@[192.0.2.1]>") == 250

    running(body)


def test_session_begins_anew_with_ehlo_and_rset() -> None:
    """EHLO and RSET forget the transaction (5321#4.1.4, 5321#4.1.1.5)."""

    async def body() -> None:
        async with opened() as place:
            talk = await place.greeted()
            for line in (b"RSET", b"EHLO c.test"):
                await talk.ask(b"MAIL FROM:<a@src.test>")
                await talk.ask(b"RCPT TO:<c@local.test>")
                assert await talk.code(line) == 250
                assert await talk.code(b"RCPT TO:<b@local.test>") == 503
            assert (await talk.message(b"x: y"))[:3] == b"250"
            assert [str(one.mailbox) for one in (await place.found())[0].envelope.recipients] == ["b@local.test"]

    running(body)


def test_reload_holds_for_new_sessions_alone() -> None:
    """A session ends by the plan that it began with; the next goes by the new one."""

    async def body() -> None:
        async with opened() as place:
            old = await place.greeted()
            place.gate.apply(replace(place.plan, relay=RelaySettings(networks=("127.0.0.1",))))
            new = await place.greeted()
            for talk, code in ((old, 550), (new, 250)):
                await talk.ask(b"MAIL FROM:<a@src.test>")
                assert await talk.code(b"RCPT TO:<x@elsewhere.test>") == code

    running(body)
