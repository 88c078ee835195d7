"""From the options of ``waypost send`` to what a session is told to do. Reads files and passwords; speaks to no server."""

from __future__ import annotations

import getpass
import os
import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from waypost.cli.exits import Exit, FailureError, UsageError
from waypost.cli.send_login import login
from waypost.cli.send_proxied import proxy, xclient
from waypost.cli.send_swaks import VERSIONS
from waypost.cli.send_where import addresses, hello, one_line, port, protocol, server_named, unescaped
from waypost.diagnose.send.errand import Dialect, Errand, Leniency, Posting, Raw, Security, Stage, Stop, Way
from waypost.diagnose.send.run import Trust

if TYPE_CHECKING:
    import argparse

    from waypost.diagnose.send.errand import Letter

_SECONDS = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smh]?)")
_FOR_EVER = 365 * 86_400.0
"""Seconds that nobody waits."""
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_STAGES = {
    **{stage.value: stage for stage in Stage},
    "first-helo": Stage.FIRST_EHLO,
    "first-lhlo": Stage.FIRST_EHLO,
    "starttls": Stage.TLS,
    "helo": Stage.EHLO,
    "lhlo": Stage.EHLO,
    "from": Stage.MAIL,
    "to": Stage.RCPT,
}
"""Every stage, under swaks' names too."""


def security(args: argparse.Namespace) -> Security:
    """When TLS begins: as it was said, as the protocol's name says, at once on port 465, else where it is offered."""
    named = args.tls or protocol(args)[1]
    if named:
        return Security(named)
    if args.socket or args.pipe:
        return Security.NONE
    return Security.IMPLICIT if port(args) == 465 else Security.OPTIONAL


def trust(args: argparse.Namespace) -> Trust:
    """What TLS is held against. Raises UsageError."""
    if bool(args.tls_cert) != bool(args.tls_key):
        raise UsageError("--tls-cert and --tls-key go together")
    files = [Path(name) if name else None for name in (args.tls_ca, args.tls_cert, args.tls_key)]
    for file in files:
        if file is not None and not (file.is_file() or (file is files[0] and file.is_dir())):
            raise FailureError(f"{file}: no such file", Exit.NO_INPUT)
    chosen = security(args) in (Security.REQUIRED, Security.IMPLICIT) if args.tls_verify is None else args.tls_verify
    return Trust(
        verify=bool(chosen),
        ca=files[0],
        certificate=files[1],
        key=files[2],
        name=args.tls_name or "",
        versions=_versions(args.tls_protocol or ""),
        ciphers=args.tls_cipher or "",
    )


def _versions(text: str) -> frozenset[ssl.TLSVersion]:
    """``tlsv1_2,tlsv1_3`` or ``no_tlsv1_3``. Raises UsageError."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    left_out = [name.removeprefix("no_") for name in names if name.startswith("no_")]
    if left_out and len(left_out) < len(names):
        raise UsageError("--tls-protocol names versions to speak, or versions to leave out (no_tlsv1_3), not both")
    for name in left_out or names:
        if name not in VERSIONS and not (left_out and name in ("sslv2", "sslv3")):
            raise UsageError(f"{name} is no version of TLS that is known here: they are {', '.join(VERSIONS)}")
    chosen = [name for name in VERSIONS if name not in left_out] if left_out else names
    if names and not chosen:
        raise UsageError("--tls-protocol leaves no version to speak")
    return frozenset(ssl.TLSVersion[VERSIONS[name]] for name in chosen)


def sender(args: argparse.Namespace) -> str:
    """The envelope sender; empty: the null reverse-path."""
    if args.sender is None:
        return f"{_account(args)}@{hello(args)}"
    return one_line(args.sender.strip().removeprefix("<").removesuffix(">"), "--from")


def _account(args: argparse.Namespace) -> str:
    if not args.force_getpwuid:
        return getpass.getuser()
    import pwd  # noqa: PLC0415 - there is none on Windows

    return pwd.getpwuid(os.getuid()).pw_name


def seconds(args: argparse.Namespace) -> float:
    """How long to wait. Raises UsageError."""
    found = _SECONDS.fullmatch(args.timeout)
    value = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if found is None:
        raise UsageError(f"--timeout {args.timeout} is no time: write 30, 5s, 2m or 1h, and 0 to wait for ever")
    return value or _FOR_EVER


def lacks_recipients(args: argparse.Namespace) -> bool:
    """Whether the session goes so far that it needs a recipient, and none was named. Raises UsageError."""
    return not addresses(args) and not _before(_stop(args), Stage.RCPT)


def errand(args: argparse.Namespace, letters: tuple[Letter, ...]) -> Errand:
    """The whole of it. Raises UsageError."""
    stop = _stop(args)
    if lacks_recipients(args):
        raise UsageError("say to whom: --to ADDRESS (or stop before that: --quit-after ehlo)")
    return Errand(
        hello=hello(args),
        dialect=Dialect(protocol(args)[0]),
        no_hello=args.no_ehlo,
        security=security(args),
        login=login(args),
        xclient=xclient(args),
        xclient_checked=not args.xclient_no_verify,
        xclient_first=args.xclient_before_starttls,
        xclient_lenient=Leniency(args.xclient_lenient),
        proxy=proxy(args),
        letters=letters,
        posting=_posting(args),
        stop=stop,
        raw=tuple(_raw(text, args) for text in args.raw),
    )


def is_own(args: argparse.Namespace) -> bool:
    """Whether the server was named as one of the caller's own."""
    name = server_named(args)[0].lower()
    return bool(name) and name in {each.lower() for each in args.own}


# ---- parts --------------------------------------------------------------------------------------------------------


def _stop(args: argparse.Namespace) -> Stop | None:
    asked = [
        (way, text)
        for way, text in ((Way.QUIT, args.quit_after), (Way.DROP, args.drop_after), (Way.DROP_SENT, args.drop_after_send))
        if text is not None
    ]
    if len(asked) > 1:
        raise UsageError("--quit-after, --drop-after and --drop-after-send exclude each other")
    return Stop(asked[0][0], _stage(asked[0][1])) if asked else None


def _stage(text: str) -> Stage:
    found = _STAGES.get(text.lower())
    if found is None:
        raise UsageError(f"{text} is no stage: they are {', '.join(Stage)}")
    return found


def _before(stop: Stop | None, stage: Stage) -> bool:
    order = list(Stage)
    return stop is not None and order.index(stop.after) < order.index(stage)


def _raw(text: str, args: argparse.Namespace) -> Raw:
    """``[STAGE:]LINE``."""
    named, colon, rest = text.partition(":")
    stage, line = (_STAGES[named.lower()], rest) if colon and named.lower() in _STAGES else (Stage.AUTH, text)
    octets = unescaped(line)
    if (b"\r" in octets or b"\n" in octets) and not is_own(args):
        raise UsageError("--raw with a line end inside is for hosts of your own: name yours with --own HOST, as --server names it")
    return Raw(stage, octets + b"\r\n")


def _posting(args: argparse.Namespace) -> Posting:
    end = unescaped(args.end_of_data) if args.end_of_data is not None else b"\r\n.\r\n"
    if (args.end_of_data is not None or args.line_end != "crlf") and not is_own(args):
        raise UsageError("wrong line ends are for hosts of your own: name yours with --own HOST, as --server names it")
    if args.bdat is not None and args.bdat < 0:
        raise UsageError("--bdat wants the octets of a chunk")
    return Posting(
        size=args.size,
        body=args.body_type or "",
        smtputf8=args.smtputf8,
        requiretls=args.requiretls,
        notify=one_line(args.notify, "--notify"),
        ret=args.ret,
        envid=args.envid,
        orcpt=_orcpt(args.orcpt),
        pipelining=args.pipeline,
        prdr=args.prdr,
        chunk=args.bdat,
        end=end,
    )


def _orcpt(text: str) -> str:
    if text and ";" not in text:
        return f"rfc822;{text}"
    return one_line(text, "--orcpt")
