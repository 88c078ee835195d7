"""The options of ``waypost send``: those of swaks under their own names where they mean the same. Knows no session."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from waypost.cli import options
from waypost.cli.exits import UsageError
from waypost.cli.send_swaks import ELSEWHERE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_STAGES = "connect banner first-ehlo tls xclient ehlo auth mail rcpt data dot"
XCLIENT = ("addr", "name", "port", "proto", "destaddr", "destport", "helo", "login", "reverse-name")


class _Elsewhere(argparse.Action):
    """An option of swaks that is not here: tells which is near."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: str | Sequence[Any] | None, option: str | None = None
    ) -> None:
        """Raise UsageError."""
        del parser, namespace, values
        raise UsageError(f"{option} is an option of swaks that is not here: {ELSEWHERE[option or '']}")


def add(parser: argparse.ArgumentParser) -> None:
    """Declare all of them."""
    _to_where(parser.add_argument_group("where to"))
    _envelope(parser.add_argument_group("envelope and extensions"))
    _tls(parser.add_argument_group("TLS"))
    _auth(parser.add_argument_group("login"))
    _message(parser.add_argument_group("message"))
    _stages(parser.add_argument_group("stopping early, and worse"))
    _proxies(parser.add_argument_group("as a proxy"))
    _shown(parser.add_argument_group("output"))
    for name in ELSEWHERE:
        parser.add_argument(name, nargs="?", action=_Elsewhere, help=argparse.SUPPRESS)


def known(parser: argparse.ArgumentParser) -> Mapping[str, argparse.Action]:
    """Every option of a parser, under each of its names."""
    return {name: action for action in parser._actions for name in action.option_strings}  # noqa: SLF001 - argparse tells it nowhere else


def _to_where(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--server", "-s", metavar="HOST[:PORT]", help="the server; without it, the exchangers of the last recipient's domain"
    )
    group.add_argument("--port", "-p", metavar="N", help="25, 465 with --tls-on-connect, 24 for LMTP; a service's name too (submission)")
    group.add_argument("--socket", metavar="PATH", help="a UNIX socket")
    group.add_argument("--pipe", metavar="COMMAND", help="a program that speaks SMTP on its input and output (exim -bh 192.0.2.1)")
    group.add_argument("--copy-routing", metavar="DOMAIN", help="the exchangers of this domain, whoever the recipients are")
    group.add_argument("--local-interface", "-li", metavar="ADDRESS[:PORT]", help="connect from this address")
    group.add_argument("--local-port", "-lp", "--lport", metavar="N", help="connect from this port")
    group.add_argument("--protocol", metavar="NAME", default="ESMTP", help="ESMTP, SMTP (HELO only), LMTP; swaks' ESMTPS, ESMTPSA ... too")
    group.add_argument("-4", dest="family", action="store_const", const=4, default=0, help="IPv4 addresses alone")
    group.add_argument("-6", dest="family", action="store_const", const=6, help="IPv6 addresses alone")
    group.add_argument("--timeout", default="30", metavar="SECONDS", help="for the connection and each reply (30; 5s, 2m and 1h too)")
    group.add_argument("--resolver", metavar="ADDRESS[:PORT]", action="append", default=[], help="ask this DNS resolver, not the system's")


def _envelope(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--from", "-f", dest="sender", metavar="ADDRESS", help="envelope sender; <> is the null reverse-path")
    group.add_argument("--to", "-t", action="append", default=[], metavar="ADDRESS[,...]", help="recipients; may be repeated")
    group.add_argument("--ehlo", "--helo", "--lhlo", dest="hello", metavar="NAME", help="our name; without it, this machine's")
    group.add_argument("--messages", type=int, default=1, metavar="N", help="so many messages over one connection")
    group.add_argument("--force-getpwuid", action="store_true", help="without --from, the account's name as the system knows it")
    group.add_argument("--pipeline", action="store_true", help="use PIPELINING where it is offered")
    group.add_argument("--prdr", action="store_true", help="ask for an answer for each recipient (PRDR), where it is offered")
    group.add_argument("--bdat", nargs="?", type=int, const=0, metavar="OCTETS", help="BDAT instead of DATA, in chunks of that size")
    group.add_argument("--size", nargs="?", type=int, const=-1, metavar="N", help="declare SIZE: the true one, or N")
    group.add_argument("--body-type", choices=("7BIT", "8BITMIME", "BINARYMIME"), type=str.upper, help="BODY= of MAIL")
    group.add_argument("--smtputf8", action="store_true", help="say SMTPUTF8, and write UTF-8 into the header")
    group.add_argument("--requiretls", action="store_true", help="say REQUIRETLS; nothing is sent where it cannot be kept")
    group.add_argument("--notify", default="", metavar="WORDS", help="DSN: NEVER, or SUCCESS,FAILURE,DELAY")
    group.add_argument("--ret", default="", choices=("FULL", "HDRS"), type=str.upper, help="DSN: what a notice returns")
    group.add_argument("--envid", default="", metavar="TEXT", help="DSN: the envelope's identifier")
    group.add_argument("--orcpt", default="", metavar="TYPE;ADDRESS", help="DSN: the original recipient, as rfc822;ada@example.org")


def _tls(group: argparse._ArgumentGroup) -> None:
    mode = {"dest": "tls", "action": "store_const"}
    group.add_argument("--tls", "-tls", const="required", help="STARTTLS or nothing; the certificate is verified", **mode)  # type: ignore[arg-type] # argparse takes what its actions take
    group.add_argument(
        "--tls-optional",
        "--tls-optional-strict",
        "-tlso",
        "-tlsos",
        const="optional",
        help="STARTTLS where it is offered, unverified: the default",
        **mode,  # type: ignore[arg-type] # likewise
    )
    group.add_argument("--tls-on-connect", "-tlsc", const="implicit", help="TLS from the first octet, verified; the default on 465", **mode)  # type: ignore[arg-type] # likewise
    group.add_argument("--no-tls", const="none", help="no TLS at all", **mode)  # type: ignore[arg-type] # likewise
    group.add_argument("--tls-verify", action="store_true", default=None, help="verify the certificate, with --tls-optional too")
    group.add_argument("--no-tls-verify", dest="tls_verify", action="store_false", help="do not verify it")
    group.add_argument("--tls-ca", "--tls-ca-path", metavar="FILE", help="trust this authority (a folder of them) instead of the system's")
    group.add_argument(
        "--tls-protocol", "-tlsp", metavar="VERSIONS", help="speak these alone (tlsv1_2,tlsv1_3), or all but these (no_tlsv1_3)"
    )
    group.add_argument("--tls-cipher", metavar="TEXT", help="ciphers, in OpenSSL's words")
    group.add_argument(
        "--tls-get-peer-cert", nargs="?", const="", metavar="FILE", help="show the server's certificate, or write it to FILE"
    )
    group.add_argument("--tls-cert", metavar="FILE", help="our own certificate, PEM")
    group.add_argument("--tls-key", metavar="FILE", help="its key")
    group.add_argument("--tls-name", "--tls-sni", metavar="NAME", help="the server's name in TLS, where it is not the one connected to")


def _auth(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--auth", "-a", nargs="?", const="", metavar="TYPES", help="log in, or end; only by these mechanisms, in this order")
    group.add_argument(
        "--auth-optional", "-ao", nargs="?", const="", metavar="TYPES", help="log in where it is possible, go on where it is not"
    )
    group.add_argument(
        "--auth-optional-strict",
        "-aos",
        nargs="?",
        const="",
        metavar="TYPES",
        help="go on where no login is offered, end where it is and fails",
    )
    group.add_argument("--auth-map", "-am", default="", metavar="NAME=TYPE[,...]", help="this name of the server's means that mechanism")
    group.add_argument("--auth-user", "-au", metavar="NAME", help="as whom")
    group.add_argument("--auth-password", "-ap", metavar="TEXT", help="everybody on this machine can read a command line: prefer the next")
    group.add_argument("--auth-password-file", metavar="FILE", help="the first line of FILE, or of standard input (-)")
    group.add_argument("--auth-token", metavar="TEXT|@FILE", help="a token, for XOAUTH2 and OAUTHBEARER")
    group.add_argument("--auth-identity", default="", metavar="NAME", help="whom to act as, where that is not the user")
    group.add_argument("--auth-in-clear", action="store_true", help="send a password without TLS to other machines too")
    group.add_argument("--show-auth", action="store_true", help="show what is sent to log in, which holds the password")
    group.add_argument("--auth-plaintext", "-apt", action="store_true", help="the same, decoded")
    group.add_argument("--auth-hide-password", "-ahp", nargs="?", const=True, help=argparse.SUPPRESS)
    group.add_argument("--protect-prompt", "-pp", action="store_true", help=argparse.SUPPRESS)


def _message(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--subject", default="", metavar="TEXT", help="the subject")
    group.add_argument("--header", action="append", default=[], metavar="'NAME: VALUE'", help="a header field, in the place of another")
    group.add_argument("--add-header", "-ah", action="append", default=[], metavar="'NAME: VALUE'", help="one more header field")
    group.add_argument("--body", metavar="TEXT|@FILE|-", help="the body (- is standard input)")
    group.add_argument(
        "--data", "-d", metavar="TEXT|@FILE|-", help="the whole message, with %%FROM%%, %%TO%%, %%DATE%%, %%MESSAGEID%%, %%SUBJECT%% in it"
    )
    group.add_argument("-g", dest="data_from_input", action="store_true", help="the same as --data -")
    group.add_argument("--no-data-fixup", "-ndf", action="store_true", help="send --data as it is")
    group.add_argument("--no-strip-from", "-nsf", action="store_true", help="keep the first line of an mbox file (From ...) in --data")
    group.add_argument("--attach", action=_Attach, metavar="TEXT|@FILE|-", help="an attachment; may be repeated")
    group.add_argument(
        "--attach-body", action=_Attach, metavar="TEXT|@FILE|-", help="the body as a MIME part; repeated with other types, alternatives"
    )
    group.add_argument("--attach-type", action=_Attach, metavar="TYPE", help="the type of those that follow")
    group.add_argument("--attach-name", action=_Attach, nargs="?", const="", metavar="NAME", help="the name of the next one; none: no name")
    group.add_argument("--dkim-key", metavar="FILE", help="sign it with this private key (PEM; RSA or Ed25519)")
    group.add_argument("--dkim-selector", metavar="NAME", help="the key's selector")
    group.add_argument("--dkim-domain", metavar="DOMAIN", help="the domain that signs; without it, the sender's")
    group.add_argument("--dump-mail", action="store_true", help="print the message and send nothing")
    group.add_argument("--dump", nargs="?", const="", metavar="SECTIONS", help="print what would be done, and do nothing")
    group.add_argument("--dump-as-body", "-dab", nargs="?", const="", metavar="SECTIONS", help="the same is the body")


class _Attach(argparse.Action):
    """Attachments, with the type and the name that were given before each."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: str | Sequence[Any] | None, option: str | None = None
    ) -> None:
        """Note one more."""
        del parser
        given = getattr(namespace, "attached", None) or []
        namespace.attached = [*given, ((option or "").removeprefix("--"), "" if values is None else str(values))]


class _Xclient(argparse.Action):
    """Attributes of XCLIENT in their order, and where another begins."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: str | Sequence[Any] | None, option: str | None = None
    ) -> None:
        """Note one more."""
        del parser
        given = getattr(namespace, "impersonated", None) or []
        name = (option or "").removeprefix("--xclient").removeprefix("-")
        namespace.impersonated = [*given, (name, "" if name == "delim" else str(values))]


def _stages(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--quit-after", "--quit", "-q", metavar="STAGE", help=f"say QUIT after this stage: {_STAGES}")
    group.add_argument("--drop-after", "--da", "-da", metavar="STAGE", help="close the connection after it")
    group.add_argument("--drop-after-send", "--das", "-das", metavar="STAGE", help="close it without waiting for the reply")
    group.add_argument("--no-ehlo", action="store_true", help="say no hello")
    group.add_argument(
        "--raw", action="append", default=[], metavar="[STAGE:]LINE", help=r"say this after a stage (after auth without one); \xNN and \\"
    )
    group.add_argument("--own", action="append", default=[], metavar="HOST", help="a host of your own: there line ends may be wrong")
    group.add_argument("--line-end", choices=("crlf", "lf", "cr"), default="crlf", help="how lines of the message end (--own)")
    group.add_argument("--end-of-data", metavar="TEXT", help=r"what ends the message, as \n.\n (--own)")


def _proxies(group: argparse._ArgumentGroup) -> None:
    for name in XCLIENT:
        group.add_argument(f"--xclient-{name}", action=_Xclient, metavar="TEXT", help=f"XCLIENT {name.upper().replace('-', '_')}=")
    group.add_argument("--xclient", action=_Xclient, metavar="TEXT", help="an XCLIENT as it is, beside the others")
    group.add_argument("--xclient-delim", action=_Xclient, nargs=0, help="what follows goes into an XCLIENT of its own")
    group.add_argument("--xclient-no-verify", action="store_true", help="send XCLIENT offered or not")
    group.add_argument("--xclient-before-starttls", action="store_true", help="before STARTTLS, not behind it")
    lenient = {"dest": "xclient_lenient", "action": "store_const", "default": "none"}
    group.add_argument("--xclient-optional", const="all", help="go on whatever is answered", **lenient)  # type: ignore[arg-type] # argparse takes what its actions take
    group.add_argument("--xclient-optional-strict", const="absent", help="go on where it is not offered", **lenient)  # type: ignore[arg-type] # likewise
    group.add_argument("--proxy-version", type=int, choices=(1, 2), default=1, help="of the PROXY header (1)")
    group.add_argument(
        "--proxy", metavar="TEXT", help=r"what follows PROXY (behind the signature of version 2), as it is; \xNN is an octet"
    )
    group.add_argument("--proxy-family", metavar="NAME", help="TCP4, TCP6, AF_INET, AF_INET6; without it, that of the addresses")
    group.add_argument("--proxy-protocol", metavar="NAME", default="STREAM", help="of version 2: STREAM, DGRAM or UNSPEC")
    group.add_argument("--proxy-source", metavar="ADDRESS", help="send a PROXY header: the client is this one")
    group.add_argument("--proxy-source-port", type=int, default=0, metavar="N")
    group.add_argument("--proxy-dest", metavar="ADDRESS", help="and it connected to this one")
    group.add_argument("--proxy-dest-port", type=int, default=25, metavar="N")
    group.add_argument("--proxy-command", choices=("PROXY", "LOCAL"), type=str.upper, default="PROXY", help="of version 2")


def _shown(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--timing", "--show-time-lapse", "-stl", nargs="?", const="ms", help="how long each reply took (i: in whole seconds)"
    )
    group.add_argument(
        "--silent", "-S", nargs="?", const=1, type=int, choices=(1, 2, 3), help="nothing until a fault; 2: faults; 3: nothing"
    )
    group.add_argument("--suppress-data", "-n", action="store_true", help="count the lines of the message, show none")
    group.add_argument("--no-explain", action="store_true", help="no explanations")
    group.add_argument("--quiet", action="store_true", help="only what went wrong")
    group.add_argument("--hide-receive", "-hr", action="store_true", help="no replies")
    group.add_argument("--hide-send", "-hs", action="store_true", help="no commands")
    group.add_argument("--hide-informational", "-hi", action="store_true", help="no === lines")
    group.add_argument("--hide-all", "-ha", action="store_true", help="nothing at all; the exit code tells")
    group.add_argument("--no-info-hints", "-nih", action="store_true", help="no === before what happened")
    group.add_argument("--no-send-hints", "-nsh", action="store_true", help="no -> before commands")
    group.add_argument("--no-receive-hints", "-nrh", action="store_true", help="no <- before replies")
    group.add_argument("--no-hints", "-nth", action="store_true", help="neither of the two")
    group.add_argument("--show-raw-text", "-raw", action="store_true", help="every octet in hexadecimal too")
    group.add_argument(
        "--output", "--output-file", "--output-file-stdout", dest="output", metavar="FILE", help="write the transcript to FILE"
    )
    group.add_argument("--output-file-stderr", metavar="FILE", help="write faults of usage to FILE; '&STDOUT': beside the transcript")
    group.add_argument("--config", metavar="FILE", nargs="?", const="", help="options from FILE, one a line, as in swaks' .swaksrc")
    group.add_argument("--support", action="store_true", help="print what this program speaks")
    group.add_argument("--version", action="store_true", help="print its version")


def add_common(parser: argparse.ArgumentParser) -> None:
    """``--lang`` and ``--json``."""
    options.add_language(parser)
    options.add_json_option(parser)
