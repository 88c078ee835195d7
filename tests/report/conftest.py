from __future__ import annotations

import pytest

from waypost.replies.gloss import Gloss
from waypost.report import prose


@pytest.fixture
def plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Explanations that do not change when the catalogue's prose does."""

    def gloss(code: int, status: str | None, text: str = "", *, key: str = "", lang: str = "en") -> Gloss:
        name = key or f"{code} {status}"
        return Gloss(f"Title of {name}", f"Meaning of {name} ({lang}).", f"Remedy of {name}.")

    monkeypatch.setattr(prose, "gloss", gloss)
