"""The client's machine."""

from __future__ import annotations

import pytest

from waypost.smtp.client import ClientSession, ClientTerms
from waypost.smtp.errors import LocalProtocolError
from waypost.smtp.states import CLIENT_TRANSITIONS, ClientMove, ClientState


@pytest.mark.parametrize("state", list(ClientState))
@pytest.mark.parametrize("move", list(ClientMove))
def test_every_cell(state: ClientState, move: ClientMove) -> None:
    """A move with a cell leads where the table says; a move without one is our own fault."""
    session = ClientSession(ClientTerms(hostname="here.example"))
    session.state = state
    target = CLIENT_TRANSITIONS[state].get(move)
    if target is None:
        with pytest.raises(LocalProtocolError):
            session._move(move)
    else:
        session._move(move)
        assert target is session.state


def test_every_state_is_reached_and_ends() -> None:
    """From the connection every state can be reached, and from every state the end."""
    reached, border = {ClientState.CONNECTED}, [ClientState.CONNECTED]
    while border:
        for state in CLIENT_TRANSITIONS[border.pop()].values():
            if state not in reached:
                reached.add(state)
                border.append(state)
    assert set(ClientState) == reached
    assert all(ClientState.OVER in moves.values() for state, moves in CLIENT_TRANSITIONS.items() if state is not ClientState.OVER)
