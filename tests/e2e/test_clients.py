"""Real clients hand mail to a real server over every TLS mode, and what reaches the next hop is what they sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from support import evidence, messages
from support.clients import MODES, PROGRAMS, Errand
from support.dialogue import Dialogue
from support.needs import require
from support.peers import program
from support.server import Waypost, configuration, listener, port_of
from support.sink import Heard, Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.certificates import Certificates
    from support.exim import Exim
    from support.postfix import Postfix

pytestmark = pytest.mark.peers

GREETING = "220 mx.example.org ESMTP Waypost"
TLS = {"plain": "none", "starttls": "starttls", "implicit": "implicit"}
CHANGED_BY_CLIENT = {("swaks", "dot-last"), ("swaks", "empty-body")}
"""swaks takes a last line that is a dot for the end of the message, and ends every message with a line of its own."""


@dataclass(frozen=True)
class Relay:
    """A server with one relay listener per mode, and its next hop."""

    server: Waypost
    sink: Sink
    ports: dict[str, int]


@pytest.fixture(scope="module")
def relay(module_folder: Path, certificates: Certificates) -> Iterator[Relay]:
    """One server for all clients."""
    sink = Sink().start()
    listeners = [listener("relay", tls=TLS[mode]) for mode in MODES]
    tree = configuration(
        module_folder, listeners=listeners, next_hop=sink.port, certificates=certificates, relay=[f"{mode}.test" for mode in MODES]
    )
    server = Waypost(module_folder / "waypost", tree).start()
    yield Relay(server, sink, {mode: port_of(tree, tls=TLS[mode]) for mode in MODES})
    try:
        server.stop()
    finally:
        server.kill()
        sink.stop()


def hand_over(
    relay: Relay, certificates: Certificates, folder: Path, client: str, mode: str, shape: str, **more: object
) -> tuple[str, Heard]:
    """Send one shape by one client; the greeting that it saw and what reached the next hop."""
    if client != "smtplib":
        require(client, program(client, f"usr/bin/{client}"))
    recipient = str(more.pop("recipient", f"{client}-{mode}-{shape}@example.org"))
    errand = Errand(relay.ports[mode], mode, messages.shape(shape), folder, certificates, recipient=recipient, **more)
    greeting = PROGRAMS[client](errand)
    return greeting, relay.sink.wait_for(recipient)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("client", PROGRAMS)
def test_client_delivers_over_each_mode(relay: Relay, certificates: Certificates, folder: Path, client: str, mode: str) -> None:
    """Each client is greeted with the product's greeting and its message reaches the next hop unchanged, over each TLS mode."""
    greeting, heard = hand_over(relay, certificates, folder, client, mode, "dots")
    assert greeting == GREETING
    messages.assert_carried(messages.shape("dots"), heard.content)
    assert heard.reverse_path == "ada@example.net"
    with_protocol = re.search(rb"with (\S+)", heard.content)
    assert with_protocol
    assert with_protocol[1] == (b"ESMTP" if mode == "plain" else b"ESMTPS")
    evidence.record("client", client=client, mode=mode, greeting=greeting)


@pytest.mark.parametrize("shape", messages.SHAPES)
@pytest.mark.parametrize("client", PROGRAMS)
def test_shape_arrives_octet_for_octet(relay: Relay, certificates: Certificates, folder: Path, client: str, shape: str) -> None:
    """Dots, long lines, 8-bit octets, no body, odd headers, no final line end, a megabyte: what arrives is what was sent."""
    if (client, shape) in CHANGED_BY_CLIENT:
        client = "smtplib"  # the shape still travels, by a client that does not change it
    _, heard = hand_over(relay, certificates, folder, client, "plain", shape, recipient=f"shape-{client}-{shape}@example.org")
    messages.assert_carried(messages.shape(shape), heard.content)
    evidence.record("shape", client=client, shape=shape)


@pytest.mark.parametrize("client", ["smtplib", "curl"])
def test_smtputf8_addresses_travel(relay: Relay, certificates: Certificates, folder: Path, client: str) -> None:
    """Addresses and header in UTF-8 arrive as they were, and the next hop is told SMTPUTF8."""
    sender, recipient = "åda@example.net", f"格蕾丝-{client}@example.org"
    _, heard = hand_over(relay, certificates, folder, client, "plain", "utf8", sender=sender, recipient=recipient, smtputf8=True)
    messages.assert_carried(messages.shape("utf8"), heard.content)
    assert (heard.reverse_path, heard.recipients) == (sender, (recipient,))
    assert "SMTPUTF8" in heard.mail.upper().split()


@pytest.mark.parametrize("mode", MODES)
def test_postfix_as_client(relay: Relay, start_postfix: Callable[..., Postfix], mode: str) -> None:
    """Postfix relays to us over each mode: unchanged, its own Received below ours, and its log shows our greeting."""
    postfix = start_postfix(sink=relay.sink.port, relays={mode: relay.ports[mode]})
    shape = messages.shape("long-lines")
    with Dialogue(postfix.port) as talk:
        talk.hello()
        assert talk.submit(shape, f"postfix@{mode}.test", parameters=" BODY=8BITMIME").startswith("250")
    heard = relay.sink.wait_for(f"postfix@{mode}.test")
    messages.assert_carried(shape, heard.content)
    assert messages.laid_on_top(shape, heard.content).count("received") == 2
    greetings = re.findall(r"< \S+: (220 mx\S* .*)$", postfix.log(), re.MULTILINE)
    assert greetings[:1] == [GREETING]
    evidence.record("client", client="postfix", mode=mode, greeting=greetings[0])


@pytest.mark.parametrize("mode", MODES)
def test_exim_as_client(relay: Relay, start_exim: Callable[..., Exim], mode: str) -> None:
    """Exim delivers to us over each mode: unchanged, its own Received below ours, and its transcript shows our greeting."""
    exim = start_exim(daemon=False, sink=relay.sink.port, relays={mode: relay.ports[mode]})
    shape = messages.shape("eight-bit")
    said = exim.send(shape, "ada@example.net", f"exim@{mode}.test")
    heard = relay.sink.wait_for(f"exim@{mode}.test")
    messages.assert_carried(shape, heard.content)
    greetings = re.findall(r"SMTP<< (220 mx.*)$", said, re.MULTILINE)
    assert greetings[:1] == [GREETING], said
    evidence.record("client", client="exim", mode=mode, greeting=greetings[0])
