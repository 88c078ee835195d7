"""Delivery into Maildirs."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deliver.outbound_kit import CONTENT, deliver, keys, lease, mailbox, results
from waypost.deliver import maildir
from waypost.deliver.maildir import folder_for, harmless
from waypost.mail.path import Mailbox
from waypost.route.settings import Kind, TransportSettings
from waypost.spool.spool import SpoolUnavailableError


class Pieces:
    """Content that is not at hand."""

    octets = None

    def __init__(self, *parts: bytes, fault: Exception | None = None) -> None:
        self.parts = parts
        self.fault = fault
        self.size = sum(map(len, parts))

    async def chunks(self) -> object:
        for part in self.parts:
            yield part
        if self.fault is not None:
            raise self.fault


def keep(tmp_path: Path, *people: str, pattern: str = "{domain}/{local_part}", **fields: object) -> list[str]:
    async def run() -> list[str]:
        message = lease(*(people or ("bob@there.example",)), **fields)
        spool = await deliver([message], TransportSettings(kind=Kind.MAILDIR, path=f"{tmp_path}/mail/{pattern}"))
        keep.last = results(spool, message)
        return keys(spool, message)

    return asyncio.run(run())


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("content", [CONTENT, Pieces(CONTENT[:10], CONTENT[10:])])
def test_delivered(tmp_path: Path, content: object) -> None:
    """Each recipient has a file in new, with Return-Path and Delivered-To on top of the content as it is, readable by nobody else."""
    assert keep(tmp_path, "Bob@there.example", "eve@there.example", content=content) == ["delivered", "delivered"]
    found = files(tmp_path)
    assert [path.parent.relative_to(tmp_path / "mail").as_posix() for path in found] == ["there.example/bob/new", "there.example/eve/new"]
    assert found[0].read_bytes() == b"Return-Path: <ada@here.example>\r\nDelivered-To: Bob@there.example\r\n" + CONTENT
    assert found[0].name.endswith(f",S={found[0].stat().st_size}")
    assert [oct(path.stat().st_mode & 0o777) for path in (found[0], found[0].parent)] == ["0o600", "0o700"]
    assert {path.name for path in (tmp_path / "mail/there.example/bob").iterdir()} == {"new", "cur", "tmp"}


def test_the_null_path(tmp_path: Path) -> None:
    """A notice's Return-Path is the null one."""
    keep(tmp_path, sender="")
    assert files(tmp_path)[0].read_bytes().startswith(b"Return-Path: <>\r\n")


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (errno.ENOSPC, "mailbox-full"),
        (errno.EDQUOT, "mailbox-full"),
        (errno.EIO, "mailbox-unwritable"),
        (errno.EACCES, "mailbox-unwritable"),
    ],
)
@pytest.mark.parametrize("content", [CONTENT, Pieces(CONTENT)])
def test_a_disk_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, key: str, content: object) -> None:
    """What the disk refuses is deferred with its reason, and nothing half is left."""

    def fsync(_: int) -> None:
        raise OSError(error, os.strerror(error))

    (tmp_path / "mail/there.example/bob").mkdir(parents=True)
    for part in ("new", "tmp", "cur"):
        (tmp_path / "mail/there.example/bob" / part).mkdir()
    monkeypatch.setattr(maildir.os, "fsync", fsync)
    assert keep(tmp_path, content=content) == [key]
    assert os.strerror(error) in keep.last[0].detail
    assert files(tmp_path) == []


def test_content_that_cannot_be_read(tmp_path: Path) -> None:
    """Content that ends in a fault is deferred, and nothing half is left."""
    assert keep(tmp_path, content=Pieces(b"a\r\n", fault=SpoolUnavailableError("gone"))) == ["content-unreadable"]
    assert files(tmp_path) == []


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    """A path that cannot be a folder is deferred for its own recipient alone."""
    (tmp_path / "mail/there.example").mkdir(parents=True)
    (tmp_path / "mail/there.example/bob").write_text("in the way")
    assert keep(tmp_path, "bob@there.example", "eve@there.example") == ["mailbox-unwritable", "delivered"]


@pytest.mark.parametrize(
    ("fact", "name"),
    [
        ("bob", "bob"),
        ("bob+tag", "bob+tag"),
        ("..", "%2E."),
        (".", "%2E"),
        (".hidden", "%2Ehidden"),
        ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"),
        ("a/b", "a%2Fb"),
        ("a\0b", "a%00b"),
        ("a%2Fb", "a%252Fb"),
        ("", "%"),
        ("grün", "gr%C3%BCn"),
        ("[192.0.2.1]", "%5B192.0.2.1%5D"),
    ],
)
def test_harmless(fact: str, name: str) -> None:
    """What names a folder cannot lead out of it, hide, or be two things."""
    assert harmless(fact) == name


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=64), st.text(max_size=64))
def test_nothing_leaves_the_folder(local_part: str, domain: str) -> None:
    """Whatever an address holds, its Maildir lies two steps below the place, and another address has another."""
    local_part, domain = (text.encode("utf-8", "ignore").decode() for text in (local_part, domain))
    folder = folder_for("/mail/{domain}/{local_part}", Mailbox(local_part, domain, ""))
    assert len(folder.parts) == 4
    assert Path(os.path.normpath(folder)) == folder
    assert "\0" not in str(folder)


def test_braces_in_an_address_are_not_filled_in() -> None:
    """An address cannot speak the pattern's language."""
    assert folder_for("/m/{domain}/{local_part}", mailbox("{domain}@x.example")) == Path("/m/x.example/%7Bdomain%7D")
