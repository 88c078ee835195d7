"""Telling the service supervisor how we are (sd_notify): one datagram a message. Knows no server."""

from __future__ import annotations

import contextlib
import os
import socket


def notify(*words: str) -> None:
    """Send ``READY=1``, ``RELOADING=1``, ``STOPPING=1``, ``WATCHDOG=1``, ``STATUS=...`` to whoever asked by NOTIFY_SOCKET; else nothing."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    name = "\0" + address[1:] if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.sendto("\n".join(words).encode(), name)


def watchdog_seconds() -> float | None:
    """How often the supervisor wants to hear WATCHDOG=1, halved for safety; None when it does not ask."""
    for_pid = os.environ.get("WATCHDOG_PID")
    micros = os.environ.get("WATCHDOG_USEC", "")
    if not micros.isdigit() or (for_pid and for_pid != str(os.getpid())):
        return None
    return int(micros) / 2_000_000
