"""The load: what is done to a server, and what it cost. Each driver gives plain records and judges nothing.

Accepting is driven by Postfix's smtp-source (one process, about 10,000 messages a second at most, HELO, no pipelining); what it
cannot do, latency, idle connections, STARTTLS sessions, is driven from here.
"""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import ssl
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tools.bench.peers import POSTFIX, SINK_PORT, Peer, postfix_environment
from tools.bench.place import BUILD

if TYPE_CHECKING:
    from collections.abc import Callable

Record = dict[str, Any]
SIZES = {"1k": 1024, "5k": 5120, "100k": 102_400}
MOST = 40_000
"""Messages in one reading, at most."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One load: size of message, parallel sessions, one message per connection or many."""

    size: str
    sessions: int
    many: bool

    def __str__(self) -> str:
        return f"{self.size}:{self.sessions}:{'many' if self.many else 'one'}"


def source(port: int, cell: Cell, count: int, *, timeout: float = 120) -> tuple[float, float, str]:
    """Run smtp-source; seconds, its own CPU seconds, and what it complained of."""
    words = [f"{POSTFIX}/usr/sbin/smtp-source", *(["-d"] if cell.many else []), "-C", "50", "-s", str(cell.sessions), "-m", str(count)]
    words += ["-l", str(SIZES[cell.size]), "-M", "client.test", "-f", "a@src.test", "-t", "b@dst.test", f"127.0.0.1:{port}"]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    try:
        done = subprocess.run(words, env=postfix_environment(BUILD), capture_output=True, text=True, timeout=timeout, check=False)
        fault = (done.stderr + done.stdout).strip()[:300] if done.returncode else ""
    except subprocess.TimeoutExpired:
        fault = f"not done within {timeout} s"
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, fault


def accept(peer: Peer, cell: Cell, rates: dict[tuple[str, str], float], *, seconds: float) -> Record:
    """One reading of one cell, of about ``seconds``; the first time a short one finds how many messages that is."""
    key = (peer.name, str(cell))
    if key not in rates:
        count = max(cell.sessions, 40)
        took, _, fault = source(peer.port, cell, count, timeout=60)
        if fault:
            return {"kind": "accept", "peer": peer.name, "cell": str(cell), "fault": fault}
        rates[key] = count / took
    count = int(min(max(rates[key] * seconds, cell.sessions * 2, 20), MOST))
    before = peer.cpu()
    took, client, fault = source(peer.port, cell, count)
    cpu = peer.cpu() - before
    if fault:
        return {"kind": "accept", "peer": peer.name, "cell": str(cell), "fault": fault}
    rates[key] = count / took
    return {
        "kind": "accept",
        "peer": peer.name,
        "cell": str(cell),
        "messages": count,
        "rate": round(count / took, 1),
        "cpu_us": round(cpu / count * 1e6, 1),
        "client_us": round(client / count * 1e6, 1),
        "rss_mib": round(peer.group.memory()[0], 1),
    }


BODY = b"From: a@src.test\r\nTo: b@dst.test\r\nSubject: x\r\nMessage-ID: <x@src.test>\r\n\r\n" + (b"x" * 70 + b"\r\n") * 14 + b".\r\n"
STEPS = (b"EHLO client.test\r\n", b"MAIL FROM:<a@src.test>\r\n", b"RCPT TO:<b@dst.test>\r\n", b"DATA\r\n", BODY, b"QUIT\r\n")


def session(port: int) -> tuple[float, float, float]:
    """One session with one message; milliseconds from connect to the greeting, to the final 250, to the 221."""
    started = time.perf_counter()
    moments = []
    with socket.create_connection(("127.0.0.1", port), 30) as talk:
        talk.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _answer(talk)
        moments.append(time.perf_counter() - started)
        for step in STEPS:
            talk.sendall(step)
            _answer(talk)
            if step is BODY:
                moments.append(time.perf_counter() - started)
    return moments[0] * 1e3, moments[1] * 1e3, (time.perf_counter() - started) * 1e3


def _answer(talk: socket.socket) -> bytes:
    got = b""
    while not (got.endswith(b"\r\n") and got[:-2].rsplit(b"\r\n", 1)[-1][3:4] != b"-"):
        more = talk.recv(4096)
        if not more:
            raise ConnectionError("closed")
        got += more
    if got[:1] not in b"23":
        raise ConnectionError(got)
    return got


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of all lie."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3)


def latency(peer: Peer, *, sessions: int = 300) -> Record:
    """New sessions one after another at light load."""
    for _ in range(60):
        session(peer.port)
    times = []
    for _ in range(sessions):
        times.append(session(peer.port))
        time.sleep(0.002)
    accepted = [each[1] for each in times]
    return {
        "kind": "latency",
        "peer": peer.name,
        "greeting_p50": percentile([each[0] for each in times], 0.5),
        "p50": percentile(accepted, 0.5),
        "p99": percentile(accepted, 0.99),
        "session_p50": percentile([each[2] for each in times], 0.5),
    }


def idle(peer: Peer, *, connections: int = 10_000) -> Record:
    """Hold connections after EHLO, weigh them, and meet the server among them."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for _ in range(20):
        session(peer.port)
    time.sleep(0.5)
    base, held = peer.group.memory(), []
    started = time.perf_counter()
    try:
        while len(held) < connections:
            batch = [socket.create_connection(("127.0.0.1", peer.port), 20) for _ in range(50)]
            held += batch
            for each in batch:
                _answer(each)
                each.sendall(b"EHLO client.test\r\n")
            for each in batch:
                _answer(each)
        opened = time.perf_counter() - started
        time.sleep(2)
        full, before = peer.group.memory(), peer.cpu()
        time.sleep(3)
        burnt = (peer.cpu() - before) / 3
        times = [session(peer.port)[1] for _ in range(300)]
    except (OSError, ConnectionError) as fault:
        return {"kind": "idle", "peer": peer.name, "held": len(held), "fault": repr(fault)[:200]}
    finally:
        for each in held:
            each.close()
    return {
        "kind": "idle",
        "peer": peer.name,
        "held": connections,
        "open_s": round(opened, 2),
        "kib_each": round((full[1] - base[1]) * 1024 / connections, 2),
        "pss_mib": round(full[1], 1),
        "rss_mib": round(full[0], 1),
        "empty_mib": round(base[1], 1),
        "idle_cpu_percent": round(burnt * 100, 2),
        "p50": percentile(times, 0.5),
        "p99": percentile(times, 0.99),
    }


def relay(peer: Peer, hop: subprocess.Popen[bytes], *, messages: int, sessions: int = 50) -> Record:
    """Send through a relay until the sink, which counts and then ends, has the last message."""
    source(peer.port, Cell("1k", 1, many=False), 1)
    time.sleep(3)
    before, started = peer.cpu(), time.perf_counter()
    took, _, fault = source(peer.port, Cell("5k", sessions, many=False), messages)
    try:
        hop.wait(120)
    except subprocess.TimeoutExpired:
        fault = fault or "the last message did not come within 120 s"
    whole = time.perf_counter() - started
    if fault:
        return {"kind": "relay", "peer": peer.name, "fault": fault}
    return {
        "kind": "relay",
        "peer": peer.name,
        "messages": messages,
        "rate": round(messages / whole, 1),
        "accept_rate": round(messages / took, 1),
        "cpu_us": round((peer.cpu() - before) / messages * 1e6, 1),
    }


def counting_sink(messages: int) -> subprocess.Popen[bytes]:
    """smtp-sink that ends when it has had ``messages`` and the warm-up."""
    words = [f"{POSTFIX}/usr/sbin/smtp-sink", "-u", "nobody", "-m", "20000", "-M", str(messages + 1), f"127.0.0.1:{SINK_PORT}", "4096"]
    hop = subprocess.Popen(
        words, env=postfix_environment(BUILD), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    time.sleep(0.3)
    return hop


def starttls(peer: Peer, *, seconds: float = 3, threads: int = 8) -> Record:
    """New TLS sessions: greeting, EHLO, STARTTLS, handshake, EHLO, QUIT; no resumption."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for _ in range(20):
        _secured(peer.port, context)
    counts, faults = [0] * threads, []
    end = time.perf_counter() + seconds

    def work(number: int) -> None:
        try:
            while time.perf_counter() < end:
                _secured(peer.port, context)
                counts[number] += 1
        except (OSError, ConnectionError) as fault:
            faults.append(repr(fault)[:200])

    before, started = peer.cpu(), time.perf_counter()
    _together(work, threads)
    took, sessions = time.perf_counter() - started, sum(counts)
    if not sessions:
        return {"kind": "starttls", "peer": peer.name, "fault": (faults or ["none"])[0]}
    return {
        "kind": "starttls",
        "peer": peer.name,
        "sessions": sessions,
        "rate": round(sessions / took, 1),
        "cpu_us": round((peer.cpu() - before) / sessions * 1e6, 1),
        "faults": faults[:1],
    }


def _secured(port: int, context: ssl.SSLContext) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as raw:
        _answer(raw)
        raw.sendall(b"EHLO c.test\r\n")
        _answer(raw)
        raw.sendall(b"STARTTLS\r\n")
        _answer(raw)
        with context.wrap_socket(raw) as talk:
            talk.sendall(b"EHLO c.test\r\n")
            _answer(talk)
            talk.sendall(b"QUIT\r\n")
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                _answer(talk)


def _together(work: Callable[[int], None], threads: int) -> None:
    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()


def load() -> float:
    """How busy the machine is at this moment."""
    return round(os.getloadavg()[0], 2)
