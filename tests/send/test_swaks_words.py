"""Command lines as users of swaks write them: options from a file, --h-Name, --no-OPTION, questions on a terminal."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.cli import send, send_errand, send_options, send_where
from waypost.cli.exits import FailureError
from waypost.cli.options import Parser
from waypost.cli.send_words import rewritten

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from waypost.diagnose.send.errand import Errand


def a_parser() -> Parser:
    """That of the command."""
    parser = Parser(prog="waypost send", allow_abbrev=False)
    send.configure(parser)
    return parser


def understood(*words: str, asking: bool = False) -> argparse.Namespace:
    """The options, as the command reads them."""
    parser = a_parser()
    return parser.parse_args(rewritten(words, send_options.known(parser), asking=asking))


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (["--h-Subject", "hello"], ["--header", "Subject: hello"]),
        (["--h-X-Two", "hello you"], ["--header", "X-Two: hello you"]),
        (["-h-Subject", "x"], ["--header", "Subject: x"]),
        (["--h-Subject:", "x"], ["--header", "Subject: x"]),
        (["--header-From", "x"], ["--header", "From: x"]),
        (["--header", "A: b"], ["--header", "A: b"]),
        (["--to=a@b.c"], ["--to", "a@b.c"]),
        (["-q", "mail", "--no-quit"], []),
        (["-q", "mail", "--no-quit-after", "-q", "rcpt"], ["-q", "rcpt"]),
        (["--no-tls"], ["--no-tls"]),
        (["--no-data-fixup"], ["--no-data-fixup"]),
        (["--body", "-"], ["--body", "-"]),
        (["-p25"], ["-p25"]),
        ([], []),
    ],
)
def test_what_swaks_writes_otherwise(words: list[str], ours: list[str]) -> None:
    """A header in an option's name is a header, --no-OPTION forgets it, and all else stays as it is."""
    parser = a_parser()
    assert rewritten(words, send_options.known(parser), asking=False) == ours


@given(st.lists(st.sampled_from(["--to", "x", "-tls", "-n", "--body", "-", "--header", "A: b", "-p25", "--timing"])))
def test_ordinary_words_are_not_touched(words: list[str]) -> None:
    """A command line without anything of swaks' own comes out as it went in."""
    assert rewritten(words, send_options.known(a_parser()), asking=False) == words


def test_a_file_of_options(tmp_path: Path) -> None:
    """One a line, dashes or none, all behind the first blank is the argument; the command line wins, headers add up."""
    file = tmp_path / "swaksrc"
    file.write_text('# a comment\nserver mx.example.org\n--from "A B" <a@b.c>\nh-X-One: 1\n\nt file@example.org\nn\nquit-after rcpt\n')
    args = understood("--config", str(file), "--to", "b@example.org", "--h-X-Two", "2", "--no-quit-after")
    assert (args.server, args.sender, args.to) == ("mx.example.org", '"A B" <a@b.c>', ["b@example.org"])
    assert (args.header, args.suppress_data, args.quit_after) == (["X-One: 1", "X-Two: 2"], True, None)
    assert understood("--config", "--to", "b@example.org").server is None


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is told, with the exit code of missing input."""
    with pytest.raises(FailureError, match="No such file") as told:
        understood("--config", str(tmp_path / "none"))
    assert told.value.code == 66


def test_what_is_missing_is_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal alone, on standard error, and a password without echo."""
    monkeypatch.setattr("sys.stdin", io.StringIO("b@example.org\n"))
    monkeypatch.setattr("getpass.getpass", lambda prompt: f"secret for {prompt}")
    args = understood("--to", "-ap", "-tls", asking=True)
    assert (args.to, args.auth_password, args.tls) == (["b@example.org"], "secret for ap: ", "required")
    assert capsys.readouterr().err == "to: "


BASE = ("--server", "127.0.0.1", "--from", "a@example.net", "--to", "b@example.org", "--ehlo", "c.example")


def told(*words: str) -> Errand:
    """What the words tell a session to do."""
    args = understood(*BASE, *words)
    return send_errand.errand(args, send._letters(args))


def message(*words: str) -> str:
    """What they send."""
    return told(*words).letters[0].content.decode()


def test_bodies_in_several_forms() -> None:
    """--attach-body makes alternatives in their order, attachments stand behind them, and types do not leak from one to the other."""
    text = message(
        "--attach-type", "text/html", "--attach-body", "<b>x</b>", "--body", "plain", "--attach-type", "text/csv", "--attach", "a,b"
    )
    order = ["multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/csv"]
    assert [text.index(f"Content-Type: {kind}") for kind in order] == sorted(text.index(f"Content-Type: {kind}") for kind in order)
    assert "Content-Type: text/plain" in message("--attach-body", "alone")


def test_names_of_attachments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file brings its own, --attach-name another or none; whoever forgets the @ is told."""
    file = tmp_path / "table.csv"
    file.write_text("x")
    assert 'filename="table.csv"' in message("--attach", f"@{file}")
    assert 'filename="other"' in message("--attach-name", "other", "--attach", f"@{file}")
    assert "filename" not in message("--attach-name", "--attach", f"@{file}")
    message("--attach", str(file))
    assert capsys.readouterr().err == f"waypost: --attach {file} attaches these words; --attach @{file} attaches the file\n"


def test_the_message_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """-g reads it, and --no-strip-from keeps the first line of an mbox file."""
    for words, first in ((["-g"], "Subject: x"), (["-g", "-nsf"], "From a Mon"), (["-g", "--data", "Subject: y\\n\\nz"], "Subject: y")):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"From a Mon\nSubject: x\n\ny\n")))
        assert message(*words).startswith(first)


def test_several_headers_in_one_option() -> None:
    r"""A literal ``\n`` separates them, as swaks has it."""
    assert "\r\nA: b\r\nC: d\r\n" in message("--add-header", r"A: b\nC: d")


@pytest.mark.parametrize(
    ("words", "server", "port"),
    [
        (["-s", "mx.example.org/2525"], "mx.example.org", 2525),
        (["-s", "[2001:db8::1]/2525"], "2001:db8::1", 2525),
        (["-s", "mx.example.org:submission"], "mx.example.org", 587),
        (["-s", "mx.example.org", "-p", "smtp"], "mx.example.org", 25),
        (["-s", "mx.example.org:26", "-p", "27"], "mx.example.org", 26),
        (["-s", "2001:db8::1"], "2001:db8::1", 25),
    ],
)
def test_ways_to_name_a_server(words: list[str], server: str, port: int) -> None:
    """A slash as in swaks, names of services, and a port that stands with the server wins over --port."""
    given_to = send_where.given(understood("--to", "a@b.c", *words))
    assert (given_to.server, given_to.port) == (server, port)


def test_where_from_and_by_whose_exchangers() -> None:
    """--local-interface and --local-port, in one or in two; --copy-routing names another domain."""
    found = send_where.given(understood("--to", "a@b.c", "--copy-routing", "example.org", "-li", "192.0.2.1:2000"))
    assert (found.domain, found.server, found.local) == ("example.org", "", ("192.0.2.1", 2000))
    assert send_where.given(understood(*BASE, "-lp", "3000")).local == ("", 3000)
    assert send_where.given(understood(*BASE, "-li", "::1", "-lp", "3000")).local == ("::1", 3000)
    assert send_where.given(understood(*BASE)).local is None


def test_attributes_of_xclient_in_their_order() -> None:
    """--xclient-delim begins another command, and does nothing where it makes no sense."""
    words = ["--xclient-delim", "--xclient-helo", "a b", "--xclient-delim", "--xclient-delim", "--xclient-name", "n", "--xclient-addr", "x"]
    found = told(*words, "--xclient", "FOO=bar", "--xclient-delim", "--xclient-before-starttls", "--xclient-optional-strict")
    assert found.xclient == ("HELO=a+20b", "NAME=n ADDR=x", "FOO=bar")
    assert (found.xclient_first, found.xclient_lenient) == (True, "absent")
    assert told("--xclient", "A=b", "--xclient-optional").xclient_lenient == "all"


@pytest.mark.parametrize(
    ("words", "lenient"), [(["-a"], "none"), (["-ao"], "all"), (["-aos", "PLAIN"], "absent"), (["-aos", "-a"], "none"), ([], "none")]
)
def test_how_much_of_a_login_may_fail(words: list[str], lenient: str) -> None:
    """Three degrees as in swaks; the strictest that was asked for counts."""
    login = told(*words, "-au", "x", "-ap", "y").login
    assert login is not None
    assert login.lenient == lenient


def test_names_that_a_server_has_for_a_mechanism() -> None:
    """--auth-map, and what --auth may name then."""
    login = told("-a", "ours", "-am", "OURS=plain", "-au", "<>", "-ap", "<>").login
    assert login is not None
    assert (login.mechanisms, login.aliases, login.user, login.password) == (("OURS",), (("OURS", "PLAIN"),), "", "")


def test_a_dump_tells_all_but_the_password(capsys: pytest.CaptureFixture[str]) -> None:
    """Each section on request; the message too, and as a body without it."""
    words = [*BASE, "-a", "PLAIN", "-au", "ada", "-ap", "hunter2", "-tls", "-q", "rcpt"]
    assert send.run_words([*words, "--dump"]) == 0
    text = capsys.readouterr().out
    assert all(f"{name} Info:" in text for name in ("Support", "Transport", "Protocol", "Tls", "Auth", "Xclient", "Proxy", "Data"))
    assert ("hunter2" in text, "PROVIDED_BUT_REMOVED" in text, "quit after = rcpt" in text) == (False, True, True)
    assert send.run_words([*words, "--dump", "auth"]) == 0
    assert capsys.readouterr().out.startswith("Auth Info:\n  use = yes\n  username = ada\n")
    body = message("--dump-as-body", "transport")
    assert body.endswith("\r\n\r\nTransport Info:\r\n  type = socket-inet\r\n  server = 127.0.0.1\r\n  port = 25\r\n")


def test_support_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a server."""
    assert send.run_words(["--support"]) == 0
    assert "SCRAM-SHA-256-PLUS" in capsys.readouterr().out


def test_a_transcript_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--output takes all of it, --output-file-stderr the fault of usage, with the same exit code."""
    out, err = tmp_path / "out", tmp_path / "err"
    assert send.run_words([*BASE, "-p", "1", "--output", str(out)]) == 2
    assert out.read_text().startswith("=== Trying 127.0.0.1:1...\n*** Error connecting")
    with pytest.raises(SystemExit) as ended:
        send.run_words([*BASE, "-q", "nowhere", "--output-file-stderr", str(err)])
    assert (ended.value.code, capsys.readouterr().err) == (64, "")
    assert "nowhere is no stage" in err.read_text()


class Typed(io.StringIO):
    """Somebody at a terminal."""

    def isatty(self) -> bool:
        """Yes."""
        return True


def test_a_recipient_is_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal, where none was named and the session goes that far."""
    where = ["--server", "127.0.0.1:1", "--from", "a@example.net", "--dump", "protocol"]
    monkeypatch.setattr("sys.stdin", Typed("b@example.org\n"))
    assert send.run_words(where) == 0
    said = capsys.readouterr()
    assert (said.err, "to = b@example.org" in said.out) == ("To: ", True)
    monkeypatch.setattr("sys.stdin", Typed(""))
    assert send.run_words([*where, "-q", "helo"]) == 0
    assert capsys.readouterr().err == ""
