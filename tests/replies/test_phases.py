from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from waypost.replies.catalogue import entries
from waypost.smtp.states import SERVER_REFUSALS, ServerMove

if TYPE_CHECKING:
    from waypost.replies import Key

PHASE = {
    ServerMove.HELLO: "EHLO",
    ServerMove.STARTTLS: "STARTTLS",
    ServerMove.AUTH: "AUTH",
    ServerMove.MAIL: "MAIL",
    ServerMove.RCPT: "RCPT",
    ServerMove.DATA: "DATA",
    ServerMove.CHUNK: "BDAT",
    ServerMove.RESET: "RSET",
    ServerMove.QUESTION: "HELP",
}
REFUSALS = [
    pytest.param(move, key, id=f"{state}-{move}") for state, row in SERVER_REFUSALS.items() for move, key in row.items() if move in PHASE
]


@pytest.mark.parametrize(("move", "key"), REFUSALS)
def test_a_command_out_of_order_is_refused_by_a_reply_of_its_phase(move: ServerMove, key: Key) -> None:
    """Where the table of states refuses a command, the reply is one that may be uttered at that command."""
    assert {PHASE[move], "ANY"} & set(entries()[key].when)
