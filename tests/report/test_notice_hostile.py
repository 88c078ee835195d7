from __future__ import annotations

from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from report.notice_facts import BODY, HEAD, a_notice, a_settled, an_envelope, an_outcome
from waypost.mail.envelope import Body, Origin, Recipient, Return
from waypost.mail.outcome import Heard
from waypost.mail.path import Mailbox
from waypost.report.part import is_sound, quoted

pytestmark = pytest.mark.usefixtures("plain_words")

HOSTILE = st.text(
    st.one_of(st.sampled_from('\r\n\0\t;:<>()\\=+-,"@.aé\x1b\x85\u2028\u202e\ud800x'), st.characters()), max_size=60
) | st.sampled_from(["a\r\nBcc: eve@example.com", "x\r\n\r\n--=_01HF8C2V80M3YJ4W5D6E7F8G9H\r\n", "y" * 3000, "é" * 1200])
PIECES = st.sampled_from([b"\r\n", b"\n", b"\r", b" ", b"=", b"a" * 80, b"\xff"])
NAMES = {"Date", "From", "To", "Subject", "Message-ID", "In-Reply-To", "References", "Auto-Submitted", "MIME-Version", "Content-Type"}
FIELDS = {
    *("Original-Envelope-Id", "Reporting-MTA", "Received-From-MTA", "Arrival-Date", "X-Waypost-Queue-ID"),
    *("Original-Recipient", "Final-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code", "Last-Attempt-Date", "X-Waypost-Key"),
}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_no_fact_of_a_stranger_can_add_a_field_or_a_part(data: st.DataObject) -> None:
    """Hostile addresses, replies, names and headers leave a notice of three parts with our fields alone, and sound lines."""
    draw = data.draw
    head = draw(st.binary(max_size=200)) + HEAD
    envelope = an_envelope(
        reverse_path=Mailbox("x", "y", draw(HOSTILE)),
        envid=draw(st.none() | HOSTILE),
        ret=draw(st.sampled_from([None, Return.FULL])),
        body=draw(st.sampled_from(Body)),
        smtputf8=draw(st.booleans()),
        origin=Origin(helo=draw(HOSTILE), client=draw(HOSTILE)),
    )
    outcome = an_outcome(
        heard=draw(st.none() | st.builds(heard, HOSTILE, HOSTILE)),
        next_hop=draw(HOSTILE | st.just("mx.example.net[192.0.2.25]:25")),
        detail=draw(HOSTILE),
        status=draw(HOSTILE),
    )
    settled = a_settled(outcome=outcome, orcpt=draw(st.none() | HOSTILE))
    recipient = Recipient(Mailbox("x", "y", draw(HOSTILE)), frozenset(), settled.recipient.orcpt)
    settled = type(settled)(**{name: getattr(settled, name) for name in type(settled).__slots__} | {"recipient": recipient})
    octets = a_notice(envelope, settled, head=head, whole=head + BODY, hostname=draw(HOSTILE), postmaster=draw(HOSTILE)).content.octets
    assert is_sound(octets)
    message = message_from_bytes(octets, policy=default.clone(utf8=True))
    assert set(message.keys()) <= NAMES
    assert len(message.keys()) == len(set(message.keys()))
    parts = message.get_payload()
    assert len(parts) == 3
    assert [len(part.keys()) for part in parts] == [3, 3, 3]
    text = parts[1].as_bytes().split(b"\n\n", 1)[1] if parts[1].get_content_type() == "message/delivery-status" else b""
    names = {line.partition(b":")[0].decode() for line in text.split(b"\n") if line and line[:1] not in b" \t"}
    assert names <= FIELDS


def heard(line: str, status: str) -> Heard:
    return Heard(code=550, status=status, lines=(line, line), command=line)


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=400) | st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b" ", b"=", b"a" * 80, b"\xff"]), max_size=20).map(b"".join)
)
def test_quoted_printable_is_undone_to_the_same_octets(octets: bytes) -> None:
    """Whatever is encoded comes back; lines stay within 76 octets."""
    from quopri import decodestring  # noqa: PLC0415 - used here alone

    coded = quoted(octets)
    assert max(map(len, coded.split(b"\r\n"))) <= 76
    assert decodestring(coded) == octets
