"""A conversation as its page shows it: each reply with the pages of the reference that explain it. Knows no server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from waypost.mail.identifier import is_identifier
from waypost.web.reference.linking import REPLY, Run, page, reply

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One thing said."""

    after: float
    """Seconds since the conversation began."""
    who: str
    """``client``, ``server`` or ``note``."""
    lines: Sequence[Sequence[Run]]
    digit: str
    """First digit of a reply's code; empty for everything else."""
    code: str
    page: str
    """Of the code, or of its enhanced code where that tells more."""
    explanation: Mapping[str, str] | None

    @property
    def message(self) -> str:
        """The message that the reply says was kept; empty for everything else."""
        return next((run.message for line in self.lines for run in line if run.message), "")

    @property
    def refuses(self) -> bool:
        """Whether it is a refusal."""
        return self.digit in ("4", "5")


def told(conversation: Mapping[str, Any]) -> list[Said]:
    """Everything that was said, in order."""
    return [said(entry) for entry in conversation["lines"]]


def said(entry: Mapping[str, Any]) -> Said:
    """One row of ``trace``, or the refusal of a row of ``refused``."""
    lines: Sequence[str] = entry["lines"]
    replies = entry["who"] == "server"
    found = REPLY.match(lines[-1]) if replies and lines else None
    code, status = (found[1], found[3]) if found else ("", None)
    telling = status if status and not status.endswith(".0.0") and page(status) else code
    return Said(
        after=entry["after"],
        who=entry["who"],
        lines=[_runs(line, greets=entry["key"] == "ehlo" and number > 0) if replies else (Run(line),) for number, line in enumerate(lines)],
        digit=code[:1],
        code=telling,
        page=page(telling) if telling else "",
        explanation=entry["explanation"],
    )


def _runs(line: str, *, greets: bool) -> Sequence[Run]:
    """A reply's line, linked; the message that it names too."""
    runs, rest = reply(line, greets=greets)
    return [*runs, *_named(rest)]


def _named(text: str) -> Sequence[Run]:
    """The rest of a reply of ours; the message that it names, linked."""
    before, queued, rest = text.partition("Queued as ")
    id_, blank, after = rest.partition(" ")
    if not queued or not is_identifier(id_):
        return [Run(text)]
    return [Run(before + queued), Run(id_, message=id_), Run(blank + after)]
