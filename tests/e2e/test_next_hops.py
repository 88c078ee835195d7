"""Real servers and scripted ones as next hops: mail reaches them unchanged, over TLS where asked, and their answers count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import evidence, messages
from support.dialogue import Dialogue
from support.dovecot import Dovecot
from support.needs import require, require_root
from support.peers import fetched
from support.server import Waypost, configuration, listener, port_of
from support.sink import EXTENSIONS, Sink
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.certificates import Certificates
    from support.exim import Exim
    from support.postfix import Postfix


def hand_in(server: Waypost, content: bytes, *recipients: str, parameters: str = " BODY=8BITMIME") -> str:
    """Hand one message to the server; its queue id's reply."""
    assert server.tree
    with Dialogue(port_of(server.tree)) as talk:
        talk.hello()
        reply = talk.submit(messages.ended(content), *recipients, parameters=parameters)
    assert reply.startswith("250"), reply
    return reply


def to(folder: Path, **transport: object) -> dict[str, object]:
    """A configuration with one relay listener and one transport."""
    return configuration(folder, listeners=[listener("relay")], transports=[{"match": "*", **transport}])


@pytest.mark.peers
@pytest.mark.parametrize("mode", ["none", "opportunistic", "required", "implicit"])
def test_postfix_as_next_hop(
    start_waypost: Callable[..., Waypost],
    start_postfix: Callable[..., Postfix],
    start_sink: Callable[..., Sink],
    certificates: Certificates,
    folder: Path,
    mode: str,
) -> None:
    """Postfix takes our mail in the clear, by STARTTLS and by implicit TLS, and what it passes on is what was handed in."""
    beyond = start_sink(lmtp=True)
    postfix = start_postfix(sink=beyond.port)
    port = postfix.implicit_port if mode == "implicit" else postfix.port
    ca = {"ca": str(certificates.ca)} if mode in ("required", "implicit") else {}
    server = start_waypost(to(folder, kind="smtp", hosts=[f"localhost:{port}" if ca else f"127.0.0.1:{port}"], tls=mode, **ca))
    for shape in ("dots", "long-lines", "eight-bit"):
        hand_in(server, messages.shape(shape), f"{shape}@example.org")
        heard = beyond.wait_for(f"{shape}@example.org")
        messages.assert_carried(messages.shape(shape), heard.content)
        assert messages.laid_on_top(messages.shape(shape), heard.content).count("received") == 2
    secured = b"with ESMTPS" in heard.content.split(b"by mx.example.org")[0]
    assert secured == (mode != "none")
    evidence.record("next_hop", hop="postfix", mode=mode)


@pytest.mark.peers
@pytest.mark.parametrize("mode", ["none", "opportunistic"])
def test_exim_as_next_hop(
    start_waypost: Callable[..., Waypost], start_exim: Callable[..., Exim], start_sink: Callable[..., Sink], folder: Path, mode: str
) -> None:
    """Exim takes our mail, in the clear and by STARTTLS, and what it passes on is what was handed in."""
    beyond = start_sink(lmtp=True)
    exim = start_exim(sink=beyond.port)
    server = start_waypost(to(folder, kind="smtp", hosts=[f"127.0.0.1:{exim.port}"], tls=mode))
    for shape in ("dots", "long-lines", "eight-bit"):
        hand_in(server, messages.shape(shape), f"{shape}@example.org")
        messages.assert_carried(messages.shape(shape), beyond.wait_for(f"{shape}@example.org").content)
    evidence.record("next_hop", hop="exim", mode=mode)


@pytest.mark.peers
def test_dovecot_by_lmtp(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """Dovecot gets mail by LMTP, one answer per recipient, and both mailboxes hold it."""
    require_root()
    require("Dovecot", fetched("dovecot"))
    dovecot = Dovecot(folder / "dovecot").start()
    try:
        server = start_waypost(to(folder, kind="lmtp", hosts=[f"127.0.0.1:{dovecot.port}"], tls="none"))
        hand_in(server, messages.shape("dots"), "ada@example.org", "grace@example.org")
        until(lambda: dovecot.mailbox("ada@example.org") and dovecot.mailbox("grace@example.org"))
        for address in ("ada@example.org", "grace@example.org"):
            (kept,) = dovecot.mailbox(address)
            assert messages.shape("dots").replace(b"\r\n", b"\n") in kept.replace(b"\r\n", b"\n")
        evidence.record("next_hop", hop="dovecot", mode="lmtp")
    finally:
        dovecot.stop()


def test_lmtp_answers_count_for_each_recipient(
    start_waypost: Callable[..., Waypost], start_sink: Callable[..., Sink], folder: Path
) -> None:
    """Over LMTP one recipient is taken, one refused for good, one put off: delivered, reported, still queued."""
    answers = {"ok@example.org": None, "gone@example.org": "550 5.1.1 no such mailbox", "later@example.org": "451 4.2.0 locked"}

    def script(stage: str, text: str) -> str | None:
        return next((answer for address, answer in answers.items() if stage == "end" and address in text), None)

    hop = start_sink(lmtp=True, script=script)
    server = start_waypost(to(folder, kind="lmtp", hosts=[f"127.0.0.1:{hop.port}"], tls="none"))
    hand_in(server, messages.shape("dots"), *answers)
    hop.wait_for("ok@example.org")
    listed = until(lambda: (said := server.command("queue", "list", "--json").stdout) and "later@example.org" in said and said)
    assert "ok@example.org" not in hop.lines[-1]
    assert "later@example.org" in str(listed)


@pytest.mark.parametrize("chunking", [True, False], ids=["BDAT", "DATA"])
def test_every_shape_by_either_way(
    start_waypost: Callable[..., Waypost], start_sink: Callable[..., Sink], folder: Path, *, chunking: bool
) -> None:
    """Whether the next hop offers CHUNKING or not, every shape arrives octet for octet."""
    hop = start_sink(extensions=EXTENSIONS if chunking else tuple(each for each in EXTENSIONS if each != "CHUNKING"))
    server = start_waypost(to(folder, kind="smtp", hosts=[f"127.0.0.1:{hop.port}"]))
    for shape in messages.SHAPES:
        hand_in(server, messages.shape(shape), f"{shape}@example.org")
        heard = hop.wait_for(f"{shape}@example.org")
        messages.assert_carried(messages.shape(shape), heard.content)
        assert heard.how == ("BDAT" if chunking else "DATA")


@pytest.mark.parametrize(
    ("lacks", "shape", "recipient", "parameters", "status"),
    [
        ("8BITMIME", "eight-bit", "grace@example.org", " BODY=8BITMIME", "5.6.3"),
        ("SMTPUTF8", "utf8", "格蕾丝@example.org", " BODY=8BITMIME SMTPUTF8", "5.6.7"),
    ],
)
def test_next_hop_that_cannot_carry_it(
    start_waypost: Callable[..., Waypost],
    start_sink: Callable[..., Sink],
    folder: Path,
    lacks: str,
    shape: str,
    recipient: str,
    parameters: str,
    status: str,
) -> None:
    """Mail that needs what the next hop lacks is returned to its sender, never changed in silence."""
    hop = start_sink(extensions=tuple(each for each in EXTENSIONS if each != lacks))
    home = start_sink()
    transports = [
        {"match": "example.org", "kind": "smtp", "hosts": [f"127.0.0.1:{hop.port}"]},
        {"match": "*", "kind": "smtp", "hosts": [f"127.0.0.1:{home.port}"]},
    ]
    server = start_waypost(configuration(folder, listeners=[listener("relay")], transports=transports))
    hand_in(server, messages.shape(shape), recipient, parameters=parameters)
    notice = home.wait_for("sender@example.net")
    assert notice.reverse_path == ""
    assert f"Status: {status}".encode() in notice.content
    assert hop.heard == []
