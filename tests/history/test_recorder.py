from __future__ import annotations

import base64

from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.clock import Clock
from waypost.history.recorder import Recorder
from waypost.history.transcript import BOUND

SECRET = base64.b64encode(b"\0ada\0correct horse")


def a_clock() -> Clock:
    ticks = iter(range(1_000_000))
    return Clock(wall=lambda: 1_700_000_000.0, monotonic=lambda: float(next(ticks)))


def a_recorder(*, outbound: bool = False, bound: int = BOUND) -> Recorder:
    return Recorder("01ARZ3NDEKTSV4RRFFQ69G5FAV", a_clock(), peer="192.0.2.1:25", outbound=outbound, bound=bound)


def kept(recorder: Recorder) -> bytes:
    return b"".join(line.octets for line in recorder.transcript().lines)


def test_lines_are_kept_in_order_with_their_side_key_and_time() -> None:
    """A transcript holds who said what, when, and under which key."""
    recorder = a_recorder()
    recorder.said(b"220 mx.example.org ESMTP\r\n", "greeting")
    recorder.heard(b"EHLO a\r\n")
    recorder.content(5120)
    lines = recorder.transcript().lines
    assert [(line.after, line.from_client, line.octets, line.key) for line in lines] == [
        (1.0, False, b"220 mx.example.org ESMTP\r\n", "greeting"),
        (2.0, True, b"EHLO a\r\n", ""),
        (3.0, True, b"<content: 5120 octets>\r\n", ""),
    ]


def test_the_last_refusal_names_the_transcript() -> None:
    """``refused`` is the key of the last 4xx or 5xx that we said."""
    recorder = a_recorder()
    recorder.said(b"550 5.1.1 no\r\n", "mailbox-unknown")
    recorder.said(b"221 2.0.0 bye\r\n", "closing")
    assert recorder.transcript().refused == "mailbox-unknown"


def test_the_initial_response_is_redacted() -> None:
    """AUTH PLAIN with an initial response keeps its mechanism alone."""
    recorder = a_recorder()
    assert recorder.heard(b"AUTH PLAIN " + SECRET + b"\r\n") == b"AUTH PLAIN <redacted>\r\n"


def test_lines_that_answer_334_are_redacted_until_the_verdict() -> None:
    """Name and password of AUTH LOGIN are redacted; what follows the verdict is not."""
    recorder = a_recorder()
    recorder.heard(b"auth login\r\n")
    recorder.said(b"334 VXNlcm5hbWU6\r\n", "auth-challenge")
    recorder.heard(b"YWRh\r\n")
    recorder.said(b"334 UGFzc3dvcmQ6\r\n", "auth-challenge")
    recorder.heard(SECRET + b"\r\n")
    recorder.said(b"235 2.7.0 Welcome\r\n", "auth-succeeded")
    recorder.heard(b"MAIL FROM:<a@example.org>\r\n")
    assert kept(recorder) == (
        b"AUTH login\r\n334 VXNlcm5hbWU6\r\n<redacted>\r\n334 UGFzc3dvcmQ6\r\n<redacted>\r\n"
        b"235 2.7.0 Welcome\r\nMAIL FROM:<a@example.org>\r\n"
    )


def test_a_cancelled_auth_shows_its_star() -> None:
    """``*`` is no secret."""
    recorder = a_recorder()
    recorder.heard(b"AUTH LOGIN\r\n")
    recorder.said(b"334 VXNlcm5hbWU6\r\n")
    assert recorder.heard(b"*\r\n") == b"*\r\n"


def test_a_password_sent_after_a_refused_auth_is_redacted() -> None:
    """A client that goes on after 504 utters its secret as an unknown command; it is not kept."""
    recorder = a_recorder()
    recorder.heard(b"AUTH CRAM-MD5\r\n")
    recorder.said(b"504 5.5.4 no\r\n", "auth-mechanism-unknown")
    assert recorder.heard(SECRET + b"\r\n") == b"<redacted>\r\n"
    assert recorder.heard(b"QUIT\r\n") == b"QUIT\r\n"


def test_pipelined_secrets_are_redacted() -> None:
    """All that comes in one piece behind AUTH is redacted."""
    recorder = a_recorder()
    recorder.heard(b"EHLO a\r\nAUTH LOGIN\r\nYWRh\r\n" + SECRET + b"\r\n")
    assert kept(recorder) == b"EHLO a\r\nAUTH LOGIN\r\n<redacted>\r\n<redacted>\r\n"


def test_our_own_credentials_are_redacted_too() -> None:
    """As a client of a smarthost we keep no password of ours."""
    recorder = a_recorder(outbound=True)
    recorder.heard(b"220 mx ESMTP\r\n")
    recorder.said(b"AUTH PLAIN\r\n")
    recorder.heard(b"334 \r\n")
    recorder.said(SECRET + b"\r\n")
    lines = recorder.transcript().lines
    assert [(line.from_client, line.octets) for line in lines] == [
        (False, b"220 mx ESMTP\r\n"),
        (True, b"AUTH PLAIN\r\n"),
        (False, b"334 \r\n"),
        (True, b"<redacted>\r\n"),
    ]


def test_the_bound_is_kept_and_what_is_left_out_is_counted() -> None:
    """At the bound everything is kept; one octet past it is counted as omitted."""
    at = a_recorder(bound=8)
    at.heard(b"NOOP a\r\n")
    assert (kept(at), at.transcript().omitted) == (b"NOOP a\r\n", 0)
    past = a_recorder(bound=8)
    past.heard(b"NOOP ab\r\n")
    assert (kept(past), past.transcript().omitted) == (b"", 9)


def test_nothing_is_kept_after_the_first_omission() -> None:
    """A transcript has one gap, at its end."""
    recorder = a_recorder(bound=10)
    for line in (b"NOOP\r\n", b"NOOP 12\r\n", b"RSET\r\n"):
        recorder.heard(line)
    assert (kept(recorder), recorder.transcript().omitted) == (b"NOOP\r\n", 15)


def test_an_unfinished_line_is_kept_at_the_end_redacted() -> None:
    """A client that hangs up within AUTH leaves no secret."""
    recorder = a_recorder()
    recorder.heard(b"NOOP\r\nAUTH PLAIN " + SECRET)
    assert kept(recorder) == b"NOOP\r\nAUTH PLAIN <redacted>\r\n"


@settings(max_examples=150, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 200), max_size=8),
    spelling=st.sampled_from([b"AUTH", b"auth", b"Auth", b"  AUTH", b"AUTHX", b"AUTH\t"]),
)
def test_no_cut_uncovers_a_secret(cuts: list[int], spelling: bytes) -> None:
    """However the octets are cut, no transcript holds the secret."""
    octets = b"EHLO a\r\n" + spelling + b" PLAIN " + SECRET + b"\r\n" + SECRET + b"\r\n"
    recorder = a_recorder()
    start = 0
    for cut in [*sorted(min(cut, len(octets)) for cut in cuts), len(octets)]:
        recorder.heard(octets[start:cut])
        start = cut
    assert SECRET not in kept(recorder)
    assert kept(recorder).startswith(b"EHLO a\r\n")


def test_a_handshake_leaves_its_mark() -> None:
    """TLS stands in the transcript and in its lines; an empty piece leaves nothing."""
    recorder = a_recorder()
    recorder.said(b"", "greeting")
    recorder.secured("TLSv1.3 TLS_AES_256_GCM_SHA384")
    transcript = recorder.transcript()
    assert (transcript.tls, kept(recorder)) == ("TLSv1.3 TLS_AES_256_GCM_SHA384", b"<TLS: TLSv1.3 TLS_AES_256_GCM_SHA384>\r\n")
