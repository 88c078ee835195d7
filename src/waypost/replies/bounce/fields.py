"""The fields of a delivery status report, wherever they stand: in their own part, mislabelled, or loose in the text.

RFC 3464 section 2 (fields per message and per recipient), RFC 3461 section 4.2 and 4 (xtext), RFC 6533 section 3 (addresses in UTF-8).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_FIELD = re.compile(r"^[ \t>]{0,8}([A-Za-z][A-Za-z0-9-]{1,60})[ \t]*:[ \t]*([^\n]*(?:\n[ \t]+[^ \t\n][^\n]*)*)", re.MULTILINE)
_UNFOLD = re.compile(r"\n[ \t]+")
_LOOSE = re.compile(r"^([ \t>]{0,8})(?:final-recipient|original-recipient|x-actual-recipient)[ \t]*:", re.IGNORECASE | re.MULTILINE)
_UNITEXT = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_STATUS = re.compile(r"\b([245])\s?\.\s?(\d{1,3})\s?\.\s?(\d{1,3})\b")
_COMMENT = re.compile(r"\s*\([^()]*\)\s*")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?")
_QUALIFIED = re.compile(r"[^\s@:;,<>]+@(?:[^\s@:;,.<>]+\.)+[^\s@:;,.<>]{2,}", re.IGNORECASE)

_OF_RECIPIENT = frozenset(
    {
        "action",
        "diagnostic-code",
        "final-log-id",
        "final-recipient",
        "last-attempt-date",
        "original-recipient",
        "remote-mta",
        "status",
        "will-retry-until",
        "x-actual-recipient",
        "x-display-name",
        "x-notes",
        "x-supplementary-info",
    }
)
_CODE = 3
ACTIONS = frozenset({"failed", "delayed", "delivered", "relayed", "expanded"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a report says of one recipient, in its own fields."""

    recipient: str | None
    action: str
    """One of ACTIONS; empty where the report says none."""
    status: str | None
    diagnostic: str
    """The reply as received, without the type before it."""
    host: str | None
    smtp: bool
    """Whether the diagnostic is said to be an SMTP reply."""


def read_fields(text: str) -> tuple[Outcome, ...]:
    """The recipients that a report's fields name, in order; a group that names none counts if it has an action or a diagnostic."""
    indent = _LOOSE.search(text)
    if indent and indent[1]:
        text = "\n".join(line.removeprefix(indent[1]) for line in text.split("\n"))
    return tuple(outcome for group in _groups(text) if (outcome := _outcome(group)))


def has_loose_fields(text: str) -> bool:
    """Whether the text names a recipient by field, so that it is worth reading as a report."""
    return _LOOSE.search(text) is not None


def _groups(text: str) -> list[dict[str, str]]:
    """Fields of each recipient: a new group begins where a field comes again, or a new recipient after a blank line."""
    groups: list[dict[str, str]] = []
    current: dict[str, str] = {}
    end = 0
    for found in _FIELD.finditer(text):
        name = found[1].lower()
        if name not in _OF_RECIPIENT:
            continue
        parted = text.count("\n", end, found.start()) > 1 and name in ("final-recipient", "original-recipient", "action")
        if (name in current and name != "diagnostic-code") or (
            parted and _names_recipient(current) and name in ("final-recipient", "original-recipient")
        ):
            groups.append(current)
            current = {}
        current.setdefault(name, _UNFOLD.sub(" ", found[2]).strip())
        end = found.end()
    groups.append(current)
    return groups


def _names_recipient(group: dict[str, str]) -> bool:
    return "final-recipient" in group


def _outcome(group: dict[str, str]) -> Outcome | None:
    if not ({"final-recipient", "original-recipient", "action"} & group.keys()):
        return None
    action = _COMMENT.sub(" ", group.get("action", "")).strip().lower().split(" ")[0].strip(";,.")
    status = _STATUS.search(group.get("status", ""))
    kind, _, rest = group.get("diagnostic-code", "").partition(";")
    typed = bool(rest) and len(kind) < 30 and " " not in kind.strip()
    return Outcome(
        recipient=_recipient(group),
        action=action if action in ACTIONS else _action_of(action),
        status=".".join(status.groups()) if status else None,
        diagnostic=_worded((rest if typed else group.get("diagnostic-code", "")).strip()),
        host=host_of(group.get("remote-mta", "")),
        smtp=typed and kind.strip().lower() in ("smtp", "x-smtp", "lmtp"),
    )


def _worded(diagnostic: str) -> str:
    """``diagnostic`` if it has words: an exit status alone tells nobody anything."""
    return "" if diagnostic.isdigit() and not (len(diagnostic) == _CODE and diagnostic[0] in "45") else diagnostic


def _action_of(word: str) -> str:
    """An action that is written otherwise than the standard has it: ``failure``, ``fail``, ``delay``."""
    return next((action for action in ACTIONS if word and (word.startswith(action[:4]))), "")


def _recipient(group: dict[str, str]) -> str | None:
    """The address that the sender knows: the final one, unless the mail system only renamed it inside its own house."""
    final = address_of(group.get("final-recipient", ""))
    original = address_of(group.get("original-recipient", "")) or address_of(group.get("x-actual-recipient", ""))
    if not final or not original or final.replace('"', "").lower() == original.replace('"', "").lower():
        return final or original
    if not _QUALIFIED.fullmatch(final) or _same_house(final, original):
        return original
    return final


def _same_house(one: str, other: str) -> bool:
    """Whether two addresses are of one organisation, as far as names tell: one domain is the other's, or lies below it."""
    first, second = (address.rpartition("@")[2].lower().rstrip(".") for address in (one, other))
    return first == second or first.endswith("." + second) or second.endswith("." + first)


def address_of(value: str) -> str | None:
    """The address in a field's ``type; address``, decoded; None where it holds none."""
    kind, _, rest = value.partition(";")
    typed = bool(rest) and "@" not in kind
    address = (rest if typed else value).strip()
    if not address.endswith(">") or address.startswith("<"):
        address = address.removeprefix("<").removesuffix(">").strip()
    if address.lower().startswith(("rfc822;", "mailto:", "smtp:")):
        address = address[7:] if address[6] in ";:" else address[5:]
    address = address.strip()
    if typed and kind.strip().lower() == "utf-8":
        address = _UNITEXT.sub(_code_point, address)
    if typed and "@" not in address and "+40" in address:
        address = _XTEXT.sub(lambda found: chr(int(found[1], 16)), address)
    address = _without_route(_without_comment(address))
    return address if "@" in address[1:] and " " not in address.split('"')[-1] and len(address) <= 400 else None


def _without_route(address: str) -> str:
    """The mailbox of a source route (5321#4.1.1.3), which old gateways still write."""
    return address.partition(":")[2] if address.startswith("@") and ":" in address else address


def _without_comment(address: str) -> str:
    """``address`` without a comment in parentheses or a name before it."""
    address = _COMMENT.sub(" ", address).strip()
    if address.endswith(">") and "<" in address:
        address = address[address.rindex("<") + 1 : -1]
    inner = re.search(r"<([^<>\s]+@[^<>\s]+)>", address)
    return inner[1] if inner else address


def _code_point(found: re.Match[str]) -> str:
    point = int(found[1], 16)
    return chr(point) if point < 0x110000 and not 0xD800 <= point < 0xE000 else found[0]


def host_of(value: str) -> str | None:
    """The host in a field's ``dns; host (address)``, or None."""
    _, _, rest = value.rpartition(";")
    name = _HOST.match(rest.strip().lstrip("["))
    return name[0] if name and len(name[0]) > 1 else None
