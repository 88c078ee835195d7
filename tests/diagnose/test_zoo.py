"""Servers of other houses, in order and on their own ports: what is said of each is true, and what is true of each is said."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from support.needs import require
from support.peers import fetched
from support.world import World
from support.zoo import PASSWORD, SERVERS, Server, open_zoo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.peers


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What is so of one server as its manual sets it up."""

    faults: frozenset[str] = frozenset()
    """Keys of all warnings and errors."""
    traits: frozenset[str] = frozenset()
    """Keys of notes and of what is well that must be among the findings."""
    login: str = "login-accepted"
    sent: tuple[tuple[tuple[str, ...], int], ...] = ()
    """Ways to send, by more options, and how each must end."""


TLS, IMPLICIT, LOGIN = ("--tls",), ("--tls-on-connect", "--port", "465"), ("--tls", "--port", "587")
AS_ADA = ("--auth-user", "ada")
IN_ORDER = frozenset({"dnssec-signed", "reverse-confirmed", "greeting-ok", "ehlo-ok", "postmaster-accepted", "dane-absent", "spf-valid"})

TRUTHS = {
    # The Debian build hands its key from one process to another in a way that OpenSSL 3 does not know: TLS never comes about.
    "opensmtpd": Truth(
        faults=frozenset({"no-tls-on-tls-port", "tls-server-broken", "login-unsafe"}),
        traits=frozenset({"extensions-missing", "help-ok"}),
        login="login-unsafe",
        sent=(((), 29), (("--no-tls",), 0), (TLS, 29), (IMPLICIT, 29), ((*LOGIN, *AS_ADA), 29)),
    ),
    "sendmail": Truth(
        faults=frozenset({"vrfy-tells", "expn-tells"}),
        traits=frozenset({"greeting-version", "help-ok", "tls-established", "certificate-sound"}),
        sent=(
            ((), 0),
            (("--no-tls",), 0),
            (TLS, 0),
            ((*IMPLICIT, *AS_ADA, "--auth", "CRAM-MD5"), 0),
            ((*LOGIN, *AS_ADA, "--auth", "LOGIN"), 0),
            (IMPLICIT, 23),
            ((*TLS, "--bdat"), 25),
        ),
    ),
    "courier": Truth(
        faults=frozenset({"tls-old-spoken"}),
        traits=frozenset({"errors-slowed", "extensions-missing", "help-refused", "tls-established", "certificate-sound"}),
        sent=(((), 0), (("--no-tls",), 0), (TLS, 0), ((*IMPLICIT, *AS_ADA), 0), ((*LOGIN, *AS_ADA), 0)),
    ),
    "postfix": Truth(
        faults=frozenset({"tls-old-spoken"}),
        traits=frozenset({"help-refused", "tls-established", "certificate-sound"}),
        sent=(
            ((), 0),
            (("--no-tls",), 0),
            (TLS, 0),
            ((*IMPLICIT, *AS_ADA), 0),
            ((*LOGIN, *AS_ADA, "--auth", "LOGIN"), 0),
            ((*TLS, "--bdat"), 0),
            (("--no-tls", "--port", "587"), 23),
        ),
    ),
    "exim": Truth(
        faults=frozenset({"tls-old-spoken"}),
        traits=frozenset({"extensions-missing", "greeting-version", "help-ok", "tls-established", "certificate-sound"}),
        sent=(((), 0), (("--no-tls",), 0), (TLS, 0), ((*IMPLICIT, *AS_ADA), 0), ((*LOGIN, *AS_ADA, "--auth", "LOGIN"), 0), (IMPLICIT, 24)),
    ),
    "waypost": Truth(
        traits=frozenset({"help-ok", "tls-established", "certificate-sound"}),
        sent=(
            ((), 0),
            (("--no-tls",), 0),
            (TLS, 0),
            ((*IMPLICIT, *AS_ADA), 0),
            ((*LOGIN, *AS_ADA), 0),
            ((*TLS, "--bdat"), 0),
            (IMPLICIT, 23),
        ),
    ),
    "aiosmtpd": Truth(
        traits=frozenset({"extensions-missing", "greeting-version", "help-odd-code", "tls-established", "certificate-sound"}),
        sent=(((), 0), (("--no-tls",), 0), (TLS, 0), ((*IMPLICIT, *AS_ADA), 0), ((*LOGIN, *AS_ADA), 0)),
    ),
}


@dataclass(frozen=True, slots=True)
class Zoo:
    """All of them at once."""

    world: World
    root: Path

    def waypost(self, *words: str, given: str = "") -> tuple[int, str, str]:
        """Run a command there."""
        command = [sys.executable, "-m", "waypost.cli.main", *words]
        done = self.world.run(*command, given=given, more={"WAYPOST_PASSWORD": PASSWORD})
        return done.returncode, done.stdout, done.stderr

    def check(self, *words: str) -> dict[str, Any]:
        """``waypost check``."""
        code, said, wrong = self.waypost("check", "--json", "--lang", "en", "--ca", str(self.root), *words)
        assert said, wrong
        return {**json.loads(said), "code": code}


@pytest.fixture(scope="module")
def zoo(module_folder: Path) -> Iterator[Zoo]:
    """Opened once for all tests here."""
    world = World(module_folder)
    try:
        world.make()
        for name in (*(set(TRUTHS) - {"waypost"}), "knot", "unbound"):
            require(name, fetched(name))
        yield Zoo(world, open_zoo(world))
    finally:
        world.remove()


@pytest.fixture(scope="module")
def checks(zoo: Zoo) -> dict[str, dict[str, Any]]:
    """One check of each domain, with a login; that which is made to wait waits beside the others."""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(zoo.check, SERVERS["courier"].domain, "--auth", "ada")
        found = {name: zoo.check(server.domain, "--auth", "ada") for name, server in SERVERS.items() if name != "courier"}
        return {**found, "courier": waiting.result()}


def keys(found: dict[str, Any], *severities: str) -> set[str]:
    return {each["key"] for each in found["findings"] if not severities or each["severity"] in severities}


@pytest.mark.parametrize("name", TRUTHS)
def test_what_is_said_is_true(checks: dict[str, dict[str, Any]], name: str) -> None:
    """The warnings and errors are those faults that the server has as it comes, and no other; the verdict and exit code fit."""
    found, truth = checks[name], TRUTHS[name]
    assert keys(found, "warning", "error") == truth.faults
    assert found["verdict"] == ("works-with-faults" if truth.faults else "works")
    assert found["code"] == (1 if truth.faults else 0)
    assert truth.traits | IN_ORDER | {truth.login} <= keys(found)
    assert not {"probe-broke", "cut-short"} & keys(found)


@pytest.mark.parametrize("name", TRUTHS)
def test_the_next_step_fits(checks: dict[str, dict[str, Any]], name: str) -> None:
    """What is to be done next is said in words that name no other fault; where there is none, nothing need be done."""
    found = checks[name]
    faults = [each for each in found["findings"] if each["severity"] in ("warning", "error")]
    assert found["next_step"] in ([each["fix"] for each in faults] or ["Nothing need be done."])


def test_a_tarpit_costs_nothing_but_its_own_wait(checks: dict[str, dict[str, Any]]) -> None:
    """Courier lets those wait who err: the dialogue is told whole all the same, and it is said why no more was asked."""
    found = checks["courier"]
    slowed = next(each for each in found["findings"] if each["key"] == "errors-slowed")
    assert slowed["severity"] == "note"
    assert "TARPIT" in slowed["fix"]
    assert "quit-unanswered" not in keys(found)
    assert {"PIPELINING", "SMTPUTF8", "DSN"} <= {
        each["facts"]["keyword"] for each in found["findings"] if each["key"] == "extension-offered"
    }


@pytest.mark.parametrize("name", TRUTHS)
def test_old_versions_are_really_spoken(checks: dict[str, dict[str, Any]], zoo: Zoo, name: str) -> None:
    """Who is said to speak TLS 1.1 speaks it with another client as well, and no other does."""
    words = ["openssl", "s_client", "-connect", f"{SERVERS[name].address}:465", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-brief"]
    done = zoo.world.run(*words)
    assert ("Protocol version: TLSv1.1" in done.stdout + done.stderr) == ("tls-old-spoken" in keys(checks[name]))


@pytest.mark.parametrize("name", [name for name in TRUTHS if name not in ("opensmtpd", "courier")])
def test_a_healthy_host_is_checked_within_two_seconds(checks: dict[str, dict[str, Any]], name: str) -> None:
    """Names, three ports, the dialogue, TLS, the domain, mailboxes and a login: all of it on loopback in under two seconds."""
    assert checks[name]["seconds"] < 2


def test_extensions_are_known(checks: dict[str, dict[str, Any]]) -> None:
    """Whatever these servers list behind EHLO, the catalogue explains."""
    unknown = {
        name: [each["facts"]["keyword"] for each in found["findings"] if each["key"] == "extension-unknown"]
        for name, found in checks.items()
    }
    assert unknown == {name: [] for name in TRUTHS}


@pytest.mark.parametrize(("name", "more", "code"), [(name, *sent) for name, truth in TRUTHS.items() for sent in truth.sent])
def test_each_way_to_send(zoo: Zoo, name: str, more: tuple[str, ...], code: int) -> None:
    """By each mode of TLS and login the session ends as the server lets it end, with the reply explained where it says no."""
    server: Server = SERVERS[name]
    words = ["send", "--from", f"ada@{server.domain}", "--to", f"postmaster@{server.domain}", "--tls-ca", str(zoo.root), "--body", "Hello"]
    where = ["--server", server.host]
    if "--auth-user" in more:
        more = (*more, "--auth-password-file", "-")
    ended, said, wrong = zoo.waypost(*words, *where, *more, given=f"{PASSWORD}\n")
    assert (ended, wrong) == (code, ""), said
    if code == 0:
        assert any(line.startswith(("<-  250", "<~  250")) for line in said.splitlines())
    if "--auth-user" in more and code == 0:
        assert "235" in said
        assert PASSWORD not in said
    if code in (23, 24, 25, 29):
        assert "***" in said or "Fix:" in said


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("opensmtpd", "smuggling-possible"),
        ("postfix", "smuggling-possible"),  # Debian's 3.7 forbids bare line feeds only where one asks it to
        ("sendmail", "smuggling-resisted"),
        ("aiosmtpd", "smuggling-resisted"),
        ("exim", "smuggling-resisted"),
        ("waypost", "smuggling-resisted"),
    ],
)
def test_who_lets_mail_be_smuggled(zoo: Zoo, name: str, key: str) -> None:
    """Named as one's own, each server is tried with false ends of content, by a postmaster with a domain where it wants one."""
    server = SERVERS[name]
    found = zoo.check(server.domain, "--intrusive", "--own", server.host)
    assert {each for each in keys(found) if each.startswith("smuggling-")} == {key}
