"""aiosmtpd on uvloop as a peer: PORT discard | PORT mailbox FOLDER | PORT tls CERTIFICATE KEY."""

from __future__ import annotations

import asyncio
import ssl
import sys
from typing import Any

import uvloop
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP


class Discard:
    """Takes everything and keeps nothing."""

    async def handle_DATA(self, _server: Any, _session: Any, _envelope: Any) -> str:  # noqa: N802 - its library's name
        """Say yes."""
        return "250 OK"


async def serve(port: int, how: str, *rest: str) -> None:
    """Listen until killed."""
    handler = Mailbox(rest[0]) if how == "mailbox" else Discard()
    context = None
    if how == "tls":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*rest)
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(handler, hostname="bench.example", data_size_limit=52_428_800, tls_context=context)

    server = await loop.create_server(session, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2], *sys.argv[3:]))
