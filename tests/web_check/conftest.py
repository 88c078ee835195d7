"""What the tests of check pages ask for: pages of a pretended network, and a result on them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from support.broken_servers import DOMAIN, Broken, Slow
from support.checked_pages import playing
from web_check.pages_kit import ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.checked_pages import Stage

HOSTILE = b"550 5.7.1 <script>alert(1)</script> \x1b[31m http://evil.example/ no\r\n"
ROW = Broken(name="hostile", key="", says={"RCPT TO:<POSTMASTER": HOSTILE, "": Slow(b"", 0.3, b"220 mx.broken.example ESMTP ready\r\n")})


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Pages that may check anything, of a network with one mail server whose words are hostile."""
    with playing(row=ROW) as played:
        yield played


@pytest.fixture(scope="module")
def result(stage: Stage) -> str:
    """The address of a result."""
    moved = ask(stage, "/check/", {"target": f"ada@{DOMAIN}", "port": "", "from": ""})
    assert moved.status == 303
    place = moved.fields["location"]
    end = time.monotonic() + 15
    while 'class="verdict' not in ask(stage, place).text:
        assert time.monotonic() < end
        time.sleep(0.1)
    return place
