"""``waypost trace --follow``: conversations of a running server as they happen, in and out, of all its workers."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from support.dialogue import Dialogue
from support.ports import free_port
from support.server import PROGRAM, Waypost, configuration, listener, port_of
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Follower:
    """A ``waypost trace --follow`` that runs."""

    def __init__(self, server: Waypost, *words: str) -> None:
        command = [str(PROGRAM), "trace", "--follow", "--config", str(server.config), *words]
        self.process = subprocess.Popen(command, env=server.environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines: list[str] = []
        self.told: list[str] = []
        self._readers = [
            threading.Thread(target=lambda: self.lines.extend(self.process.stdout or ())),
            threading.Thread(target=lambda: self.told.extend(self.process.stderr or ())),
        ]
        for reader in self._readers:
            reader.start()
        until(lambda: self.told, what="the follower")

    def end(self) -> int:
        """Ctrl-C; its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> int:
        """Its exit code, once it has ended by itself."""
        code = self.process.wait(15)
        for reader in self._readers:
            reader.join(15)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return code

    def has(self, text: str) -> bool:
        """Whether a line holds ``text``."""
        return any(text in line for line in tuple(self.lines))

    def rows(self) -> list[dict[str, Any]]:
        """The lines as JSON."""
        return [json.loads(line) for line in tuple(self.lines)]


@pytest.fixture
def follow(server: Waypost) -> Iterator[Callable[..., Follower]]:
    """Begins to follow; those who still do at the end are ended."""
    begun: list[Follower] = []

    def begin(*words: str) -> Follower:
        begun.append(Follower(server, *words))
        return begun[-1]

    yield begin
    for one in begun:
        if one.process.returncode is None:
            one.process.kill()
            one.ended()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Waypost]:
    """Two workers; mail goes out to a server that is another Waypost."""
    within, captured = tmp_path / "inner", [{"match": "*", "kind": "capture"}]
    inner = Waypost(within, configuration(within, listeners=[listener("relay")], transports=captured, networks=())).start()
    hop = port_of(inner.tree or {})
    relay = ["example.org", "example.com"]
    tree = configuration(tmp_path, listeners=[listener("relay")], next_hop=hop, workers=2, relay=relay, local=[])
    outer = Waypost(tmp_path, tree).start()
    yield outer
    outer.stop()
    inner.stop()


def send(server: Waypost, recipient: str) -> None:
    """One message by a session of its own."""
    with Dialogue(port_of(server.tree or {})) as talk:
        talk.hello()
        talk.submit(b"Subject: x\r\n\r\ny\r\n", recipient)
        talk.ask("QUIT")


def test_conversations_are_shown_as_they_happen_in_and_out(server: Waypost, follow: Callable[..., Follower]) -> None:
    """Each line with its explanation; the refusal of the next hop with its fix; of every worker."""
    follower = follow()
    for _ in range(4):
        send(server, "ada@example.com")
    until(lambda: sum("RCPT TO:<ada@example.com>" in line for line in tuple(follower.lines)) >= 8, what="both sides of four messages")
    until(lambda: follower.has("Fix:"), what="the refusal of the next hop")
    assert follower.has("<- 550 5.7.1 Relaying")
    assert follower.has("127.0.0.1:")
    until(lambda: follower.has(" for example.com"), what="the heading")
    assert follower.has(" to 127.0.0.1[127.0.0.1]:")
    assert follower.end() == 130
    assert [line for line in follower.told if line.strip()] == ["waypost: following what begins from now on; Ctrl-C ends it\n"]


def test_json_gives_one_event_a_line_and_choices_choose(server: Waypost, follow: Callable[..., Follower]) -> None:
    """--to shows conversations with that domain from their beginning, --client those of that client; nothing else."""
    by_domain = follow("--json", "--lang", "zh", "--to", "example.org")
    nobody = follow("--json", "--client", "192.0.2.1")
    send(server, "one@example.com")
    send(server, "two@example.org")
    until(lambda: sum(row["event"] == "delivery" for row in by_domain.rows()) == 1, what="the delivery")
    until(lambda: any(row["event"] == "disconnect" for row in by_domain.rows()), what="the end of the session")
    rows = by_domain.rows()
    assert {"connect", "said", "accepted", "delivery", "disconnect"} <= {row["event"] for row in rows}
    assert not by_domain.has("example.com")
    greeting = next(row for row in rows if row["event"] == "said" and row["key"] == "greeting")
    assert (
        greeting["who"],
        greeting["code"],
        list(greeting),
    ) == ("server", 220, ["ts", "event", "session", "who", "lines", "code", "key", "explanation"])
    assert not greeting["explanation"]["meaning"].isascii()
    assert (by_domain.end(), nobody.end(), nobody.lines) == (130, 130, [])


def test_what_a_client_brought_is_followed_on_its_way(server: Waypost, follow: Callable[..., Follower]) -> None:
    """--client shows the attempts at what that client handed over, each under its heading; in the language that was asked for."""
    own = follow("--client", "127.0.0.1", "--lang", "zh")
    rows = follow("--json", "--client", "127.0.0.1", "--to", "example.org")
    send(server, "one@example.com")
    send(server, "two@example.org")
    until(lambda: sum("发往 " in line for line in tuple(own.lines)) >= 2, what="both headings")
    until(lambda: any(row["event"] == "delivery" for row in rows.rows()), what="the delivery")
    until(lambda: own.has("怎样做："), what="the remedy of the refusal")
    heading = next(row for row in rows.rows() if row["event"] == "attempt")
    assert list(heading) == ["ts", "event", "session", "id", "peer", "domain", "reused"]
    assert heading["domain"] == "example.org"
    assert {row["domain"] for row in rows.rows() if row["event"] == "attempt"} == {"example.org"}
    assert (own.end(), rows.end()) == (130, 130)


def test_a_server_that_ends_ends_those_who_follow(server: Waypost, follow: Callable[..., Follower]) -> None:
    """They are told so, and the server's drain does not wait for them."""
    follower = follow()
    server.stop()
    assert follower.ended() == 69
    assert follower.told[-1] == "waypost: the server went away\n"
    server.start()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--follow",), 69),
        (("--follow", "01M84VQG8JE4TB71JW3QK8M8J3"), 64),
        ((), 64),
        (("--client", "::1"), 64),
        (("--follow", "--client", "mail.example.org"), 64),
        (("--follow", "--to", "@"), 64),
        (("--follow", "--to", "two words"), 64),
    ],
)
def test_what_cannot_be_followed_is_told(tmp_path: Path, words: tuple[str, ...], code: int) -> None:
    """No server: 69; what makes no sense: 64; one line each."""
    tree = configuration(tmp_path, listeners=[listener("relay", free_port())])
    server = Waypost(tmp_path, tree)
    server.write_config(tree)
    done = server.command("trace", *words)
    assert (code, 1, "") == (done.returncode, done.stderr.count("\n"), done.stdout)
