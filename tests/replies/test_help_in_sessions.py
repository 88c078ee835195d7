from __future__ import annotations

import pytest

from waypost.replies import Key, say
from waypost.smtp.server import ServerSession
from waypost.smtp.terms import Role, Terms, TlsMode

COMMON = {"STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "HELP", "VRFY", "EXPN", "QUIT"}
BEFORE_HELLO = {"EHLO", "HELO", "LHLO", "RSET", "NOOP", "HELP", "VRFY", "EXPN", "QUIT"}


def heard(terms: Terms, octets: bytes, *, secured: bool = False) -> str:
    """What a session says to ``octets``, every suggestion taken."""
    session = ServerSession(terms, secured=secured)
    said = session.greet(say(Key.GREETING, hostname=terms.hostname, software=terms.software))
    session.receive(octets)
    while (event := session.next_event()) is not None:
        said += session.answer(event.suggested)  # type: ignore[union-attr]  # questions and hellos alone are asked here
    return said.decode("ascii")


def listed(said: str) -> dict[str, bool]:
    """The commands that HELP lists, and whether each is allowed."""
    rows = [line.split(" ", 1)[1] for line in said.split("\r\n") if line.startswith("214-2.0.0   ")]
    return {row.split()[0]: not row.endswith("[not now]") for row in rows}


@pytest.mark.parametrize("role", Role)
def test_before_hello_everything_is_listed_and_most_is_not_allowed(role: Role) -> None:
    """HELP as the first word names every command of the role; only those that need no greeting are allowed."""
    terms = Terms(hostname="mx.example.org", role=role, tls=TlsMode.STARTTLS, mechanisms=("PLAIN",), auth_required=role is Role.SUBMISSION)
    rows = listed(heard(terms, b"HELP\r\n"))
    hello = {"LHLO"} if role is Role.LMTP else {"EHLO", "HELO"}
    assert set(rows) == hello | COMMON
    allowed = {name for name, now in rows.items() if now}
    assert allowed <= BEFORE_HELLO
    assert {*hello, "HELP", "QUIT", "RSET", "NOOP"} <= allowed


def test_after_tls_starttls_is_gone_and_auth_is_open() -> None:
    """Over TLS there is no STARTTLS to explain, and a login may begin after EHLO."""
    terms = Terms(hostname="mx.example.org", role=Role.SUBMISSION, tls=TlsMode.IMPLICIT, mechanisms=("PLAIN",), auth_required=True)
    said = heard(terms, b"EHLO a\r\nHELP\r\n", secured=True)
    assert "STARTTLS" not in listed(said)
    assert listed(said)["AUTH"]
    assert not listed(said)["MAIL"]
    assert "504 5.5.4 " in heard(terms, b"HELP STARTTLS\r\n", secured=True)


def test_a_login_that_waits_for_tls_is_listed_as_such() -> None:
    """Before STARTTLS a submission port knows AUTH, and says that it is not allowed now; where no TLS can come it is not known."""
    terms = Terms(hostname="mx.example.org", role=Role.SUBMISSION, tls=TlsMode.STARTTLS, mechanisms=("PLAIN",))
    assert listed(heard(terms, b"EHLO a\r\nHELP\r\n"))["AUTH"] is False
    bare = Terms(hostname="mx.example.org", role=Role.SUBMISSION, tls=TlsMode.NONE, mechanisms=("PLAIN",))
    assert "AUTH" not in listed(heard(bare, b"EHLO a\r\nHELP\r\n"))


def test_a_transaction_moves_the_marks() -> None:
    """After EHLO MAIL is allowed and RCPT is not."""
    rows = listed(heard(Terms(hostname="mx.example.org"), b"EHLO a\r\nHELP\r\n"))
    assert (rows["MAIL"], rows["RCPT"], rows["DATA"], rows["BDAT"]) == (True, False, False, False)
