"""Free ports of the loopback address."""

from __future__ import annotations

import socket
import time


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing listens on at this moment."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something answers there."""
    try:
        with socket.create_connection((host, port), 1):
            return True
    except OSError:
        return False


def wait_for_port(port: int, *, host: str = "127.0.0.1", seconds: float = 20) -> bool:
    """Wait until something answers there; whether it did."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if listens(port, host):
            return True
        time.sleep(0.05)
    return False
