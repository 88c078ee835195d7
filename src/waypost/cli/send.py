"""``waypost send``: a session by hand, its transcript as users of swaks know it, every refusal explained. Knows no protocol.

The exit code is that of swaks (``diagnose.send.ending``); wrong usage ends with 64, before anything is sent.
"""

from __future__ import annotations

import asyncio
import base64
import os
import random
import sys
from typing import TYPE_CHECKING

from waypost.cli import output, send_errand, send_options
from waypost.cli.exits import Exit, FailureError, UsageError
from waypost.cli.send_shown import Shown, whole
from waypost.clock import SYSTEM
from waypost.diagnose.send.dkim import KeyFileError, Signer, read_key
from waypost.diagnose.send.errand import Letter, Security
from waypost.diagnose.send.message import Attachment, Draft, MessageError, compose, parse_field
from waypost.diagnose.send.run import Means, send
from waypost.mail import identifier
from waypost.net.dns import CachingResolver
from waypost.net.settings import DnsSettings
from waypost.net.tls import CertificateError
from waypost.smtp.errors import AddressError
from waypost.smtp.grammar import parse_domain

if TYPE_CHECKING:
    import argparse
    import ssl

HELP = "send a message by hand, and explain what the server answers"

_LINE_ENDS = {"crlf": b"\r\n", "lf": b"\n", "cr": b"\r"}
_TYPE = "application/octet-stream"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.usage = "%(prog)s [--server HOST[:PORT]] [--from ADDRESS] --to ADDRESS [OPTION]..."
    send_options.add(parser)
    send_options.add_common(parser)


def run(args: argparse.Namespace) -> int:
    """Send it; the exit code tells how the session ended."""
    letters = _letters(args)
    if args.dump_mail:
        sys.stdout.flush()
        sys.stdout.buffer.write(letters[0].content)
        return Exit.OK
    errand = send_errand.errand(args, letters)
    given = send_errand.given(args)
    trust = send_errand.trust(args)
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
        show_secrets=args.show_auth,
    )
    result = asyncio.run(send(errand, given, means, shown))
    if args.json:
        output.json_out(whole(shown.lines, result))
    return int(result.ending)


def _nonce() -> str:
    return base64.b64encode(os.urandom(18)).decode("ascii")


def _context(args: argparse.Namespace) -> ssl.SSLContext | None:
    if send_errand.security(args) is Security.NONE:
        return None
    try:
        return send_errand.trust(args).context()
    except (CertificateError, OSError) as fault:
        raise FailureError(str(fault), Exit.NO_INPUT) from fault


# ---- the message --------------------------------------------------------------------------------------------------


def _letters(args: argparse.Namespace) -> tuple[Letter, ...]:
    if args.messages < 1:
        raise UsageError("--messages wants a number from 1 on")
    sender, recipients = send_errand.sender(args), send_errand.addresses(args)
    try:
        contents = _contents(args)
    except MessageError as fault:
        raise UsageError(str(fault)) from fault
    return tuple(Letter(sender=sender, recipients=recipients, content=content) for content in contents)


def _contents(args: argparse.Namespace) -> list[bytes]:
    """The content of each message: they differ by their Message-ID. Raises MessageError."""
    template = None if args.data is None else send_errand.content(args.data)[0]
    signer = _signer(args)
    if args.no_data_fixup:
        if template is None:
            raise UsageError("--no-data-fixup is about what --data gives")
        return [_signed(template, signer)] * args.messages
    body = None if args.body is None else send_errand.content(args.body)[0]
    attachments = _attachments(getattr(args, "attached", None) or [])
    contents = []
    for _ in range(args.messages):
        draft = _draft(args, template, body, attachments)
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
        key = read_key(send_errand.content(f"@{args.dkim_key}")[0])
    except AddressError as fault:
        raise UsageError(f"--dkim-domain and --dkim-selector are names of the DNS: {fault.fault}") from fault
    except KeyFileError as fault:
        raise FailureError(f"{args.dkim_key}: {fault}", Exit.DATA) from fault
    return Signer(key=key, domain=names[0], selector=names[1])


def _signed(message: bytes, signer: Signer | None) -> bytes:
    return message if signer is None else signer.sign(message, wall=SYSTEM.wall())


def _draft(args: argparse.Namespace, template: bytes | None, body: bytes | None, attachments: tuple[Attachment, ...]) -> Draft:
    wall = SYSTEM.wall()
    return Draft(
        sender=send_errand.sender(args),
        recipients=send_errand.addresses(args),
        host=send_errand.hello(args),
        wall=wall,
        identifier=identifier.new(wall),
        subject=args.subject,
        headers=tuple(parse_field(text) for text in args.header),
        added=tuple(parse_field(text) for text in args.add_header),
        attachments=attachments,
        utf8=args.smtputf8,
        **({} if template is None else {"template": template}),
        **({} if body is None else {"body": body}),
    )


def _attachments(given: list[tuple[str, str]]) -> tuple[Attachment, ...]:
    """Each with the type that was named last, and the name that was given for it."""
    found, kind, name = [], _TYPE, ""
    for option, text in given:
        match option:
            case "attach-type":
                kind = text
            case "attach-name":
                name = text
            case _:
                octets, file = send_errand.content(text)
                found.append(Attachment(octets, kind, name or file))
                name = ""
    return tuple(found)
