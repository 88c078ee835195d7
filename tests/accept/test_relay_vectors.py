from __future__ import annotations

import json
from pathlib import Path

from support.acceptance import domains, limits, opened, running

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "relay.json").read_text("utf-8"))["vectors"]


def test_nothing_is_relayed_for_strangers() -> None:
    """No recipient of any vector from any sender is taken for another domain: all refused, or a mailbox of the local domain itself."""

    async def body() -> None:
        directory = domains(local=("local.example",), relay=(), mailboxes=None, aliases={})
        limit = limits(hard_errors=100_000, soft_errors=100_000, junk_commands=100_000)
        async with opened(directory=directory, limit=limit) as place:
            talk = await place.greeted()
            asked = 0
            for vector in VECTORS:
                for sender in vector["mail_from"]:
                    talk.send(f"MAIL FROM:{sender}\r\nRCPT TO:<{vector['rcpt']}>\r\nNOOP\r\n".encode())
                    said = [await talk.reply()]
                    while b"I am here" not in said[-1]:  # a vector may hold line ends of its own
                        said.append(await talk.reply())
                    (session,) = place.gate._sessions
                    taken = session.transaction.recipients if session.transaction is not None else []
                    assert {one.mailbox.domain for one in taken} <= {"local.example", ""}, (vector, said)
                    assert await talk.code(b"RSET") == 250
                    asked += 1
            assert asked == sum(len(vector["mail_from"]) for vector in VECTORS) >= 43 * 6

    running(body)
