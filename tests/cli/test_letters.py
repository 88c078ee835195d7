"""Mailbox files and folders of mail, taken apart into messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from waypost.cli.letters import letters

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

HEAD = b"From x Mon May  4 10:00:00 2026\nSubject: s\n\n"


def contents(path: Path) -> list[bytes]:
    """The octets of each message in ``path``."""
    return [each.content for each in letters(str(path)) if isinstance(each.content, bytes) and not each.fault]


def test_a_mailbox_file_is_split(tmp_path: Path) -> None:
    """Each message comes out once, its quoted From lines undone."""
    box = tmp_path / "box"
    box.write_bytes(HEAD + b"From here on\n>From there\n>>From afar\n\n" + HEAD + b"body\n")
    first, second = contents(box)
    assert b"From here on\nFrom there\n>From afar\n" in first
    assert b"body" in second


@given(bodies=st.lists(st.text("abc :\n>", min_size=1, max_size=50), min_size=1, max_size=5))
def test_what_is_joined_is_split(tmp_path_factory: pytest.TempPathFactory, bodies: list[str]) -> None:
    """A mailbox file of so many messages is split into as many."""
    box = tmp_path_factory.mktemp("joined") / "box"
    box.write_bytes(b"".join(HEAD + body.replace(":", "").encode() + b"\n\n" for body in bodies))
    assert len(contents(box)) == len(bodies)


def test_a_maildir_is_walked(tmp_path: Path) -> None:
    """The messages in cur and new are read, what is under way is not."""
    for name in ("cur", "new", "tmp"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1").write_bytes(b"Subject: %b\n\nbody\n" % name.encode())
    assert [content.split(b"\n")[0] for content in contents(tmp_path)] == [b"Subject: cur", b"Subject: new"]
