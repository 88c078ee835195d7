"""Each broken server brings the finding that names its fault; a server in order brings none."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from support.broken_rows import ROWS
from support.broken_servers import HOST, ORDINARY, SOUND, Broken, diagnose, faults
from waypost.diagnose.plan import Options
from waypost.diagnose.verdict import Verdict

if TYPE_CHECKING:
    from support.certificates import Certificates


@pytest.fixture(scope="module")
def context(certificates: Certificates) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificates.certificate, certificates.key)
    return made


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_broken_server(row: Broken, context: ssl.SSLContext) -> None:
    """The fault is found, told in both languages with what was seen, and no probe broke over it."""
    diagnosis, _ = diagnose(row, context=context)
    keys = [finding.key for finding in diagnosis.findings]
    assert row.key in keys
    assert not {"probe-broke", "cut-short"} & set(keys)
    found = diagnosis.findings[keys.index(row.key)]
    for lang in ("en", "zh"):
        told = found.told(lang)
        assert "{" not in told.title + told.meaning + told.fix
    assert all(line.isprintable() for line in found.evidence)
    if found.severity in ("error", "warning"):
        assert diagnosis.exit_code in (1, 2)
        assert diagnosis.next_finding is not None
        assert diagnosis.verdict is not Verdict.WORKS


def test_at_least_forty_faults() -> None:
    """The broken servers show at least a hundred different findings."""
    assert len(ROWS) >= 100
    assert len({row.key for row in ROWS}) >= 100
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_server_in_order() -> None:
    """An ordinary server works, without a fault, and there is nothing to do next."""
    diagnosis, server = diagnose(Broken(name="in order", key=""))
    assert faults(diagnosis) == []
    assert diagnosis.verdict is Verdict.WORKS
    assert diagnosis.exit_code == 0
    assert diagnosis.next_finding is None
    assert {"mx-found", "reverse-confirmed", "port-open", "greeting-ok", "ehlo-ok", "help-ok", "postmaster-accepted"} <= {
        finding.key for finding in diagnosis.findings
    }
    assert b"DATA\r\n" not in server.heard


def test_nothing_intrusive_unasked() -> None:
    """Without --intrusive nothing is relayed, and no DATA is said; with it, only to what was named as one's own."""
    row = Broken(name="open relay", key="", says={"RCPT": b"250 2.1.5 sure\r\n"})
    diagnosis, server = diagnose(row)
    assert not any(b"relay-probe" in line or line.startswith(b"DATA") for line in server.heard)
    assert "open-relay" not in {finding.key for finding in diagnosis.findings}
    other = Options(intrusive=True, own=frozenset({"mx.example.net"}))
    diagnosis, server = diagnose(row, options=other)
    assert not any(b"relay-probe" in line or line.startswith(b"DATA") for line in server.heard)
    assert "own-elsewhere" in {finding.key for finding in diagnosis.findings}


def test_smuggling_resisted() -> None:
    """A server that ends content by CRLF.CRLF alone is told to be safe, and each false end had its connection."""
    diagnosis, server = diagnose(Broken(name="strict", key="", intrusive=True, says={"RCPT TO:<RELAY": b"554 5.7.1 no\r\n"}))
    keys = {finding.key for finding in diagnosis.findings}
    assert {"smuggling-resisted", "relay-refused"} <= keys
    assert sum(line == b"DATA\r\n" for line in server.heard) == 5


def test_password_never_in_the_clear() -> None:
    """A login is not even tried where no TLS is offered."""
    _, server = diagnose(Broken(name="no TLS", key="", account="ada", says={"EHLO": b"250-mx\r\n250 AUTH PLAIN\r\n"}))
    assert not any(line.upper().startswith(b"AUTH") for line in server.heard)


def test_implicit_tls_on_a_named_port(context: ssl.SSLContext) -> None:
    """A port that was named and begins with TLS is no fault."""
    row = Broken(name="TLS first", key="", port=4465, implicit_tls=True, to=HOST)
    diagnosis, _ = diagnose(row, context=context, zone={**SOUND, (HOST, "A"): ("44.128.0.25",)})
    assert [finding.key for finding in faults(diagnosis)] == []
    assert diagnosis.contacts[0].implicit_tls


def test_late_greeting_is_waited_for() -> None:
    """A greeting that comes late is still the greeting, whatever was suspected meanwhile."""
    from support.broken_servers import Slow  # noqa: PLC0415 - this test alone

    diagnosis, _ = diagnose(Broken(name="late", key="", says={"": Slow(b"", 0.6, ORDINARY[""])}))
    assert diagnosis.verdict is Verdict.WORKS
