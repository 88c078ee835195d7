from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace

import pytest

from support.acceptance import certificates, limits, listener, opened, running, server_context, trusting
from waypost.observe.events import Authenticated, SessionClosed, SessionSecured, Spoken
from waypost.smtp.terms import Role, TlsMode

ADA = b"AUTH PLAIN AGFkYQByaWdodA=="
CA = certificates() / "ca.pem"


def test_starttls_secures_and_forgets_everything() -> None:
    """After the handshake the session begins anew: EHLO again, no STARTTLS offered, no transaction (3207#4.2)."""

    async def body() -> None:
        async with opened(listener(tls=TlsMode.STARTTLS), context=server_context()) as place:
            talk = await place.greeted()
            await talk.ask(b"MAIL FROM:<a@src.test>")
            await talk.ask(b"RSET")
            assert b"STARTTLS" in await talk.ask(b"EHLO c.test")
            assert await talk.code(b"STARTTLS") == 220
            await talk.secure(CA)
            assert await talk.code(b"MAIL FROM:<a@src.test>") == 503
            assert b"STARTTLS" not in await talk.ask(b"EHLO d.test")
            assert (await talk.message(b"x: y"))[:3] == b"250"
            (octets,) = await place.contents()
            assert octets.startswith(b"Received: from d.test ([127.0.0.1])\r\n\t(using TLSv1.3 ")
            assert b" with ESMTPS id " in octets
            assert await talk.code(b"STARTTLS") in (502, 503)

    running(body)


def test_implicit_tls_greets_after_the_handshake() -> None:
    """On such a listener the first octets are the handshake, and the greeting comes inside it (8314#3)."""

    async def body() -> None:
        async with opened(listener(tls=TlsMode.IMPLICIT), context=server_context()) as place:
            talk = await place.connect(context=trusting(CA))
            assert await talk.reply() == b"220 mx.test ESMTP Waypost\r\n"
            await talk.ask(b"EHLO c.test")
            assert (await talk.message(b"x: y\r\n\r\n" + b"z" * 300_000))[:3] == b"250"
            assert (await place.found())[0].envelope.origin.tls.startswith("TLSv1.3 ")
            assert await talk.code(b"QUIT") == 221
            assert await talk.rest() == b""

    running(body)


def test_submission_needs_auth_over_tls() -> None:
    """In the clear AUTH is neither offered nor taken and MAIL hears 530; after STARTTLS and AUTH mail goes anywhere."""

    async def body() -> None:
        async with opened(listener(Role.SUBMISSION, TlsMode.STARTTLS), context=server_context()) as place:
            talk = await place.greeted()
            assert await talk.code(ADA) == 538
            assert await talk.code(b"MAIL FROM:<a@src.test>") == 530
            await talk.ask(b"STARTTLS")
            await talk.secure(CA)
            assert b"AUTH PLAIN LOGIN" in await talk.ask(b"EHLO c.test")
            assert await talk.code(b"MAIL FROM:<a@src.test>") == 530
            assert await talk.code(ADA) == 235
            assert (await talk.message(b"Subject: x\r\n\r\nbody", to=b"x@elsewhere.test"))[:3] == b"250"
            (found,) = await place.found()
            octets = found.content.octets or b""
            assert b" with ESMTPSA id " in octets
            assert found.envelope.origin.account == "ada"
            assert b"\r\nDate: " in octets
            assert f"\r\nMessage-ID: <{found.envelope.id}@mx.test>\r\nSubject: x\r\n".encode() in octets

    running(body)


def test_submission_leaves_date_and_message_id_that_are_there() -> None:
    """What the user wrote stays as it is (6409#8)."""

    async def body() -> None:
        async with opened(listener(Role.SUBMISSION), anyone=True) as place:
            talk = await place.greeted()
            assert await talk.code(ADA) == 235
            content = b"date: yesterday\r\nMESSAGE-ID: <1@c.test>\r\n\r\nbody\r\n"
            assert (await talk.message(content[:-2]))[:3] == b"250"
            (octets,) = await place.contents()
            assert octets.lower().count(b"\r\ndate:") == octets.lower().count(b"\r\nmessage-id:") == 1

    running(body)


@pytest.mark.parametrize(
    ("response", "code", "key"),
    [
        (b"AGFkYQByaWdodA==", 235, "auth-succeeded"),
        (b"YWRhAGFkYQByaWdodA==", 235, "auth-succeeded"),
        (b"cm9vdABhZGEAcmlnaHQ=", 535, "auth-failed"),
        (b"AGFkYQB3cm9uZw==", 535, "auth-failed"),
        (b"AG5vYm9keQByaWdodA==", 535, "auth-failed"),
        (b"AGJ1c3kAeA==", 454, "auth-unavailable"),
    ],
)
def test_auth_is_answered_by_what_the_verifier_says(response: bytes, code: int, key: str) -> None:
    """Right, acting for oneself, acting for another, wrong, unknown, and busy; each is told as an event."""

    async def body() -> None:
        async with opened(listener(Role.SUBMISSION), anyone=True) as place:
            talk = await place.greeted()
            assert await talk.code(b"AUTH PLAIN " + response) == code
            assert [event.key for event in place.events if isinstance(event, Authenticated)] == [key]
            assert await talk.code(b"MAIL FROM:<a@src.test>") == (250 if code == 235 else 530)

    running(body)


def test_passwords_are_in_no_transcript_and_no_event() -> None:
    """What AUTH carried is redacted where it is kept and where it is followed live, by PLAIN and by LOGIN."""

    async def body(*, live: bool) -> None:
        async with opened(listener(Role.SUBMISSION), anyone=True, live=live, keep_all=True) as place:
            talk = await place.greeted()
            for line, code in ((b"AUTH LOGIN", 334), (b"YWRh", 334), (b"d3Jvbmc=", 535), (b"AUTH PLAIN AGFkYQB3cm9uZw==", 535), (ADA, 235)):
                assert await talk.code(line) == code
            await talk.ask(b"QUIT")
            await place.settled(lambda: bool(place.history.kept))
            said = b"".join(line.octets for line in place.history.kept[0].lines)
            said += b"".join(event.octets for event in place.events if isinstance(event, Spoken))
            for secret in (b"d3Jvbmc=", b"AGFkYQB3cm9uZw==", b"AGFkYQByaWdodA==", b"right", b"wrong"):
                assert secret not in said
            assert b"AUTH PLAIN <redacted>\r\n" in said

    with pytest.MonkeyPatch.context() as patch:

        async def sleep(_: float) -> None:
            return None

        patch.setattr("waypost.accept.hearing.asyncio.sleep", sleep)
        for live in (False, True):
            running(lambda live=live: body(live=live))  # type: ignore[misc]  # bound now


def test_handshake_that_fails_is_told_and_closes() -> None:
    """Rubbish instead of a handshake ends the connection, with an event that says why and no traceback."""

    async def body() -> None:
        async with opened(listener(tls=TlsMode.IMPLICIT), listener(tls=TlsMode.STARTTLS), context=server_context()) as place:
            implicit = await place.connect(0)
            implicit.send(b"EHLO c.test\r\n" * 10)
            assert b"220" not in await implicit.rest()
            upgraded = await place.greeted(1)
            assert await upgraded.code(b"STARTTLS") == 220
            upgraded.send(b"EHLO c.test\r\n" * 10)
            assert b"250" not in await upgraded.rest()
            await place.settled(lambda: place.gate.sessions == 0)
            failed = [event for event in place.events if isinstance(event, SessionSecured)]
            assert [event.tls for event in failed] == ["", ""]
            assert all(event.error for event in failed)

    running(body)


def test_handshake_that_never_ends_is_given_up() -> None:
    """A client that sends nothing after connecting, or after the 220, holds its place no longer than a handshake may last."""

    async def body() -> None:
        limit = limits(handshake_seconds=0.3)  # type: ignore[arg-type]  # shorter than configuration allows
        async with opened(listener(tls=TlsMode.IMPLICIT), listener(tls=TlsMode.STARTTLS), context=server_context(), limit=limit) as place:
            await place.connect(0)
            upgraded = await place.greeted(1)
            assert await upgraded.code(b"STARTTLS") == 220
            await place.settled(lambda: place.gate.sessions == 0)
            assert len([event for event in place.events if isinstance(event, SessionSecured) and event.error]) == 2

    running(body)


def test_octets_that_race_the_handshake_are_never_obeyed() -> None:
    """Octets in the clear that arrive while the 220 is on its way fail the handshake; they are never read inside it."""

    async def body() -> None:
        async with opened(listener(tls=TlsMode.STARTTLS), context=server_context()) as place:
            for turns in range(8):
                talk = await place.greeted()
                talk.send(b"STARTTLS\r\n")
                for _ in range(turns):
                    await asyncio.sleep(0)
                talk.send(b"NOOP\r\nMAIL FROM:<evil@src.test>\r\n")
                assert b"250" not in await talk.rest()
            await place.settled(lambda: place.gate.sessions == 0)

    running(body)


def test_tls_1_1_is_not_spoken() -> None:
    """A client that can do no better than TLS 1.1 gets no session."""

    async def body() -> None:
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.set_ciphers("DEFAULT@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        async with opened(listener(tls=TlsMode.IMPLICIT), context=server_context()) as place:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await place.connect(context=old)
            await place.settled(lambda: place.gate.sessions == 0)

    running(body)


def test_smtp_is_chosen_where_a_client_names_protocols() -> None:
    """ALPN settles on smtp."""

    async def body() -> None:
        context = trusting(CA)
        context.set_alpn_protocols(["h2", "smtp"])
        async with opened(listener(tls=TlsMode.IMPLICIT), context=server_context()) as place:
            talk = await place.connect(context=context)
            assert talk.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "smtp"

    running(body)


def test_reload_changes_the_certificate_of_new_sessions() -> None:
    """A context that apply brings is what the next handshake shows; without one STARTTLS is no longer offered."""

    async def body() -> None:
        async with opened(listener(tls=TlsMode.STARTTLS), context=server_context()) as place:
            place.gate.apply(replace(place.plan, context=None))
            talk = await place.greeted()
            assert b"STARTTLS" not in await talk.ask(b"EHLO c.test")
            assert await talk.code(b"STARTTLS") == 502

    running(body)


def test_truncated_tls_in_mid_chunk_leaves_nothing() -> None:
    """A close_notify inside a chunk, and octets in the clear behind it, end the session and its message."""

    async def body() -> None:
        async with opened(listener(tls=TlsMode.IMPLICIT), context=server_context()) as place:
            talk = await place.connect(context=trusting(CA))
            await talk.reply()
            await talk.ask(b"EHLO c.test")
            talk.send(b"MAIL FROM:<a@src.test>\r\nRCPT TO:<b@local.test>\r\nBDAT 20\r\n0123456789")
            await talk.reply()
            await talk.close()
            await place.settled(lambda: place.gate.sessions == 0)
            assert (await place.found(), place.spool.used) == ([], 0)
            assert isinstance(place.events[-1], SessionClosed)

    running(body)
