"""The rules on where pages are served and who may see mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from waypost.config.check import check
from waypost.config.load import load
from waypost.daemon.web import given
from waypost.net.listen import bind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BASE = """\
hostname = "mx.example.org"
data = "."
[[listeners]]
role = "relay"
bind = "127.0.0.1:2525"
[domains]
local = ["example.org"]
mailboxes = ["ada@example.org"]
[[transports]]
kind = "lmtp"
hosts = ["127.0.0.1:24"]
"""
REFERENCE = "the reply reference alone is served there, not the inbox, which has no login yet"
PUBLIC = "warning --set: web.bind: 0.0.0.0 can be reached by others: " + REFERENCE
ANYONE = "warning --set: web.hosts: is empty and the bind is public: requests for any host name are answered; list yours, or set web.url"


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        (["web.bind=127.0.0.1:8025"], []),
        (["web.bind=[::1]:8025", "web.inbox=true"], []),
        (["web.bind=0.0.0.0:8025"], [PUBLIC, ANYONE]),
        (["web.bind=0.0.0.0:8025", 'web.hosts=["mx.example.org"]'], [PUBLIC]),
        (["web.bind=0.0.0.0:8025", "web.url=https://mx.example.org"], [PUBLIC]),
        (
            ["web.bind=[::]:80", "web.inbox=true", "web.url=http://mx.example.org/"],
            ["warning --set: web.inbox: :: can be reached by others: " + REFERENCE],
        ),
        (["web.bind=127.0.0.1:2525"], ["error --set: web.bind: 127.0.0.1:2525 is listeners.0's already: give each its own"]),
        (
            ["web.bind=unix:/run/web"],
            ["error --set: web.bind: a browser reaches no UNIX socket: write an address and port, such as 127.0.0.1:8025"],
        ),
        (
            ["web.bind=8025"],
            ["error --set: web.bind: '8025' is no place to listen: write 127.0.0.1:25, [::1]:25 or unix:/path"],
        ),
        (
            ["web.url=mx.example.org"],
            ["error --set: web.url: 'mx.example.org' is no address of a site: write it like https://mx.example.org"],
        ),
        (
            ["web.url=https://mx.example.org/codes"],
            ["error --set: web.url: 'https://mx.example.org/codes' is no address of a site: write it like https://mx.example.org"],
        ),
        (
            ['web.hosts=["mx.example.org", "a:80"]'],
            ["error --set: web.hosts.1: 'a:80' is no host name: write it like mx.example.org, without port and path"],
        ),
    ],
)
def test_rules(tmp_path: Path, sets: Sequence[str], expected: Sequence[str]) -> None:
    """Each mistake has its sentence, and a bind that others can reach has its warning."""
    file = tmp_path / "waypost.toml"
    file.write_text(BASE)
    problems = check(load(file, overrides=sets, environ={}))

    assert [f"{problem.severity} {problem}" for problem in problems] == list(expected)


@pytest.mark.parametrize(
    ("place", "sets", "shows"),
    [
        ("127.0.0.1:0", ["web.inbox=true"], True),
        ("127.0.0.1:0", [], False),
        ("0.0.0.0:0", ["web.inbox=true"], False),
    ],
)
def test_who_is_given_the_means_to_ask_for_mail(tmp_path: Path, place: str, sets: Sequence[str], *, shows: bool) -> None:
    """Only for a socket that this machine alone can reach, and only when asked for, has the application anybody to ask for mail."""
    file = tmp_path / "waypost.toml"
    file.write_text(BASE)
    settings = load(file, overrides=[f"web.bind={place}", *sets], environ={}).settings
    with bind(place) as listener:
        made = given(settings, listener)

    assert (made.desk is not None) == shows
    assert made.hosts.anyone == place.startswith("0")


def test_the_name_of_the_public_address_is_served(tmp_path: Path) -> None:
    """The host of web.url is one that requests may name, beside those of web.hosts."""
    file = tmp_path / "waypost.toml"
    file.write_text(BASE)
    settings = load(file, overrides=["web.url=https://MX.example.org:8443", 'web.hosts=["codes.example.org"]'], environ={}).settings
    with bind("0.0.0.0:0") as listener:
        hosts = given(settings, listener).hosts

    assert hosts.admits("mx.example.org:8443")
    assert hosts.admits("codes.example.org")
    assert not hosts.admits("evil.example")
