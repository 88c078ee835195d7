"""What the tests of the commands ask for: servers to type beside, a bounce to explain, an environment that speaks English."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.command_kit import MESSAGE, Place, announced, dev_server
from cli.explain_kit import BOUNCE
from support.dialogue import Dialogue
from support.server import Waypost, configuration, listener, port_of
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def dev(module_folder: Path) -> Iterator[Place]:
    """A dev profile with two messages: one from a session in which something was refused."""
    server = dev_server(module_folder / "dev").start()
    place = Place(server, announced(server)[0])
    with Dialogue(place.port) as talk:
        talk.hello()
        talk.submit(MESSAGE, "bob@example.org", "carl@example.org", sender="ada@example.net")
        talk.ask("NONSENSE")
    with Dialogue(place.port) as talk:
        talk.hello()
        talk.submit(b"Subject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * 60_000, "large@example.org", sender="")
    until(lambda: len(place.json("inbox", "list")) == 2, what="both messages")
    yield place
    try:
        server.stop()
    finally:
        server.kill()


@pytest.fixture(scope="module")
def relay(module_folder: Path) -> Iterator[Place]:
    """A relay whose queue holds one message: a recipient that waits for a next hop that is down, and one that is held."""
    transports = [
        {"match": "held.example", "kind": "hold"},
        {"match": "*", "kind": "smtp", "hosts": ["127.0.0.1:1"]},
    ]
    tree = configuration(module_folder, listeners=[listener("relay")], transports=transports, queue={"jitter": 0})
    server = Waypost(module_folder / "relay", tree).start()
    place = Place(server, port_of(tree))
    with Dialogue(place.port) as talk:
        talk.hello()
        talk.submit(MESSAGE, "bob@example.net", "eve@held.example", sender="ada@example.org")
    until(lambda: {one["state"] for one in place.json("queue", "list")[0]["recipients"]} == {"deferred", "held"}, what="the first attempt")
    yield place
    try:
        server.stop()
    finally:
        server.kill()


@pytest.fixture
def in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment speaks English."""
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")


@pytest.fixture
def bounce(tmp_path: Path) -> Path:
    """A file that tells of two recipients who are unknown."""
    path = tmp_path / "bounce.eml"
    path.write_text(BOUNCE)
    return path
