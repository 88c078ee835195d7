"""The Jinja environment: escaping always, names that are missing are errors. Words of the pages stand in ``web/words/{en,zh}``."""

from __future__ import annotations

import tomllib
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from waypost.replies.library import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LANGUAGES", "STATIC", "TAGS", "Templates", "wording"]

_HERE = Path(__file__).parent
STATIC = _HERE.parent / "static"
"""The folder of style sheet, script and pictures."""


class Templates:
    """Renders pages."""

    def __init__(self, *, inbox: bool, check: bool = False) -> None:
        """``inbox``, ``check``: whether pages link to them."""
        self._environment = Environment(
            loader=FileSystemLoader(_HERE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        tongues = {lang: wording(lang)["frame"]["this_language"] for lang in LANGUAGES}
        self._environment.globals.update(has_inbox=inbox, has_check=check, tags=TAGS, tongues=tongues, stamp=_stamp())

    def render(self, template: str, lang: str, /, **context: Any) -> str:
        """The page ``template`` in ``lang``; ``w`` are its words. Raises LookupError for an unknown language."""
        return self._environment.get_template(template).render(lang=lang, tag=TAGS[lang], w=wording(lang), **context)


@cache
def wording(lang: str) -> Mapping[str, Any]:
    """The words of all pages in ``lang``, by file: ``wording("en")["frame"]["search"]``. Raises LookupError for an unknown language."""
    if lang not in LANGUAGES:
        raise LookupError(f"no pages in {lang!r}; the languages are {', '.join(LANGUAGES)}")
    folder = _HERE.parent / "words" / lang
    return MappingProxyType({path.stem: tomllib.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))})


def _stamp() -> str:
    """Changes with the style sheet and the script, so that browsers may keep them for long."""
    return sha256(b"".join(path.read_bytes() for path in sorted(STATIC.iterdir()))).hexdigest()[:10]


TAGS = {lang: str(wording(lang)["frame"]["tag"]) for lang in LANGUAGES}
"""What browsers call each language."""
