"""Accounts, and checking names and passwords."""

from __future__ import annotations

import asyncio
import json
import stat
import threading
from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher

from waypost.clock import SYSTEM, Clock
from waypost.directory import credentials as room
from waypost.directory import passwords
from waypost.directory.accounts import AccountError, Accounts
from waypost.directory.credentials import AnyCredentials, Busy, Verdict, Verified, Verifier, Wrong
from waypost.directory.passwords import LONGEST, PasswordError
from waypost.directory.settings import AuthSettings
from waypost.observe.events import Event, Observers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _cheap_hashes(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if "current_hash" not in request.node.name:
        monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    return Accounts(tmp_path / "data", SYSTEM)


class Judge:
    """A verifier with the loop it needs."""

    def __init__(self, data: Path, **settings: int) -> None:
        self.now = 100.0
        self.heard: list[Event] = []
        clock = Clock(wall=lambda: 0.0, monotonic=lambda: self.now)
        self.verifier = Verifier(data, AuthSettings(**settings), clock, Observers([self.heard.append]))

    def __call__(self, name: str, password: str) -> Verdict:
        return asyncio.run(self.verifier.verify(name, password))


@pytest.fixture
def judge(tmp_path: Path) -> Iterator[Judge]:
    made = Judge(tmp_path / "data")
    yield made
    made.verifier.close()


def test_add_passwd_remove(accounts: Accounts, judge: Judge) -> None:
    """An account can be made, given another password and removed, and the running server follows at once."""
    accounts.add("ada@example.org", "one")
    assert Verified("ada@example.org") == judge("ada@example.org", "one")

    accounts.passwd("ada@example.org", "two")
    assert Wrong() == judge("ada@example.org", "one")
    assert Verified("ada@example.org") == judge("ada@example.org", "two")

    accounts.remove("ada@example.org")
    assert Wrong() == judge("ada@example.org", "two")


def test_names_ignore_case(accounts: Accounts, judge: Judge) -> None:
    """Names are compared without regard to case, and the account's own spelling is what counts afterwards."""
    accounts.add("Ada@example.org", "one")

    assert Verified("Ada@example.org") == judge("ADA@EXAMPLE.ORG", "one")
    with pytest.raises(AccountError, match=r"there is an account ada@example\.org already"):
        accounts.add("ada@example.org", "two")


def test_missing_accounts_are_named(accounts: Accounts) -> None:
    """What is not there can be neither changed nor removed."""
    with pytest.raises(AccountError, match="there is no account eve"):
        accounts.passwd("eve", "x")
    with pytest.raises(AccountError, match="there is no account eve"):
        accounts.remove("eve")


def test_the_file_is_private_and_holds_no_password(accounts: Accounts, tmp_path: Path) -> None:
    """Mode 0600, argon2id, and the password nowhere in the data directory."""
    accounts.add("ada", "correct horse")
    file = tmp_path / "data/accounts.json"

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["accounts"][0]["hash"].startswith("$argon2id$")
    assert not any(b"correct horse" in path.read_bytes() for path in file.parent.iterdir())


def test_what_root_writes_belongs_to_the_folders_owner(accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server that dropped to another account can read the accounts that root made."""
    given_away: list[tuple[str, int, int]] = []
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.chown", lambda path, uid, gid: given_away.append((path.name, uid, gid)))
    accounts.add("ada", "one")
    owner = (tmp_path / "data").stat()

    assert given_away == [(name, owner.st_uid, owner.st_gid) for name in ("accounts.lock", "accounts.json.new")]


def test_current_hash_is_the_librarys(tmp_path: Path) -> None:
    """Hashes are argon2id with the parameters the library recommends today."""
    accounts = Accounts(tmp_path, SYSTEM)
    accounts.add("ada", "one")

    assert not PasswordHasher().check_needs_rehash(accounts.list()[0].hash)


def test_a_failed_write_leaves_the_old_file(accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fails in the middle, the accounts are as they were."""
    accounts.add("ada", "one")
    before = (tmp_path / "data/accounts.json").read_bytes()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("waypost.directory.accounts.os.fsync", fail)
    with pytest.raises(AccountError, match="No space left"):
        accounts.add("eve", "two")

    assert before == (tmp_path / "data/accounts.json").read_bytes()


def test_two_writers_take_turns(accounts: Accounts) -> None:
    """Accounts made by several writers at once are all there."""
    threads = [threading.Thread(target=accounts.add, args=(f"user{number}", "x")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [f"user{number}" for number in range(8)] == [account.name for account in accounts.list()]


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "a\u202eb", "x" * 256])
def test_names_that_cannot_be(accounts: Accounts, name: str) -> None:
    """Empty, spaced, invisible and endless names are refused."""
    with pytest.raises(AccountError, match="an account's name"):
        accounts.add(name, "x")


@pytest.mark.parametrize(
    ("password", "fault"),
    [("", "empty"), ("a\nb", "control"), ("a\0b", "control"), ("x" * (LONGEST + 1), "1024 octets"), ("ü" * 513, "1024 octets")],
)
def test_passwords_that_cannot_be(accounts: Accounts, judge: Judge, password: str, fault: str) -> None:
    """Empty, unprintable and endless passwords are refused when set, and simply wrong when given."""
    with pytest.raises(PasswordError, match=fault):
        accounts.add("ada", password)

    assert Wrong() == judge("ada", password)


def test_the_longest_password_works(accounts: Accounts, judge: Judge) -> None:
    """A password of exactly the bound is taken."""
    accounts.add("ada", "x" * LONGEST)

    assert Verified("ada") == judge("ada", "x" * LONGEST)


def test_passwords_are_compared_as_people_see_them(accounts: Accounts, judge: Judge) -> None:
    """Composed and decomposed letters are the same and any blank is a blank, but case and width count (8265#4.2)."""
    accounts.add("ada", "na\u00efve pass")

    assert Verified("ada") == judge("ada", "nai\u0308ve\u3000pass")
    assert Wrong() == judge("ada", "Na\u00efve pass")


def test_unknown_names_cost_a_hash(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown name is checked against a real hash, exactly once, so that it costs what a known one does."""
    hashes: list[str] = []
    monkeypatch.setattr(room, "matches", lambda hashed, _: bool(hashes.append(hashed)))

    assert Wrong() == judge("nobody", "x")
    assert [hashed[:10] for hashed in hashes] == ["$argon2id$"]


def test_the_dummy_hash_opens_nothing(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even a password that matched the dummy would not let an unknown name in."""
    monkeypatch.setattr(room, "matches", lambda *_: True)

    assert Wrong() == judge("nobody", "x")


def gated(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, list[str]]:
    """Hashing that waits for the gate and then says no; and the list of what has begun."""
    gate, running = threading.Event(), []

    def wait(hashed: str, _: bytes) -> bool:
        running.append(hashed)
        gate.wait(10)
        return False

    monkeypatch.setattr(room, "matches", wait)
    return gate, running


async def until_running(running: list[str], many: int) -> None:
    async with asyncio.timeout(10):
        while len(running) < many:  # noqa: ASYNC110 - threads append; an asyncio.Event is not theirs to set
            await asyncio.sleep(0.001)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    calls: list[str] = []
    honest = passwords.matches

    def count(hashed: str, prepared: bytes) -> bool:
        calls.append(hashed)
        return honest(hashed, prepared)

    monkeypatch.setattr(room, "matches", count)
    return calls


def test_a_right_password_is_remembered_for_its_time(accounts: Accounts, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within ``auth.remember`` seconds a right password costs no second hash; after it, it does; a wrong one always does."""
    accounts.add("ada", "one")
    calls = counted(monkeypatch)

    judge("ada", "one")
    judge.now += 59.9
    assert Verified("ada") == judge("ada", "one")
    assert len(calls) == 1

    judge.now += 0.1
    assert Verified("ada") == judge("ada", "one")
    assert Wrong() == judge("ada", "two")
    assert Wrong() == judge("ada", "two")
    assert len(calls) == 4


def test_nothing_is_remembered_when_told_so(accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``auth.remember = 0`` hashes each time."""
    accounts.add("ada", "one")
    judge = Judge(tmp_path / "data", remember=0)
    calls = counted(monkeypatch)

    judge("ada", "one")
    judge("ada", "one")
    judge.verifier.close()
    assert len(calls) == 2


def test_too_many_at_once_are_busy(accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``parallel`` checks run and ``queue`` wait; one more is Busy at once, and when they end there is room again."""
    accounts.add("ada", "one")
    judge = Judge(tmp_path / "data", parallel=2, queue=3)
    gate, running = gated(monkeypatch)

    async def crowd() -> tuple[list[Verdict], Verdict, int, Verdict]:
        tasks = [asyncio.ensure_future(judge.verifier.verify("ada", f"{number}")) for number in range(5)]
        await until_running(running, 2)
        refused, at_once = await judge.verifier.verify("ada", "late"), len(running)
        gate.set()
        verdicts = [await task for task in tasks]
        return verdicts, refused, at_once, await judge.verifier.verify("ada", "again")

    assert ([Wrong()] * 5, Busy(), 2, Wrong()) == asyncio.run(crowd())
    judge.verifier.close()


def test_new_settings_hold_from_the_next_check_on(accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More may run and wait at once; what ran before ends as it began, and closing waits for it too."""
    accounts.add("ada", "one")
    judge = Judge(tmp_path / "data", parallel=1, queue=1)
    gate, running = gated(monkeypatch)

    async def crowd() -> tuple[list[Verdict], Verdict, Verdict]:
        verify = judge.verifier.verify
        tasks = [asyncio.ensure_future(verify("ada", f"{number}")) for number in range(2)]
        await until_running(running, 1)
        before = await verify("ada", "late")
        judge.verifier.apply(AuthSettings(parallel=3, queue=2))
        tasks += [asyncio.ensure_future(verify("ada", f"{number}")) for number in range(3)]
        await until_running(running, 4)
        after = await verify("ada", "late")
        gate.set()
        return [await task for task in tasks], before, after

    assert asyncio.run(crowd()) == ([Wrong()] * 5, Busy(), Busy())
    judge.verifier.close()
    judge.verifier.apply(AuthSettings())
    assert Busy() == judge("ada", "one")


def test_what_is_remembered_is_forgotten_when_less_may_be(accounts: Accounts, judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shorter ``auth.remember`` holds for what was remembered too; a longer one for what comes."""
    accounts.add("ada", "one")
    calls = counted(monkeypatch)
    judge("ada", "one")
    judge.verifier.apply(AuthSettings(remember=600))
    judge("ada", "one")
    assert len(calls) == 1
    judge.verifier.apply(AuthSettings(remember=0))
    judge("ada", "one")
    judge("ada", "one")
    assert len(calls) == 3


def test_a_session_that_goes_away_frees_its_place(accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled check stays counted while its thread works, and no longer."""
    accounts.add("ada", "one")
    judge = Judge(tmp_path / "data", parallel=1, queue=1)
    gate, running = gated(monkeypatch)

    async def leave() -> tuple[Verdict, Verdict]:
        tasks = [asyncio.ensure_future(judge.verifier.verify("ada", f"{number}")) for number in range(2)]
        await until_running(running, 1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        second = asyncio.ensure_future(judge.verifier.verify("ada", "x"))
        await asyncio.sleep(0)
        refused = await judge.verifier.verify("ada", "y")
        gate.set()
        return refused, await second

    assert (Busy(), Wrong()) == asyncio.run(leave())
    judge.verifier.close()


def test_closing_answers_those_who_wait(accounts: Accounts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After ``close`` nobody is left waiting: what did not run is Busy, and so is what comes later."""
    accounts.add("ada", "one")
    judge = Judge(tmp_path / "data", parallel=1, queue=5)
    gate, running = gated(monkeypatch)

    async def end() -> list[Verdict]:
        tasks = [asyncio.ensure_future(judge.verifier.verify("ada", f"{number}")) for number in range(3)]
        await until_running(running, 1)
        gate_opener = threading.Timer(0.05, gate.set)
        gate_opener.start()
        judge.verifier.close()
        gate_opener.join()
        return [*[await task for task in tasks], await judge.verifier.verify("ada", "x")]

    assert [Wrong(), Busy(), Busy(), Busy()] == asyncio.run(end())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 1}', '{"version": 1, "accounts": [{"name": "a"}]}', '{"version": 2, "accounts": []}']
)
def test_a_damaged_file_is_told_and_nobody_gets_in(tmp_path: Path, judge: Judge, text: str) -> None:
    """A file that cannot be read says so to the operator and in the log, and is no reason to say that a password is wrong."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data/accounts.json").write_text(text)

    with pytest.raises(AccountError, match=r"accounts\.json is"):
        Accounts(tmp_path / "data", SYSTEM).list()

    async def ask() -> Verdict:
        verdict = await judge.verifier.verify("ada", "one")
        await asyncio.sleep(0)
        return verdict

    assert Busy() == asyncio.run(ask())
    assert [event.what for event in judge.heard] == ["accounts-unreadable"]


def test_a_wrong_password_is_told_nowhere(accounts: Accounts, judge: Judge, caplog: pytest.LogCaptureFixture) -> None:
    """No event, log line or representation holds a password."""
    accounts.add("ada", "one")
    judge("ada", "guess-me")

    assert "guess-me" not in f"{judge.heard} {caplog.text} {vars(judge.verifier)}"


def test_any_credentials() -> None:
    """In the dev profile whoever comes is right."""
    anyone = AnyCredentials()

    assert Verified("whoever") == asyncio.run(anyone.verify("whoever", ""))
    anyone.close()
