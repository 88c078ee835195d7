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
INNER = "warning --set: web.check_networks: whoever reaches the pages at 0.0.0.0:80 can have mail servers in 10.0.0.0/8, fd00::/8 checked"
NO_RESOLVER = (
    "error --set: web.check_resolvers.0: {0!r} is no address of a resolver: write 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53"
)
NO_NETWORK = "error --set: web.{0}.0: {1!r} is no network: {2}; write it like 10.0.0.0/8 or fd00::/8"
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
        (["web.check=true", "web.bind=127.0.0.1:8025", 'web.check_networks=["10.0.0.0/8", "::1/128"]'], []),
        (["web.check=true", "web.bind=0.0.0.0:80", "web.url=https://mx.example.org", 'web.check_networks=["127.0.0.0/8"]'], [PUBLIC]),
        (
            ["web.check=true", "web.bind=0.0.0.0:80", "web.url=https://mx.example.org", 'web.check_networks=["10.0.0.0/8", "fd00::/8"]'],
            [
                PUBLIC,
                INNER,
            ],
        ),
        (
            ['web.check_resolvers=["dns.example.org"]'],
            [NO_RESOLVER.format("dns.example.org")],
        ),
        (
            ['web.check_networks=["10.0.0.1/8"]', 'web.check_never=["inside"]'],
            [
                NO_NETWORK.format("check_networks", "10.0.0.1/8", "10.0.0.1/8 has host bits set"),
                NO_NETWORK.format("check_never", "inside", "'inside' does not appear to be an IPv4 or IPv6 network"),
            ],
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


def test_checks_are_off_until_somebody_wants_them(tmp_path: Path) -> None:
    """In production nobody checks anything for visitors; where it is on, rules and limits are those that were set."""
    file = tmp_path / "waypost.toml"
    file.write_text(BASE)
    with bind("127.0.0.1:0") as listener:
        assert given(load(file, overrides=["web.bind=127.0.0.1:0"], environ={}).settings, listener).checks is None
        sets = ["web.check=true", "web.proxy=true", 'web.check_networks=["10.0.0.0/8"]', 'web.check_never=["8.8.8.0/24"]']
        sets += ["web.check_hourly=7", "web.check_at_once=2", "web.check_again=30", 'dns.resolvers=["192.0.2.53"]']
        checks = given(load(file, overrides=sets, environ={}).settings, listener).checks

    assert checks is not None
    plan = checks.plan
    assert (plan.hourly, plan.at_once, plan.again, plan.behind_proxy) == (7, 2, 30, True)
    assert (plan.hostname, plan.resolvers) == ("mx.example.org", ("192.0.2.53",))
    assert ([str(each) for each in plan.rules.inside], [str(each) for each in plan.rules.never]) == (["10.0.0.0/8"], ["8.8.8.0/24"])
    assert plan.rules.ports == {2525}
    with bind("127.0.0.1:0") as listener:
        other = given(load(file, overrides=[*sets, 'web.check_resolvers=["9.9.9.9"]'], environ={}).settings, listener).checks
    assert other is not None
    assert other.plan.resolvers == ("9.9.9.9",)


def test_the_dev_profile_checks_itself() -> None:
    """Without a file checks are on, for this machine's loopback too and the ports of its own listeners, as often as one likes."""
    with bind("127.0.0.1:0") as listener:
        checks = given(load(None, environ={}).settings, listener).checks

    assert checks is not None
    assert [str(each) for each in checks.plan.rules.inside] == ["127.0.0.0/8", "::1/128"]
    assert checks.plan.rules.ports == {1025, 1465, 1587}
    assert checks.plan.again == 0
