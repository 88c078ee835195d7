"""Sessions on behalf of another client: XCLIENT and the PROXY header, as Postfix takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from waypost.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.postfix import Postfix
    from support.sink import Sink

pytestmark = pytest.mark.peers
BASE = ["send", "--from", "ada@example.net", "--to", "grace@example.org", "--ehlo", "client.example", "--lang", "en", "--no-tls", "-n"]


@pytest.fixture
def told(start_postfix: Callable[..., Postfix], start_sink: Callable[..., Sink]) -> Callable[[str], tuple[int, Sink]]:
    """A Postfix with one more setting: its port, and what gets its mail."""

    def start(setting: str) -> tuple[int, Sink]:
        beyond = start_sink(lmtp=True)
        return start_postfix(sink=beyond.port, more=setting).port, beyond

    return start


def test_xclient(told: Callable[[str], tuple[int, Sink]], capsys: pytest.CaptureFixture[str]) -> None:
    """Postfix takes the client that it is told of: its address and its name stand in the Received field."""
    port, beyond = told("smtpd_authorized_xclient_hosts = 127.0.0.1")
    words = ["--xclient-addr", "127.0.0.77", "--xclient-name", "spoofed.example", "--xclient-helo", "hello.example"]
    assert main([*BASE, "--server", f"127.0.0.1:{port}", *words]) == 0
    said = capsys.readouterr().out
    assert " -> XCLIENT ADDR=127.0.0.77 NAME=spoofed.example HELO=hello.example\n" in said
    assert said.count(" -> EHLO client.example\n") == 2
    assert b"(spoofed.example [127.0.0.77])" in beyond.wait_for("grace@example.org").content


@pytest.mark.parametrize("version", ["1", "2"])
def test_proxy(told: Callable[[str], tuple[int, Sink]], capsys: pytest.CaptureFixture[str], version: str) -> None:
    """Both versions of the header are what Postfix reads."""
    port, beyond = told("smtpd_upstream_proxy_protocol = haproxy")
    words = ["--proxy-version", version, "--proxy-source", "127.0.0.78", "--proxy-source-port", "4000", "--proxy-dest", "127.0.0.1"]
    assert main([*BASE, "--server", f"127.0.0.1:{port}", *words]) == 0, capsys.readouterr().out
    assert b"[127.0.0.78]" in beyond.wait_for("grace@example.org").content
