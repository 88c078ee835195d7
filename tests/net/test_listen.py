from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.net.listen import Acceptor, ListenError, Place, bind, connections_of, inherited, parse, place_of

if TYPE_CHECKING:
    from pathlib import Path

    from waypost.net.listen import Arrival


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ("127.0.0.1:25", Place("127.0.0.1", 25)),
        ("0.0.0.0:0", Place("0.0.0.0", 0)),  # noqa: S104 - read, not bound
        ("[::1]:587", Place("::1", 587)),
        ("[2001:DB8:0::1]:65535", Place("2001:db8::1", 65_535)),
        ("unix:/run/x.sock", Place(path="/run/x.sock")),
    ],
)
def test_places_are_read(spec: str, place: Place) -> None:
    """An address and port, IPv6 in brackets, or a path."""
    assert parse(spec) == place
    assert parse(str(place)) == place


@pytest.mark.parametrize(
    "spec",
    [
        *("", "25", ":25", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:٢٥"),
        *("::1:25", "[127.0.0.1]:25", "[::1]", "[::1:25", "localhost:25", "unix:x", "unix:"),
    ],
)
def test_other_places_are_refused_with_an_example(spec: str) -> None:
    """What is no place is said to be none, with what to write instead."""
    with pytest.raises(ListenError, match="write"):
        parse(spec)


@given(st.text(max_size=20))
def test_reading_a_place_never_fails_otherwise(spec: str) -> None:
    """Any text is a place or a ListenError."""
    with contextlib.suppress(ListenError):
        parse(spec)


def test_port_in_use_is_said_in_one_sentence() -> None:
    """A second listener on a port is refused by name."""
    with bind("127.0.0.1:0") as first:
        spec = str(place_of(first))
        with pytest.raises(ListenError) as refused:
            bind(spec)
        assert str(refused.value) == f"{spec} is in use by another program: stop that one, or choose another port"


def test_ports_may_be_shared_where_that_is_asked() -> None:
    """With reuse_port several processes listen at one place."""
    with bind("127.0.0.1:0", reuse_port=True) as first, bind(str(place_of(first)), reuse_port=True) as second:
        assert place_of(first) == place_of(second)


def test_address_of_another_machine_is_refused() -> None:
    """An address that is not ours cannot be listened on."""
    with pytest.raises(ListenError, match=r"192\.0\.2\.1:25 is no address of this machine"):
        bind("192.0.2.1:25")


@pytest.mark.parametrize(
    ("number", "says"),
    [(errno.EACCES, "CAP_NET_BIND_SERVICE"), (errno.EPERM, "CAP_NET_BIND_SERVICE"), (errno.ENOBUFS, "cannot listen on 127.0.0.1:25")],
)
def test_refusals_of_the_system_are_explained(number: int, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No permission says what permission; anything else says what the system said."""

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("waypost.net.listen.socket.socket.bind", refuse)
    with pytest.raises(ListenError) as refused:
        bind("127.0.0.1:25")
    assert says in str(refused.value)


def test_path_left_behind_is_taken_over_and_one_in_use_is_not(tmp_path: Path) -> None:
    """A socket that nobody answers on is replaced; one that somebody listens on, and a file, stay."""
    path = tmp_path / "s"
    first = bind(f"unix:{path}")
    with pytest.raises(ListenError, match="in use"):
        bind(f"unix:{path}")
    first.close()
    with bind(f"unix:{path}") as second:
        assert str(place_of(second)) == f"unix:{path}"
        assert path.stat().st_mode & 0o777 == 0o660
    (tmp_path / "f").write_text("kept")
    with pytest.raises(ListenError, match="is no socket"):
        bind(f"unix:{tmp_path / 'f'}")
    with pytest.raises(ListenError, match="does not exist"):
        bind(f"unix:{tmp_path / 'no' / 's'}")


def test_inherited_sockets_are_taken_over_by_name() -> None:
    """LISTEN_FDS of ours give sockets that listen, with their names; another process's give none."""
    program = (
        "import os, socket, sys\n"
        "from waypost.net.listen import inherited, place_of\n"
        "found = inherited(os.environ | {'LISTEN_PID': str(os.getpid())}, os.getpid())\n"
        "print([(one.name, one.listener.getblocking(), place_of(one.listener).port > 0) for one in found])\n"
        "print(inherited(os.environ | {'LISTEN_PID': '1'}, os.getpid()))\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        numbers = [one.fileno(), two.fileno()]
        wrapped = (
            "import os, sys\n"
            f"high = [os.dup(os.dup(n)) for n in {numbers}]\n"
            "high = [os.dup2(n, 50 + i) for i, n in enumerate(high)]\n"
            "[os.dup2(n, 3 + i) for i, n in enumerate(high)]\n"
            "os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", wrapped, program],
            pass_fds=numbers,
            env={**os.environ, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "smtp:submission"},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
    assert done.stdout.splitlines() == ["[('smtp', False, True), ('submission', False, True)]", "()"]


def test_what_is_inherited_must_listen() -> None:
    """A number that is none, and a descriptor that is no listening socket, are refused in a sentence."""
    assert inherited({}, 1) == ()
    assert inherited({"LISTEN_FDS": "1", "LISTEN_PID": "2"}, 1) == ()
    with pytest.raises(ListenError, match="no number"):
        inherited({"LISTEN_FDS": "x", "LISTEN_PID": "1"}, 1)
    with pytest.raises(ListenError, match="LISTEN_FDS"):
        inherited({"LISTEN_FDS": "900", "LISTEN_PID": "1"}, 1)


@pytest.mark.parametrize(
    ("descriptors", "connections"), [(64, 32), (128, 64), (200, 136), (512, 448), (1024, 896), (20_000, 17_500), (2, 1), (1, 1)]
)
def test_descriptors_are_kept_back(descriptors: int, connections: int) -> None:
    """An eighth, at least 64, never more than half, and always room for one."""
    assert connections_of(descriptors) == connections


def test_scarce_descriptors_pause_the_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    """EMFILE is told once and followed by a pause, in which nothing is tried; then clients are taken again."""

    async def body() -> None:
        loop = asyncio.get_running_loop()
        arrived: list[Arrival] = []
        told: list[str] = []
        monkeypatch.setattr("waypost.net.listen._PAUSE", 0.2)
        listener = Scarce(bind("127.0.0.1:0"))
        acceptor = Acceptor(loop, listener, arrived.append, told.append)  # type: ignore[arg-type]  # stands for a socket
        acceptor.start()
        where = acceptor.place
        _, writer = await asyncio.open_connection(where.address, where.port)
        await asyncio.sleep(0.1)
        assert (told, arrived, listener.asked) == ([os.strerror(errno.EMFILE)], [], 1)
        listener.scarce = False
        await asyncio.sleep(0.3)
        assert len(arrived) == 1
        arrived[0].turn_away(b"421 no\r\n")
        acceptor.close()
        writer.close()
        await writer.wait_closed()

    asyncio.run(body())


class Scarce:
    """A listening socket that finds no descriptor."""

    def __init__(self, inner: socket.socket) -> None:
        self.inner = inner
        self.scarce = True
        self.asked = 0

    def accept(self) -> tuple[socket.socket, object]:
        if self.scarce:
            self.asked += 1
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return self.inner.accept()

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


def test_client_that_left_before_it_was_taken_is_passed_by() -> None:
    """ECONNABORTED and the like of one connection do not stop the listener."""

    async def body() -> None:
        listener = Aborted(bind("127.0.0.1:0"))
        arrived: list[Arrival] = []
        acceptor = Acceptor(asyncio.get_running_loop(), listener, arrived.append, lambda _: None)  # type: ignore[arg-type]  # likewise
        acceptor.start()
        _, writer = await asyncio.open_connection(acceptor.place.address, acceptor.place.port)
        await asyncio.sleep(0.05)
        assert len(arrived) == 1
        arrived[0].turn_away()
        acceptor.close()
        writer.close()
        await writer.wait_closed()

    asyncio.run(body())


class Aborted(Scarce):
    """Its first two connections are gone when they are taken."""

    def accept(self) -> tuple[socket.socket, object]:
        self.asked += 1
        if self.asked <= 2:
            raise OSError((errno.ECONNABORTED, errno.EPROTO)[self.asked - 1], "gone")
        return self.inner.accept()
