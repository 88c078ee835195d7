"""Lines of mail servers' logs: which server's, and the reply, recipient and host in them. Knows no meaning.

Postfix, Exim, Sendmail, Exchange, OpenSMTPD, qmail, KumoMTA, and our own JSON; our Postfix form is read as Postfix's.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from waypost.replies.line.split import Parts, split

if TYPE_CHECKING:
    from collections.abc import Callable

SUCCESS = "250"
"""What a line of success comes to where it holds no reply."""

_POSTFIX = re.compile(r"\bstatus=(sent|bounced|deferred|expired|undeliverable|deliverable|SOFTBOUNCE)\b,? ?(.*)\Z", re.DOTALL)
_POSTFIX_REJECT = re.compile(
    r"\b(?:milter-)?(?:reject|hold|discard|warn)(?:_warning)?: ([A-Z-]+)(?: command)? from (\S+?): (.*?)(?:; (from=<.*))?\Z", re.DOTALL
)
_EXIM = re.compile(r"(?:\A|\s)(\*\*|==|=>|->|>>|\*>) (\S+@\S+|\S+)(.*)\Z", re.DOTALL)
_EXIM_HEAD = re.compile(r"\b(?:[\dA-Za-z]{6}-[\dA-Za-z]{6,11}-[\dA-Za-z]{2,4})\b")
_EXIM_REJECT = re.compile(
    r"\b(?:temporarily )?rejected (RCPT|MAIL|DATA|EHLO|HELO|connection|after DATA|AUTH|VRFY|EXPN)(?: in \S+)?[: ]*(?:<([^>]*)>)?:? ?(.*)\Z",
    re.DOTALL,
)
_EXIM_MORE = re.compile(
    r"\A(?: <[^>]*>| \([^)]*\)| [A-Z]{1,4}=(?:\"[^\"]*\"|\S+)| \[[\da-fA-F.:]+\](?::\d+)?| defer \(-?\d+\)| I=\[[^\]]*\](?::\d+)?)*:? ?"
)
_SENDMAIL = re.compile(r"\bstat=(.*)\Z", re.DOTALL)
_SENDMAIL_REJECT = re.compile(r"\breject=(.*)\Z", re.DOTALL)
_OPENSMTPD = re.compile(r"\bresult=\"?(Ok|TempFail|PermFail|Loop)\"?.*?\bstat=\"?(.*?)\"?\s*\Z", re.DOTALL)
_OPENSMTPD_COMMAND = re.compile(r"failed-command.*?\bcommand=\"([^\"]*)\" result=\"([^\"]*)\"")
_QMAIL = re.compile(r"\bdelivery \d+: (success|failure|deferral): (.*)\Z", re.DOTALL)
_EXCHANGE_ERROR = re.compile(r"\{LED=(.*?)\}(?:;|\Z|\])", re.DOTALL)
_EXCHANGE_PROTOCOL = re.compile(r"(?:,|\A)([\d.:a-fA-F\[\]]+:\d+),([\d.:a-fA-F\[\]]+:\d+),<,(.*?)(?:,[^,]*)?\Z", re.DOTALL)
_EXCHANGE_TRACKED = re.compile(r",(FAIL|DEFER|SEND|DELIVER|DSN|BADMAIL|EXPAND),")
_COLUMN = re.compile(r",([^\s,<>@]{1,128}@[^\s,<>@]{1,255}),")
_GIVING_UP = re.compile(r"\s*Giving up on [\da-fA-F:.\[\]]+\s*\Z")
_SENDMAIL_STATES = re.compile(r"\A(?:Deferred(?::\s*)?|Sent\b.*|queued\b.*|Service unavailable\Z)", re.IGNORECASE | re.DOTALL)
_NO_RELAY = ("none", "local", "virtual", "dovecot", "lmtp", "localhost", "[127.0.0.1]", "lmtp-unix", "maildrop")


def read_log(text: str) -> Parts | None:
    """The parts of a log line, or None for what is none."""
    for mark, reader in _READERS:
        if mark in text:
            found = reader(text)
            if found is not None:
                return found
    return None


def _field(text: str, name: str) -> str | None:
    found = re.search(rf"\b{name}=[<\"]?([^>\",\s\[\]]+)", text)
    return found[1] if found else None


def _host(relay: str | None) -> str | None:
    if relay is None or relay in _NO_RELAY:
        return None
    return relay.rstrip(".").lower()


def _done(parts: Parts, text: str) -> Parts:
    """The parts of a delivery that succeeded."""
    if str(parts.code or parts.status or "").startswith("2"):
        return replace(parts, done=True)
    return replace(parts, code=int(SUCCESS), text=parts.text or text.strip(), done=True)


def _postfix(text: str) -> Parts | None:
    found = _POSTFIX.search(text)
    if found is None:
        return None
    head, comment = text[: found.start()], found[2].strip()
    comment = comment[1:-1] if comment[:1] == "(" and comment[-1:] == ")" else comment.removeprefix("(")
    parts = split(comment or found[1])
    parts = replace(
        parts,
        recipient=_field(head, "to") or parts.recipient,
        host=parts.host or _host(_field(head, "relay")),
        status=parts.status or _field(head, "dsn"),
    )
    if found[1] == "expired":
        return replace(parts, said=f"message expired {parts.said}", recipient=_field(head, "to"))
    return _done(parts, comment) if found[1] == "sent" else parts


def _postfix_reject(text: str) -> Parts | None:
    found = _POSTFIX_REJECT.search(text)
    if found is None:
        return None
    rest = found[4] or ""
    command = {"RCPT": "RCPT", "MAIL": "MAIL", "CONNECT": "EHLO", "EHLO": "EHLO", "HELO": "EHLO"}.get(found[1], "DATA")
    return replace(split(found[3]), recipient=_field(rest, "to"), command=command)


def _exim(text: str) -> Parts | None:
    found = _EXIM.search(text)
    if found is None or not (_EXIM_HEAD.search(text[: found.start() + 1]) or " R=" in text or " T=" in text):
        return None
    more = _EXIM_MORE.match(found[3])
    before, reply = (found[3], "") if more is None else (found[3][: more.end()], found[3][more.end() :])
    recipient = re.search(r"<([^>]+@[^>]+)>", before)
    named = recipient[1] if recipient and "@" not in found[2] else found[2]
    parts = split(reply)
    parts = replace(parts, recipient=named.strip("<>:"), host=parts.host or _host(_field(before, "H")))
    return _done(parts, reply or before) if found[1] in ("=>", "->", ">>", "*>") else parts


def _exim_reject(text: str) -> Parts | None:
    found = _EXIM_REJECT.search(text)
    if found is None or ("F=<" not in text and "H=" not in text):
        return None
    command = {"RCPT": "RCPT", "MAIL": "MAIL"}.get(found[1], "DATA" if "DATA" in found[1] else "EHLO")
    return replace(split(found[3]), recipient=found[2] if command == "RCPT" else None, command=command)


def _sendmail(text: str) -> Parts | None:
    found = _SENDMAIL.search(text)
    if found is None or ("to=" not in text and "relay=" not in text):
        return None
    head, state = text[: found.start()], found[1].strip()
    said = _SENDMAIL_STATES.sub("", state)
    parts = split(said or state)
    parts = replace(
        parts,
        recipient=_field(head, "to") or parts.recipient,
        host=parts.host or _host(_field(head, "relay")),
        status=parts.status or _field(head, "dsn"),
    )
    return _done(parts, state) if state.lower().startswith("sent") else parts


def _sendmail_reject(text: str) -> Parts | None:
    found = _SENDMAIL_REJECT.search(text)
    if found is None:
        return None
    ruleset = _field(text, "ruleset") or ""
    return replace(split(found[1]), recipient=_field(text, "arg1") if ruleset == "check_rcpt" else None)


def _opensmtpd(text: str) -> Parts | None:
    if found := _OPENSMTPD.search(text):
        relay = re.search(r"relay=\"?[^\"]*?\(([\w.-]+)\)", text)
        named = [one for one in (_field(text, "rcpt"), _field(text, "to")) if one and "@" in one]
        parts = split(found[2])
        parts = replace(parts, host=relay[1].lower() if relay else parts.host, recipient=named[0] if named else None)
        return _done(parts, found[2]) if found[1] == "Ok" else parts
    if found := _OPENSMTPD_COMMAND.search(text):
        recipient = re.search(r"RCPT TO:\s*<([^>]+)>", found[1], re.IGNORECASE)
        return replace(split(found[2]), recipient=recipient[1] if recipient else None)
    return None


def _qmail(text: str) -> Parts | None:
    found = _QMAIL.search(text)
    if found is None:
        return None
    said = found[2].replace("/", "\n") if " " not in found[2] else found[2]
    parts = split(_GIVING_UP.sub("", " ".join(said.replace("_", " ").split())))
    return _done(parts, found[2]) if found[1] == "success" else parts


def _exchange(text: str) -> Parts | None:
    if found := _EXCHANGE_ERROR.search(text):
        recipient = _COLUMN.search(text[: found.start()])
        host = re.search(r"\{FQDN=([^}]+)\}", text)
        return replace(split(found[1]), recipient=recipient[1] if recipient else None, host=host[1].lower() if host else None)
    if found := _EXCHANGE_PROTOCOL.search(text):
        return split(found[3].strip('"'))
    if found := _EXCHANGE_TRACKED.search(text):
        return _tracked(text, found[1])
    return None


def _tracked(text: str, event: str) -> Parts | None:
    recipient = _COLUMN.search(text)
    reply = re.search(r"\b[245]\d\d \d\.\d{1,3}\.\d{1,3}[^,\"]*", text)
    if recipient is None:
        return None
    parts = replace(split(reply[0]) if reply else Parts(text=text.strip()), recipient=recipient[1])
    return _done(parts, text) if event in ("SEND", "DELIVER") else parts


def _json(text: str) -> Parts | None:
    from waypost.replies.line.json_logs import read_json  # noqa: PLC0415 - json is not needed by any other form

    return read_json(text) if text.startswith("{") else None


_READERS: tuple[tuple[str, Callable[[str], Parts | None]], ...] = (
    ("{", _json),
    ("status=", _postfix),
    ("reject: ", _postfix_reject),
    ("stat=", _opensmtpd),
    ("failed-command", _opensmtpd),
    ("stat=", _sendmail),
    ("reject=", _sendmail_reject),
    ("@", _exim),
    (" rejected ", _exim_reject),
    ("delivery ", _qmail),
    ("{LED=", _exchange),
    (",<,", _exchange),
    (",FAIL,", _exchange),
    (",DEFER,", _exchange),
    (",SEND,", _exchange),
    (",DELIVER,", _exchange),
)
"""What a line of each form holds, the cheap test, and who reads it."""
