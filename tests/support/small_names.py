"""A resolver on loopback that answers from a few lines, for tests that need no signatures: what it does not have does not exist."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class SmallNames:
    """One thread and its table: (name, kind) to records."""

    table: Mapping[tuple[str, str], tuple[str, ...]]
    _socket: socket.socket = field(default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    _thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """``127.0.0.1:PORT``."""
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def start(self) -> SmallNames:
        """Answer from now on."""
        self._socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Leave nothing behind."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        assert self._thread
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            octets, asker = self._socket.recvfrom(4096)
            if not octets:
                return
            self._socket.sendto(self._answer(dns.message.from_wire(octets)).to_wire(), asker)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
        response = dns.message.make_response(query, recursion_available=True)
        if records := self.table.get((name, kind)):
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records))
        elif not any(known == name for known, _ in self.table):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response
