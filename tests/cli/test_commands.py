"""The commands as they are typed, beside a server that runs and after it has stopped."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from support.dialogue import Dialogue
from support.needs import require_root
from support.server import PROGRAM, Waypost, configuration, listener, port_of
from support.terminal import on_terminal
from support.waiting import until
from waypost.cli.exits import Exit
from waypost.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
MESSAGE = b"From: Ada <ada@example.net>\r\nTo: bob@example.org\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n\r\nhello\x1b[31m\r\n"
ID = r"[0-7][0-9A-HJKMNP-TV-Z]{25}"
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@dataclass(frozen=True)
class Place:
    """A server and the port to talk to."""

    server: Waypost
    port: int

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The command in this process, which is many times faster than a new one; its output is a pipe's."""
        where = ["--config", str(self.server.config)] if self.server.tree is not None and words[0] != "serve" else []
        out, err = io.StringIO(), io.StringIO()
        with patch.dict(os.environ, self.server.environ(), clear=True), redirect_stdout(out), redirect_stderr(err):
            code = main([*words, *where])
        return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)


def announced(server: Waypost) -> list[int]:
    """The ports that the server says it listens on."""
    return [int(port) for port in re.findall(r"(?m)^  (?:relay|submission) +127\.0\.0\.1:(\d+)", server.output())]


def dev_server(folder: Path) -> Waypost:
    """The dev profile, on whatever ports are free."""
    free = [word for at in range(3) for word in ("--set", f"listeners.{at}.bind=127.0.0.1:0")]
    return Waypost(folder, None, [*free, "--set", "web.bind="])


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


# ---- what is printed


def test_port_zero_is_any_free_port_and_the_real_one_is_told(dev: Place) -> None:
    """Tests start a server without choosing ports."""
    ports = announced(dev.server)
    assert len(set(ports)) == 3
    assert 0 not in ports
    with Dialogue(dev.port) as talk:
        assert talk.reply().startswith("220 ")


def test_the_inbox_as_tabs(dev: Place) -> None:
    """In a pipe: newest first, one line a message, exact values, no heading."""
    lines = dev.run("inbox", "list").stdout.splitlines()
    wanted = [
        rf"{ID}\t{STAMP}\t\d{{7}}\t<>\tlarge@example\.org\tlarge",
        rf"{ID}\t{STAMP}\t\d{{3}}\tada@example\.net\tbob@example\.org, carl@example\.org\tgrüße",
    ]
    assert [bool(re.fullmatch(pattern, line)) for pattern, line in zip(wanted, lines, strict=True)] == [True, True], lines


def test_a_captured_message_as_text(dev: Place) -> None:
    """Envelope, source and conversation; what could steer a terminal is shown instead of sent."""
    id_ = dev.json("inbox", "list", "from:ada@example.net")[0]["id"]
    told = dev.run("inbox", "show", id_).stdout
    plain = re.sub(r"\d{4}-\d\d-\d\d [\d:]{8}, .* ago", "NOW", re.sub(r"(?m)^ *\d+\.\d{3} s", "T", told.replace(id_, "ID")))
    head = "Message ID\n  captured  NOW\n  from      ada@example.net\n  to        bob@example.org\n  to        carl@example.org\n"
    assert plain.startswith(f"{head}  subject   grüße\n  size      ")
    assert "\n\nSource\nReturn-Path: <ada@example.net>\nReceived: from client.example ([127.0.0.1])\n" in plain
    assert "\nhello\\x1b[31m\n" in plain
    assert "\n\nThe conversation that brought it\nT <- 220 " in plain
    assert "\nT -> NONSENSE\nT <- 500 5.5.1 Unknown command; HELP lists those that there are\n" in plain
    assert "\n              Fix: " in plain
    assert "\x1b" not in told


def test_a_conversation_in_another_language(dev: Place) -> None:
    """The explanations are in Chinese, the conversation as it was."""
    session = dev.json("inbox", "list", "--refused")[0]["session"]
    told = dev.run("trace", session, "--lang", "zh").stdout
    assert "<- 500 5.5.1 Unknown command; HELP lists those that there are\n              未知命令。" in told
    assert "\n              怎样做：" in told


def test_a_large_message_is_copied_whole(dev: Place) -> None:
    """--source prints every octet of a message that one answer of the server does not hold, whichever id names it."""
    latest = dev.json("inbox", "list", "subject:large")[0]
    done = subprocess.run([str(PROGRAM), "inbox", "show", "latest", "--source"], env=dev.server.environ(), capture_output=True, check=True)
    assert done.stdout.startswith(b"Return-Path: <>\r\nReceived: ")
    assert done.stdout.endswith(b"\r\n\r\n" + (b"x" * 76 + b"\r\n") * 60_000)
    assert len(done.stdout) == latest["size"] + len(b"Return-Path: <>\r\n")


def test_the_queue_as_tabs(relay: Place) -> None:
    """In a pipe: one line for each recipient that waits."""
    lines = relay.run("queue", "list").stdout.splitlines()
    start = rf"{ID}\t{STAMP}\t\d+\tada@example\.org\t"
    wanted = [rf"{start}bob@example\.net\tdeferred\t{STAMP}\t.*refused.*", rf"{start}eve@held\.example\theld\t-\t"]
    assert [bool(re.fullmatch(pattern, line)) for pattern, line in zip(wanted, lines, strict=True)] == [True, True], lines


def test_a_waiting_message_says_why_and_when(relay: Place) -> None:
    """The reason, the fix, the rule and the next attempts."""
    id_ = relay.json("queue", "list")[0]["id"]
    told = re.sub(r"(?m)^(  \S.*?)  +", r"\1: ", relay.run("queue", "show", id_).stdout)
    for words in (
        f"Message {id_}\n",
        "\nTo bob@example.net: deferred\n",
        "\n  why: attempt 1 ended without delivery; the next one is planned\n",
        "\n  next hop: 127.0.0.1",
        "\n  what to do: ",
        "\n  by the rule: queue.retry[0] = 300 s, varied by up to queue.jitter = 0 %\n",
        "\nTo eve@held.example: held\n",
        "\nNext attempts, should each fail\n   1  ",
        "\n  10: ",
    ):
        assert words in told, (words, told)


def test_on_a_terminal_lines_fit_and_ids_stay_whole(dev: Place, relay: Place) -> None:
    """Whatever the width, a row is a row and what is copied is never cut."""
    for place, words in ((dev, ["inbox", "list"]), (relay, ["queue", "list"])):
        more = ["--config", str(place.server.config)] if place.server.tree else []
        for width in (60, 100):
            code, shown = on_terminal([str(PROGRAM), *words, *more], env=place.server.environ(), columns=width)
            heading, *rows = shown.splitlines()
            assert (code, heading.startswith("ID"), len(rows)) == (0, True, 2), shown
            assert re.match(ID, rows[0]), shown
            assert max(len(row) for row in shown.splitlines()) <= width, shown
    assert rows[1].startswith(" " * 26), "the second recipient of the same message needs no id"


def test_colour_only_where_it_is_welcome(relay: Place) -> None:
    """On a terminal states are told apart by colour, unless NO_COLOR is set."""
    words = [str(PROGRAM), "queue", "list", "--config", str(relay.server.config)]
    env = {**relay.server.environ(), "TERM": "xterm"}
    _, bare = on_terminal(words, env=env, columns=120)
    _, coloured = on_terminal(words, env={key: value for key, value in env.items() if key != "NO_COLOR"}, columns=120)
    assert "\x1b" not in bare
    assert "\x1b[33mdeferred\x1b[0m" in coloured


CAPTURED = {"id", "captured", "from", "to", "subject", "message_id", "size", "client", "helo", "tls", "account", "session"}
SESSION = {"session", "began", "outbound", "peer", "helo", "tls", "account", "messages", "refused"}
BRIEF = {"id", "arrived", "size", "from", "recipients"}
STANDING = {"address", "domain", "state", "attempts", "last_attempt", "next_attempt", "key", "reply", "detail", "next_hop"}
WHOLE = BRIEF | {"client", "helo", "protocol", "account", "session", "envid", "expires", "plan"}


def test_json_keeps_its_schema(dev: Place, relay: Place) -> None:
    """What programs read has these keys, running or stopped; more may come, none may go."""
    id_ = relay.json("queue", "list")[0]["id"]
    shown = dev.json("inbox", "show", "latest")
    whole = relay.json("queue", "show", id_)
    assert set(dev.json("inbox", "list")[0]) == CAPTURED
    assert set(dev.json("inbox", "wait", "to:bob@example.org")) == CAPTURED
    assert set(shown) == CAPTURED | {"headers", "source", "whole", "conversation"}
    assert set(dev.json("inbox", "list", "--refused")[0]) == SESSION
    assert set(dev.json("trace", shown["id"])) == SESSION | {"lines", "omitted"}
    assert set(shown["conversation"]["lines"][0]) == {"after", "who", "lines", "code", "key", "explanation"}
    assert set(relay.json("queue", "list")[0]) == BRIEF
    assert set(relay.json("queue", "list")[0]["recipients"][0]) == STANDING
    assert set(whole) == WHOLE
    assert set(whole["recipients"][0]) == STANDING | {"explanation", "why", "rule"}
    assert set(relay.json("queue", "plan", id_)) == {"id", "plan", "expires"}
    assert relay.json("queue", "hold", "all", "--dry-run") == {"changed": [id_], "busy": []}


def test_each_id_that_was_named_is_answered_for(relay: Place) -> None:
    """What was there is done, what was not is named, and the code says that not all was done."""
    id_ = relay.json("queue", "list")[0]["id"]
    done = relay.run("queue", "hold", id_, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "--dry-run")
    assert (done.returncode, done.stdout) == (1, f"1 message would be held.\n  {id_}\n")
    assert done.stderr == "waypost: nothing to hold in 01ARZ3NDEKTSV4RRFFQ69G5FAV: it does not wait, or it is so already\n"


# ---- exit codes


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("inbox list to:nobody@example.org", 0, ""),
        ("inbox show 01ARZ3NDEKTSV4RRFFQ69G5FAV", 1, "there is no captured message 01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("inbox wait to:nobody@example.org --timeout 0", 1, "no such message came within 0 s"),
        ("inbox delete to:nobody@example.org", 0, ""),
        ("queue show 01ARZ3NDEKTSV4RRFFQ69G5FAV", 1, "no message 01ARZ3NDEKTSV4RRFFQ69G5FAV waits"),
        ("queue plan 01ARZ3NDEKTSV4RRFFQ69G5FAV", 1, "no message 01ARZ3NDEKTSV4RRFFQ69G5FAV waits"),
        ("queue hold 01ARZ3NDEKTSV4RRFFQ69G5FAV", 1, "nothing to hold matches 01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("queue fail all --dry-run", 1, "nothing to fail matches all"),
        ("trace 01ARZ3NDEKTSV4RRFFQ69G5FAV", 1, "no conversation is kept under 01ARZ3NDEKTSV4RRFFQ69G5FAV"),
        ("inbox list colour:red", 64, "'colour:red' is no filter"),
        ("inbox list to:example.org", 64, "'to:example.org' names no address: write ada@example.org, @example.org"),
        ("inbox list from:a@b from:c@d", 64, "from: is said twice"),
        ("inbox list older:1h", 64, "older: is for the queue"),
        ("inbox list --refused to:a@b", 64, "--refused takes no filter"),
        ("inbox list --limit 0", 64, "'0' is no number from 1 on"),
        ("inbox wait --timeout -1", 64, "'-1' is no number of seconds"),
        ("inbox delete", 64, "the following arguments are required: FILTER"),
        ("queue list subject:x", 64, "subject: is for the inbox"),
        ("queue list newer:soon", 64, "'soon' is no span of time: write 90s, 30m, 2h or 5d"),
        ("queue list state:lost", 64, "'lost' is no state of a waiting recipient"),
        ("queue", 64, "say what to do: list, show, plan, hold, release, retry, fail, delete"),
        ("queue lst", 64, "has no verb lst; did you mean list?"),
        ("config show limits.recipents", 64, "did you mean limits.recipients?"),
        ("config check --set limits.recipients=1", 78, "limits.recipients"),
        ("inbox list --config /nowhere.toml", 78, "/nowhere.toml"),
        ("inbox list --set data=/nowhere", 66, "there is no data directory /nowhere"),
        ("inbox list --data /nowhere", 66, "there is no data directory /nowhere"),
        ("queue list --data /dev/null", 66, "/dev/null is no directory"),
        ("user passwd nobody", 67, "nobody"),
    ],
)
def test_exit_codes(dev: Place, words: str, code: int, said: str) -> None:
    """Each kind of end has its code, and whatever is wrong is one line on standard error."""
    done = dev.run(*words.split())
    assert (done.returncode, done.stderr.count("\n")) == (code, 1 if code else 0), done.stderr
    assert said in done.stderr


def test_the_codes_are_those_of_the_book() -> None:
    """docs/operating.md lists every code and no other."""
    book = (ROOT / "docs" / "operating.md").read_text().partition("## Exit codes")[2].partition("\n## ")[0]
    listed = {int(code) for row in re.findall(r"(?m)^\| ([\d, ]+) \|", book) for code in row.split(", ")}
    assert listed == {int(code) for code in Exit}


def test_the_readme_quotes_the_server(dev: Place) -> None:
    """What the README shows of HELP is what the server says, to the letter."""
    command, *answer = re.findall(r"```\n(HELP .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0].splitlines()
    with Dialogue(dev.port) as talk:
        talk.hello()
        assert talk.ask(command).splitlines() == answer


# ---- waiting


def test_wait_takes_what_is_there_and_what_comes(dev: Place) -> None:
    """A message that was captured before, and one that comes while it is waited for, are the same to a test."""
    assert re.fullmatch(
        rf"{ID}\tada@example\.net\tbob@example\.org, carl@example\.org\tgrüße\n", dev.run("inbox", "wait", "subject:GRÜ").stdout
    )

    def send() -> None:
        with Dialogue(dev.port) as talk:
            talk.hello()
            talk.submit(b"Subject: later\r\n\r\n", "later@example.org")

    timer = threading.Timer(1.0, send)
    timer.start()
    done = dev.run("inbox", "wait", "to:later@example.org", "--timeout", "20")
    timer.join()
    assert (done.returncode, done.stdout.endswith("\tlater@example.org\tlater\n")) == (0, True)
    assert dev.run("inbox", "delete", "to:later@example.org").stdout == "1 message deleted.\n"


def test_wait_bears_with_a_server_that_is_not_up_yet(folder: Path) -> None:
    """A test may start both at once: the wait neither fails nor stands in the way of the start."""
    server = dev_server(folder / "late")
    waiting = subprocess.Popen(
        [str(PROGRAM), "inbox", "wait", "to:early@example.org"], env=server.environ(), stdout=subprocess.PIPE, text=True
    )
    try:
        server.start()
        with Dialogue(announced(server)[0]) as talk:
            talk.hello()
            talk.submit(b"Subject: early\r\n\r\n", "early@example.org")
        out, _ = waiting.communicate(timeout=30)
        assert (waiting.returncode, out.endswith("\tearly@example.org\tearly\n")) == (0, True)
        server.stop()
    finally:
        waiting.kill()
        waiting.wait()
        server.kill()


# ---- stopped, damaged, taken


@pytest.fixture
def stopped(folder: Path) -> Place:
    """A server that captured one message and was stopped by Ctrl-C."""
    server = dev_server(folder / "stopped").start()
    port = announced(server)[0]
    with Dialogue(port) as talk:
        talk.hello()
        talk.submit(MESSAGE, "bob@example.org")
    before = Place(server, port).run("inbox", "wait", "--timeout", "10").stdout
    os.killpg(server.pid, signal.SIGINT)
    assert server.process
    assert server.process.wait(15) == 0
    assert Place(server, port).run("inbox", "wait", "--timeout", "0").stdout == before
    return Place(server, port)


def test_a_stopped_server_answers_the_same(stopped: Place) -> None:
    """The commands open the shards themselves, and leave them as they were."""
    data = stopped.server.folder / "state" / "waypost"
    assert len(stopped.json("inbox", "list")) == 1
    assert stopped.run("inbox", "show", "latest").stdout.count("Subject: ") == 1
    assert stopped.run("queue", "list").stdout == ""
    assert stopped.run("trace", stopped.json("inbox", "list")[0]["id"]).returncode == 0
    assert not (data / "control.sock").exists()
    assert stopped.run("inbox", "delete", "all").stdout == "1 message deleted.\n"


def test_a_data_directory_in_use_is_tried_again_later(stopped: Place) -> None:
    """While another process holds it and answers nothing, it is named, and the code says to come back."""
    lock = stopped.server.folder / "state" / "waypost" / "lock"
    hold = f"import fcntl, sys; f = open({str(lock)!r}, 'r+'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        done = stopped.run("queue", "list")
        holder.communicate()
    assert (done.returncode, done.stderr.count("\n")) == (75, 1), done.stderr
    assert f"{lock.parent} is in use by a process that does not answer" in done.stderr


@pytest.mark.parametrize("name", ["spool.db", "inbox.db", "history.db"])
def test_a_damaged_or_newer_database_is_one_line(stopped: Place, name: str) -> None:
    """Each of them is named with what to do, by the commands and by the server."""
    database = stopped.server.folder / "state" / "waypost" / "shards" / "0" / name
    whole = database.read_bytes()
    commands = [["queue", "list"], *([["serve", *stopped.server.arguments]] if name == "spool.db" else [])]
    for octets, said in (
        (b"no database" * 1000, "is not a database of Waypost"),
        (whole[:60] + (999).to_bytes(4, "big") + whole[64:], "newer"),
    ):
        database.write_bytes(octets)
        for words in commands:
            done = subprocess.run(
                [str(PROGRAM), *words], env=stopped.server.environ(), capture_output=True, text=True, timeout=40, check=False
            )
            assert (done.returncode, done.stderr.count("\n"), done.stdout) == (69, 1, ""), (words, done)
            assert done.stderr.startswith("waypost: ")
            assert str(database) in done.stderr
            assert said in done.stderr, done.stderr


def test_what_root_makes_belongs_to_the_owner_of_the_data(stopped: Place) -> None:
    """An operator's command as root, while the server is down, leaves no file that the server cannot open."""
    require_root()
    data = stopped.server.folder / "state" / "waypost"
    for path in (data, *data.rglob("*")):
        os.chown(path, 65534, 65534)
    for name in ("history.db", "spool.db.reserve"):
        (data / "shards" / "0" / name).unlink()
    assert stopped.run("queue", "list").returncode == 0
    assert (data / "shards" / "0" / "history.db").exists()
    assert [path for path in data.rglob("*") if path.stat().st_uid != 65534] == []


def test_a_second_server_says_which_setting_is_in_the_way(dev: Place, folder: Path) -> None:
    """One line names the setting, as --set takes it, and the place."""
    more = ["serve", "--data", str(folder / "other"), "--set", f"listeners.0.bind=127.0.0.1:{dev.port}"]
    done = subprocess.run([str(PROGRAM), *more], env=dev.server.environ(), capture_output=True, text=True, timeout=40, check=False)
    assert (done.returncode, done.stdout) == (69, "")
    assert done.stderr == (
        f"waypost: listeners.0.bind: 127.0.0.1:{dev.port} is in use by another program: stop that one, or choose another port\n"
    )


def test_a_server_of_another_account(dev: Place) -> None:
    """Whoever may not ask is told so, with the code for it."""
    require_root()
    # The interpreter may stand where that account may not look: everything is imported before root is given up.
    program = (
        "import difflib, os, sys; import waypost.cli.queue, waypost.cli.main, waypost.config.dev, waypost.daemon.offline, encodings.idna;"
        "os.setgid(65534); os.setuid(65534);"
        "sys.exit(waypost.cli.main.main(sys.argv[1:]))"
    )
    words = ["queue", "list", "--data", str(dev.server.folder / "state" / "waypost")]
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=40, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (77, 1), done.stderr
    assert "may be used by the server's own user and root alone" in done.stderr
