"""``waypost sendmail``: stands in for /usr/sbin/sendmail. A message is safe in the drop folder before this ends with 0. Knows no server.

Exit codes are those of sysexits.h: 64 usage, 65 no address or too large, 73/74 disk, 75 later, 77 not allowed, 78 configuration.
"""

from __future__ import annotations

import os
import pwd
import sys
from typing import TYPE_CHECKING

from waypost.cli import options, output
from waypost.cli.exits import Exit, FailureError, UsageError
from waypost.cli.programs import letter
from waypost.cli.programs.asked import Asked, Mode, asked

if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = "hand over a message, as /usr/sbin/sendmail does"
USAGE = """usage: sendmail [-t] [-i] [-f ADDRESS] [-F NAME] [-N WHEN] [-R full|hdrs] [-V ID] [-v] [ADDRESS ...]
       sendmail -bs | -bp | -bi | -q[IID|RDOMAIN]

Hands a message from standard input to the server, as /usr/sbin/sendmail does; it is safe when this ends with 0, whether the server
runs or not.

  -t            recipients are those of To, Cc and Bcc too; Bcc is taken out
  -i, -oi       a line with a dot alone does not end the message
  -f, -r ADDR   the envelope sender, '<>' for none; without it the account that calls
  -F NAME       the full name, for a message without From
  -N WHEN       notices: never, or some of success,failure,delay;  -R full|hdrs, -V ID
  -bs           SMTP on standard input and output
  -bp           list the queue, as mailq;  -bi  as newaliases;  -q  try what waits now
  -C FILE       the configuration, as --config FILE; --data DIR, --set KEY=VALUE
  -v            say what was done
-A -B -c -d -e -G -h -L -m -n -o -O -p -U -x are taken and mean nothing here."""


def run_words(words: Sequence[str]) -> int:
    """Do what the command line asks."""
    wanted = asked(words)
    if wanted.where.help:
        print(USAGE)
        return Exit.OK
    match wanted.mode:
        case Mode.QUEUE | Mode.FLUSH:
            from waypost.cli.programs import postqueue  # noqa: PLC0415 - a message needs nothing of it

            return postqueue.flush(wanted.where, wanted.flush) if wanted.flush else postqueue.listing(wanted.where)
        case Mode.ALIASES:
            from waypost.cli.programs import newaliases  # noqa: PLC0415 - likewise

            return newaliases.run_words(())
        case Mode.DIALOGUE:
            return _dialogue(wanted)
        case Mode.MESSAGE:
            return _message(wanted)


def _dialogue(wanted: Asked) -> int:
    from waypost.cli.programs.dialogue import Dialogue  # noqa: PLC0415 - the language is not needed for a plain message
    from waypost.cli.programs.handing_over import Door  # noqa: PLC0415 - likewise

    settings = options.resolve(wanted.where).settings

    def say(octets: bytes) -> None:
        sys.stdout.buffer.write(octets)
        sys.stdout.buffer.flush()

    Dialogue(settings, Door(settings), say).run(sys.stdin.fileno())
    return Exit.OK


def _message(wanted: Asked) -> int:
    from waypost.accept.dropped import Envelope  # noqa: PLC0415 - `sendmail --help` needs no room
    from waypost.cli.programs.handing_over import Door  # noqa: PLC0415 - likewise

    if not (wanted.recipients or wanted.from_header):
        raise UsageError("sendmail: say who shall get it: addresses, or -t to take them from the message")
    settings = options.resolve(wanted.where).settings
    door = Door(settings)
    caller = _caller()
    lines = letter.crlf(sys.stdin.buffer, dots=wanted.dots)
    fields, begun = letter.head(lines)
    recipients = _recipients(wanted, fields, door.domain)
    own = letter.mailbox(caller, door.domain)
    sender = own if wanted.sender is None else _sender(wanted.sender, door.domain)
    envelope = Envelope(
        sender=sender,
        recipients=recipients,
        notify=wanted.notify,
        ret=wanted.ret,
        envid=_xtext(wanted.envid),
        smtputf8=not "".join((sender, *recipients)).isascii(),
    )
    with door.message(envelope) as parcel:
        parcel.write(letter.written(fields, sender=sender or own, name=wanted.name or _full_name(), domain=door.domain))
        parcel.write(begun)
        for line in lines:
            parcel.write(line)
        taken = parcel.commit()
    if wanted.verbose:
        where = "the server takes it now" if taken else f"the server of {settings.data} takes it at its next start"
        output.error(f"{parcel.id} from <{sender}> to {', '.join(recipients)}: {where}")
    return Exit.OK


def _recipients(wanted: Asked, fields: Sequence[letter.Field], domain: str) -> list[str]:
    """Those of the command line and, with -t, those of the message, each once. Raises FailureError."""
    named = letter.said(wanted.recipients)
    if wanted.from_header:
        named += letter.named_in(fields)
    if not named:
        raise FailureError("no recipient: neither the command line nor To, Cc or Bcc names one; nothing was sent", Exit.DATA)
    return list(dict.fromkeys(letter.mailbox(address, domain) for address in named))


def _sender(text: str, domain: str) -> str:
    """The reverse-path; empty for the null one. Raises FailureError."""
    if text.strip() in ("", "<>"):
        return ""
    found = letter.said([text])
    if len(found) != 1:
        raise FailureError(f"-f {text}: one address, or '<>' for none", Exit.DATA)
    return letter.mailbox(found[0], domain)


def _caller() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _full_name() -> str:
    """Of the account that calls, as $NAME or the system has it."""
    name = os.environ.get("NAME", "")
    if not name:
        try:
            entry = pwd.getpwuid(os.getuid())
        except KeyError:
            return ""
        name = entry.pw_gecos.partition(",")[0].replace("&", entry.pw_name.capitalize())
    return name if name.isprintable() else ""


def _xtext(envid: str | None) -> str | None:
    if envid is None:
        return None
    from waypost.smtp.grammar import encode_xtext  # noqa: PLC0415 - seldom asked for

    return encode_xtext(envid.encode("ascii"))
