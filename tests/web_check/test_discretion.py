"""What is kept of a diagnosis for whoever asked from a page: as much as is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from waypost.diagnose.plan import target
from waypost.diagnose.scene import Contact, Place, Speech, Way
from waypost.diagnose.talk import Said
from waypost.diagnose.verdict import Diagnosis, Verdict
from waypost.web.check.discretion import discreet

if TYPE_CHECKING:
    from collections.abc import Sequence


def kept(lines: Sequence[bytes], speech: Speech) -> tuple[Said, Said]:
    """A greeting as it came, and as it is kept."""
    came = Said(tuple(lines), 0.1)
    contact = Contact(place=Place("mx.test", "192.0.2.1", 25), way=Way.OPEN, speech=speech, greeting=came)
    made = Diagnosis(
        target=target("mx.test"),
        findings=(),
        verdict=Verdict.WORKS,
        next_finding=None,
        reachable=True,
        seconds=1.0,
        servers=(),
        contacts=(contact,),
        hellos={},
    )
    (discreetly,) = discreet(made).contacts
    return came, discreetly.greeting


@pytest.mark.parametrize(
    "line",
    [
        b"220-mx.test ESMTP\r\n",
        b"220-" + b"x" * 640 + b"\r\n",
        b"220-" + "字".encode() * 210 + b"\r\n",
        b"220-" + b"\xff" * 640 + b"\r\n",
        b"220-\r\n",
    ],
)
@pytest.mark.parametrize("count", [1, 12, 13, 100])
def test_a_long_greeting_is_shown_the_same_and_not_kept_whole(line: bytes, count: int) -> None:
    """Evidence and code are as they came; a server that says much on every port does not fill the memory for an hour."""
    came, greeting = kept([line] * count, Speech.SMTP)
    assert (greeting.evidence, greeting.code) == (came.evidence, came.code)
    assert sum(map(len, greeting.lines)) < 16_000


def test_of_other_programs_a_line_is_kept() -> None:
    """Whatever else they say is not ours to hand out."""
    _, greeting = kept([b"SSH-2.0-x" + b"y" * 200 + b"\r\n", b"secret\r\n"], Speech.SSH)
    assert (len(greeting.lines), len(greeting.lines[0])) == (1, 80)
