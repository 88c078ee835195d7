"""The vectors of tests/vectors on real sockets: nothing is smuggled, relayed or injected, wherever the octets are cut."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import evidence
from support.dialogue import Dialogue
from support.server import Waypost, configuration, listener, port_of
from support.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.certificates import Certificates

VECTORS = Path(__file__).parent.parent / "vectors"
PATIENT = {"soft_errors": 1000, "hard_errors": 10000, "client_rate": 1_000_000, "junk_commands": 100_000, "session_messages": 1_000_000}
FOLLOW_UP = b"MAIL FROM:<evil@example.net>\r\nRCPT TO:<smuggled@example.org>\r\nDATA\r\nSubject: second\r\n\r\nsmuggled\r\n.\r\n"


def load(name: str) -> list[dict[str, object]]:
    """The vectors of one file."""
    return list(json.loads((VECTORS / f"{name}.json").read_text())["vectors"])


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    """One next hop for all vectors."""
    hop = Sink().start()
    yield hop
    hop.stop()


@pytest.fixture(scope="module")
def server(module_folder: Path, certificates: Certificates, sink: Sink) -> Iterator[Waypost]:
    """A server that knows no friends: whoever comes is a stranger."""
    tree = configuration(
        module_folder,
        listeners=[listener("relay", tls="starttls")],
        next_hop=sink.port,
        certificates=certificates,
        local=["example.org", "local.example"],
        networks=[],
        limits=PATIENT,
    )
    running = Waypost(module_folder / "waypost", tree).start()
    yield running
    try:
        running.stop()
    finally:
        running.kill()


@pytest.fixture(scope="module")
def port(server: Waypost) -> int:
    """Where it listens."""
    assert server.tree
    return port_of(server.tree)


def cuts_around(start: int, end: int) -> list[list[int]]:
    """Three ways to cut: before the last octet of the sequence, within it, and into single octets."""
    return [[end - 1], [start + max(1, (end - start) // 2)], list(range(start, end + 1))]


def test_end_of_data_sequences(port: int, sink: Sink) -> None:
    """152 sequences in mid-body, each with a pipelined second message behind it, each cut three ways: nothing is smuggled."""
    vectors, tried = load("eod_matrix"), 0
    not_ends = set()
    for number, vector in enumerate(vectors):
        sequence, head, answers = bytes.fromhex(str(vector["hex"])), b"Subject: first\r\n\r\nbody", set()
        for way, cuts in enumerate(cuts_around(len(head), len(head) + len(sequence))):
            leak = f"leaked{number}-{way}@example.org"
            not_ends |= {leak} if vector["expect"] == "not-end" else set()
            with Dialogue(port) as talk:
                talk.hello()
                for command in ("MAIL FROM:<a@example.net>", "RCPT TO:<first@example.org>", "DATA"):
                    assert talk.ask(command)[:1] in ("2", "3"), vector
                talk.send_cut(head + sequence + FOLLOW_UP.replace(b"smuggled@example.org", leak.encode()), cuts, pause=0.002)
                answers.add(talk.reply()[:9])
            tried += 1
        assert all(answer.startswith(("250", "554 5.6.0")) for answer in answers), (vector, answers)
        assert len({answer[:3] for answer in answers}) == 1, (vector, answers)
    with Dialogue(port) as talk:
        talk.hello()
        assert talk.submit(b"Subject: last\r\n\r\nlast\r\n", "last@example.org").startswith("250")
    sink.wait_for("last@example.org")
    smuggled = [address for heard in sink.heard for address in heard.recipients if address in not_ends]
    assert smuggled == []
    assert tried == 3 * len(vectors) == 3 * 152
    evidence.record("sequences", layer="sockets", sequences=len(vectors), cuts=3, tried=tried, smuggled=len(smuggled))


def test_nothing_is_relayed_for_strangers(module_folder: Path, sink: Sink) -> None:
    """43 recipients that relays have fallen for, from 6 senders each: only mailboxes of ours are accepted."""
    domains = {"mailboxes": ["victim@local.example"], "postmaster": "victim@local.example"}
    listeners = [listener("relay")]
    tree = configuration(
        module_folder / "strict",
        listeners=listeners,
        next_hop=sink.port,
        local=["local.example"],
        networks=[],
        domains=domains,
        limits=PATIENT,
    )
    server = Waypost(module_folder / "strict", tree).start()
    try:
        accepted = []
        for vector in load("relay"):
            for sender in vector["mail_from"]:  # type: ignore[attr-defined] # a list in the file
                with Dialogue(port_of(tree)) as talk:
                    talk.hello()
                    opened = talk.ask(f"MAIL FROM:{sender}").startswith("250")
                    talk.send(f"RCPT TO:<{vector['rcpt']}>\r\nQUIT\r\n".encode("utf-8", "surrogateescape"))
                    replies = talk.replies()
                if vector["expect"] == "accept" and opened:
                    assert replies[0].startswith("250"), (vector, sender, replies)
                elif any(reply.startswith("25") for reply in replies):
                    accepted.append((vector["rcpt"], sender, replies))
        assert accepted == []
        evidence.record("relay", recipients=len(load("relay")), senders=6, relayed=0)
    finally:
        server.stop()


def test_starttls_takes_nothing_along(port: int, certificates: Certificates) -> None:
    """31 octet strings at and behind STARTTLS: closed, refused, or a session inside TLS that knows nothing of them."""
    outcomes = {"closed": 0, "refused": 0, "secured": 0}
    for vector in load("starttls"):
        with Dialogue(port, seconds=5) as talk:
            talk.hello()
            talk.send(str(vector["send"]).encode("latin-1"))
            reply = talk.reply()
            if not reply:
                outcomes["closed"] += 1
            elif reply.startswith("220"):
                talk.socket = certificates.client_context().wrap_socket(talk.socket, server_hostname="localhost")
                assert talk.ask("MAIL FROM:<a@example.net>").startswith("503"), vector
                hello = talk.ask("EHLO again.example")
                assert "STARTTLS" not in hello, vector
                assert talk.ask("NOOP").startswith("250"), vector
                assert talk.ask("QUIT").startswith("221"), vector
                outcomes["secured"] += 1
            else:
                assert reply[:1] == "5", (vector, reply)
                outcomes["refused"] += 1
    assert sum(outcomes.values()) == 31
    evidence.record("starttls", vectors=31, injected=0, **outcomes)


OPEN = [b"MAIL FROM:<a@example.net>\r\n", b"RCPT TO:<bdat@example.org>\r\n"]
BDAT_ROWS: list[tuple[str, list[bytes], list[str]]] = [
    ("no size", [*OPEN, b"BDAT\r\n"], ["501"]),
    ("not a number", [*OPEN, b"BDAT x\r\n"], ["501"]),
    ("negative", [*OPEN, b"BDAT -1\r\n"], ["501"]),
    ("signed", [*OPEN, b"BDAT +5\r\n"], ["501"]),
    ("hexadecimal", [*OPEN, b"BDAT 0x10\r\n"], ["501"]),
    ("exponent", [*OPEN, b"BDAT 1e3\r\n"], ["501"]),
    ("unknown word", [*OPEN, b"BDAT 5 FIRST\r\n"], ["501"]),
    ("LAST twice", [*OPEN, b"BDAT 5 LAST LAST\r\n"], ["501"]),
    ("empty chunk", [*OPEN, b"BDAT 0\r\n"], ["250"]),
    ("before MAIL", [b"BDAT 5\r\nNOOP\n", b"NOOP\r\n"], ["503", "250"]),
    ("DATA after BDAT", [*OPEN, b"BDAT 3\r\nabc", b"DATA\r\n"], ["250", "503"]),
    ("RSET between chunks", [*OPEN, b"BDAT 3\r\nabc", b"RSET\r\n", b"DATA\r\n"], ["250", "250", "503"]),
    ("pipelined with MAIL", [*OPEN, b"BDAT 9 LAST\r\nX: y\r\n\r\nz" + b"MAIL FROM:<b@example.net>\r\n"], ["250", "250"]),
    ("CRLF.CRLF is content", [*OPEN, b"BDAT 9 LAST\r\na\r\n.\r\nb\r\n"], ["250"]),
]


@pytest.mark.parametrize(("given", "wanted"), [row[1:] for row in BDAT_ROWS], ids=[row[0] for row in BDAT_ROWS])
def test_bdat(port: int, given: list[bytes], wanted: list[str]) -> None:
    """Chunks are counted exactly, whatever is answered."""
    with Dialogue(port, seconds=5) as talk:
        talk.hello()
        for octets in given[:2] if given[:2] == OPEN else []:
            talk.send(octets)
            assert talk.reply().startswith("250")
        got = []
        for octets in given[2:] if given[:2] == OPEN else given:
            talk.send(octets)
            got.append(talk.reply()[:3])
        while len(got) < len(wanted):
            got.append(talk.reply()[:3])
    assert got == wanted


@pytest.mark.parametrize("size", ["18446744073709551616", "9223372036854775808 LAST"])
def test_bdat_of_absurd_size(port: int, size: str) -> None:
    """A chunk beyond every limit is refused, and the session ends rather than swallow it."""
    with Dialogue(port, seconds=5) as talk:
        talk.hello()
        for octets in OPEN:
            talk.send(octets)
            talk.reply()
        assert talk.ask(f"BDAT {size}")[:3] in ("501", "552", "421")


def test_bdat_cut_short_is_no_message(port: int, sink: Sink) -> None:
    """A connection that ends one octet before the end of the last chunk leaves nothing behind."""
    before = len(sink.heard)
    with Dialogue(port) as talk:
        talk.hello()
        for octets in OPEN:
            talk.send(octets)
            talk.reply()
        talk.send(b"BDAT 5 LAST\r\nabcd")
    with Dialogue(port) as talk:
        talk.hello()
        assert talk.submit(b"Subject: after\r\n\r\nafter\r\n", "after-bdat@example.org").startswith("250")
    sink.wait_for("after-bdat@example.org")
    assert [heard.recipients for heard in sink.heard[before:]] == [("after-bdat@example.org",)]


def test_cleartext_behind_close_notify_in_a_chunk(port: int, certificates: Certificates) -> None:
    """TLS that ends in mid-chunk, followed by an octet in the clear, ends the session and leaves no message."""
    with Dialogue(port, seconds=5) as talk:
        talk.hello()
        talk.starttls(certificates.client_context())
        talk.ask("EHLO client.example")
        for octets in OPEN:
            talk.send(octets)
            talk.reply()
        talk.send(b"BDAT 20\r\n0123456789")
        raw = talk.socket.unwrap()  # type: ignore[attr-defined] # an SSLSocket after starttls
        talk.socket = raw
        try:
            raw.sendall(b"X")
            assert talk.closed()
        except ConnectionError:
            pass  # closed before the octet came
    with Dialogue(port) as talk:
        assert talk.hello().startswith("250")
