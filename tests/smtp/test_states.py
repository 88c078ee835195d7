"""The table of states: every state with every command, by the session itself."""

from __future__ import annotations

import pytest

from support.yes_driver import YesDriver
from waypost.replies import Key, say
from waypost.smtp.commands import COMMANDS, Command
from waypost.smtp.states import SERVER_AFTER_REFUSAL, SERVER_REFUSALS, SERVER_TRANSITIONS, ServerMove, ServerState
from waypost.smtp.terms import Terms, TlsMode

TERMS = Terms(hostname="mx.example.org", tls=TlsMode.STARTTLS, mechanisms=("PLAIN", "LOGIN"), auth_in_clear=True, message_size=100)
READING = (
    ServerState.TURNED_AWAY,
    ServerState.READY,
    ServerState.IDENTIFIED,
    ServerState.SENDER,
    ServerState.UNWANTED,
    ServerState.RECIPIENTS,
    ServerState.CHUNKING,
    ServerState.BROKEN,
)
WAYS: dict[ServerState, bytes] = {
    ServerState.TURNED_AWAY: b"",
    ServerState.READY: b"",
    ServerState.IDENTIFIED: b"EHLO c\r\n",
    ServerState.SENDER: b"EHLO c\r\nMAIL FROM:<a@b.c>\r\n",
    ServerState.UNWANTED: b"EHLO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<no@b.c>\r\n",
    ServerState.RECIPIENTS: b"EHLO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<b@b.c>\r\n",
    ServerState.CHUNKING: b"EHLO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<b@b.c>\r\nBDAT 1\r\nx",
    ServerState.BROKEN: b"EHLO c\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<b@b.c>\r\nBDAT 101\r\n" + b"x" * 101,
}
LINES = {
    "EHLO": b"EHLO c\r\n",
    "HELO": b"HELO c\r\n",
    "STARTTLS": b"STARTTLS\r\n",
    "AUTH": b"AUTH LOGIN\r\n",
    "MAIL": b"MAIL FROM:<a@b.c>\r\n",
    "RCPT": b"RCPT TO:<b@b.c>\r\n",
    "DATA": b"DATA\r\n",
    "BDAT": b"BDAT 1\r\nx",
    "RSET": b"RSET\r\n",
    "NOOP": b"NOOP\r\n",
    "HELP": b"HELP\r\n",
    "VRFY": b"VRFY a\r\n",
    "EXPN": b"EXPN a\r\n",
    "QUIT": b"QUIT\r\n",
}
SPOKEN = [command for command in COMMANDS.values() if command.name in LINES]


def _at(state: ServerState) -> YesDriver:
    greeting = say(Key.GREETING_REFUSED, hostname="mx.example.org") if state is ServerState.TURNED_AWAY else None
    driver = YesDriver(TERMS, greeting=greeting, shakes=False)
    driver.send(WAYS[state])
    assert driver.session._standing.state is state
    return driver


@pytest.mark.parametrize("command", SPOKEN, ids=lambda command: command.name)
@pytest.mark.parametrize("state", READING)
def test_every_state_with_every_command(state: ServerState, command: Command) -> None:
    """A command with a cell moves the session there; one without is refused with the key of its own and moves nothing."""
    driver = _at(state)
    driver.heard.clear()
    driver.send(LINES[command.name])
    after = driver.session._standing.state
    cell = SERVER_TRANSITIONS[state].get(command.move)
    if cell is not None:
        assert cell is after
    else:
        assert SERVER_REFUSALS[state][command.move] == driver.heard[0].suggested.key
        assert after is state


@pytest.mark.parametrize("state", READING)
def test_table_is_whole(state: ServerState) -> None:
    """Every command has, in every state that reads commands, either a cell or the key of its refusal, and never both."""
    for command in COMMANDS.values():
        assert (command.move in SERVER_TRANSITIONS[state]) != (command.move in SERVER_REFUSALS.get(state, {})), command.name


def test_every_state_can_be_reached_and_left() -> None:
    """No state is an island, and all but OVER lead to OVER."""
    reached = {cell for row in SERVER_TRANSITIONS.values() for cell in row.values()}
    assert set(ServerState) - {ServerState.CONNECTED} == reached
    assert all(ServerState.OVER in row.values() for state, row in SERVER_TRANSITIONS.items() if state is not ServerState.OVER)


def test_every_move_is_used() -> None:
    """Each move stands in the table, and what happens after a refusal, too."""
    assert set(ServerMove) == {move for row in SERVER_TRANSITIONS.values() for move in row}
    assert set(SERVER_AFTER_REFUSAL.values()) <= set(ServerMove)


def test_before_hello() -> None:
    """RSET, NOOP, HELP, VRFY, EXPN and QUIT work before EHLO (5321#4.1.4), no other command but the hellos."""
    assert {"EHLO", "HELO", "LHLO", "RSET", "NOOP", "HELP", "VRFY", "EXPN", "QUIT"} == {
        row.name for row in COMMANDS.values() if row.before_hello
    }


def test_exempt_from_530() -> None:
    """530 exempts AUTH EHLO HELO NOOP RSET QUIT STARTTLS HELP (4954#6, 3207#4)."""
    assert {"EHLO", "HELO", "LHLO", "NOOP", "RSET", "QUIT", "STARTTLS", "HELP"} == {
        row.name for row in COMMANDS.values() if row.without_tls
    }
    assert {"AUTH", "EHLO", "HELO", "LHLO", "NOOP", "RSET", "QUIT", "STARTTLS", "HELP"} == {
        row.name for row in COMMANDS.values() if row.without_auth
    }


def test_group_enders() -> None:
    """MAIL, RCPT, RSET and BDAT may stand anywhere in a pipelined group, all others end it (2920#3.1, 3030#4.2)."""
    assert {"MAIL", "RCPT", "RSET", "BDAT"} == {row.name for row in COMMANDS.values() if not row.ends_group}
