"""The rules between settings, each with its message."""

# ruff: noqa: E501 - golden messages stand in one line each

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support.certificates import make_certificates
from waypost.config.check import check, demand
from waypost.config.load import load
from waypost.config.problem import ConfigError, Severity

if TYPE_CHECKING:
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


def found(tmp_path: Path, *sets: str, base: str = BASE) -> list[str]:
    """The problems, as ``severity place: setting: words``."""
    file = tmp_path / "waypost.toml"
    file.write_text(base)
    problems = check(load(file, overrides=sets, environ={}))
    return [f"{problem.severity} {problem}".replace(f"{tmp_path}/", "") for problem in problems]


def test_a_sound_configuration_has_no_problem(tmp_path: Path) -> None:
    """Nothing is found where nothing is wrong."""
    assert found(tmp_path) == []


CASES = [
    ("hostname=mx_example", 'error --set: hostname: "mx_example" is no host name: write a full domain name such as mx.example.org'),
    ("hostname=192.0.2.1", 'error --set: hostname: "192.0.2.1" is no host name: write a full domain name such as mx.example.org'),
    ("hostname=mx", 'warning --set: hostname: mx is no full domain name, and other servers may refuse it: set hostname = "mx.example.org"'),
    ("software=", "error --set: software: must be 1 to 64 printable ASCII characters: it stands in the greeting"),
    ("software=Wäypost", "error --set: software: must be 1 to 64 printable ASCII characters: it stands in the greeting"),
    ("listeners=[]", "error --set: listeners: is missing: nothing would listen; add [[listeners]] with role and bind"),
    ("listeners.0.bind=mx:25", "error --set: listeners.0.bind: 'mx:25' is no place to listen: write 127.0.0.1:25, [::1]:25 or unix:/path"),
    ('listeners.1={role="relay",bind="127.0.0.1:2525"}', "error --set: listeners.1.bind: 127.0.0.1:2525 is listeners.0's already: give each its own"),
    ('listeners.1={role="lmtp",bind="127.0.0.1:25"}', "error --set: listeners.1.bind: LMTP never uses port 25, where others speak SMTP: choose 24, or unix:/path"),
    ("listeners.0.bind=unix:/x", "error --set: listeners.0.bind: a UNIX socket is for role lmtp alone: write an address and port for relay"),
    ("listeners.0.tls=starttls", "error --set: listeners.0.tls: starttls needs [tls] with certificate and key"),
    ("listeners.0.tls=implicit", "error --set: listeners.0.tls: implicit needs [tls] with certificate and key"),
    ("tls.key=x", "error --set: tls: needs certificate too: a certificate and its key go together"),
    ("tls.certificate=x", "error --set: tls: needs key too: a certificate and its key go together"),
    ("domains.local.1=exa mple", 'error --set: domains.local.1: "exa mple" is no domain: write it like example.org'),
    ("domains.local.1=ada@example.org", 'error --set: domains.local.1: "ada@example.org" is no domain: write it like example.org, without the local part'),
    ("domains.local.1=.example.net", 'error --set: domains.local.1: ".example.net" is no domain: subdomains are listed one by one'),
    ("domains.relay.0=*", "error --set: domains.relay.0: * would make this an open relay: name the domains"),
    ("domains.relay.0=EXAMPLE.org", "error --set: domains.relay.0: example.org is in domains.local already: a domain is either local or relayed"),
    ("domains.local.1=example.ORG", "warning --set: domains.local.1: example.org is listed twice"),
    ("domains.mailboxes.1=ada", 'error --set: domains.mailboxes.1: "ada" is no address, it has no domain: write it like ada@example.org'),
    ("domains.mailboxes.1=postmaster", 'error --set: domains.mailboxes.1: "postmaster" has no domain: write it like ada@example.org'),
    ("domains.mailboxes.1=ada@example.net", "error --set: domains.mailboxes.1: example.net is not in domains.local: add it there, or correct the address"),
    ("domains.postmaster=ada@", 'error --set: domains.postmaster: "ada@" is no address, it has no domain: write it like ada@example.org'),
    ('domains.aliases={"x@example.net"=["a@b.example"]}', 'error --set: domains.aliases."x@example.net": example.net is not in domains.local: add it there, or correct the address'),
    ('domains.aliases={"x@example.org"=["eve@example.org"]}', 'error --set: domains.aliases."x@example.org".0: eve@example.org is not in domains.mailboxes: add it there, or correct the address'),
    ('domains.aliases={"x@example.org"=["x@example.org"]}', 'error --set: domains.aliases."x@example.org".0: x@example.org is not in domains.mailboxes: add it there, or correct the address'),
    ('domains.aliases={"x@example.org"=[]}', 'error --set: domains.aliases."x@example.org": leads to nobody: list at least one address'),
    ('domains.aliases={"x@example.org"=["a b@c.example"]}', 'error --set: domains.aliases."x@example.org".0: "a b@c.example" is no address, a character has no place in its local part: write it like ada@example.org'),
    ("transports=[]", "error --set: transports: is missing: accepted mail would go nowhere; add [[transports]] with match and kind"),
    ("transports.0.match=example.net", 'error waypost.toml:7: domains.local.0: no transport matches example.org: add [[transports]] with match = "example.org"'),
    ("transports.0.kind=capture", "error waypost.toml:11: transports.0.hosts: has no meaning for kind capture: remove it"),
    ("transports.0.kind=maildir", "error waypost.toml:11: transports.0.hosts: has no meaning for kind maildir: remove it"),
    ('transports.0={kind="maildir"}', "error --set: transports.0.path: is needed for kind maildir: write the folder, with {local_part} and {domain}"),
    ('transports.0={kind="lmtp"}', "error --set: transports.0.hosts: is needed for kind lmtp: MX records never lead to LMTP"),
    ("transports.0.hosts=unix:x", "error --set: transports.0.hosts: has 'unix:x': a UNIX socket is for kind lmtp alone, as unix:/path"),
    ("transports.0.path=/x", "error --set: transports.0.path: has no meaning for kind lmtp: remove it"),
    ('transports.0={kind="hold",tls="required"}', "error --set: transports.0.tls: has no meaning for kind hold: remove it"),
    ('transports.0={kind="hold",ca="x"}', "error --set: transports.0.ca: has no meaning for kind hold: remove it"),
    ('transports.0={kind="smtp",hosts=["a"],username="u"}', "error --set: transports.0: username and password go together: give both or neither"),
    ("transports.0.kind=smtp", None),
    ('transports.0={kind="smtp"}', "warning waypost.toml:7: domains.local.0: its transport goes by MX, and the MX of example.org may well be this server: give it hosts"),
    ('transports.1={kind="hold"}', 'warning --set: transports.1: is never used: one before it matches "*", and the first match wins'),
    ('relay.networks=["192.0.2.1/24"]', 'error --set: relay.networks.0: "192.0.2.1/24" has bits behind its prefix: write 192.0.2.0/24'),
    ('relay.networks=["local"]', 'error --set: relay.networks.0: "local" is no network: write it like 192.0.2.0/24 or 2001:db8::/32'),
    ("queue.retry=[]", "error --set: queue.retry: is empty: list at least one wait in seconds, such as [300]"),
    ("queue.lifetime=60", "warning --set: queue.lifetime: ends before the first retry, 300 seconds after the first attempt"),
    ("limits.soft_errors=16", "warning --set: limits.soft_errors: is never reached: hard_errors ends the session at 15"),
    ("limits.header_field_size=300000", "warning --set: limits.header_field_size: is never reached: header_size ends the header at 262144 octets"),
    ("limits.client_connections=151", "warning --set: limits.client_connections: is never reached: network_connections allows 150"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), CASES, ids=[given for given, _ in CASES])
def test_each_rule_has_its_message(tmp_path: Path, given: str, expected: str | None) -> None:
    """One mistake gives one message: severity, place, setting, what to write instead."""
    assert ([expected] if expected else []) == found(tmp_path, given)


@pytest.mark.parametrize(
    "network", ["0.0.0.0/0", "128.0.0.0/1", "10.0.0.0/7", "::/0", "2000::/3", "2000::/15", "::ffff:0:0/96", "::ffff:0:0/103"]
)
def test_an_open_relay_cannot_be_configured_by_networks(tmp_path: Path, network: str) -> None:
    """A network of strangers may not send anywhere where mail can leave."""
    (problem,) = found(tmp_path, f'relay.networks=["{network}"]')

    assert problem.startswith("error --set: relay.networks.0: ")
    assert "transports.0 (lmtp) lets mail leave" in problem


@pytest.mark.parametrize(
    "network", ["127.0.0.0/8", "10.0.0.0/8", "192.0.2.1", "2001::/16", "fc00::/7", "fe80::/10", "::1", "::ffff:10.0.0.0/104"]
)
def test_networks_of_ones_own_are_fine(tmp_path: Path, network: str) -> None:
    """As wide as the bound, and the ranges that nobody else can come from."""
    assert found(tmp_path, f'relay.networks=["{network}"]') == []


def test_networks_are_judged_together(tmp_path: Path) -> None:
    """Two /8 side by side are a /7."""
    (problem,) = found(tmp_path, 'relay.networks=["10.0.0.0/8", "11.0.0.0/8"]')

    assert problem.startswith("error --set: relay.networks: together they are wider than a /8")


@pytest.mark.parametrize("given", ['domains.local=["*"]', "auth.anyone=true", 'relay.networks=["0.0.0.0/0"]'])
@pytest.mark.parametrize("kind", ["capture", "hold", "discard"])
def test_everything_may_be_taken_where_nothing_leaves(tmp_path: Path, given: str, kind: str) -> None:
    """Every recipient, every password and every network: legal while all that can be reached captures, holds or discards."""
    assert found(tmp_path, f'transports=[{{kind="{kind}"}}]', given) == []
    behind = found(tmp_path, f'transports=[{{kind="{kind}"}}, {{kind="smtp", hosts=["a"]}}]', given)
    assert [problem.split()[0] for problem in behind] == ["warning"], "what is never reached lets nothing leave"


@pytest.mark.parametrize("given", ['domains.local=["*"]', "auth.anyone=true", 'relay.networks=["0.0.0.0/0"]'])
@pytest.mark.parametrize("kind", ['kind="smtp",hosts=["a"]', 'kind="lmtp",hosts=["a"]', 'kind="maildir",path="/x"'])
def test_nothing_may_be_taken_from_all_where_mail_leaves(tmp_path: Path, given: str, kind: str) -> None:
    """The same is an error where one transport that can be reached lets mail leave."""
    problems = found(tmp_path, f'transports=[{{match="example.org",kind="capture"}}, {{{kind}}}]', given)

    assert any(problem.startswith("error") and "transports.1" in problem for problem in problems)


def test_circles_and_crowds_of_aliases_are_told(tmp_path: Path) -> None:
    """An alias that reaches nobody, or too many, is an error at the line of its key."""
    many = ", ".join(f'"u{number}@far.example"' for number in range(1001))
    base = (
        f'{BASE}[domains.aliases]\n"a@example.org" = ["b@example.org"]\n"b@example.org" = ["a@example.org"]\n"all@example.org" = [{many}]\n'
    )

    assert found(tmp_path, base=base) == [
        'error waypost.toml:13: domains.aliases."a@example.org": goes in a circle and reaches no mailbox',
        'error waypost.toml:14: domains.aliases."b@example.org": goes in a circle and reaches no mailbox',
        'error waypost.toml:15: domains.aliases."all@example.org": leads to more than 1000 mailboxes or through more than 1000 aliases: use a list server',
    ]


def test_an_alias_of_a_faulty_alias_is_not_told_twice(tmp_path: Path) -> None:
    """The fault is told where it stands."""
    given = 'domains.aliases={"a@example.org"=["b@example.org"], "b@example.org"=["eve@example.org"], "B@example.org"=["ada@example.org"]}'

    assert [problem.partition(": ")[2].partition(": ")[0] for problem in found(tmp_path, given)] == [
        'domains.aliases."B@example.org"',
        'domains.aliases."b@example.org".0',
    ]


def test_missing_mailboxes_are_warned_of(tmp_path: Path) -> None:
    """Without a list mail is bounced after it was taken: a warning where it leaves, none where it is captured."""
    open_base = BASE.replace('mailboxes = ["ada@example.org"]\n', "")

    (problem,) = found(tmp_path, base=open_base)
    assert problem.startswith("warning waypost.toml:6: domains: mailboxes is missing")
    assert "backscatter" in problem
    assert found(tmp_path, 'transports=[{kind="capture"}]', base=open_base) == []


def test_a_postmaster_is_needed_where_no_domain_is_local(tmp_path: Path) -> None:
    """A server that only sends needs one named."""
    given = ["domains={}", 'transports=[{kind="hold"}]']

    assert found(tmp_path, *given) == [
        "warning --set: domains: there is no local domain: set domains.postmaster, so that mail for <Postmaster> reaches somebody"
    ]
    assert found(tmp_path, *given, "domains.postmaster=me@example.net") == []


@pytest.mark.parametrize(("uid", "severity"), [(0, "error"), (1000, "warning")])
def test_an_unknown_user_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, severity: str) -> None:
    """An error for root, who would drop to it; a warning for whoever drops to nobody."""
    monkeypatch.setattr("os.geteuid", lambda: uid)

    assert found(tmp_path, "user=no-such-user") == [
        f'{severity} --set: user: there is no account "no-such-user" on this system: make it with `useradd --system no-such-user`, or name another'
    ]


def test_data_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in its place, and a folder without permission (simulated: root may write everywhere)."""
    (tmp_path / "file").write_text("")

    assert found(tmp_path, f"data={tmp_path}/file/below") == ["error --set: data: file is not a folder"]
    monkeypatch.setattr("os.access", lambda *_: False)
    assert found(tmp_path, f"data={tmp_path}/a/b") == [
        f"error --set: data: a/b cannot be made: {tmp_path} cannot be written by this account: change its owner or mode, or run as another"
    ]


def certificate(tmp_path: Path) -> tuple[str, str]:
    made = make_certificates(tmp_path)
    return str(made.certificate), str(made.key)


def test_certificates_are_looked_into(tmp_path: Path) -> None:
    """A good pair is fine; a missing file, or a key of another certificate, is told with the file's name."""
    cert, key = certificate(tmp_path)
    (tmp_path / "other").mkdir()
    _, other = certificate(tmp_path / "other")

    assert found(tmp_path, f"tls.certificate={cert}", f"tls.key={key}", "listeners.0.tls=starttls") == []
    (missing,) = found(tmp_path, "tls.certificate=/no/such.pem", f"tls.key={key}")
    assert re.match(r"error --set: tls\.certificate: /no/such\.pem.* cannot be read", missing)
    (another,) = found(tmp_path, f"tls.certificate={cert}", f"tls.key={other}")
    assert another.startswith("error --set: tls.")


def test_submission_without_tls_is_of_use_to_trusted_networks_alone(tmp_path: Path) -> None:
    """Nobody else could authenticate there."""
    (tmp_path / "accounts.json").write_text("{}")

    assert found(tmp_path, "listeners.0.role=submission") == [
        "error waypost.toml:3: listeners.0.tls: submission without TLS: nobody could authenticate, for passwords are never taken in the clear; write starttls or implicit"
    ]
    assert found(tmp_path, "listeners.0.role=submission", 'relay.networks=["127.0.0.1"]') == []


def test_submission_without_accounts_is_warned_of(tmp_path: Path) -> None:
    """Where nobody can log in yet, the command that changes it is named."""
    cert, key = certificate(tmp_path)
    given = ["listeners.0.role=submission", "listeners.0.tls=implicit", f"tls.certificate={cert}", f"tls.key={key}"]

    assert found(tmp_path, *given) == [
        "warning waypost.toml:3: listeners: nobody can log in for submission yet: make accounts with `waypost user add NAME`"
    ]
    (tmp_path / "accounts.json").write_text("{}")
    assert found(tmp_path, *given) == []


def test_demand_gives_warnings_and_raises_errors(tmp_path: Path) -> None:
    """Who acts on a configuration gets the warnings, or an exception with every error and no warning."""
    file = tmp_path / "waypost.toml"
    file.write_text(BASE)

    assert [problem.severity for problem in demand(load(file, overrides=["hostname=mx"], environ={}))] == [Severity.WARNING]
    with pytest.raises(ConfigError) as caught:
        demand(load(file, overrides=["hostname=mx", "software=", "transports=[]"], environ={}))
    assert [problem.setting for problem in caught.value.problems] == ["software", "transports"]
