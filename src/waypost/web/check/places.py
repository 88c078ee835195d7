"""Where the pages of checks stand: ``/check/``, and ``/check/zh/`` in Chinese. Pure.

A result stands under a name that nobody can guess; whoever has the address may read it while it is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from waypost.web.links import folder

API = "/api/check"
ID = re.compile(r"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True)
class Places:
    """The pages in one language."""

    lang: str

    @property
    def root(self) -> str:
        """The form."""
        return f"/check/{folder(self.lang)}"

    def run(self, id_: str) -> str:
        """A check: how far it has come, or what it came to."""
        return f"{self.root}{id_}"

    def data(self, id_: str) -> str:
        """The same as JSON."""
        return f"{self.run(id_)}.json"

    def events(self, id_: str, after: int) -> str:
        """What happens from the event ``after`` on."""
        return f"{self.run(id_)}/events?after={after}"
