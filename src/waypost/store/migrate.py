"""Brings a database file to the schema of today, one numbered step at a time. Knows no tables of any room.

The version of a file is ``user_version``: how many steps it has taken. ``application_id`` tells our files from other programs'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.store.database import CorruptError

if TYPE_CHECKING:
    from pathlib import Path

    import apsw

    from waypost.store.queries import Schema

APPLICATION = 0x57505354
"""Written into every file of ours."""


def migrate(driver: apsw.Connection, schema: Schema, path: Path) -> None:
    """Take the steps that are missing, all in one transaction. Raises CorruptError for a newer or a foreign file."""
    version = _number(driver, "user_version")
    latest = len(schema.migrations)
    _refuse_foreign(driver, path)
    if version > latest:
        raise CorruptError(
            f"{path} has schema version {version}, but this Waypost knows versions up to {latest} only. "
            "Start the newer Waypost that wrote it, or restore the folder from a backup made before the upgrade."
        )
    if version < latest:
        with driver:
            for step in schema.migrations[version:]:
                driver.execute(step)
            driver.execute(f"PRAGMA application_id={APPLICATION}")
            driver.execute(f"PRAGMA user_version={latest}")


def _refuse_foreign(driver: apsw.Connection, path: Path) -> None:
    tables = next(iter(driver.execute("SELECT count(*) FROM sqlite_schema")))[0]
    if tables and _number(driver, "application_id") != APPLICATION:
        raise CorruptError(f"{path} belongs to another program. Move it away, or name another folder as data.")


def _number(driver: apsw.Connection, pragma: str) -> int:
    value = driver.pragma(pragma)
    return value if isinstance(value, int) else 0
