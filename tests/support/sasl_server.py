"""A submission server that logs people in by SCRAM, PLAIN and LOGIN, in the clear or under TLS, honest or not: for whoever logs in."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from waypost.diagnose.send.binding import SecretLog, bindings

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

SALT, ITERATIONS = b"salt", 4096


@dataclass(kw_only=True)
class SaslServer:
    """One server and its one account."""

    context: ssl.SSLContext
    certificate: bytes
    """In DER, for tls-server-end-point."""
    offers: str = "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"
    password: str = "secret"
    scram_password: str | None = None
    """What SCRAM was stored for, where it is another than for PLAIN."""
    proves: bool = True
    """Whether SCRAM ends with the server's proof."""
    answers: str = ""
    """What AUTH is answered with in place of an exchange; ``hang up`` closes."""
    port: int = 0
    tried: list[str] = field(default_factory=list)
    """Mechanisms, in order."""
    bound: list[str] = field(default_factory=list)
    """Types of the channel bindings that were right."""

    async def start(self) -> None:
        """Listen, TLS first."""
        self._log = SecretLog(self.context)
        self._server = await asyncio.start_server(self._met, "127.0.0.1", 0, ssl=self.context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Leave nothing behind."""
        self._server.close()
        await self._server.wait_closed()
        self._log.close()

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            writer.write(b"220 mx.example.org ESMTP\r\n")
            while line := await reader.readline():
                words = line.decode().split()
                verb = words[0].upper() if words else ""
                if verb == "EHLO":
                    writer.write(f"250-mx.example.org\r\n250 AUTH {self.offers}\r\n".encode())
                elif verb == "AUTH":
                    self.tried.append(words[1])
                    if self.answers == "hang up":
                        break
                    reply = self.answers or await self._login(words, reader, writer)
                    writer.write(f"{reply}\r\n".encode())
                else:
                    writer.write(b"221 bye\r\n" if verb == "QUIT" else b"250 ok\r\n")
                    if verb == "QUIT":
                        break
        writer.close()

    async def _login(self, words: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        async def ask(challenge: bytes) -> bytes:
            writer.write(b"334 " + base64.b64encode(challenge) + b"\r\n")
            return base64.b64decode(await reader.readline())

        initial = base64.b64decode(words[2]) if len(words) > 2 else b""
        match words[1]:
            case "PLAIN":
                right = initial == f"\0ada\0{self.password}".encode()
            case "LOGIN":
                right = [await ask(b"Username:"), await ask(b"Password:")] == [b"ada", self.password.encode()]
            case name:
                return await self._scram(name, initial, ask)
        return "235 2.7.0 Welcome" if right else "535 5.7.8 Wrong"

    async def _scram(self, name: str, first: bytes, ask: Callable[[bytes], object]) -> str:
        """RFC 5802 from the server's side."""
        header, _, bare = first.partition(b",,")
        client = dict(part.split(b"=", 1) for part in bare.split(b","))
        said = b"r=" + client[b"r"] + b"server,s=" + base64.b64encode(SALT) + f",i={ITERATIONS}".encode()
        final: bytes = await ask(said)  # type: ignore[misc] # a coroutine function
        without, _, proof = final.rpartition(b",p=")
        channel = base64.b64decode(dict(part.split(b"=", 1) for part in without.split(b","))[b"c"])
        if name.endswith("-PLUS") and not self._is_bound(header, channel):
            return "535 5.7.8 Not bound to this connection"
        signed = b",".join((bare, said, without))
        salted = hashlib.pbkdf2_hmac("sha256", (self.scram_password or self.password).encode(), SALT, ITERATIONS)
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        if bytes(a ^ b for a, b in zip(key, signature, strict=True)) != base64.b64decode(proof):
            return "535 5.7.8 Wrong"
        if not self.proves:
            return "235 2.7.0 Come in"
        await ask(b"v=" + base64.b64encode(hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), signed, "sha256")))  # type: ignore[misc] # likewise
        return "235 2.7.0 Welcome"

    def _is_bound(self, header: bytes, channel: bytes) -> bool:
        kind = header.decode().removeprefix("p=")
        lines = os.pread(self._log._descriptor, 65_536, 0).splitlines()
        exporters = [bytes.fromhex(line.split()[2].decode()) for line in lines if line.startswith(b"EXPORTER_SECRET")]
        wanted = [bindings(self.certificate, exporter).get(kind, b"") for exporter in exporters or [b""]]  # whoever else is connected too
        if channel in [header + b",," + each for each in wanted if each]:
            self.bound.append(kind)
            return True
        return False
