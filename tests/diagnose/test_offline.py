"""A machine without a network of its own says so, and blames nobody else for it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from support.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    """Loopback and nothing else; no resolver answers."""
    made = World(folder)
    try:
        yield made.make()
    finally:
        made.remove()


@pytest.mark.parametrize("target", ["192.0.2.1", "mail.example.org"])
def test_a_machine_that_is_offline(world: World, target: str) -> None:
    """Whether an address or a name was given, the missing network comes first, and bringing it up is what to do."""
    done = world.run(sys.executable, "-m", "waypost.cli.main", "check", "--json", "--lang", "en", target)
    found = json.loads(done.stdout)
    assert "offline-here" in {each["key"] for each in found["findings"]}
    assert "Bring the network up" in found["next_step"]
    assert (found["verdict"], done.returncode) == ("does-not-work", 2)
