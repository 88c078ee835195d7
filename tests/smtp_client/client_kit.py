"""What the tests of the client's session share: a session that was introduced, a message, and what became of it."""

from __future__ import annotations

from waypost.mail.envelope import Envelope, Recipient
from waypost.mail.path import Mailbox
from waypost.smtp.client import ClientSession, ClientTerms, Upgrade
from waypost.smtp.states import ClientState

CONTENT = b"Subject: x\r\n\r\n.dot\r\n"
ADA = Mailbox("ada", "here.example", "ada@here.example")


def people(*names: str) -> list[Recipient]:
    return [Recipient(Mailbox(name, "x.example", f"{name}@x.example")) for name in names]


def message(**fields: object) -> Envelope:
    return Envelope(id="1", reverse_path=ADA, recipients=(), arrived=0.0, **fields)


def offered(*offers: str) -> bytes:
    lines = ("hop.example", *offers)
    return "".join(f"250{'-' if number < len(lines) else ' '}{line}\r\n" for number, line in enumerate(lines, 1)).encode()


def ready(*offers: str, **terms: object) -> ClientSession:
    """A session that was greeted and may begin."""
    session = ClientSession(ClientTerms(hostname="here.example", next_hop="hop", **{"upgrade": Upgrade.NEVER, **terms}))
    session.receive(b"220 hop.example\r\n")
    session.receive(offered(*offers))
    assert session.state is ClientState.READY
    return session


def begin(session: ClientSession, *names: str, content: bytes | None = CONTENT, **fields: object) -> bytes:
    return session.begin(message(), people(*names), size=len(content or b"x" * 100), content=content, **fields)


def found(session: ClientSession) -> list[tuple[str, str, str]]:
    assert session.transaction is not None
    assert session.transaction.done
    return [(str(each.action), str(each.key), each.status) for each in session.transaction.outcomes]


RELAYED = ("relayed", "relayed", "2.0.0")
