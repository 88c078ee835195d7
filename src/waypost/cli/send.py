"""``waypost send``: a session by hand, its transcript as users of swaks know it, every refusal explained. Knows no protocol.

The exit code is that of swaks (``diagnose.send.ending``); wrong usage ends with 64, before anything is sent.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import random
import ssl
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from waypost.cli import options, output, send_errand, send_options, send_where
from waypost.cli.exits import Exit, FailureError, UsageError
from waypost.cli.send_dump import dump, support
from waypost.cli.send_shown import Shown, whole
from waypost.cli.send_words import question, rewritten
from waypost.clock import SYSTEM
from waypost.diagnose.send.dkim import KeyFileError, Signer, read_key
from waypost.diagnose.send.errand import Letter, Security
from waypost.diagnose.send.message import Attachment, Draft, MessageError, compose, parse_field
from waypost.diagnose.send.run import Means, send
from waypost.diagnose.send.transcript import Secrets
from waypost.mail import identifier
from waypost.net.dns import CachingResolver
from waypost.net.settings import DnsSettings
from waypost.net.tls import CertificateError
from waypost.smtp.errors import AddressError
from waypost.smtp.grammar import parse_domain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

HELP = "send a message by hand, and explain what the server answers"

_LINE_ENDS = {"crlf": b"\r\n", "lf": b"\n", "cr": b"\r"}
_TYPE = "application/octet-stream"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "%(prog)s [--server HOST[:PORT]] [--from ADDRESS] --to ADDRESS [OPTION]..."
    send_options.add(parser)
    send_options.add_common(parser)


def run_words(words: list[str]) -> int:
    """Read the command line as users of swaks write it, and run it."""
    parser = options.Parser(prog="waypost send", description=f"{HELP[0].upper()}{HELP[1:]}.", allow_abbrev=False)
    configure(parser)
    return run(parser.parse_args(rewritten(words, send_options.known(parser), asking=sys.stdin.isatty())))


def run(args: argparse.Namespace) -> int:
    """Send it; the exit code tells how the session ended."""
    if args.version:
        from waypost.cli.version import version  # noqa: PLC0415 - reads the package's metadata from disk

        print(f"waypost {version()}")
        return Exit.OK
    if args.support:
        print(support())
        return Exit.OK
    with _redirected(args):
        return _run(args)


@contextlib.contextmanager
def _redirected(args: argparse.Namespace) -> Iterator[None]:
    """The transcript, and what is said of usage, go where they should."""
    usual = {"&STDOUT": sys.stdout, "&STDERR": sys.stderr}
    with contextlib.ExitStack() as held:
        for name, redirect in ((args.output, contextlib.redirect_stdout), (args.output_file_stderr, contextlib.redirect_stderr)):
            if name is None:
                continue
            try:
                stream = usual.get(name) or held.enter_context(Path(name).open("w", encoding="utf-8", errors="backslashreplace"))
            except OSError as fault:
                raise FailureError(f"{name}: {fault.strerror or fault}", Exit.CANNOT_CREATE) from fault
            held.enter_context(redirect(stream))
        try:
            yield
        except FailureError as fault:
            if args.output_file_stderr is None:
                raise
            output.error(str(fault))
            raise SystemExit(int(fault.code)) from fault


def _run(args: argparse.Namespace) -> int:
    if send_errand.lacks_recipients(args) and sys.stdin.isatty():
        args.to = [question("To: ")]
    letters = _letters(args)
    if args.dump_mail:
        sys.stdout.flush()
        sys.stdout.buffer.write(letters[0].content)
        return Exit.OK
    errand = send_errand.errand(args, letters)
    given = send_where.given(args)
    trust = send_errand.trust(args)
    if args.dump is not None:
        output.text(dump(errand, given, trust, args.dump))
        return Exit.OK
    shown = Shown(args)
    try:
        context = _context(args)
        resolver = CachingResolver(DnsSettings(resolvers=tuple(args.resolver)), clock=SYSTEM)
    except ValueError as fault:
        raise UsageError(str(fault)) from fault
    means = Means(
        resolver=resolver,
        clock=SYSTEM,
        nonce=_nonce,
        shuffle=random.shuffle,
        seconds=send_errand.seconds(args),
        context=context,
        trust=trust,
        lang=args.lang,
        secrets=_secrets(args),
        hexadecimal=args.show_raw_text,
        show_certificate=args.tls_get_peer_cert == "",
        keep_certificate=_keeper(args),
    )
    result = asyncio.run(send(errand, given, means, shown))
    if args.json:
        output.json_out(whole(shown.lines, result))
    return int(result.ending)


def _secrets(args: argparse.Namespace) -> Secrets:
    """Hiding them wins over both ways of showing them."""
    if args.auth_hide_password:
        return Secrets.HIDDEN
    if args.auth_plaintext:
        return Secrets.READABLE
    return Secrets.ENCODED if args.show_auth else Secrets.HIDDEN


def _keeper(args: argparse.Namespace) -> Callable[[str], None] | None:
    """What becomes of the server's certificate. Raises FailureError."""
    if not args.tls_get_peer_cert:
        return None
    try:
        Path(args.tls_get_peer_cert).write_text("", "ascii")
    except OSError as fault:
        raise FailureError(f"{args.tls_get_peer_cert}: {fault.strerror or fault}", Exit.CANNOT_CREATE) from fault

    def keep(pem: str) -> None:
        Path(args.tls_get_peer_cert).write_text(pem, "ascii")

    return keep


def _nonce() -> str:
    return base64.b64encode(os.urandom(18)).decode("ascii")


def _context(args: argparse.Namespace) -> ssl.SSLContext | None:
    if send_errand.security(args) is Security.NONE:
        return None
    try:
        return send_errand.trust(args).context()
    except ssl.SSLError as fault:
        raise UsageError(f"--tls-cipher, --tls-cert or --tls-key: {' '.join(map(str, fault.args))}") from fault
    except (CertificateError, OSError) as fault:
        raise FailureError(str(fault), Exit.NO_INPUT) from fault


# ---- the message --------------------------------------------------------------------------------------------------


def _letters(args: argparse.Namespace) -> tuple[Letter, ...]:
    if args.messages < 1:
        raise UsageError("--messages wants a number from 1 on")
    sender, recipients = send_errand.sender(args), send_where.addresses(args)
    try:
        contents = _contents(args)
    except MessageError as fault:
        raise UsageError(str(fault)) from fault
    return tuple(Letter(sender=sender, recipients=recipients, content=content) for content in contents)


def _contents(args: argparse.Namespace) -> list[bytes]:
    """The content of each message: they differ by their Message-ID. Raises MessageError."""
    data = "-" if args.data is None and args.data_from_input else args.data
    template = None if data is None else send_where.content(data)[0]
    signer = _signer(args)
    if args.no_data_fixup:
        if template is None:
            raise UsageError("--no-data-fixup is about what --data gives")
        return [_signed(template, signer)] * args.messages
    body = _body(args)
    bodies, attachments = _parts(getattr(args, "attached", None) or [])
    if bodies and body is not None:
        bodies = (Attachment(body, "text/plain"), *bodies)
    contents = []
    for _ in range(args.messages):
        draft = _draft(args, alternatives=bodies, attachments=attachments)
        if template is not None:
            draft = replace(draft, template=template)
        if body is not None:
            draft = replace(draft, body=body)
        contents.append(_signed(compose(draft), signer).replace(b"\r\n", _LINE_ENDS[args.line_end]))
    return contents


def _signer(args: argparse.Namespace) -> Signer | None:
    """Who signs the messages. Raises FailureError, UsageError."""
    if args.dkim_key is None:
        if args.dkim_selector or args.dkim_domain:
            raise UsageError("--dkim-selector and --dkim-domain are about a key: --dkim-key FILE")
        return None
    domain = args.dkim_domain or send_errand.sender(args).rpartition("@")[2]
    if not args.dkim_selector or not domain:
        raise UsageError("--dkim-key needs --dkim-selector, and --dkim-domain where the sender has no domain")
    try:
        names = [parse_domain(name) for name in (domain, args.dkim_selector)]
        key = read_key(send_where.content(f"@{args.dkim_key}")[0])
    except AddressError as fault:
        raise UsageError(f"--dkim-domain and --dkim-selector are names of the DNS: {fault.fault}") from fault
    except KeyFileError as fault:
        raise FailureError(f"{args.dkim_key}: {fault}", Exit.DATA) from fault
    return Signer(key=key, domain=names[0], selector=names[1])


def _signed(message: bytes, signer: Signer | None) -> bytes:
    return message if signer is None else signer.sign(message, wall=SYSTEM.wall())


def _draft(args: argparse.Namespace, *, alternatives: tuple[Attachment, ...], attachments: tuple[Attachment, ...]) -> Draft:
    wall = SYSTEM.wall()
    return Draft(
        sender=send_errand.sender(args),
        recipients=send_where.addresses(args),
        host=send_where.hello(args),
        wall=wall,
        identifier=identifier.new(wall),
        subject=args.subject,
        headers=tuple(parse_field(text) for text in args.header),
        added=tuple(parse_field(line) for text in args.add_header for line in text.split("\\n")),
        alternatives=alternatives,
        attachments=attachments,
        strip=not args.no_strip_from,
        utf8=args.smtputf8,
    )


def _body(args: argparse.Namespace) -> bytes | None:
    """The text of the body; None: the usual one. Raises FailureError, UsageError."""
    if args.body is not None:
        return send_where.content(args.body)[0]
    if args.dump_as_body is None:
        return None
    return dump(send_errand.errand(args, ()), send_where.given(args), send_errand.trust(args), args.dump_as_body, data=False).encode()


def _parts(given: list[tuple[str, str]]) -> tuple[tuple[Attachment, ...], tuple[Attachment, ...]]:
    """Forms of the body, and attachments: each with the type that was named last, and the name that was given for it."""
    bodies: list[Attachment] = []
    found: list[Attachment] = []
    kind, name = "", None
    for option, text in given:
        match option:
            case "attach-type":
                kind = text
            case "attach-name":
                name = text
            case "attach-body":
                bodies.append(Attachment(_told(option, text)[0], kind or "text/plain"))
            case _:
                octets, file = _told(option, text)
                found.append(Attachment(octets, kind or _TYPE, file if name is None else name))
                name = None
    return tuple(bodies), tuple(found)


def _told(option: str, text: str) -> tuple[bytes, str]:
    """What is attached; whoever names a file without @ is told that its name is what goes."""
    if not text.startswith(("@", "-")) and len(text) < 256 and "\n" not in text and Path(text).is_file():
        output.error(f"--{option} {text} attaches these words; --{option} @{text} attaches the file")
    return send_where.content(text)
