"""The dev profile."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from waypost.config.check import check, demand
from waypost.config.dev import dev_data
from waypost.config.load import load
from waypost.config.problem import ConfigError
from waypost.directory.domains import Domains
from waypost.directory.resolution import Known
from waypost.route.settings import Kind
from waypost.smtp.grammar import parse_mailbox


def test_without_a_file_it_is_the_dev_profile(tmp_path: Path) -> None:
    """Three listeners on loopback, any credentials, any recipient, everything captured; and nothing is wrong with it."""
    loaded = load(None, environ={"XDG_STATE_HOME": str(tmp_path)})
    settings = loaded.settings

    assert loaded.dev
    assert [(str(each.role), each.bind, str(each.tls)) for each in settings.listeners] == [
        ("relay", "127.0.0.1:1025", "none"),
        ("submission", "127.0.0.1:1587", "starttls"),
        ("submission", "127.0.0.1:1465", "implicit"),
    ]
    assert settings.data == tmp_path / "waypost"
    assert settings.auth.anyone
    assert [each.kind for each in settings.transports] == [Kind.CAPTURE]
    assert check(loaded) == ()


@pytest.mark.parametrize("address", ["anyone@anywhere.example", "x@[192.0.2.1]", "x@localhost", "Postmaster", "ü@bücher.example"])
def test_any_recipient_is_known(address: str) -> None:
    """Whoever mail is for, the dev profile takes it."""
    settings = load(None, environ={}).settings
    domains = Domains(settings.domains, settings.hostname)
    mailbox = parse_mailbox(address)

    assert domains.is_local(mailbox.domain)
    assert isinstance(domains.resolve(mailbox), Known)


@pytest.mark.parametrize("home", ["", "relative/path"])
def test_data_by_default_is_below_the_home(home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a usable $XDG_STATE_HOME it is ~/.local/state/waypost."""
    monkeypatch.setenv("HOME", "/home/ada")

    assert dev_data({"XDG_STATE_HOME": home}) == Path("/home/ada/.local/state/waypost")


@pytest.mark.parametrize(
    ("node", "expected"),
    [("Laptop", "laptop"), ("a.b.example", "a.b.example"), ("", "localhost"), ("my_box", "localhost"), ("-x", "localhost")],
)
def test_hostname_is_the_machines(monkeypatch: pytest.MonkeyPatch, node: str, expected: str) -> None:
    """The machine's name where it is one that a server can give, else localhost."""
    monkeypatch.setattr(platform, "node", lambda: node)

    assert load(None, environ={}).settings.hostname == expected


def test_overrides_work_on_top() -> None:
    """Settings and environment change the dev profile like a file."""
    given = ["listeners.0.bind=127.0.0.1:0", "listeners.0.tls=starttls"]
    settings = load(None, overrides=given, environ={"WAYPOST__WORKERS": "2"}).settings
    first = settings.listeners[0]

    assert (first.bind, str(first.tls), settings.workers) == ("127.0.0.1:0", "starttls", 2)
    assert [each.bind for each in settings.listeners[1:]] == ["127.0.0.1:1587", "127.0.0.1:1465"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("listeners.0.bind=0.0.0.0:1025", "0.0.0.0 can be reached by others"),
        ("listeners.0.bind=[::]:1025", ":: can be reached by others"),
        ("transports.0.kind=smtp", "every password is right, and transports.0 (smtp) lets mail leave"),
        ('transports.0={kind = "maildir", path = "/x"}', "takes mail for every domain from anybody"),
    ],
)
def test_it_cannot_be_opened_to_others(given: str, says: str) -> None:
    """Neither to other machines nor so that mail leaves."""
    with pytest.raises(ConfigError) as caught:
        demand(load(None, overrides=[given], environ={}))

    assert says in str(caught.value)
