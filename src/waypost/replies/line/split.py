"""What a text consists of before anyone judges it: code, status, host, recipient, the reply itself. Knows no meaning.

RFC 5321 section 4.2 (replies of several lines), RFC 2034 section 4 (status on each line), RFC 3464 section 2.3 (fields).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FIELD = re.compile(
    r"^(final-recipient|original-recipient|status|remote-mta|diagnostic-code)[ \t]*:[ \t]*(.*(?:\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE
)
"""A field of a delivery report, with its folded lines."""

_TYPED = re.compile(r"^(?:smtp|rfc822|utf-8|dns|lmtp|x-[\w-]+|local)\s*;\s*", re.IGNORECASE)

_START = re.compile(
    r"""\s*(?:\W{0,4}(?:smtp|esmtp|error|smtp\ error|server\ (?:response|replied|error)|response|
            code|reply|status|failed|failure|bounced?)\W{1,4}){0,2}
        [<#"'(\[]{0,3}([2-5]\d\d)(?![\d.]|,\d)[:;,)\]>]?""",
    re.IGNORECASE | re.VERBOSE,
)
"""A code at the start of a reply."""

_SAID = re.compile(
    r"""(?:host\s+|from\s+)?\b([\w.-]{1,253}\.\w{1,63})\.?\s{0,3}(?:\[[\da-fA-F:.]{1,50}\])?(?::\d{1,5})?\s{0,3}(?:\([^()]{0,80}\))?\s{0,3}
        (?:said|refused\ to\ talk\ to\ me|replied|responded|returned):\s*""",
    re.IGNORECASE | re.VERBOSE,
)
"""Postfix: ``host mx.example.com[192.0.2.1] said:``."""

_EXIM = re.compile(
    r"""(?:host\s+([\w.-]{1,255})\s+\[[\da-fA-F:.]{1,50}\](?::\d{1,5})?:?\s*)?SMTP\ (?:error|timeout)\ from\ remote\ (?:mail\ server|mailer)
        (?:\ after\ (?:(MAIL|RCPT)\ (?:FROM|TO):\s?<([^>\n]{0,255})>[^:\n]{0,80}|[^:\n]{1,60}))?:\s*
        (?:host\s+([\w.-]{1,255})\s+\[[\da-fA-F:.]{1,50}\](?::\d{1,5})?:\s*)?""",
    re.IGNORECASE | re.VERBOSE,
)
"""Exim, in its older and its newer order."""

_OTHERS = re.compile(
    r"""remote\ (?:host|server)\ (?:said|returned|replied|reports?)\s*:?\s*['"<]{0,2}(?:\#?(?P<early>[245]\.\d{1,3}\.\d{1,3})\ (?:smtp;)?)?|
        the\ (?:response|error)\ (?:from\ the\ remote\ server\ was|that\ the\ other\ server\ returned\ was|was)\s*:?\s*|
        <<<\s+|(?:diagnostic-code|diagnostic\ information)[^\n]{0,40}?(?:smtp)?[;:]\s*|\#<\s*\#?(?P<ndr>[245]\.\d{1,3}\.\d{1,3})\s+smtp;\s*|
        \bsmtp\s*;\s*(?=\d{3})""",
    re.IGNORECASE | re.VERBOSE,
)
"""qmail, Exchange, Gmail, Sendmail, and reports' fields."""

_SOMEWHERE = re.compile(r"(?:^|[\s:;\"'(<\[])([245][0-5]\d)(?:[ -]\(?#?([245]\.\d{1,3}\.\d{1,3})(?![\d.])|[ -](?=[A-Za-z<\[*]))")
"""A code with a status or words behind it, anywhere."""

_STATUS = re.compile(r"(?<![\d.\w-])([245]\.\d{1,3}\.\d{1,3})(?![\d]|\.\d)")

_AGAIN = re.compile(r"\s([2-5]\d\d)[- ](?:[245]\.\d{1,3}\.\d{1,3}(?:\s|$))?")
"""The beginning of a further line, in a reply whose lines were run together."""

_AGAIN_LINE = re.compile(r"\s*([2-5]\d\d)(?:[- ]|$)(?:[245]\.\d{1,3}\.\d{1,3}(?:\s|$))?")

_IN_REPLY = re.compile(r"\s*\(in reply to (?:end of )?([A-Z]+)[^)]*\)?\)?\s*\Z", re.IGNORECASE)

_FOR = re.compile(r"(?:RCPT\s+TO:\s*|^)<([^<>\s@]{1,128}@[^<>\s]{1,255})>", re.IGNORECASE)

_EARLY = 40
"""Characters within which a status belongs to the code before it."""

_COMMANDS = {"mail": "MAIL", "rcpt": "RCPT", "data": "DATA", "ehlo": "EHLO", "helo": "EHLO", "auth": "AUTH", "starttls": "STARTTLS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A reply taken apart."""

    code: int | None = None
    status: str | None = None
    host: str | None = None
    recipient: str | None = None
    text: str = ""
    """The reply on one line: code and status once, then what is said."""
    said: str = ""
    """What is said, without code and status at its start."""
    command: str = ""
    """The command that it answers, where the line tells: MAIL, RCPT, DATA, ..."""
    done: bool = False
    """A log says that the message was delivered, or handed over."""


def split(text: str) -> Parts:
    """The parts of ``text``, a reply with whatever a mail server or a report puts around it."""
    text = _lines(text)
    fields = {name.lower(): value for name, value in _FIELD.findall(text)} if ":" in text else {}
    if "diagnostic-code" in fields or ("status" in fields and "final-recipient" in fields):
        return _of_fields(fields)
    return _of_reply(text)


def _lines(text: str) -> str:
    if "\\n" in text or "\\r" in text:
        text = text.replace("\\r", "").replace("\\n", "\n")
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _of_fields(fields: dict[str, str]) -> Parts:
    said = _TYPED.sub("", fields.get("diagnostic-code", ""))
    parts = _of_reply(said)
    host = _TYPED.sub("", fields.get("remote-mta", "")).strip() or None
    status = _STATUS.search(fields.get("status", ""))
    recipient = _TYPED.sub("", fields.get("final-recipient") or fields.get("original-recipient", "")).strip(" <>\n") or None
    return Parts(
        code=parts.code,
        status=parts.status or (status[1] if status else None),
        host=parts.host or host,
        recipient=recipient or parts.recipient,
        text=parts.text,
        said=parts.said,
        command=parts.command,
    )


def _of_reply(text: str) -> Parts:
    host, recipient, reply, early = _unwrapped(text)
    command = ""
    found = _IN_REPLY.search(reply)
    if found:
        command = _COMMANDS.get(found[1].lower(), "DATA")
        reply = reply[: found.start()]
    code, status, one, said = _numbers(reply)
    return Parts(code=code, status=status or early, host=host, recipient=recipient, text=one, said=said, command=command)


def _unwrapped(text: str) -> tuple[str | None, str | None, str, str | None]:
    """Host, recipient, the reply itself, and a status that stood before it."""
    if _START.match(text):
        return None, None, text, None
    found = _SAID.search(text) if ":" in text else None
    if found:
        named = _FOR.search(text[: found.start()])
        return found[1].lower(), named[1] if named else None, text[found.end() :], None
    found = _EXIM.search(text) if "emote mail" in text else None
    if found:
        recipient = found[3] if found[2] and found[2].upper() == "RCPT" else None
        host = found[1] or found[4]
        return host.lower() if host else None, recipient, text[found.end() :], None
    found = _OTHERS.search(text)
    if found and found.end() < len(text):
        return None, None, text[found.end() :], found["early"] or found["ndr"]
    found = _SOMEWHERE.search(text)
    if found:
        named = _FOR.search(text[: found.start()])
        return None, named[1] if named else None, text[found.start(1) :], None
    return None, None, text, None


def _numbers(reply: str) -> tuple[int | None, str | None, str, str]:
    """Code, status, the whole on one line, and what is said."""
    found = _START.match(reply)
    if not found:
        status = _STATUS.search(reply)
        one = " ".join(reply.split())
        said = one if status is None or status.start() > 2 else " ".join(reply[status.end() :].split())
        return None, status[1] if status else None, one, said
    code, rest = found[1], reply[found.end() :]
    goes_on = rest[:1] == "-"
    if goes_on:  # the mark of a line that is not the last is no part of the status behind it
        rest = f" {rest[1:]}"
    status = _STATUS.search(rest)
    early = status if status and status.start() <= _EARLY and "@" not in rest[: status.start()] else None
    if goes_on or "\n" in rest:
        rest = _joined(rest, code)
        early = early and _STATUS.search(rest)
    one = " ".join(rest.split())
    said = one if early is None or early.start() > 6 else " ".join(rest[early.end() :].lstrip(" )]:;,").split())
    return int(code), status[1] if status else None, f"{code} {one.lstrip('- ')}", said.lstrip("- ")


def _joined(rest: str, code: str) -> str:
    """The lines of a reply without the code and status that each repeats, be they still lines or run together."""
    if "\n" not in rest:
        return _AGAIN.sub(lambda found: " " if found[1] == code else found[0], rest)
    head, *lines = rest.split("\n")
    return " ".join([head, *(_without(code, line) for line in lines)])


def _without(code: str, line: str) -> str:
    found = _AGAIN_LINE.match(line)
    return line[found.end() :] if found and found[1] == code else line
