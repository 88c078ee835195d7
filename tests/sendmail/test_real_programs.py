"""Real programs of Debian hand mail to contrib/sendmail: it arrives with the right envelope, whether a server runs or not."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from support.needs import require
from support.peers import fetched
from support.sending import PROGRAMS, Caller, link
from support.server import Waypost, configuration, listener
from support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.peers


def made(folder: Path) -> Waypost:
    """A server that captures what comes, not started."""
    tree = configuration(
        folder,
        listeners=[listener("relay")],
        transports=[{"match": "*", "kind": "capture"}],
        domains={"aliases": {"root@example.org": ["ada@example.org"]}},
        drop={"domain": "example.org"},
    )
    server = Waypost(folder, tree)
    server.write_config(tree)
    (folder / "data").mkdir()
    return server


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Waypost, set[str]]]:
    """A server that was started after each program had sent one message; with the names of those that did."""
    server = made(tmp_path_factory.mktemp("down"))
    sent = set()
    for name, (peer, _) in PROGRAMS.items():
        if not peer or fetched(peer):
            send(server, name, "while down")
            sent.add(name)
    assert len(sent) == len([path for path in (server.folder / "data/drop").iterdir() if not path.name.startswith(".")])
    server.start()
    yield server, sent
    server.stop()


def send(server: Waypost, name: str, when: str) -> None:
    """Let the program send one message."""
    folder = server.folder / f"{name}-{when.replace(' ', '-')}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    link(folder)
    caller = Caller(folder, server, "grace@example.net", f"{name}@example.org", f"{name} {when}")
    PROGRAMS[name][1](caller)


def came(server: Waypost, name: str, when: str) -> dict[str, Any]:
    """The one message of that program."""

    def look() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(server.command("inbox", "list", "--json", f"subject:{name} {when}").stdout)
        return found

    found = until(look, what=f"{name} {when}")
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("when", ["while up", "while down"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_it_arrives_with_the_envelope_that_the_program_gave(before: tuple[Waypost, set[str]], name: str, when: str) -> None:
    """From the sender that was named (cron names none: the account), to the recipient that was named, once."""
    server, sent = before
    require(name, name in sent)
    if when == "while up":
        send(server, name, when)
    mail = came(server, name, when)
    cron = name == "cron"
    assert ((f"{mail['account']}@example.org", ["ada@example.org"]) if cron else ("grace@example.net", [f"{name}@example.org"])) == (
        mail["from"],
        mail["to"],
    )
