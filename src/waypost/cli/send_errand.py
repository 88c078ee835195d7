"""From the options of ``waypost send`` to what a session is told to do. Reads files and passwords; speaks to no server."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from waypost.cli.exits import Exit, FailureError, UsageError
from waypost.cli.send_options import XCLIENT
from waypost.cli.send_swaks import PROTOCOLS
from waypost.diagnose.send.auth import MECHANISMS
from waypost.diagnose.send.errand import Dialect, Errand, Login, Posting, Raw, Security, Stage, Stop, Way
from waypost.diagnose.send.proxy import Proxied, ProxyError, version_1, version_2
from waypost.diagnose.send.run import Trust
from waypost.diagnose.send.way import Given
from waypost.smtp.grammar import encode_xtext

if TYPE_CHECKING:
    import argparse

    from waypost.diagnose.send.errand import Letter

_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:\s]+):([0-9]{1,5})")
_SECONDS = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smh]?)")
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
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|([rn0t\\]))")
_LETTERS = {"r": b"\r", "n": b"\n", "0": b"\0", "t": b"\t", "\\": b"\\"}


def port(args: argparse.Namespace) -> int:
    """Where the server listens."""
    named = _server(args)[1]
    chosen = args.port if args.port is not None else named
    if chosen is None:
        chosen = 465 if args.tls == "implicit" else _protocol(args)[2]
    if not 0 < chosen < 65_536:
        raise UsageError(f"{chosen} is no port: ports go from 1 to 65535")
    return int(chosen)


def given(args: argparse.Namespace) -> Given:
    """Where the session goes. Raises UsageError."""
    recipients = addresses(args)
    if args.socket:
        return Given(socket=args.socket)
    server = _server(args)[0]
    if not server and not recipients:
        raise UsageError("say where to send it: --server HOST, or --to an address whose domain tells (see `waypost send --help`)")
    domain = recipients[-1].rpartition("@")[2] if recipients else ""
    if not server and not domain:
        raise UsageError(f"{recipients[-1]} has no domain: say where to send it with --server")
    return Given(server=server, domain=domain, port=port(args), family=args.family)


def security(args: argparse.Namespace) -> Security:
    """When TLS begins: as it was said, as the protocol's name says, at once on port 465, else where it is offered."""
    named = args.tls or _protocol(args)[1]
    if named:
        return Security(named)
    if args.socket:
        return Security.NONE
    return Security.IMPLICIT if port(args) == 465 else Security.OPTIONAL


def trust(args: argparse.Namespace) -> Trust:
    """What TLS is held against. Raises UsageError."""
    if bool(args.tls_cert) != bool(args.tls_key):
        raise UsageError("--tls-cert and --tls-key go together")
    files = [Path(name) if name else None for name in (args.tls_ca, args.tls_cert, args.tls_key)]
    for file in files:
        if file is not None and not file.is_file():
            raise FailureError(f"{file}: no such file", Exit.NO_INPUT)
    chosen = security(args) in (Security.REQUIRED, Security.IMPLICIT) if args.tls_verify is None else args.tls_verify
    return Trust(verify=bool(chosen), ca=files[0], certificate=files[1], key=files[2], name=args.tls_name or "")


def addresses(args: argparse.Namespace) -> tuple[str, ...]:
    """The recipients."""
    found = [each.strip().removeprefix("<").removesuffix(">") for text in args.to for each in text.split(",")]
    return tuple(_one_line(each, "--to") for each in found if each)


def sender(args: argparse.Namespace) -> str:
    """The envelope sender; empty: the null reverse-path."""
    if args.sender is None:
        return f"{getpass.getuser()}@{hello(args)}"
    return _one_line(args.sender.strip().removeprefix("<").removesuffix(">"), "--from")


def hello(args: argparse.Namespace) -> str:
    """Our name."""
    if args.hello:
        return _one_line(args.hello, "--ehlo")
    name = socket.gethostname()
    return name if "." in name else socket.getfqdn(name)


def seconds(args: argparse.Namespace) -> float:
    """How long to wait. Raises UsageError."""
    found = _SECONDS.fullmatch(args.timeout)
    value = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if value <= 0:
        raise UsageError(f"--timeout {args.timeout} is no time: write 30, 5s, 2m or 1h")
    return value


def errand(args: argparse.Namespace, letters: tuple[Letter, ...]) -> Errand:
    """The whole of it. Raises UsageError."""
    stop = _stop(args)
    if not addresses(args) and not _before(stop, Stage.RCPT):
        raise UsageError("say to whom: --to ADDRESS (or stop before that: --quit-after ehlo)")
    return Errand(
        hello=hello(args),
        dialect=Dialect(_protocol(args)[0]),
        no_hello=args.no_ehlo,
        security=security(args),
        login=_login(args),
        xclient=_xclient(args),
        xclient_checked=not args.xclient_no_verify,
        proxy=_proxy(args),
        letters=letters,
        posting=_posting(args),
        stop=stop,
        raw=tuple(_raw(text, args) for text in args.raw),
    )


def content(text: str) -> tuple[bytes, str]:
    """What ``TEXT``, ``@FILE`` or ``-`` stands for, and the file's name. Raises FailureError."""
    if text == "-":
        return sys.stdin.buffer.read(), ""
    if text.startswith("@") and not text.startswith("@@"):
        try:
            return Path(text[1:]).read_bytes(), Path(text[1:]).name
        except OSError as fault:
            raise FailureError(f"{text[1:]}: {fault.strerror or fault}", Exit.NO_INPUT) from fault
    return text.removeprefix("@").replace("\\n", "\n").encode("utf-8", "surrogateescape"), ""


def is_own(args: argparse.Namespace) -> bool:
    """Whether the server was named as one of the caller's own."""
    name = _server(args)[0].lower()
    return bool(name) and name in {each.lower() for each in args.own}


# ---- parts --------------------------------------------------------------------------------------------------------


def _server(args: argparse.Namespace) -> tuple[str, int | None]:
    text = (args.server or "").strip()
    found = _SERVER.fullmatch(text)
    host, named = (found[1], int(found[2])) if found else (text, None)
    return _one_line(host.removeprefix("[").removesuffix("]"), "--server"), named


def _protocol(args: argparse.Namespace) -> tuple[str, str, int, bool]:
    row = PROTOCOLS.get(args.protocol.upper())
    if row is None:
        raise UsageError(f"--protocol {args.protocol} is none of {', '.join(PROTOCOLS)}")
    return row


def _one_line(text: str, option: str) -> str:
    if any(letter in text for letter in "\r\n\0"):
        raise UsageError(f"{option} holds a line end, which would begin another command: use --raw for that")
    return text


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


def unescaped(text: str) -> bytes:
    r"""``\xNN``, ``\r``, ``\n``, ``\t``, ``\0`` and ``\\`` as what they stand for."""
    out, at = b"", 0
    for found in _ESCAPE.finditer(text):
        out += text[at : found.start()].encode() + (bytes([int(found[1], 16)]) if found[1] else _LETTERS[found[2]])
        at = found.end()
    return out + text[at:].encode()


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
        notify=_one_line(args.notify, "--notify"),
        ret=args.ret,
        envid=args.envid,
        orcpt=_orcpt(args.orcpt),
        pipelining=args.pipeline,
        chunk=args.bdat,
        end=end,
    )


def _orcpt(text: str) -> str:
    if text and ";" not in text:
        return f"rfc822;{text}"
    return _one_line(text, "--orcpt")


def _xclient(args: argparse.Namespace) -> tuple[str, ...]:
    words = []
    for name in XCLIENT:
        value = getattr(args, f"xclient_{name.replace('-', '_')}")
        if value is not None:
            words.append(f"{name.upper().replace('-', '_')}={encode_xtext(value.encode())}")
    lines = [" ".join(words)] if words else []
    return (*lines, *(_one_line(text, "--xclient") for text in args.xclient))


def _proxy(args: argparse.Namespace) -> bytes:
    local = args.proxy_version == 2 and args.proxy_command == "LOCAL"
    if args.proxy_source is None and args.proxy_dest is None and not local:
        return b""
    if not local and (args.proxy_source is None or args.proxy_dest is None):
        raise UsageError("--proxy-source and --proxy-dest go together")
    try:
        ends = None if local else Proxied(args.proxy_source, args.proxy_source_port, args.proxy_dest, args.proxy_dest_port)
        return version_2(ends) if ends is None or args.proxy_version == 2 else version_1(ends)
    except ProxyError as fault:
        raise UsageError(str(fault)) from fault


# ---- login --------------------------------------------------------------------------------------------------------


def _login(args: argparse.Namespace) -> Login | None:
    named = args.auth if args.auth is not None else args.auth_optional
    asked = named is not None or args.auth_user is not None or args.auth_token is not None or _protocol(args)[3]
    if not asked:
        return None
    mechanisms = tuple(name.strip().upper() for name in (named or "").split(",") if name.strip())
    for name in mechanisms:
        if name not in MECHANISMS:
            raise UsageError(f"{name} is no mechanism that is known here: they are {', '.join(MECHANISMS)}")
    token = _token(args)
    user = args.auth_user or ""
    external = mechanisms == ("EXTERNAL",)
    if not user and not token and not external:
        raise UsageError("say as whom to log in: --auth-user NAME")
    return Login(
        user=user,
        password="" if token or external else _password(args, user),
        token=token,
        identity=args.auth_identity,
        mechanisms=mechanisms,
        required=args.auth_optional is None,
        in_clear=args.auth_in_clear or bool(args.socket) or _stays_here(_server(args)[0]),
        host=_server(args)[0],
        port=port(args),
    )


def _stays_here(server: str) -> bool:
    """Whether the way to the server leaves this machine: if not, nobody stands on it."""
    return server in ("localhost", "::1") or bool(re.fullmatch(r"127(?:\.[0-9]{1,3}){3}", server))


def _token(args: argparse.Namespace) -> str:
    if args.auth_token is None:
        return ""
    return content(args.auth_token)[0].decode("utf-8", "replace").strip()


def _password(args: argparse.Namespace, user: str) -> str:
    if args.auth_password is not None:
        return "" if args.auth_password == "<>" else str(args.auth_password)  # noqa: S105 - swaks' word for an empty one
    if args.auth_password_file is not None:
        octets = content("-" if args.auth_password_file == "-" else f"@{args.auth_password_file}")[0]  # noqa: S105 - standard input
        return octets.decode("utf-8", "replace").partition("\n")[0].removesuffix("\r")
    if not os.isatty(0):
        raise UsageError("say the password: --auth-password-file FILE, or - for standard input")
    return getpass.getpass(f"Password of {user}: ")
