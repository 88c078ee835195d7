"""Sessions with what users of swaks ask for: pipes, silence, hexadecimal, old TLS, PRDR, XCLIENT before TLS; beside swaks."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from support.needs import require
from support.peers import environment, program, run
from support.scripted_session import ERRAND, EVERYTHING, LETTER, play
from waypost.cli.main import main
from waypost.diagnose.send.ending import Ending
from waypost.diagnose.send.errand import Leniency, Login, Posting, Security, Stage, Stop, Way

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.certificates import Certificates
    from support.exim import Exim
    from support.postfix import Postfix
    from support.sink import Sink

BASE = ["--from", "ada@example.net", "--to", "grace@example.org", "--ehlo", "client.example"]
PIPED = """
import sys
def say(text): print(text, end="\\r\\n", flush=True)
say("220 piped.example")
for line in sys.stdin:
    verb = line.split()[0].upper()
    say({"EHLO": "250 piped.example", "QUIT": "221 bye", "RCPT": "550 5.1.1 no such user"}.get(verb, "250 ok"))
    if verb == "QUIT": break
"""


@pytest.fixture
def heard(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Run ``waypost send``; its exit code and all that it said."""

    def sent(*words: str) -> tuple[int, str]:
        code = main(["send", *BASE, "--lang", "en", "--no-explain", *words])
        said = capsys.readouterr()
        return code, said.out + said.err

    return sent


# ---- without a network ----------------------------------------------------------------------------------------------


def test_tls_is_the_end_where_that_was_asked() -> None:
    """--quit-after tls says QUIT right behind the handshake, without another EHLO, as swaks does."""
    played = play(replace(ERRAND, security=Security.REQUIRED, stop=Stop(Way.QUIT, Stage.TLS)), EHLO=EVERYTHING)
    assert (played.ending, played.said) == (Ending.SENT, ["EHLO c.example", "STARTTLS", "QUIT"])


def test_xclient_before_starttls() -> None:
    """Its own hello stands between the two."""
    errand = replace(ERRAND, security=Security.REQUIRED, xclient=("ADDR=192.0.2.1",), xclient_first=True, xclient_checked=False)
    played = play(errand)
    assert [line.split()[0] for line in played.said[:6]] == ["EHLO", "XCLIENT", "EHLO", "STARTTLS", "EHLO", "MAIL"]
    played = play(replace(errand, xclient_first=False))
    assert [line.split()[0] for line in played.said[:6]] == ["EHLO", "STARTTLS", "EHLO", "XCLIENT", "EHLO", "MAIL"]


@pytest.mark.parametrize(
    ("lenient", "offered", "answer", "ending"),
    [
        (Leniency.NONE, False, "250 ok", Ending.XCLIENT),
        (Leniency.ABSENT, False, "250 ok", Ending.SENT),
        (Leniency.ALL, False, "250 ok", Ending.SENT),
        (Leniency.NONE, True, "550 no", Ending.XCLIENT),
        (Leniency.ABSENT, True, "550 no", Ending.XCLIENT),
        (Leniency.ALL, True, "550 no", Ending.SENT),
        (Leniency.NONE, True, "220 ok", Ending.SENT),
    ],
)
def test_how_much_of_xclient_may_fail(lenient: Leniency, offered: bool, answer: str, ending: Ending) -> None:  # noqa: FBT001 - a row of the table
    """The degrees of swaks: it must succeed, it must succeed where it is offered, or come what may."""
    errand = replace(ERRAND, xclient=("ADDR=192.0.2.1",), xclient_lenient=lenient)
    played = play(errand, EHLO="250-mx\r\n250 XCLIENT ADDR" if offered else "250 mx", XCLIENT=answer)
    assert played.ending == ending
    assert ("XCLIENT ADDR=192.0.2.1" in played.said) is offered


@pytest.mark.parametrize(
    ("lenient", "offer", "answer", "ending"),
    [
        (Leniency.ABSENT, "250 mx", "235 ok", Ending.SENT),
        (Leniency.ABSENT, "250-mx\r\n250 AUTH PLAIN", "535 no", Ending.AUTH),
        (Leniency.ABSENT, "250-mx\r\n250 AUTH PLAIN", "235 ok", Ending.SENT),
        (Leniency.ALL, "250-mx\r\n250 AUTH PLAIN", "535 no", Ending.SENT),
    ],
)
def test_how_much_of_a_login_may_fail_in_a_session(lenient: Leniency, offer: str, answer: str, ending: Ending) -> None:
    """--auth-optional-strict goes on where none is offered, and ends where one is and fails."""
    login = Login(user="ada", password="x", mechanisms=("PLAIN",), in_clear=True, lenient=lenient)
    assert play(replace(ERRAND, login=login), EHLO=offer, AUTH=answer).ending == ending


def test_a_mechanism_under_another_name() -> None:
    """It is called by the name that the server offers."""
    login = Login(user="ada", password="x", mechanisms=("OURS",), aliases=(("OURS", "PLAIN"),), in_clear=True)
    played = play(replace(ERRAND, login=login), EHLO="250-mx\r\n250 AUTH OURS", AUTH="235 ok")
    assert played.ending == Ending.SENT
    assert any(line.startswith("AUTH OURS ") for line in played.said)


PRDR = "250-mx\r\n250 PRDR"


@pytest.mark.parametrize(
    ("answers", "ending"),
    [
        (["353 wait", "250 one", "550 other", "250 all"], Ending.SENT),
        (["353 wait", "550 one", "550 other", "550 all"], Ending.CONTENT),
        (["250 all"], Ending.SENT),
        (["554 all"], Ending.CONTENT),
    ],
)
def test_an_answer_for_each_recipient(answers: list[str], ending: Ending) -> None:
    """353, one for each, and one for all; or one for all at once."""
    letter = replace(LETTER, recipients=("x@example.org", "y@example.org"))
    played = play(replace(ERRAND, letters=(letter,), posting=Posting(prdr=True)), EHLO=PRDR, message=answers)
    assert (played.ending, played.said[1]) == (ending, "MAIL FROM:<a@example.net> PRDR")


def test_prdr_that_is_not_offered() -> None:
    """30, as swaks ends."""
    assert play(replace(ERRAND, posting=Posting(prdr=True)), EHLO="250 mx").ending == 30


# ---- with servers -------------------------------------------------------------------------------------------------


def test_a_program_at_the_other_end(tmp_path: Path, heard: Callable[..., tuple[int, str]]) -> None:
    """--pipe talks with it as with a server; one that ends is told of, and so is one that is not there."""
    script = tmp_path / "piped.py"
    script.write_text(PIPED)
    code, said = heard("--pipe", shlex.join([sys.executable, str(script)]))
    assert (code, "<** 550 5.1.1 no such user" in said, "=== Trying pipe to " in said) == (24, True, True)
    assert heard("--pipe", "true")[0] == 6
    code, said = heard("--pipe", str(tmp_path / "nothing"))
    assert (code, "no such file or directory" in said) == (2, True)
    assert heard("--pipe", "true", "--server", "x")[0] == 64


@pytest.mark.parametrize(
    ("silent", "good", "bad"),
    [
        ([], 0, ["***"]),
        (["1"], 0, ["***"]),
        (["2"], 0, ["***"]),
        (["3"], 0, []),
    ],
)
def test_levels_of_silence(
    start_sink: Callable[..., Sink], heard: Callable[..., tuple[int, str]], silent: list[str], good: int, bad: list[str]
) -> None:
    """Nothing as long as all is well; then from the fault on, the fault alone, or nothing still."""
    sink = start_sink()
    assert heard("-s", f"127.0.0.1:{sink.port}", "-S", *silent) == (good, "")
    code, said = heard("-s", f"127.0.0.1:{sink.port}", "-tls", "-S", *silent)
    assert code == 29
    marks = [line[:3] for line in said.splitlines()]
    assert marks[:1] == bad
    assert (" ->" in marks) is (silent in ([], ["1"]))


def test_no_hints(start_sink: Callable[..., Sink], heard: Callable[..., tuple[int, str]]) -> None:
    """The columns before the lines go, of those that one names; lines that are counted too."""
    sink = start_sink()
    _, said = heard("-s", f"127.0.0.1:{sink.port}", "--no-tls", "-nth", "-hr", "-hi", "-n")
    lines = said.splitlines()
    assert lines[:4] == ["EHLO client.example", "MAIL FROM:<ada@example.net>", "RCPT TO:<grace@example.org>", "DATA"]
    assert [re.sub(r"\d+", "N", line) for line in lines[4:]] == ["N lines sent", "QUIT"]
    assert "Trying 127.0.0.1" in heard("-s", f"127.0.0.1:{sink.port}", "-nih", "-q", "banner")[1].splitlines()[0][:16]


def test_every_octet_in_hexadecimal(start_sink: Callable[..., Sink], heard: Callable[..., tuple[int, str]]) -> None:
    """What is sent and what comes, before and beside the lines."""
    sink = start_sink()
    _, said = heard("-s", f"127.0.0.1:{sink.port}", "--no-tls", "-raw", "-q", "helo")
    assert "  > 0000: 45 48 4c 4f 20 63 6c 69 65 6e 74 2e 65 78 61 6d  EHLO client.exam\n" in said
    assert re.search(r"^<   0000: 32 32 30 20 ", said, re.MULTILINE)


def test_from_another_address(start_sink: Callable[..., Sink], heard: Callable[..., tuple[int, str]]) -> None:
    """--local-interface; one that is not ours is told as what it is."""
    sink = start_sink()
    assert heard("-s", f"127.0.0.1:{sink.port}", "-li", "127.0.0.9", "-q", "banner")[0] == 0
    code, said = heard("-s", f"127.0.0.1:{sink.port}", "-li", "192.0.2.77", "-q", "banner")
    assert (code, "cannot assign requested address" in said.lower()) == (2, True)


@pytest.mark.peers
def test_the_versions_of_tls_that_one_names(
    start_postfix: Callable[..., Postfix], heard: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    """Old ones too; ciphers; and the certificate is shown or kept."""
    where = ["-s", f"127.0.0.1:{start_postfix(sink=9).port}", "-tls", "--no-tls-verify", "-q", "tls"]
    assert "TLS started with cipher TLSv1.2:" in heard(*where, "-tlsp", "tlsv1_2")[1]
    assert "TLS started with cipher TLSv1.1:" in heard(*where, "-tlsp", "tlsv1_1")[1]
    assert "TLS started with cipher TLSv1.2:" in heard(*where, "-tlsp", "no_tlsv1_3,no_sslv3")[1]
    assert "AES128-GCM-SHA256" in heard(*where, "-tlsp", "tlsv1_2", "--tls-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")[1]
    assert "=== -----BEGIN CERTIFICATE-----\n" in heard(*where, "--tls-get-peer-cert")[1]
    heard(*where, "--tls-get-peer-cert", str(tmp_path / "peer.pem"))
    assert (tmp_path / "peer.pem").read_text().startswith("-----BEGIN CERTIFICATE-----\n")


@pytest.mark.parametrize(
    "words", ["-tlsp sslv3", "-tlsp tlsv1_2,no_tlsv1_3", "-tlsp no_tlsv1,no_tlsv1_1,no_tlsv1_2,no_tlsv1_3", "--tls-cipher nonsense"]
)
def test_what_nobody_speaks(heard: Callable[..., tuple[int, str]], words: str) -> None:
    """It is a fault of usage."""
    assert heard("-s", "127.0.0.1:1", *words.split())[0] == 64


@pytest.mark.peers
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--xclient-addr", "192.0.2.1"], 33),
        (["--proxy-family", "TCP4", "--proxy-source", "192.0.2.1", "--proxy-source-port", "1", "--proxy-dest", "192.0.2.2"], 25),
        (["--proxy", "UNKNOWN"], 25),
        (["-aos", "PLAIN", "-au", "x", "-ap", "y"], 0),
        (["--prdr"], 30),
        (["-tlsos"], 0),
        (["--h-Subject", "x", "--add-header", r"A: b\nC: d"], 0),
        (["--no-to", "--to", "x@example.org"], 0),
        (["-n", "--attach", "x", "--attach-body", "y"], 0),
        (["--protocol", "LMTP"], 22),
    ],
    ids=lambda value: " ".join(value)[:24] if isinstance(value, list) else str(value),
)
def test_beside_swaks_with_exim(
    start_exim: Callable[..., Exim], heard: Callable[..., tuple[int, str]], words: list[str], code: int
) -> None:
    """The same exit code, and the same commands in the same order."""
    require("swaks", program("swaks", "usr/bin/swaks"))
    port = start_exim(sink=9).port
    more = [] if "-tlsos" in words else ["--no-tls"]
    ours, said = heard("-s", f"127.0.0.1:{port}", *more, *words, *(["--proxy-dest-port", "25"] if "--proxy-dest" in words else []))
    swaks = ["perl", str(program("swaks", "usr/bin/swaks")), "-s", f"127.0.0.1:{port}"]
    theirs = run([*swaks, *BASE, *words, *(["--proxy-dest-port", "25"] if "--proxy-dest" in words else [])], environment("swaks"))
    assert (ours, theirs.returncode) == (code, code), said
    assert _commands(said) == _commands(theirs.stdout.decode())


def _commands(transcript: str) -> list[str]:
    """What the client said, without the message."""
    verbs = ("EHLO", "HELO", "LHLO", "STARTTLS", "MAIL", "RCPT", "DATA", "QUIT", "PROXY", "XCLIENT", "AUTH")
    lines = [line[4:] for line in transcript.splitlines() if line[:3] in (" ->", " ~>")]
    return [line for line in lines if line.split(" ")[0] in verbs]


def test_a_login_in_readable_form(
    certificates: Certificates, heard: Callable[..., tuple[int, str]], start_sink: Callable[..., Sink]
) -> None:
    """-apt undoes the base64, and -ahp hides the password whatever else is said."""
    del certificates
    sink = start_sink(script=lambda stage, _: "235 ok" if stage == "auth" else None, extensions=("AUTH PLAIN LOGIN",))
    where = ["-s", f"127.0.0.1:{sink.port}", "--no-tls", "-a", "PLAIN", "-au", "ada", "-ap", "hunter2", "-q", "auth"]
    assert r"AUTH PLAIN \x00ada\x00hunter2" in heard(*where, "-apt")[1]
    assert "AUTH PLAIN AGFkYQBodW50ZXIy" in heard(*where, "--show-auth")[1]
    assert "AUTH PLAIN <redacted>" in heard(*where, "-apt", "-ahp")[1]
