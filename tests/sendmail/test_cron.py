"""Debian's cron itself runs jobs at once (@reboot) and mails what they said by our /usr/sbin/sendmail: to the inbox, end to end."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support import toml
from support.needs import require
from support.peers import fetched
from support.sending import SCRIPT
from support.server import PROGRAM, Waypost, configuration, listener
from support.waiting import until
from support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.peers

JOBS = """\
SHELL=/bin/sh
@reboot root printf 'what the job said: \\303\\251\\n.\\nand more\\n'
@reboot root true
MAILTO=grace@example.org
@reboot games echo from an account of its own; echo and an error >&2
"""
START = """
set -e
closed="$1" base="$2" waypost="$3" script="$4"
if [ -n "$closed" ]; then  # where the interpreter stands in a home that is closed to others, open a way to it alone
  mkdir /run/behind; mount --bind "$closed" /run/behind
  mount -t tmpfs -o mode=755 none "$closed"
  mkdir -p "$base"; mount --bind "/run/behind/${base#"$closed"/}" "$base"
fi
{ head -1 "$script"; echo "WAYPOST=$waypost"; tail -n +2 "$script"; } > /usr/local/sbin/waypost-programs
chmod 755 /usr/local/sbin/waypost-programs
ln -sf /usr/local/sbin/waypost-programs /usr/sbin/sendmail
exec cron -f
"""


@pytest.fixture(scope="module")
def machine(module_folder: Path) -> Iterator[tuple[World, Waypost]]:
    """A machine with cron, and a Waypost that stands in for sendmail, not started."""
    world = World(module_folder)
    try:
        world.make()
        require("cron", fetched("cron"))
        tree = configuration(
            module_folder,
            listeners=[listener("relay")],
            transports=[{"match": "*", "kind": "capture"}],
            domains={"aliases": {"root@example.org": ["operator@example.org"]}},
            drop={"domain": "example.org", "everyone": True},
        )
        (module_folder / "data").mkdir()
        for name, text in (("waypost/waypost.toml", toml.dump(tree)), ("cron.d/jobs", JOBS)):
            path = world.etc / name
            path.parent.mkdir()
            path.write_text(text)
        server = Waypost(module_folder, tree)
        server.start()  # once, so that the folder for other accounts is open
        server.stop()
        yield world, server
    finally:
        world.remove()


def run_jobs(world: World) -> None:
    """Start cron, which runs what is due at its start."""
    base = Path(sys.base_prefix)
    closed = next((str(each) for each in reversed(base.parents) if not each.stat().st_mode & 0o001), "")
    world.start("cron", "sh", "-c", START, "sh", closed, str(base), str(PROGRAM), str(SCRIPT), ports=())


def came(server: Waypost) -> list[dict[str, Any]]:
    """What lies in the inbox, when both mails are there."""

    def look() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(server.command("inbox", "list", "--json").stdout)
        return found if len(found) >= 2 else []

    return sorted(until(look, what="the mail of cron"), key=lambda mail: str(mail["account"]))


@pytest.mark.parametrize("when", ["while down", "while up"])
def test_what_jobs_say_arrives(machine: tuple[World, Waypost], when: str) -> None:
    """One mail for each job that said something: from its account, to root's alias or MAILTO, octets and lone dots kept."""
    world, server = machine
    if when == "while down":
        run_jobs(world)
        until(lambda: len([path for path in (server.folder / "data/drop").glob("*") if not path.name.startswith(".")]) == 2)
        server.start()
    else:
        server.start()
        run_jobs(world)
    try:
        games, root = came(server)
        assert (games["account"], games["from"], games["to"]) == ("games", "games@example.org", ["grace@example.org"])
        assert (root["account"], root["from"], root["to"]) == ("root", "root@example.org", ["operator@example.org"])
        assert "Cron <root@" in root["subject"]
        shown = server.command("inbox", "show", str(root["id"]), "--source").stdout
        assert "what the job said: \N{LATIN SMALL LETTER E WITH ACUTE}\n.\nand more\n" in shown.replace("\r\n", "\n")
        assert "by mx.example.org with local" in shown
        both = server.command("inbox", "show", str(games["id"]), "--source").stdout
        assert "from an account of its own" in both
        assert "and an error" in both
    finally:
        for mail in json.loads(server.command("inbox", "list", "--json").stdout):
            server.command("inbox", "delete", str(mail["id"]))
        world.daemons.pop().stop()
        server.stop()
