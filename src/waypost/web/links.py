"""Where the pages of the reference stand: under ``/codes/`` of a server, or as files that link to one another. Pure.

A page is called by its name, the same in every language: ``""`` (the index), ``550``, ``X.7.1``, ``compare/214-220``. Names that end
in a slash, and the index, are folders.
"""

from __future__ import annotations

from dataclasses import dataclass
from posixpath import relpath
from typing import Protocol
from urllib.parse import quote

from waypost.replies.library import LANGUAGES

MAIN = LANGUAGES[0]
"""The language without a folder of its own."""


class Links(Protocol):
    """How one page names the others."""

    @property
    def served(self) -> bool:
        """Whether there is a server that can answer questions."""

    def page(self, name: str, lang: str) -> str:
        """Another page; ``name`` may carry a ``#fragment``."""

    def data(self, name: str, lang: str) -> str:
        """The JSON beside a page."""

    def file(self, name: str) -> str:
        """A file of the static folder."""

    def whole(self, name: str, lang: str) -> str:
        """The whole address of a page, for machines elsewhere; as ``page`` where the site's own is not known."""


@dataclass(frozen=True, slots=True)
class Served:
    """Under ``/codes/``."""

    url: str = ""
    """The site's address, without a slash at its end."""

    @property
    def served(self) -> bool:
        """Yes."""
        return True

    def page(self, name: str, lang: str) -> str:
        """``/codes/zh/550``."""
        return f"/codes/{folder(lang)}{quoted(name)}"

    def data(self, name: str, lang: str) -> str:
        """``/codes/zh/550.json``."""
        return f"/codes/{folder(lang)}{quoted(name) or 'index'}.json"

    def file(self, name: str) -> str:
        """``/static/site.css``."""
        return f"/static/{name}"

    def whole(self, name: str, lang: str) -> str:
        """``https://mx.example.org/codes/zh/550``."""
        return f"{self.url}{self.page(name, lang)}"


@dataclass(frozen=True, slots=True)
class Files:
    """As files in a folder that may be put anywhere: every link is relative."""

    here: str
    """The file of the page that links."""
    url: str = ""
    """Where the folder will stand, without a slash at its end; empty: nobody knows."""

    @property
    def served(self) -> bool:
        """No."""
        return False

    def page(self, name: str, lang: str) -> str:
        """``../550.html``."""
        path, hash_, fragment = name.partition("#")
        return f"{self._to(quoted(file_of(path, lang)))}{hash_}{fragment}"

    def data(self, name: str, lang: str) -> str:
        """``../550.json``."""
        return self._to(quoted(f"{folder(lang)}{name or 'index'}.json"))

    def file(self, name: str) -> str:
        """``../static/site.css``."""
        return self._to(f"static/{name}")

    def whole(self, name: str, lang: str) -> str:
        """``https://codes.example.org/550.html``."""
        return f"{self.url}/{quoted(file_of(name, lang))}" if self.url else self.page(name, lang)

    def _to(self, target: str) -> str:
        return relpath(target, self.here.rpartition("/")[0] or ".")


def folder(lang: str) -> str:
    """What stands before the names of the pages in ``lang``."""
    return "" if lang == MAIN else f"{lang}/"


def file_of(name: str, lang: str) -> str:
    """The file of a page: ``zh/compare/index.html``, ``550.html``."""
    return f"{folder(lang)}{name}{'index' if not name or name.endswith('/') else ''}.html"


def quoted(name: str) -> str:
    """A page's name in an address; a fragment stays one."""
    path, hash_, fragment = name.partition("#")
    return f"{quote(path, safe='/.-_~')}{hash_}{quote(fragment, safe='.-_~')}"
