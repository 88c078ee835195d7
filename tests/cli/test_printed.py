"""What the commands print: as tabs, as text, on a terminal, as JSON."""

from __future__ import annotations

import re
import subprocess

from cli.command_kit import ID, Place, announced
from support.dialogue import Dialogue
from support.server import PROGRAM
from support.terminal import on_terminal

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


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
