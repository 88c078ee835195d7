"""The command line of ``waypost send``: swaks' names where they mean the same, everything else refused with a way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from waypost.cli import send, send_errand, send_where
from waypost.cli.exits import FailureError, UsageError
from waypost.cli.options import Parser
from waypost.cli.send_swaks import ELSEWHERE, PROTOCOLS
from waypost.diagnose.send.errand import Dialect, Letter, Posting, Security, Stage, Stop, Way
from waypost.diagnose.send.proxy import Proxied, ProxyError, version_1, version_2
from waypost.diagnose.send.transfer import mail_line, rcpt_line

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from waypost.diagnose.send.errand import Errand

BASE = ["--server", "127.0.0.1", "--from", "a@example.net", "--to", "b@example.org", "--ehlo", "c.example"]


def parsed(*words: str) -> argparse.Namespace:
    """The options, as the console script reads them."""
    parser = Parser(prog="waypost send", allow_abbrev=False)
    send.configure(parser)
    return parser.parse_args(words)


def errand(*words: str) -> Errand:
    """What they tell a session to do."""
    args = parsed(*BASE, *words)
    return send_errand.errand(args, send._letters(args))


@pytest.mark.parametrize("option", sorted(ELSEWHERE))
def test_each_option_of_swaks_that_is_missing_is_named(option: str) -> None:
    """It is told that it is swaks', and what to use instead."""
    with pytest.raises(UsageError, match="is an option of swaks that is not here: "):
        parsed(*BASE, option)


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        ("-tls", "--tls"),
        ("-tlso", "--tls-optional"),
        ("-tlsc -p 1", "--tls-on-connect --port 1"),
        ("-au x -ap y -a PLAIN", "--auth-user x --auth-password y --auth PLAIN"),
        ("-q rcpt", "--quit-after rcpt"),
        ("-da mail", "--drop-after mail"),
        ("-das dot", "--drop-after-send dot"),
        ("--protocol ESMTPS", "--tls"),
        ("--protocol SSMTP -p 465", "--tls-on-connect --port 465"),
        ("--quit-after from", "--quit-after mail"),
        ("--quit-after to", "--quit-after rcpt"),
        ("--quit-after STARTTLS", "--quit-after tls"),
    ],
)
def test_names_of_swaks_mean_ours(words: str, ours: str) -> None:
    """Both ways of writing lead to the same session."""
    first, second = errand(*words.split()), errand(*ours.split())
    assert (first.security, first.login, first.stop, first.dialect) == (second.security, second.login, second.stop, second.dialect)
    assert send_errand.port(parsed(*BASE, *words.split())) == send_errand.port(parsed(*BASE, *ours.split()))


@pytest.mark.parametrize("name", sorted(PROTOCOLS))
def test_every_protocol_of_swaks(name: str) -> None:
    """Each of its names is a hello, a TLS mode and a port."""
    found = errand("--protocol", name.lower(), "--auth-user", "x", "--auth-password", "y")
    assert found.dialect in Dialect
    assert send_errand.port(parsed(*BASE, "--protocol", name)) == PROTOCOLS[name][2]


@pytest.mark.parametrize(
    ("words", "security", "verify"),
    [
        ("", Security.OPTIONAL, False),
        ("--no-tls", Security.NONE, False),
        ("--tls", Security.REQUIRED, True),
        ("--tls --no-tls-verify", Security.REQUIRED, False),
        ("--tls-optional --tls-verify", Security.OPTIONAL, True),
        ("--tls-on-connect", Security.IMPLICIT, True),
        ("-p 465", Security.IMPLICIT, True),
        ("-p 465 --no-tls", Security.NONE, False),
    ],
)
def test_what_is_verified(words: str, security: Security, verify: bool) -> None:  # noqa: FBT001 - a row of the table
    """Opportunistic TLS does not verify, required TLS does; both can be told otherwise."""
    args = parsed(*BASE, *words.split())
    assert (send_errand.security(args), send_errand.trust(args).verify) == (security, verify)


@pytest.mark.parametrize(
    "words",
    [
        "--quit-after nowhere",
        "--quit-after mail --drop-after rcpt",
        "--protocol UUCP",
        "--port 70000",
        "--timeout never",
        "--auth NTLM --auth-user x",
        "--auth PLAIN",
        "--auth PLAIN --auth-user x --auth-token y",
        "--auth XOAUTH2 --auth-user x",
        "--tls-cert x",
        "--proxy-source 192.0.2.1",
        "--proxy-source x --proxy-dest y",
        "--proxy-source 192.0.2.1 --proxy-dest ::1",
        "--line-end lf",
        r"--end-of-data \n.\n",
        r"--raw a\r\nb",
        "--messages 0",
        "--no-data-fixup",
        "--dkim-selector s",
        "--attach-type nonsense --attach x",
        "--header nonsense",
        "--body-type 9BIT",
        "--unheard-of",
    ],
)
def test_wrong_usage_is_told_before_anything_is_sent(words: str) -> None:
    """Exit code 64, and a sentence."""

    def understood() -> None:
        args = parsed(*BASE, *words.split())
        send_errand.errand(args, send._letters(args))
        send_errand.trust(args)
        send_errand.seconds(args)
        send_errand.port(args)

    with pytest.raises(UsageError):
        understood()


@pytest.mark.parametrize(
    "words",
    [["--to", "a@example.org\r\nRSET"], ["--from", "a\nb"], ["--ehlo", "x\r\ny"], ["--xclient", "A=1\r\nDATA"], ["--notify", "x\ny"]],
)
def test_no_option_begins_another_command(words: list[str]) -> None:
    """A line end in an address or a name is refused."""
    with pytest.raises(UsageError, match="line end"):
        errand(*words)


@pytest.mark.parametrize(
    "words",
    [["--to", "\udcff@example.org"], ["--ehlo", "\udcff"], ["--server", "\udcff"], ["--subject", "\udcff"], ["--header", "X: \udcff"]],
)
def test_what_is_no_utf_8_is_told(words: list[str]) -> None:
    """So Python has octets of a command line that are no UTF-8; where text is wanted they are refused in a sentence."""

    def understood() -> None:
        args = parsed(*BASE, *words)
        send_errand.errand(args, send._letters(args))

    with pytest.raises(UsageError, match="is no UTF-8"):
        understood()


def test_octets_that_are_no_utf_8_go_out_as_they_came() -> None:
    """Where octets are wanted, of lines of one's own and of proxies, they are said as they were given."""
    assert send_where.unescaped("a\udcff\\x00\udcfe") == b"a\xff\0\xfe"
    assert errand("--xclient-name", "\udcff").xclient == ("NAME=+FF",)
    posting = errand("--envid", "\udcff", "--orcpt", "\udcfe").posting
    assert mail_line(Letter(sender="", recipients=("a",), content=b""), posting, {}) == "MAIL FROM:<> ENVID=+FF"
    assert rcpt_line("a", posting) == "RCPT TO:<a> ORCPT=rfc822;+FE"


def test_own_hosts_may_be_treated_badly() -> None:
    """Wrong line ends are for the host that is named as one's own, and for no other."""
    found = errand("--own", "127.0.0.1", "--line-end", "lf", "--end-of-data", r"\n.\n", "--raw", r"banner:A\r\nB\x00\\")
    assert found.posting.end == b"\n.\n"
    assert found.raw[0].octets == b"A\r\nB\0\\\r\n"
    assert found.raw[0].after is Stage.BANNER
    assert b"\r" not in found.letters[0].content
    with pytest.raises(UsageError, match="your own"):
        errand("--own", "127.0.0.2", "--line-end", "lf")


def test_a_line_of_ones_own_may_hold_colons() -> None:
    """Only a stage before the colon is one."""
    found = errand("--raw", "RCPT TO:<x>", "--raw", "data:x:y", "--raw", "NOOP")
    assert [(raw.after, raw.octets) for raw in found.raw] == [
        (Stage.AUTH, b"RCPT TO:<x>\r\n"),
        (Stage.DATA, b"x:y\r\n"),
        (Stage.AUTH, b"NOOP\r\n"),
    ]


def test_options_become_an_errand(tmp_path: Path) -> None:
    """Extensions, XCLIENT, PROXY and several messages arrive where they belong."""
    (tmp_path / "pw").write_text("s3cret\nmore\n")
    words = ["--pipeline", "--bdat", "100", "--size", "--ret", "hdrs", "--orcpt", "x@example.org", "--messages", "2"]
    words += ["--xclient-addr", "192.0.2.1", "--xclient-helo", "a b", "--xclient", "X=1", "--drop-after", "rcpt"]
    words += [
        "--auth-user",
        "ada",
        "--auth-password-file",
        str(tmp_path / "pw"),
        "--proxy-source",
        "192.0.2.1",
        "--proxy-dest",
        "192.0.2.2",
    ]
    found = errand(*words)
    assert found.posting == Posting(pipelining=True, chunk=100, size=-1, ret="HDRS", orcpt="rfc822;x@example.org")
    assert found.xclient == ("ADDR=192.0.2.1 HELO=a+20b", "X=1")
    assert found.stop == Stop(Way.DROP, Stage.RCPT)
    assert found.proxy == b"PROXY TCP4 192.0.2.1 192.0.2.2 0 25\r\n"
    assert found.login is not None
    assert (found.login.password, found.login.in_clear) == ("s3cret", True)
    assert "s3cret" not in repr(found)
    assert len({letter.content for letter in found.letters}) == 2


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """They are named before anything is sent."""
    for words in (["--data", f"@{tmp_path}/no"], ["--dkim-key", f"{tmp_path}/no", "--dkim-selector", "s"]):
        with pytest.raises(FailureError, match="No such file"):
            errand(*words)


def test_texts_may_be_written_as_for_swaks() -> None:
    r"""``\n`` is a line end, ``@@`` an at sign."""
    assert send_where.content(r"a\nb") == (b"a\nb", "")
    assert send_where.content("@@a") == (b"@a", "")


@pytest.mark.parametrize(
    ("ends", "line", "block"),
    [
        (Proxied("192.0.2.1", 1, "192.0.2.2", 25), b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n", "2111000cc0000201c000020200010019"),
        (
            Proxied("2001:db8::1", 258, "2001:db8::2", 25),
            b"PROXY TCP6 2001:db8::1 2001:db8::2 258 25\r\n",
            "2121002420010db800000000000000000000000120010db800000000000000000000000201020019",
        ),
    ],
)
def test_proxy_headers(ends: Proxied, line: bytes, block: str) -> None:
    """Both versions, both families, to the octet."""
    assert version_1(ends) == line
    assert version_2(ends) == bytes.fromhex("0d0a0d0a000d0a515549540a" + block)
    assert version_2(None) == bytes.fromhex("0d0a0d0a000d0a515549540a20000000")
    with pytest.raises(ProxyError):
        version_1(Proxied(ends.source, 70_000, ends.dest, 1))


def test_a_token_may_stand_where_passwords_do() -> None:
    """Whoever names mechanisms of OAuth alone means the token, from a file too."""
    login = errand("--auth", "XOAUTH2,OAUTHBEARER", "--auth-user", "x", "--auth-password", "y").login
    assert login is not None
    assert (login.token, login.password) == ("y", "")


@pytest.mark.parametrize(("wrong", "right"), [("--auth-usr", "--auth-user"), ("--h-Subject", "--subject"), ("--quitafter", "--quit-after")])
def test_a_slip_is_answered_with_the_nearest_option(wrong: str, right: str) -> None:
    """An option that nobody has is told with the one that was meant."""
    with pytest.raises(UsageError, match=f"did you mean {right}[?]"):
        parsed(*BASE, wrong, "x")
