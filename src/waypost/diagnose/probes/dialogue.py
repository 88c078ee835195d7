"""To be filled: dialogue."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from waypost.diagnose.finding import Finding
    from waypost.diagnose.scene import Scene


async def probe(scene: Scene) -> AsyncIterator[Finding]:
    """Nothing yet."""
    none: tuple[Finding, ...] = ()
    for finding in none if scene.contacts else ():
        yield finding
