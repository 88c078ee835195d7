"""The sockets of all workers: bound, shared, inherited, or in use."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from waypost.accept.settings import ListenerSettings
from waypost.daemon.sockets import open_sockets
from waypost.net.listen import ListenError, place_of
from waypost.smtp.terms import Role

if TYPE_CHECKING:
    from pathlib import Path


def listener(bind: str) -> ListenerSettings:
    return ListenerSettings(role=Role.LMTP if bind.startswith("unix:") else Role.RELAY, bind=bind)


def close(columns: list[list[socket.socket]]) -> None:
    for one in {sock for column in columns for sock in column}:
        one.close()


def test_each_worker_has_its_own_socket_at_the_same_place() -> None:
    """Two workers listen at one port, so that the kernel spreads connections and a lost worker's socket stays open."""
    columns = open_sockets([listener("127.0.0.1:0")], 2, {})
    places = {str(place_of(column[0])) for column in columns}
    descriptors = {column[0].fileno() for column in columns}
    close(columns)
    assert (len(places), len(descriptors)) == (1, 2)


def test_a_unix_socket_is_shared(tmp_path: Path) -> None:
    """There is one file, so there is one socket."""
    columns = open_sockets([listener(f"unix:{tmp_path}/lmtp")], 2, {})
    same = columns[0][0] is columns[1][0]
    close(columns)
    assert same


@pytest.mark.parametrize("workers", [1, 3])
def test_a_port_in_use_is_found_out_even_where_it_could_be_shared(workers: int) -> None:
    """Another server that would share the port by SO_REUSEPORT is an error, not a silent partner."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        spec = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ListenError, match=f"{spec} is in use by another program"):
            open_sockets([listener(spec)], workers, {})


INHERITING = textwrap.dedent(
    """
    import os, socket, sys
    from waypost.accept.settings import ListenerSettings
    from waypost.daemon.sockets import open_sockets
    from waypost.net.listen import ListenError
    from waypost.smtp.terms import Role
    os.environ["LISTEN_PID"] = str(os.getpid())
    try:
        columns = open_sockets([ListenerSettings(role=Role.RELAY, bind=sys.argv[1])], 2)
        print(columns[0][0].fileno(), columns[0][0] is columns[1][0])
    except ListenError as error:
        print(error)
    """
)


def inherit(bind: str, *given: socket.socket) -> str:
    copies = [os.dup(one.fileno()) for one in given]

    def hand_over() -> None:
        for place, descriptor in enumerate([fcntl.fcntl(copy, fcntl.F_DUPFD, 60) for copy in copies]):
            os.dup2(descriptor, 3 + place, inheritable=True)

    done = subprocess.run(
        [sys.executable, "-c", INHERITING, bind],
        env={**os.environ, "LISTEN_FDS": str(len(given)), "LISTEN_FDNAMES": "smtp"},
        preexec_fn=hand_over,
        close_fds=False,
        capture_output=True,
        text=True,
        check=True,
    )
    for copy in copies:
        os.close(copy)
    return done.stdout.strip()


def test_an_inherited_socket_is_used_where_the_configuration_names_its_place() -> None:
    """The supervisor's socket serves the listener of the same address, for every worker."""
    with socket.create_server(("127.0.0.1", 0)) as given:
        assert inherit(f"127.0.0.1:{given.getsockname()[1]}", given) == "3 True"


def test_a_listener_that_the_supervisor_did_not_open_is_an_error() -> None:
    """Configuration and unit must agree; both places are named."""
    with socket.create_server(("127.0.0.1", 0)) as given:
        said = inherit("127.0.0.1:1", given)
        assert said.startswith("the supervisor handed over no socket for 127.0.0.1:1, only 127.0.0.1:")


@pytest.mark.parametrize(("host", "heard"), [("0.0.0.0", True), ("127.0.0.1", False)])  # noqa: S104 - what ListenStream=25 opens
def test_a_socket_at_every_address_serves_such_a_listener_alone(host: str, *, heard: bool) -> None:
    """A listener that names one address is not widened by the unit."""
    with socket.create_server(("0.0.0.0", 0)) as given:  # noqa: S104 - as above
        said = inherit(f"{host}:{given.getsockname()[1]}", given)
        assert (said == "3 True") == heard
        assert said.startswith("the supervisor handed over no socket") != heard


def test_a_socket_that_no_listener_names_is_an_error() -> None:
    """Clients would connect to it and wait for ever."""
    with socket.create_server(("127.0.0.1", 0)) as given, socket.create_server(("127.0.0.1", 0)) as spare:
        place = f"127.0.0.1:{given.getsockname()[1]}"
        said = inherit(place, given, spare)
        assert said.startswith(f"the supervisor handed over 127.0.0.1:{spare.getsockname()[1]}, which no listener names")
