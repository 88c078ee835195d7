"""The tree behind "why is my mail bouncing?": steps that ask, and steps that end with causes. The steps are data; pure."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waypost.web.templates import wording

if TYPE_CHECKING:
    from collections.abc import Mapping

START = "start"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to a step's question."""

    text: str
    leads: str
    """The step that it leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One page of the tree."""

    name: str
    question: str
    """What is asked; of an end, what was found."""
    says: tuple[str, ...]
    answers: tuple[Answer, ...]
    causes: tuple[str, ...]
    """Categories, the likeliest first."""
    codes: tuple[str, ...]

    @property
    def leaf(self) -> bool:
        """Whether the questions end here."""
        return not self.answers


@cache
def nodes() -> Mapping[str, Any]:
    """Every step as it stands in the data, by name."""
    return tomllib.loads((Path(__file__).parent / "why.toml").read_text("utf-8"))


def node(name: str, lang: str) -> Step:
    """One step in one language. Raises KeyError for a name that is none."""
    row = nodes()[name]
    told = wording(lang)["why"][name]
    return Step(
        name=name,
        question=told["question"],
        says=tuple(told["says"]),
        answers=tuple(Answer(told["answers"][key], leads) for key, leads in row.get("answers", {}).items()),
        causes=tuple(row.get("causes", ())),
        codes=tuple(row.get("codes", ())),
    )


def page(name: str) -> str:
    """The page of a step."""
    return "why" if name == START else f"why/{name}"
