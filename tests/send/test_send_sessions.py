"""Whole sessions with real servers: what is shown, what arrives, how it ends; and the same sessions by swaks beside them."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from support.dovecot import Dovecot
from support.needs import require, require_root
from support.peers import environment, fetched, program, run
from support.ports import free_port
from support.server import PROGRAM, Waypost, configuration, listener, port_of
from support.sink import Sink
from waypost.cli.main import main
from waypost.cli.version import version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.certificates import Certificates
    from support.postfix import Postfix

PASSWORD = "correct horse battery staple"
BASE = ["--from", "ada@example.net", "--to", "grace@example.org", "--ehlo", "client.example"]


@pytest.fixture
def waypost_send(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run ``waypost send`` on a port; its exit code and all that it said."""

    def sent(port: int, *words: str, server: str = "127.0.0.1", base: list[str] = BASE) -> tuple[int, str]:
        code = main(["send", "--server", server, "--port", str(port), *base, "--lang", "en", *words])
        said = capsys.readouterr()
        return code, said.out + said.err

    return sent


def _refusing(stage: str, text: str) -> str | None:
    return "550 5.1.1 No such user" if stage == "rcpt" and "nobody@" in text else None


@pytest.fixture
def hop(start_sink: Callable[..., Sink]) -> Sink:
    """A server without TLS that knows no nobody."""
    return start_sink(script=_refusing)


# ---- beside swaks -------------------------------------------------------------------------------------------------


def _stages(transcript: str) -> list[tuple[str, str]]:
    """Who said what in a word, without the message itself and without what programs tell of themselves."""
    found: list[tuple[str, str]] = []
    content = False
    for line in transcript.splitlines():
        mark, text = line[:3].strip(), line[4:]
        if mark not in ("->", "~>", "<-", "<~", "<**", "<~*", "***") or (content and mark in ("->", "~>") and text != "."):
            continue
        content = (mark.startswith("<") and text.startswith("354")) or (content and text != ".")
        word = "" if mark == "***" else text.split(" ")[0].split("-")[0] if mark.startswith("<") else text
        if mark != "***" or found[-1:] != [("***", "")]:
            found.append((mark, word))
    return found


@pytest.mark.peers
@pytest.mark.parametrize(
    ("words", "more", "code"),
    [
        ([], [], 0),
        (["--to", "nobody@example.org"], [], 24),
        (["--to", "nobody@example.org,grace@example.org"], [], 0),
        (["--tls"], [], 29),
        (["--auth", "plain", "--auth-user", "ada", "--auth-password", "x"], [], 28),
        (["--quit-after", "mail"], [], 0),
        (["--drop-after", "rcpt"], [], 0),
        (["--pipeline"], [], 0),
        (["--protocol", "SMTP"], [], 0),
    ],
    ids=["success", "refused", "partly", "tls-absent", "auth-absent", "quit-after", "drop-after", "pipeline", "helo"],
)
def test_the_same_session_by_swaks(
    hop: Sink, waypost_send: Callable[..., tuple[int, str]], words: list[str], more: list[str], code: int
) -> None:
    """The same commands and replies under the same marks, and the same exit code."""
    require("swaks", program("swaks", "usr/bin/swaks"))
    base = [word for word in BASE if "--to" not in words or word not in ("--to", "grace@example.org")]
    swaks = ["perl", str(program("swaks", "usr/bin/swaks")), "--server", "127.0.0.1", "--port", str(hop.port)]
    theirs = run([*swaks, *base, *words], environment("swaks"))
    ours = waypost_send(hop.port, *words, *more, base=base)
    assert (theirs.returncode, ours[0]) == (code, code), ours[1]
    assert _stages(ours[1]) == _stages(theirs.stdout.decode())


@pytest.mark.peers
def test_nobody_listens_for_swaks_either(waypost_send: Callable[..., tuple[int, str]]) -> None:
    """Connection refused: the same code, and ours says what to do."""
    require("swaks", program("swaks", "usr/bin/swaks"))
    port = free_port()
    theirs = run(["perl", str(program("swaks", "usr/bin/swaks")), "--server", f"127.0.0.1:{port}", *BASE], environment("swaks"))
    code, said = waypost_send(port)
    assert (theirs.returncode, code) == (2, 2)
    assert _stages(said) == _stages(theirs.stdout.decode())
    assert f"Nothing listens on port {port}" in said


# ---- our own server -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def submission(module_folder: Path, certificates: Certificates) -> Iterator[tuple[Waypost, dict[str, object], Sink]]:
    """A production server: submission over both TLS modes, a relay listener, one account, a next hop."""
    sink = Sink().start()
    listeners = [listener("submission", tls="starttls"), listener("submission", tls="implicit"), listener("relay", tls="starttls")]
    tree = configuration(module_folder, listeners=listeners, next_hop=sink.port, certificates=certificates, networks=[])
    server = Waypost(module_folder / "waypost", tree).start()
    added = subprocess.run(
        [str(PROGRAM), "user", "add", "ada@example.org", "--config", str(server.config)],
        input=f"{PASSWORD}\n{PASSWORD}\n",
        env=server.environ(),
        text=True,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert added.returncode == 0, added.stderr
    yield server, tree, sink
    try:
        server.stop()
    finally:
        server.kill()
        sink.stop()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
def test_submission_to_a_production_server(
    submission: tuple[Waypost, dict[str, object], Sink],
    certificates: Certificates,
    waypost_send: Callable[..., tuple[int, str]],
    mode: str,
    mechanism: str,
) -> None:
    """Verified TLS, a login, a message that arrives signed by nobody else; the password is nowhere in the transcript."""
    _, tree, sink = submission
    tls = "--tls" if mode == "starttls" else "--tls-on-connect"
    to = f"{mechanism.lower()}-{mode}@remote.example"
    base = ["--from", "ada@example.org", "--to", to, "--ehlo", "client.example"]
    words = [tls, "--tls-ca", str(certificates.ca), "--auth", mechanism, "--auth-user", "ada@example.org", "--auth-password", PASSWORD]
    code, said = waypost_send(port_of(tree, "submission", mode), *words, "--body", "hello\\n.\\nthere", server="localhost", base=base)
    assert code == 0, said
    assert "hello\r\n.\r\nthere\r\n" in sink.wait_for(to).content.decode()
    assert "TLS peer verified as localhost" in said
    assert " ~> AUTH" in said
    assert "<redacted>" in said
    assert PASSWORD not in said


def test_a_wrong_password(
    submission: tuple[Waypost, dict[str, object], Sink], certificates: Certificates, waypost_send: Callable[..., tuple[int, str]]
) -> None:
    """28, as swaks has it, and the refusal is explained in the language asked for."""
    _, tree, _ = submission
    words = [
        "--tls-on-connect",
        "--tls-ca",
        str(certificates.ca),
        "--auth",
        "PLAIN",
        "-au",
        "ada@example.org",
        "-ap",
        "wrong",
        "--lang",
        "zh",
    ]
    code, said = waypost_send(port_of(tree, "submission", "implicit"), *words, server="localhost")
    assert code == 28, said
    assert re.search(r"^<~\* 535 5\.7\.8 .*\n    \S*[\u4e00-\u9fff]", said, re.MULTILINE)


def test_a_certificate_that_proves_nothing(
    submission: tuple[Waypost, dict[str, object], Sink], waypost_send: Callable[..., tuple[int, str]]
) -> None:
    """Required TLS verifies and ends; unverified, and where it is optional, the session goes on."""
    _, tree, _ = submission
    port = port_of(tree, "relay")
    code, said = waypost_send(port, "--tls", "--quit-after", "ehlo")
    assert code == 29
    assert "The server's certificate proves nothing here" in said
    assert waypost_send(port, "--tls", "--no-tls-verify", "--quit-after", "ehlo")[0] == 0
    code, said = waypost_send(port, "--quit-after", "ehlo")
    assert code == 0
    assert "TLS peer not verified" in said
    assert waypost_send(port, "--tls-verify", "--quit-after", "ehlo")[0] == 29


def test_a_certificate_for_another_name(
    submission: tuple[Waypost, dict[str, object], Sink], certificates: Certificates, waypost_send: Callable[..., tuple[int, str]]
) -> None:
    """--tls-name is what the certificate is held against."""
    _, tree, _ = submission
    words = ["--tls", "--tls-ca", str(certificates.ca), "--quit-after", "ehlo", "--tls-name"]
    assert waypost_send(port_of(tree, "relay"), *words, "mx.example.org")[0] == 0
    code, said = waypost_send(port_of(tree, "relay"), *words, "other.example")
    assert code == 29
    assert "proves nothing here" in said


def test_a_refusal_of_our_own_server_as_json(
    submission: tuple[Waypost, dict[str, object], Sink], waypost_send: Callable[..., tuple[int, str]]
) -> None:
    """One object: every line with its mark, the refusal with its explanation, how it ended."""
    _, tree, _ = submission
    code, said = waypost_send(
        port_of(tree, "relay"), "--no-tls", "--json", "--quit-after", "rcpt", base=["--to", "far@remote.example", "--ehlo", "c.example"]
    )
    told: dict[str, Any] = json.loads(said)
    refused = [line for line in told["lines"] if line["mark"] == "<**"]
    assert (code, told["exit"], told["ending"]) == (24, 24, "rcpt")
    assert told["server"]["port"] == port_of(tree, "relay")
    assert refused[-1]["code"] in range(500, 600)
    assert set(refused[-1]["explanation"]) == {"title", "description", "fix"}
    assert {"at", "who", "mark", "text", "tls", "expected"} <= set(told["lines"][0])


def test_the_dev_profile_takes_a_message_by_chunks(
    start_waypost: Callable[..., Waypost], waypost_send: Callable[..., tuple[int, str]]
) -> None:
    """`waypost serve` without a configuration and `waypost send` out of the box; BDAT in small pieces arrives whole."""
    port = free_port()
    arguments = [
        word for at, each in enumerate((port, free_port(), free_port())) for word in ("--set", f"listeners.{at}.bind=127.0.0.1:{each}")
    ]
    arguments += ["--set", "web.bind="]
    server = start_waypost(None, arguments=arguments)
    code, said = waypost_send(port, "--bdat", "50", "--subject", "Grüße", "--timing", "--messages", "2")
    assert code == 0, said + server.output()
    assert said.count("BDAT 50\n") > 4
    assert "=== response in 0." in said


# ---- other servers ------------------------------------------------------------------------------------------------


@pytest.mark.peers
def test_postfix(
    start_postfix: Callable[..., Postfix], start_sink: Callable[..., Sink], certificates: Certificates, folder: Path, capsys: Any,
    waypost_send: Callable[..., tuple[int, str]],
) -> None:  # fmt: skip
    """STARTTLS and pipelining, an attachment, a DKIM signature, DSN; what Postfix takes is what was composed."""
    beyond = start_sink(lmtp=True)
    postfix = start_postfix(sink=beyond.port)
    key = folder / "dkim.pem"
    secret = ed25519.Ed25519PrivateKey.generate()
    key.write_bytes(secret.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    words = ["--tls", "--tls-ca", str(certificates.ca), "--pipeline", "--attach", f"@{key}", "--notify", "FAILURE", "--envid", "e+1"]
    words += ["--dkim-key", str(key), "--dkim-selector", "s1", "--size", "-n"]
    code, said = waypost_send(postfix.port, *words, server="localhost")
    assert code == 0, said
    content = beyond.wait_for("grace@example.org").content
    assert b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.net;" in content
    assert b'filename="dkim.pem"' in content
    assert re.search(r"^ ~> \d+ lines sent$", said, re.MULTILINE)
    code, said = waypost_send(postfix.port, "--xclient-addr", "192.0.2.1", "--quit-after", "ehlo", "--no-tls")
    assert (code, "takes no XCLIENT from here" in said) == (33, True)


@pytest.mark.peers
def test_dovecot_by_lmtp(folder: Path, waypost_send: Callable[..., tuple[int, str]]) -> None:
    """LHLO, one answer for each recipient, and the mailbox holds it."""
    require_root()
    require("Dovecot", fetched("dovecot"))
    dovecot = Dovecot(folder / "dovecot").start()
    try:
        code, said = waypost_send(dovecot.port, "--to", "ada@example.org", "--protocol", "LMTP", "--body", "by hand")
        assert code == 0, said
        assert (" -> LHLO client.example" in said, said.count("Saved")) == (True, 2)
        for address in ("ada@example.org", "grace@example.org"):
            (kept,) = dovecot.mailbox(address)
            assert b"by hand" in kept
    finally:
        dovecot.stop()


# ---- servers that behave badly ------------------------------------------------------------------------------------


def _once(octets: bytes, *, wait: bool = False) -> int:
    """The port of a server that says this to the first who comes, and hangs up, or stays silent."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listening, listening.accept()[0] as talk:
            talk.settimeout(10)
            talk.sendall(octets)
            if wait:
                talk.recv(4096)

    threading.Thread(target=serve, daemon=True).start()
    return int(listening.getsockname()[1])


@pytest.mark.parametrize(
    ("octets", "wait", "code", "says"),
    [
        (b"", False, 6, "ended the connection in the middle"),
        (b"", True, 6, "The server owes an answer"),
        (b"SSH-2.0-OpenSSH\r\n", False, 6, "none of SMTP"),
        (b"554 5.7.1 go away\r\n", False, 21, "<** 554 5.7.1 go away"),
        (b"220 x\r\n", False, 6, "ended the connection in the middle"),
        (b"220 \x1b[2Jx\r\n", False, 6, "\\x1b[2J"),
        (b"220-" + b"x" * 100_000, False, 6, "does not end"),
    ],
    ids=["closed", "silent", "ssh", "refused", "gone", "escape", "endless"],
)
def test_bad_servers(octets: bytes, wait: bool, code: int, says: str, waypost_send: Callable[..., tuple[int, str]]) -> None:  # noqa: FBT001 - a row
    """Each is named for what it does, harms no terminal, and holds nobody longer than the time-out."""
    found, said = waypost_send(_once(octets, wait=wait), "--timeout", "1")
    assert (found, says in said) == (code, True), said
    assert "\x1b[2J" not in said


def test_a_proxy_header_comes_first(waypost_send: Callable[..., tuple[int, str]]) -> None:
    """Before the greeting, before TLS."""
    listening = socket.create_server(("127.0.0.1", 0))
    heard: list[bytes] = []

    def serve() -> None:
        with listening, listening.accept()[0] as talk:
            talk.settimeout(10)
            heard.append(talk.recv(200))
            talk.sendall(b"554 seen\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    code, said = waypost_send(listening.getsockname()[1], "--proxy-source", "192.0.2.1", "--proxy-dest", "192.0.2.2")
    thread.join(10)
    assert (code, heard[0]) == (21, b"PROXY TCP4 192.0.2.1 192.0.2.2 0 25\r\n")
    assert " -> PROXY TCP4 192.0.2.1 192.0.2.2 0 25\n" in said


def test_lines_of_ones_own_reach_the_server(hop: Sink, waypost_send: Callable[..., tuple[int, str]]) -> None:
    """At their stage, and an unknown command does not end the session."""
    assert waypost_send(hop.port, "--raw", "mail:FROBNICATE now", "--no-ehlo")[0] == 0
    assert hop.lines[:3] == ["MAIL FROM:<ada@example.net>", "FROBNICATE now", "RCPT TO:<grace@example.org>"]


def test_quiet_shows_what_went_wrong(hop: Sink, waypost_send: Callable[..., tuple[int, str]]) -> None:
    """Nothing where all went well; the refusal and its explanation where not."""
    assert waypost_send(hop.port, "--quiet") == (0, "")
    code, said = waypost_send(hop.port, "--quiet", base=["--from", "a@example.net", "--to", "nobody@example.org", "--ehlo", "c.example"])
    assert code == 24
    assert said.startswith("<** 550 5.1.1 No such user\n    The mailbox does not exist")
    assert waypost_send(hop.port, "--hide-all") == (0, "")


def test_the_message_can_be_seen_without_sending(capsys: pytest.CaptureFixture[str]) -> None:
    """--dump-mail prints it and speaks to nobody."""
    assert main(["send", *BASE, "--dump-mail", "--data", "Subject: %SUBJECT%\\n\\n%TO%", "--subject", "s"]) == 0
    assert capsys.readouterr().out.encode() == b"Subject: s\r\n\r\ngrace@example.org\r\n"


def test_the_version_is_told_as_swaks_tells_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody has to be named for it."""
    assert main(["send", "--version"]) == 0
    assert capsys.readouterr().out == f"waypost {version()}\n"


def test_each_address_that_fails_is_told(hop: Sink, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is tried, and why the first did not answer stands in the transcript."""
    addresses = ("127.0.0.9", "127.0.0.1")

    async def found(*_: object, **__: object) -> tuple[str, ...]:
        return addresses

    monkeypatch.setattr("waypost.net.dns.CachingResolver.addresses", found)
    assert main(["send", "--server", "mx.example.org", "--port", str(hop.port), *BASE, "--lang", "en", "-n"]) == 0
    said = capsys.readouterr().out
    assert f"*** Error connecting to 127.0.0.9:{hop.port}: connection refused\n" in said
    assert "=== Connected to mx.example.org (127.0.0.1).\n" in said
