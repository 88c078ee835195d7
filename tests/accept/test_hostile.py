from __future__ import annotations

import base64
import re

import pytest

from support.acceptance import limits, listener, opened, running
from waypost.clock import SYSTEM
from waypost.observe.log import Log
from waypost.observe.settings import LogFormat, LogSettings
from waypost.smtp.terms import Role

LETTERS = [
    "\0",
    "\x01",
    "\x07",
    "\b",
    "\t",
    "\x0b",
    "\x0c",
    "\r",
    "\x1b",
    "\x1b[2J",
    "\x1c",
    "\x7f",
    "\x85",
    "\xa0",
    "\u200b",
    "\u2028",
    "\u202e",
]
LETTERS.append("\ufeff")
PLACES = [
    "EHLO a{}b",
    "EHLO [x:a{}b]",
    "MAIL FROM:<a{}b@src.test> SMTPUTF8",
    'MAIL FROM:<"a{}b"@src.test> SMTPUTF8',
    "MAIL FROM:<a@s{}t.test> SMTPUTF8",
    "MAIL FROM:<a@src.test> ENVID=a{}b",
    "MAIL FROM:<a@src.test> X{}=1",
    "RCPT TO:<nobody{}@local.test>",
    "RCPT TO:<b@local.test> ORCPT=rfc822;a{}b",
    "RCPT TO:<b@el{}se.test>",
    "NOOP {}",
    "VRFY a{}b SMTPUTF8",
    "HELP {}",
    "XYZ{}ZY",
    "AUTH {}",
]
MANY = {"soft_errors": 10_000, "hard_errors": 10_000, "junk_commands": 10_000, "auth_failures": 100}


@pytest.mark.parametrize("letter", LETTERS, ids=ascii)
def test_no_letter_of_a_client_breaks_a_line_of_ours(letter: str) -> None:
    """Wherever it stands: each event is one line of the log in every form, each reply is printable ASCII, no field grows a second."""

    async def body() -> None:
        async with opened(listener(), listener(Role.SUBMISSION), limit=limits(**MANY), anyone=True, keep_all=True) as place:
            talk = await place.greeted()
            said = [await talk.ask(b"MAIL FROM:<a@src.test> SMTPUTF8")]
            said += [await talk.ask(row.format(letter).encode()) for row in PLACES if row[:4] != "MAIL"]
            for row in PLACES:
                if row[:4] == "MAIL":
                    await talk.ask(b"RSET")
                    said.append(await talk.ask(row.format(letter).encode()))
            await talk.ask(b"RSET")
            said.append(await talk.message(f"Message-ID: <a{letter}b@c>\r\nSubject: {letter}".encode().replace(b"\r\r\n", b"\r\n")))
            other = await place.greeted(1)
            secret = base64.b64encode(f"\0ada{letter}\0wrong".encode())
            said.append(await other.ask(b"AUTH PLAIN " + secret))
            for reply in said:
                assert re.fullmatch(rb"(?:\d{3}[ -][ -~]*\r\n)+", reply), reply
            for octets in await place.contents():
                assert re.match(rb"Received: [!-~ ]+\r\n(?:\t[!-~ ]+\r\n)+Message-ID: ", octets)
            assert lines_are_whole(place.events)

    running(body)


def lines_are_whole(events: list[object]) -> bool:
    """Whether each event is one line, or none, in every form of the log."""
    for form in (LogFormat.JSON, LogFormat.POSTFIX, LogFormat.TERMINAL):
        told: list[bytes] = []
        log = Log(LogSettings(format=form), told.append, SYSTEM, hostname="mx.test")
        for event in events:
            log.tell(event)  # type: ignore[arg-type]  # a gate tells nothing else
        for line in b"".join(told).decode().split("\n")[:-1]:
            assert line.isprintable(), (form, line)
            if form is LogFormat.JSON:
                assert line[0] + line[-1] == "{}", line
        assert told, form
    return True
