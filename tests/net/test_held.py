"""Who listens where, as the kernel tells: real sockets, and tables of a pretended /proc."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from waypost.net.held import here, listening, outward
from waypost.net.listen import Place

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def _mine(place: Place) -> list[int]:
    found = listening()
    assert found is not None
    return [process.number for held in found if held.place == place for process in held.processes]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_socket_of_ones_own(address: str) -> None:
    """A listening socket is found with its place, account and process; one that is bound and does not listen is not."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as made:
        made.bind((address, 0))
        place = Place(address=address, port=made.getsockname()[1])
        assert _mine(place) == []
        made.listen()
        assert _mine(place) == [os.getpid()]
        found = next(held for held in listening() or () if held.place == place)
    assert found.account == os.geteuid()
    assert found.processes[0].parent == os.getppid()
    assert _mine(place) == []


def test_a_unix_socket(folder: Path) -> None:
    """A UNIX socket is found by its path."""
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / "x.sock"))
        made.listen()
        assert _mine(Place(path=str(folder / "x.sock"))) == [os.getpid()]


def test_a_system_without_such_tables(folder: Path) -> None:
    """What cannot be known is not called free."""
    assert listening(folder) is None


def test_a_pretended_table(folder: Path) -> None:
    """Addresses of both families are read in the order of this machine's octets; sockets that do not listen are passed over."""
    (folder / "net").mkdir()
    rows = [
        "   0: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000   105        0 4711 1 0 100 0 0 10 0\n",
        "   1: 0100007F:9C40 0100007F:0019 01 00000000:00000000 00:00000000 00000000   105        0 4712 1 0 100 0 0 10 0\n",
    ]
    (folder / "net/tcp").write_text(HEAD + "".join(rows))
    (folder / "net/unix").write_text("Num       RefCount Protocol Flags    Type St Inode Path\n")
    found = listening(folder)
    assert found is not None
    assert [(held.place, held.account, held.processes) for held in found] == [(Place(address="127.0.0.1", port=25), 105, ())]


def test_addresses_of_this_machine() -> None:
    """All of 127.0.0.0/8 is here; documentation's addresses are nobody's."""
    assert here("127.93.71.5")
    assert not here("192.0.2.1")
    assert not here("2001:db8::1")


def test_the_way_out_is_an_address_or_none() -> None:
    """The address from which this machine speaks is one of its own."""
    for family in (4, 6):
        address = outward(family)
        assert not address or here(address)
