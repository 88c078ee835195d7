"""What a test needs to be present: it skips with the reason where that is missing, and fails with WAYPOST_REQUIRE=1 (see conftest)."""

from __future__ import annotations

import os

import pytest

from support.peers import FETCH

REQUIRED = os.environ.get("WAYPOST_REQUIRE") == "1"


def require(what: str, present: object, reason: str = FETCH) -> None:
    """Go on when ``what`` is present; else skip and say why."""
    if not present:
        pytest.skip(f"{what}: {reason}")


def require_root() -> None:
    """For what root alone may do: mount, drop privileges, run Postfix."""
    require("root", os.geteuid() == 0, "run as root")
