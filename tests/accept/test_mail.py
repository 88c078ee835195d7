"""Mail that is taken: greeting, envelope and content on their way into the spool."""

from __future__ import annotations

from support.acceptance import opened, running
from waypost.mail.envelope import Body, Notify

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
