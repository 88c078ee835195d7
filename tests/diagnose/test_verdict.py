"""What a check answers in a word, and the one thing that it says to do next."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.broken_rows import LISTED, at
from support.broken_servers import HOST, QUICK, SOUND, Broken, Slow, Zone, and_lines, diagnose
from waypost.cli.checked import show
from waypost.diagnose.finding import Finding
from waypost.diagnose.lookup import Outcome
from waypost.diagnose.plan import Options
from waypost.diagnose.verdict import Verdict

ADA = "ada@broken.example"
DENIED = {f"RCPT{name}": b"554 5.7.1 Relay access denied\r\n" for name in ("", " TO:<POSTMASTER", " TO:<ADA")}
BLOCKED = at("RCPT TO:<POSTMASTER", LISTED) | at("RCPT", LISTED)


@pytest.mark.parametrize(
    ("row", "verdict", "key"),
    [
        (Broken(name="submission alone, behind MX", key="", port=587), Verdict.DOES_NOT_WORK, "connection-refused"),
        (Broken(name="submission alone, a host", key="", port=587, to=HOST), Verdict.WITH_FAULTS, "submission-only"),
        (Broken(name="MAIL hangs", key="", says=at("MAIL", "silence")), Verdict.DOES_NOT_WORK, "mail-unanswered"),
        (Broken(name="RCPT hangs", key="", says=at("RCPT TO:<POSTMASTER", "silence")), Verdict.DOES_NOT_WORK, "rcpt-unanswered"),
        (
            Broken(name="its disk is full", key="", says=at("MAIL", b"452 4.3.1 Insufficient system storage\r\n")),
            Verdict.DOES_NOT_WORK,
            "server-trouble",
        ),
        (Broken(name="a domain of others", key="", says=DENIED), Verdict.DOES_NOT_WORK, "domain-not-served"),
        (Broken(name="a mailbox of others", key="", to=ADA, says=DENIED), Verdict.DOES_NOT_WORK, "domain-not-served"),
        (
            Broken(name="a login for all", key="", says=at("MAIL", b"530 5.7.0 Authentication required\r\n")),
            Verdict.DOES_NOT_WORK,
            "account-demanded",
        ),
        (Broken(name="blocked", key="", to=ADA, says=BLOCKED), Verdict.DOES_NOT_WORK, "client-blocked"),
        (
            Broken(name="no postmaster", key="", says=at("RCPT", b"550 5.1.1 no\r\n") | at("RCPT TO:<POSTMASTER", b"550 5.1.1 no\r\n")),
            Verdict.WITH_FAULTS,
            "postmaster-refused",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Broken) else None,
)
def test_the_answer_and_what_to_do_next(row: Broken, verdict: Verdict, key: str) -> None:
    """Whether mail would arrive decides, and next comes what keeps it from arriving, whoever is at fault."""
    diagnosis, _ = diagnose(row)
    assert diagnosis.next_finding is not None
    assert (verdict, key) == (diagnosis.verdict, diagnosis.next_finding.key)


def test_a_refusal_of_the_client_is_told_once() -> None:
    """Neither sender nor mailbox is blamed for what is aimed at the client, and no other recipient is tried."""
    diagnosis, server = diagnose(Broken(name="blocked", key="", to=ADA, says=BLOCKED))
    keys = [finding.key for finding in diagnosis.findings]
    assert keys.count("client-blocked") == 1
    assert not {"mailbox-refused", "postmaster-refused", "null-sender-refused"} & set(keys)
    assert sum(line.upper().startswith(b"RCPT") for line in server.heard) == 1


@pytest.mark.parametrize(
    ("denied", "key"),
    [("RCPT TO:<ADA", "mailbox-refused"), ("RCPT TO:<POSTMASTER", "postmaster-refused")],
)
def test_who_takes_one_mailbox_serves_the_domain(denied: str, key: str) -> None:
    """A mailbox that is denied in the words of relaying, beside one that is taken, is a mailbox that is missing: the MX is not blamed."""
    diagnosis, _ = diagnose(Broken(name="a mailbox that falls through", key="", to=ADA, says=at(denied, b"550 relay not permitted\r\n")))
    keys = [finding.key for finding in diagnosis.findings]
    assert "domain-not-served" not in keys
    found = diagnosis.findings[keys.index(key)]
    assert ("550 relay not permitted", "relay" in found.told().fix.lower()) == (found.evidence[-1], False)


def test_a_server_may_trust_its_own_machine() -> None:
    """Relaying for a client on the same machine is no open relay: it is said from where to look again."""
    options = Options(intrusive=True, own=frozenset({"127.0.0.1"}))
    row = Broken(name="trusts its machine", key="", to="127.0.0.1", says=at("RCPT", b"250 2.1.5 sure\r\n"))
    diagnosis, _ = diagnose(row, options=options)
    assert {("relay-from-inside", "note")} == {
        (finding.key, finding.severity.value) for finding in diagnosis.findings if finding.key.startswith(("relay", "open-relay"))
    }


def test_a_domain_of_others_is_told_once() -> None:
    """However many of its mailboxes are denied."""
    diagnosis, _ = diagnose(Broken(name="a mailbox of others", key="", to=ADA, says=DENIED))
    assert [finding.key for finding in diagnosis.findings].count("domain-not-served") == 1


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({(HOST, "A"): Outcome.FAILED, (HOST, "AAAA"): Outcome.FAILED}, "mx-lookup-failed"),
        ({(HOST, "A"): ("10.1.2.3",)}, "address-private"),
    ],
)
def test_what_keeps_everybody_out_comes_first(change: Zone, key: str) -> None:
    """A warning that explains why nothing was reached goes before an error of something else."""
    diagnosis, _ = diagnose(Broken(name="unreached", key=""), zone={**SOUND, **change})
    assert diagnosis.next_finding is not None
    assert (Verdict.DOES_NOT_WORK, key) == (diagnosis.verdict, diagnosis.next_finding.key)


def test_tls_first_is_gone_along_with() -> None:
    """Where mail is taken under TLS alone, the mailbox is asked for under TLS."""
    offer = at("EHLO", and_lines("STARTTLS")) | at("MAIL", b"530 5.7.0 Must issue a STARTTLS command first\r\n")
    diagnosis, server = diagnose(Broken(name="TLS", key="", says=offer | at("STARTTLS", b"454 4.7.0 not now\r\n")))
    assert b"STARTTLS\r\n" in server.heard
    assert [finding.key for finding in diagnosis.findings].count("tls-demanded") == 1
    assert not any(line.startswith(b"RCPT") for line in server.heard)


def test_a_slow_greeting_is_waited_for_once() -> None:
    """Of a server that greets late the mailbox is asked for on a connection that waited along, so that the time suffices."""
    slow = Broken(name="late", key="", to=ADA, says=at("", Slow(b"", 0.9, b"220 mx.broken.example ESMTP\r\n")))
    diagnosis, _ = diagnose(slow, limits=replace(QUICK, whole=1.7))
    assert "mailbox-accepted" in [finding.key for finding in diagnosis.findings]


def test_faults_of_a_certificate_are_told_in_the_language_asked_for() -> None:
    """Titles of other findings among the facts are those of the language."""
    found = Finding(key="submission-certificate", about="", facts={"host": "mx", "port": "465", "faults_of": "certificate-expired"})
    assert Finding(key="certificate-expired", about="", facts={"host": "mx"}).told("zh").title in found.told("zh").meaning
    assert Finding(key="certificate-expired", about="", facts={"host": "mx"}).told("en").title in found.told("en").meaning


def test_the_part_that_was_cut_short_is_named_in_the_language_asked_for() -> None:
    """Stages have names in each language."""
    assert "邮箱" in Finding(key="cut-short-unknown", about="", facts={"stage": "mailbox", "seconds": "9"}).told("zh").title


def test_who_asks_for_a_mailbox_is_told_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """Where all is well a domain gets a short answer, a mailbox one that says whether it is taken and what that proves."""
    any_name = at("RCPT", b"250 2.1.5 sure\r\n")
    diagnosis, _ = diagnose(Broken(name="any mailbox", key="", to=ADA, says=any_name))
    show(diagnosis, "en", full=False)
    told = capsys.readouterr().out
    assert f"{ADA} would get mail" in told
    assert "Any name at this domain is taken" in told
    diagnosis, _ = diagnose(Broken(name="a domain", key="", says=any_name))
    show(diagnosis, "en", full=False)
    assert "would get mail" not in capsys.readouterr().out
