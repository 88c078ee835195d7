"""Three network namespaces in a row, client, router and server; the router drops or rejects by port, as firewalls do."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from support.needs import require, require_root

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SERVER, NOBODY = "10.77.2.2", "10.77.2.99"
FILTERED, DEAD = "10.77.2.3", "10.77.2.4"
"""The first answers a ping and nothing else, the second nothing at all."""
_LISTEN = """
import socketserver, sys, threading
class Greet(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"220 mx.example.org ESMTP\\r\\n")
        for line in self.rfile:
            verb = line[:4].upper()
            self.wfile.write({b"EHLO": b"250-mx.example.org\\r\\n250 SIZE 50000000\\r\\n"}.get(verb, b"250 OK\\r\\n"))
            if verb == b"QUIT":
                return
class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
servers = [Server(("0.0.0.0", int(port)), Greet) for port in sys.argv[1:]]
for server in servers:
    threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""
_RESET = """
import socket, struct, sys, threading
listening = socket.create_server(("0.0.0.0", int(sys.argv[1])))
def serve():
    while True:
        met, _ = listening.accept()
        met.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        met.close()
threading.Thread(target=serve, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""


@dataclass(slots=True)
class Row:
    """The three, with what runs in them."""

    names: tuple[str, str, str] = field(default_factory=lambda: tuple(f"wp-{secrets.token_hex(3)}-{end}" for end in "crs"))  # type: ignore[assignment] # three of them
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def make(self) -> None:
        """Addresses and routes; skips where the system allows no namespaces."""
        require_root()
        require("ip", shutil.which("ip"), "install iproute2")
        client, router, server = self.names
        for name in self.names:
            made = _ip("netns", "add", name, check=False)
            require("network namespaces", made.returncode == 0, made.stderr.strip())
        for near, far, net in ((client, router, 1), (server, router, 2)):
            made = _ip("link", "add", "near", "netns", near, "type", "veth", "peer", "name", f"far{net}", "netns", far, check=False)
            require("virtual network links", made.returncode == 0, made.stderr.strip())
            _ip("-n", near, "address", "add", f"10.77.{net}.2/24", "dev", "near")
            _ip("-n", far, "address", "add", f"10.77.{net}.1/24", "dev", f"far{net}")
            for name, device in ((near, "lo"), (near, "near"), (far, f"far{net}")):
                _ip("-n", name, "link", "set", device, "up")
            _ip("-n", near, "route", "add", "default", "via", f"10.77.{net}.1")
        _ip("-n", router, "route", "add", "unreachable", NOBODY)
        for name, value in (("ip_forward", 1), ("icmp_ratelimit", 0), ("route/error_cost", 0)):  # several rejections at once, each told
            self.run(router, ["sh", "-c", f"echo {value} > /proc/sys/net/ipv4/{name}"])

    def firewall(self, port: int, action: str) -> None:
        """``blackhole`` drops, ``prohibit`` rejects with administratively prohibited, ``unreachable`` with net unreachable."""
        _ip("-n", self.names[1], "rule", "add", "ipproto", "tcp", "dport", str(port), action)

    def firewall_all(self) -> None:
        """Whatever goes to ``FILTERED`` is dropped but a ping, which the client may send; all that goes to ``DEAD`` is."""
        client, router, server = self.names
        _ip("-n", server, "address", "add", f"{FILTERED}/32", "dev", "near")
        _ip("-n", router, "rule", "add", "to", FILTERED, "ipproto", "tcp", "blackhole")
        _ip("-n", router, "rule", "add", "to", DEAD, "blackhole")
        self.run(client, ["sh", "-c", "echo '0 2147483647' > /proc/sys/net/ipv4/ping_group_range"])

    def resets(self, port: int) -> None:
        """A server that resets every connection as soon as it is there."""
        self._begin(_RESET, port)

    def serve(self, *ports: int) -> None:
        """A small mail server on each port."""
        self._begin(_LISTEN, *ports)

    def _begin(self, program: str, *ports: int) -> None:
        words = ["ip", "netns", "exec", self.names[2], sys.executable, "-c", program, *map(str, ports)]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        assert process.stdout
        assert process.stdout.readline() == "ready\n"

    def run(self, name: str, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run something in one of them."""
        env = {**os.environ, "LANG": "C.UTF-8"}
        return subprocess.run(["ip", "netns", "exec", name, *words], env=env, capture_output=True, text=True, timeout=60, check=False)

    def remove(self) -> None:
        """Leave nothing behind."""
        for process in self.processes:
            assert process.stdin
            assert process.stdout
            process.stdin.close()
            process.wait(10)
            process.stdout.close()
        for name in self.names:
            _ip("netns", "delete", name, check=False)


def _ip(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *words], capture_output=True, text=True, timeout=30, check=check)


def made() -> Iterator[Row]:
    """The body of a fixture."""
    row = Row()
    try:
        row.make()
        yield row
    finally:
        row.remove()


def alone() -> Iterator[str]:
    """A namespace with nothing but a loopback device, for the length of a loop over it."""
    require_root()
    require("ip", shutil.which("ip"), "install iproute2")
    name = f"wp-{secrets.token_hex(3)}-a"
    made_ = _ip("netns", "add", name, check=False)
    require("network namespaces", made_.returncode == 0, made_.stderr.strip())
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        _ip("netns", "delete", name, check=False)
