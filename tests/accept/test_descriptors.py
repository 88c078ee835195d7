from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

PROGRAM = """
import asyncio, resource, socket, sys
sys.path.insert(0, sys.argv[1])
from support.acceptance import limits, opened
from waypost.net.listen import connections_of
from waypost.observe.events import ServerChanged

async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: print("TRACEBACK", context))
    async with opened(limit=limits(client_connections=1000, network_connections=1000), descriptors=CAP) as place:
        where = place.gate.places[0]
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        clients = []
        try:
            while len(clients) < CLIENTS:
                client = socket.socket()
                client.setblocking(False)
                try:
                    client.connect((where.address, where.port))
                except BlockingIOError:
                    pass
                clients.append(client)
                await asyncio.sleep(0)
        except OSError:
            pass
        await asyncio.sleep(0.5)
        held = place.gate.sessions
        told = [event for event in place.events if isinstance(event, ServerChanged)]
        print("held", held, "told", len(told), [event.what for event in told][:1])
        for client in clients:
            client.close()
        await place.settled(lambda: place.gate.sessions == 0)
        await asyncio.sleep(1.3)
        talk = await place.connect()
        print("again", (await talk.reply())[:3].decode())

asyncio.run(main())
"""


def ran(cap: int, clients: int) -> list[str]:
    """The lines that the program prints where ``cap`` connections are let in and ``clients`` come."""
    program = textwrap.dedent(PROGRAM).replace("CAP", str(cap)).replace("CLIENTS", str(clients))
    tests = str(Path(__file__).parent.parent)
    done = subprocess.run([sys.executable, "-c", program, tests], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_exhausted_descriptors_are_told_once_and_pass() -> None:
    """With every descriptor taken nothing is logged but one event, and a second after some are free clients are let in again."""
    lines = ran(1000, 200)
    assert "TRACEBACK" not in "".join(lines)
    assert lines[0].endswith("told 1 ['descriptors-low']")
    assert lines[-1] == "again 220"


def test_cap_keeps_descriptors_back() -> None:
    """Below the cap descriptors never run out: whoever is past it hears 421 at once."""
    lines = ran(8, 20)
    assert lines[0].split()[:4] == ["held", "8", "told", "0"]
    assert lines[-1] == "again 220"
