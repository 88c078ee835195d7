"""An inbox over the shipped fakes."""

from __future__ import annotations

import pytest

from support.mailroom import Room


@pytest.fixture
def room() -> Room:
    """An empty inbox and its pages."""
    return Room()
