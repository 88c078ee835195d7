"""Where the pages of the inbox stand: ``/``, and ``/zh/`` in Chinese. Pure.

Identifiers in them are checked before they are looked up; names of files never are part of an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from waypost.web.links import MAIN

EVENTS = "/inbox/events"


@dataclass(frozen=True, slots=True)
class Places:
    """The pages in one language."""

    lang: str

    @property
    def root(self) -> str:
        """What every address begins with."""
        return "/" if self.lang == MAIN else f"/{self.lang}/"

    def mail(self, query: str = "", cursor: str = "") -> str:
        """The list of captured mail."""
        asked = {name: value for name, value in (("q", query), ("before", cursor)) if value}
        return self.root + (f"?{urlencode(asked)}" if asked else "")

    def refused(self, limit: int = 0) -> str:
        """The list of refused sessions."""
        return f"{self.root}refused" + (f"?limit={limit}" if limit else "")

    def message(self, id_: str, view: str = "") -> str:
        """One message, or one view of it."""
        return f"{self.root}inbox/{id_}" + (f"/{view}" if view else "")

    def session(self, id_: str) -> str:
        """One conversation."""
        return f"{self.root}session/{id_}"


def source(id_: str) -> str:
    """The message as a file; what is no page is the same in every language."""
    return f"/inbox/{id_}/raw"


def frame(id_: str) -> str:
    """Its HTML, to be framed."""
    return f"/inbox/{id_}/frame"


def part(id_: str, number: int) -> str:
    """One part as a file."""
    return f"/inbox/{id_}/part/{number}"


def picture(id_: str, number: int) -> str:
    """One part that is a picture."""
    return f"/inbox/{id_}/picture/{number}"
