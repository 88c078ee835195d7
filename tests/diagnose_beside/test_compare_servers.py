"""``waypost compare-servers`` against servers: Waypost, Postfix, Exim, aiosmtpd, broken ones; on terminals, in pipes, as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from support.broken_servers import (
    ADDRESS,
    CLOSE,
    DOMAIN,
    ORDINARY,
    QUICK,
    SILENCE,
    SOUND,
    Broken,
    FakeLookup,
    Frame,
    Network,
    Server,
    say,
    with_lines,
    without,
)
from support.needs import require
from support.peers import ROOT, Daemon
from support.ports import free_port
from support.server import configuration, listener, port_of
from support.terminal import on_terminal
from waypost.cli import main as door
from waypost.cli.exits import Exit
from waypost.diagnose.beside.point import Side
from waypost.diagnose.beside.run import compare
from waypost.diagnose.plan import Options, target
from waypost.observe.layout import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.certificates import Certificates
    from support.exim import Exim
    from support.postfix import Postfix
    from support.server import Waypost
    from waypost.diagnose.beside.run import Beside

COMMAND = [sys.executable, "-m", "waypost.cli.main", "compare-servers"]
WHOLE_SECONDS = 15
POINT = {"section", "key", "title", "asked", "same", "better", "rule", "standard", "a", "b"}
VALUE = {"shown", "good", "seconds", "reply"}


def compared(*words: str) -> dict[str, Any]:
    """What the command says, as JSON, with its exit code."""
    began = time.monotonic()
    done = subprocess.run([*COMMAND, "--json", "--lang", "en", *words], capture_output=True, text=True, timeout=60, check=False)
    assert time.monotonic() - began < 2 * WHOLE_SECONDS
    assert done.stdout, done.stderr
    return {**json.loads(done.stdout), "code": done.returncode}


def at(found: dict[str, Any], key: str) -> dict[str, Any]:
    """One point."""
    return next(point for point in found["points"] if point["key"] == key)


def code(point: dict[str, Any], side: str) -> int:
    """The code of a reply."""
    return int(point[side]["reply"]["code"])


# ---- broken servers -------------------------------------------------------------------------------------------


def broken(one: Broken, other: Broken) -> Beside:
    """Two rows beside each other, in a pretended network."""

    async def run() -> Beside:
        servers = [Server(row, None) for row in (one, other)]
        for server in servers:
            await server.start()
        places = {(ADDRESS, 25): servers[0].port, (ADDRESS, 2525): servers[1].port}
        targets = (target(f"{ADDRESS}:25"), target(f"{ADDRESS}:2525"))
        try:
            return await compare(targets, Options(), lookup=FakeLookup(SOUND), limits=QUICK, dial=Network(places, {}).dial)
        finally:
            for server in servers:
                await server.stop()

    return asyncio.run(run())


IN_ORDER = Broken(name="in order", key="")


@pytest.mark.parametrize(
    ("says", "key", "better"),
    [
        ({"": b"554 5.7.1 no service for you\r\n"}, "greeting", Side.A),
        ({"EHLO": without("SIZE")}, "extension.SIZE", None),
        ({"EHLO": with_lines("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "HELP", "SIZE 1000")}, "extension.SIZE", None),
        ({"EHLO": b"500 5.5.1 What?\r\n"}, "reply.ehlo", Side.A),
        ({"XNOSUCHCOMMAND": b"250 2.0.0 Sure\r\n"}, "reply.unknown", Side.A),
        ({"XNOSUCHCOMMAND": CLOSE}, "reply.unknown", Side.A),
        ({"HELP": b"502 5.5.1 Not here\r\n"}, "reply.help", Side.A),
        ({"NOOP HELLO": b"501 5.5.4 No argument\r\n"}, "reply.noop", Side.A),
        ({"VRFY": b"250 2.1.5 Nobody <nobody@broken.example>\r\n"}, "reply.vrfy", None),
        ({"EXPN": b"250 2.1.5 ada@broken.example\r\n"}, "reply.expn", None),
        ({"RCPT TO:<POSTMASTER": b"550 5.1.1 No postmaster\r\n"}, "reply.rcpt-postmaster", Side.A),
        ({"MAIL FROM:<>": b"550 5.7.1 No notices\r\n"}, "reply.mail", Side.A),
        ({"QUIT": CLOSE}, "reply.quit", Side.A),
    ],
    ids=lambda value: "" if isinstance(value, dict | Side) else str(value),
)
def test_a_broken_server_beside_one_in_order(says: dict[str, bytes], key: str, better: Side | None) -> None:
    """Each fault shows as a difference at its point, and the sound server is the better one where the standard says so."""
    found = broken(IN_ORDER, Broken(name="broken", key="", says=says))
    differing = {point.trait.key: point for point in found.difference.differing}
    assert key in differing
    assert better is differing[key].better
    assert found.exit_code == 1


def test_the_same_server_twice_is_the_same() -> None:
    """Broken or not, a server does not differ from itself."""
    found = broken(IN_ORDER, IN_ORDER)
    assert found.difference.differing == ()
    assert len(found.difference.points) > 25
    assert found.exit_code == 0


def test_a_server_that_begins_content_without_recipients_gets_an_empty_one() -> None:
    """354 where no recipient was named is told of, and no command is ever taken for content."""
    says = {"DATA": b"354 Go on\r\n"}

    async def run() -> tuple[Beside, list[bytes]]:
        server = Server(Broken(name="eager", key="", says=says), None)
        await server.start()
        places = {(ADDRESS, 25): server.port}
        try:
            where = target(f"{ADDRESS}:25")
            found = await compare((where, where), Options(), lookup=FakeLookup(SOUND), limits=QUICK, dial=Network(places, {}).dial)
        finally:
            await server.stop()
        return found, server.heard

    found, heard = asyncio.run(run())
    point = next(point for point in found.difference.points if point.trait.key == "reply.data-without-recipients")
    assert (point.a.reply and point.a.reply.code, point.a.good) == (354, False)
    assert all(line.strip() for line in heard)


def test_domains_are_compared_by_their_records() -> None:
    """Exchangers, SPF and DMARC of a domain stand beside those of the other; names that differ by nature are no difference."""
    zone = {
        **SOUND,
        (DOMAIN, "TXT"): ("v=spf1 mx -all",),
        (f"_dmarc.{DOMAIN}", "TXT"): ("v=DMARC1; p=reject; rua=mailto:a@broken.example",),
        ("other.example", "MX"): ("10 mx.other.example",),
        ("mx.other.example", "A"): ("44.128.0.26",),
        ("other.example", "TXT"): ("v=spf1 mx ~all",),
        ("_dmarc.other.example", "TXT"): ("v=DMARC1; p=reject; rua=mailto:b@other.example",),
    }

    async def run() -> Beside:
        server = Server(IN_ORDER, None)
        await server.start()
        places = {(ADDRESS, 25): server.port, ("44.128.0.26", 25): server.port}
        try:
            targets = (target(DOMAIN), target("other.example"))
            return await compare(targets, Options(), lookup=FakeLookup(zone), limits=QUICK, dial=Network(places, {}).dial)
        finally:
            await server.stop()

    points = {point.trait.key: point for point in asyncio.run(run()).difference.points}
    assert (points["spf"].a.lines, points["spf"].b.lines) == (("v=spf1 mx -all",), ("v=spf1 mx ~all",))
    assert (points["spf"].same, points["dmarc"].same, points["mx"].same) == (False, True, True)
    assert {"sts", "tls-reports", "tlsa", "dnssec", "reverse"} <= set(points)


# ---- real servers ---------------------------------------------------------------------------------------------


def test_waypost_twice(start_waypost: Callable[..., Waypost], folder: Path, certificates: Certificates) -> None:
    """Two listeners of the same kind do the same in every point, TLS too: exit code 0."""
    tree = configuration(folder, listeners=[listener("relay", tls="starttls") for _ in range(2)], certificates=certificates)
    start_waypost(tree)
    ports = [each["bind"].rpartition(":")[2] for each in tree["listeners"]]
    found = compared(f"127.0.0.1:{ports[0]}", f"127.0.0.1:{ports[1]}", "--ca", str(certificates.ca))
    assert [point["key"] for point in found["points"] if not point["same"]] == []
    assert (found["same"], found["differing"], found["code"]) == (True, 0, 0)
    assert {"tls-version", "certificate", "trust", "tls-old", "tls-weak", "auth-tls"} <= {point["key"] for point in found["points"]}


def test_the_json_is_of_one_form(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """Every key is always there; programs read keys, people titles in their language."""
    tree = configuration(folder, listeners=[listener("relay")])
    start_waypost(tree)
    found = compared(f"127.0.0.1:{port_of(tree)}", f"localhost:{port_of(tree)}")
    assert {"a", "b", "same", "count", "differing", "better", "seconds", "points", "code"} == set(found)
    assert {"target", "server", "reached", "verdict", "next_step"} == set(found["a"]) == set(found["b"])
    assert found["count"] == len(found["points"])
    for point in found["points"]:
        assert set(point) == POINT
        assert VALUE == set(point["a"]) == set(point["b"])
    assert len({point["key"] for point in found["points"]}) == found["count"]


@pytest.mark.peers
def test_waypost_beside_postfix(start_waypost: Callable[..., Waypost], start_postfix: Callable[..., Postfix], folder: Path) -> None:
    """What everybody knows of the two: HELP, mail before any hello, and brackets; Waypost does no point worse that a reply decides."""
    tree = configuration(folder, listeners=[listener("relay")])
    start_waypost(tree)
    found = compared(f"127.0.0.1:{port_of(tree)}", f"127.0.0.1:{start_postfix(sink=9).port}")
    assert found["code"] == 1
    assert (code(at(found, "reply.help"), "a"), code(at(found, "reply.help"), "b"), at(found, "reply.help")["better"]) == (214, 500, "a")
    assert at(found, "reply.mail-before-hello")["better"] == "a"
    assert [point["key"] for point in found["points"] if point["section"] == "replies" and point["better"] == "b"] == []
    assert at(found, "reply.unknown")["a"]["reply"]["explanation"]["title"]


@pytest.mark.peers
def test_waypost_beside_exim(start_waypost: Callable[..., Waypost], start_exim: Callable[..., Exim], folder: Path) -> None:
    """Exim does not know 555, and hangs up on nobody who compares it; Waypost does no point worse that a reply decides."""
    tree = configuration(folder, listeners=[listener("relay")])
    start_waypost(tree)
    found = compared(f"127.0.0.1:{port_of(tree)}", f"127.0.0.1:{start_exim(sink=9).port}")
    assert (
        code(at(found, "reply.mail-parameter"), "a"),
        code(at(found, "reply.mail-parameter"), "b"),
        at(found, "reply.mail-parameter")["better"],
    ) == (555, 501, "a")
    assert at(found, "reply.quit")["same"]
    assert [point["key"] for point in found["points"] if point["section"] == "replies" and point["better"] == "b"] == []


@pytest.fixture
def aiosmtpd(folder: Path) -> Iterator[int]:
    """The port of an aiosmtpd as it comes, or a skip."""
    program = ROOT / "aiosmtpd"
    require("aiosmtpd", (program / ".whole").exists())
    port = free_port()
    words = [str(program / "bin/python"), "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{port}", "-c", "aiosmtpd.handlers.Sink"]
    daemon = Daemon.start(words, os.environ, folder, port)
    yield port
    daemon.stop()


@pytest.mark.peers
def test_waypost_beside_aiosmtpd(start_waypost: Callable[..., Waypost], folder: Path, aiosmtpd: int) -> None:
    """A server of another kind is talked to and held against ours to the end."""
    tree = configuration(folder, listeners=[listener("relay")])
    start_waypost(tree)
    found = compared(f"127.0.0.1:{port_of(tree)}", f"127.0.0.1:{aiosmtpd}")
    assert found["code"] == 1
    assert len([point for point in found["points"] if point["section"] == "replies"]) > 20


# ---- how it is shown ------------------------------------------------------------------------------------------


@pytest.mark.peers
@pytest.mark.parametrize("wide", [80, 120])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_on_a_terminal(start_waypost: Callable[..., Waypost], folder: Path, aiosmtpd: int, wide: int, lang: str) -> None:
    """No line is wider than the terminal, in Chinese either; it is coloured, and each section has its heading."""
    tree = configuration(folder, listeners=[listener("relay")])
    start_waypost(tree)
    env = {**os.environ, "LANG": "C.UTF-8", "TERM": "xterm"}
    words = [f"127.0.0.1:{port_of(tree)}", f"127.0.0.1:{aiosmtpd}", "--lang", lang]
    ended, shown = on_terminal([*COMMAND, *words], env=env, columns=wide)
    assert ended == 1
    assert "\x1b[" in shown
    plain = re.sub(r"\x1b\[[0-9;]*[mK]", "", shown.rpartition("\r")[2])
    assert max(columns(line) for line in plain.splitlines()) <= wide
    assert ("HELP" in plain, "Greeting" in plain, "欢迎语" in plain) == (True, lang == "en", lang == "zh")


def test_in_a_pipe_without_colour(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer stands first; who was not reached is said with what to do; exit code 2."""
    assert door.main(["compare-servers", f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}", "--lang", "en"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("A  127.0.0.1:")
    assert lines[3].startswith("A was not reached: Nothing listens on port")
    assert lines[5].startswith("Do next for A: Start the mail server")
    assert not any("\x1b" in line for line in lines)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["example.org"], "required"),
        (["example.org", "two words"], "is no host, domain, IP address or mailbox"),
        (["example.org:25", "example.net", "--port", "26"], "names port 25, and --port names 26"),
        (["example.org", "example.net", "--from", "nobody"], "--from nobody: it has no domain"),
        (["example.org", "example.net", "--resolver", "dns.example"], "is no address of a resolver"),
        (["example.org", "example.net", "--ca", "/nowhere.pem"], "/nowhere.pem"),
    ],
)
def test_usage_of_comparing(capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    """What makes no sense is said in one line, with exit code 64, before anything is asked of the network."""
    assert door.main(["compare-servers", *words]) == Exit.USAGE
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


class Slowing(Frame):
    """A server that lets those wait who made a mistake, as Courier does: behind a refusal no answer comes for a while."""

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer as a server in order does, up to the first refusal."""
        await say(writer, ORDINARY[""])
        refused = False
        while line := await reader.readuntil(b"\r\n"):
            asked = line.strip().upper().decode("latin-1")
            reply = next(
                (ORDINARY[name] for name in sorted(ORDINARY, key=len, reverse=True) if name and asked.startswith(name)), ORDINARY["*"]
            )
            await say(writer, SILENCE if refused else reply)
            refused = refused or (isinstance(reply, bytes) and reply[:1] == b"5")
            if reply == ORDINARY["DATA"] and not refused:
                await reader.readuntil(b".\r\n")
                await say(writer, ORDINARY["."])
            if asked == "QUIT":
                return


def test_a_server_that_slows_down_who_makes_mistakes_is_heard_to_the_end() -> None:
    """What follows a mistake is asked anew on another connection, within a transaction where it belongs into one; nothing is missing."""

    async def run() -> Beside:
        servers: list[Frame] = [Server(IN_ORDER, None), Slowing()]
        for server in servers:
            await server.start()
        places = {(ADDRESS, 25): servers[0].port, (ADDRESS, 2525): servers[1].port}
        targets = (target(f"{ADDRESS}:25"), target(f"{ADDRESS}:2525"))
        try:
            limits = replace(QUICK, late=0.3)
            return await compare(targets, Options(), lookup=FakeLookup(SOUND), limits=limits, dial=Network(places, {}).dial)
        finally:
            for server in servers:
                await server.stop()

    found = asyncio.run(run())
    assert found.b.survey.slowed
    assert not found.a.survey.slowed
    replies = [point for point in found.difference.points if point.trait.section == "replies"]
    assert {point.trait.key for point in replies} == {f"reply.{name}" for name in found.a.survey.answers} | {"reply.burst"}
    assert [point.trait.key for point in replies if not point.same] == []
