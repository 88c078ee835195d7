"""Values survive being octets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.mail.envelope import Body, Envelope, Notify, Origin, Recipient, Return
from waypost.mail.outcome import Action, Heard, Outcome
from waypost.mail.path import Mailbox
from waypost.spool.rows import Extent, decode_envelope, decode_extents, decode_outcome, encode_envelope, encode_extents, encode_outcome

TEXT = st.text(max_size=20)
MAILBOX = st.builds(Mailbox, TEXT, TEXT, TEXT)
RECIPIENT = st.builds(Recipient, MAILBOX, st.frozensets(st.sampled_from(Notify)), st.none() | TEXT)
ORIGIN = st.builds(Origin, client=TEXT, port=st.integers(0, 65_535), helo=TEXT, protocol=TEXT, tls=TEXT, account=TEXT, session=TEXT)
ENVELOPE = st.builds(
    Envelope,
    id=TEXT,
    reverse_path=st.none() | MAILBOX,
    recipients=st.lists(RECIPIENT, max_size=4).map(tuple),
    arrived=st.floats(0, 1e10),
    size=st.integers(0, 2**40),
    body=st.sampled_from(Body),
    smtputf8=st.booleans(),
    ret=st.none() | st.sampled_from(Return),
    envid=st.none() | TEXT,
    origin=ORIGIN,
)
HEARD = st.builds(Heard, code=st.integers(200, 599), status=st.none() | TEXT, lines=st.lists(TEXT).map(tuple), command=TEXT)
OUTCOME = st.builds(
    Outcome,
    action=st.sampled_from(Action),
    key=TEXT,
    status=TEXT,
    heard=st.none() | HEARD,
    next_hop=TEXT,
    detail=TEXT,
    supports_dsn=st.booleans(),
)


@settings(max_examples=100, deadline=None)
@given(ENVELOPE)
def test_envelopes(envelope: Envelope) -> None:
    """An envelope comes back as it was, every field of it; cut short it is refused."""
    octets = encode_envelope(envelope)
    assert decode_envelope(octets) == envelope
    for cut in range(0, len(octets), 7):
        with pytest.raises(ValueError, match="cannot be read"):
            decode_envelope(octets[:cut])


@settings(max_examples=100, deadline=None)
@given(OUTCOME)
def test_outcomes(outcome: Outcome) -> None:
    """An outcome comes back as it was."""
    assert decode_outcome(encode_outcome(outcome)) == outcome


def test_extents() -> None:
    """Extents come back as they were."""
    extents = (Extent(1, 0, 256), Extent(7, 3, 1))
    assert decode_extents(encode_extents(16_842_752, extents)) == (16_842_752, extents)
