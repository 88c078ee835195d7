"""Reading the configuration: each bad input gives one clear message."""

# ruff: noqa: E501 - golden messages stand in one line each

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from waypost.accept.settings import ListenerSettings
from waypost.config.load import Loaded, load
from waypost.config.problem import ConfigError
from waypost.observe.settings import LogFormat
from waypost.route.settings import Kind
from waypost.smtp.terms import Role, TlsMode

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLE = """\
hostname = "mx.example.org"
data     = "/var/lib/waypost"          # spool, keys, inbox
workers  = 1                           # processes; host-wide limits are shared out among them
user     = "waypost"                   # drop to, after binding, when started as root

[tls]
certificate = "/etc/waypost/cert.pem"
key         = "/etc/waypost/key.pem"

[[listeners]]
role = "relay"                         # relay (port 25) | submission (587, 465) | lmtp
bind = "127.0.0.1:2525"
tls  = "starttls"                      # none | starttls (relay: offered; submission: needed for AUTH) | implicit

[domains]
local     = ["example.org"]
relay     = ["partner.example"]        # any mailbox there is accepted for passing on
mailboxes = ["ada@example.org"]        # absent: every mailbox of a local domain exists (config check warns: backscatter)
aliases   = { "root@example.org" = ["ada@example.org"] }
postmaster = "ada@example.org"         # <Postmaster> and postmaster@ every local domain always work

[relay]
networks = []                          # clients that may send anywhere; exempt from per-client limits. Default: none

[[transports]]                         # first match wins, by recipient domain; `*` matches local domains too
match = "*"
kind  = "smtp"                         # smtp | lmtp | maildir | capture | hold | webhook | pipe | discard
hosts = ["127.0.0.1:2626"]             # absent: by MX
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "waypost.toml"


def loaded(file: Path, text: str | bytes, *sets: str, environ: Mapping[str, str] | None = None, reveal: bool = False) -> Loaded:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(file, overrides=sets, environ=environ or {}, reveal=reveal)


def complaint(file: Path, text: str | bytes, *sets: str, environ: Mapping[str, str] | None = None, reveal: bool = False) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(file, text, *sets, environ=environ, reveal=reveal)
    return str(caught.value).replace(f"{file.parent}/", "")


def test_the_example_works_as_it_stands(file: Path) -> None:
    """The configuration that the documentation shows gives what it says."""
    settings = loaded(file, EXAMPLE).settings

    assert settings.hostname == "mx.example.org"
    assert settings.data == Path("/var/lib/waypost")
    assert settings.listeners == (ListenerSettings(role=Role.RELAY, bind="127.0.0.1:2525", tls=TlsMode.STARTTLS),)
    assert settings.domains.aliases == {"root@example.org": ("ada@example.org",)}
    assert settings.transports[0].kind is Kind.SMTP
    assert settings.limits.recipients == 1000


GOLDEN = [
    ("unknown at the top", 'hostnam = "x"', "waypost.toml:1: hostnam: unknown key; did you mean hostname?"),
    ("unknown in a table", "\n[limits]\nrecipient = 1", "waypost.toml:3: limits.recipient: unknown key; did you mean recipients?"),
    ("unknown by a dotted key", "limits.recipient = 1", "waypost.toml:1: limits.recipient: unknown key; did you mean recipients?"),
    ("unknown in an inline table", "tls = { cert = 1 }", "waypost.toml:1: tls.cert: unknown key; [tls] knows certificate, key"),
    (
        "unknown in a list of tables",
        '[[listeners]]\nrole = "relay"\nbind = "127.0.0.1:25"\n[[listeners]]\nrole = "relay"\nbnd = "127.0.0.1:26"\nbind = "x"',
        "waypost.toml:6: listeners.1.bnd: unknown key; did you mean bind?",
    ),
    (
        "unknown in a row given inline",
        'listeners = [\n{ role = "relay", bind = "x" },\n{ role = "relay", bind = "x", nx = 1 }]',
        "waypost.toml:3: listeners.1.nx: unknown key; [[listeners]] knows role, bind, tls",
    ),
    ("in the wrong table", "[relay]\nmailboxes = []", "waypost.toml:2: relay.mailboxes: unknown key here; there is domains.mailboxes"),
    ("missing key of a row", '[[listeners]]\nrole = "relay"', "waypost.toml:1: listeners.0: needs bind: text in quotes"),
    ("text for a number", 'workers = "2"', 'waypost.toml:1: workers: must be a whole number from 1 to 64 (processes), not the text "2"'),
    ("true for a number", "workers = true", "waypost.toml:1: workers: must be a whole number from 1 to 64 (processes), not true"),
    ("a fraction", "workers = 1.5", "waypost.toml:1: workers: must be a whole number from 1 to 64 (processes), not the number 1.5"),
    ("a number for text", "hostname = 5", "waypost.toml:1: hostname: must be text in quotes, not the number 5"),
    ("a date", "hostname = 2020-01-01", "waypost.toml:1: hostname: must be text in quotes, not a date"),
    (
        "text for a list",
        '[domains]\nlocal = "example.org"',
        'waypost.toml:2: domains.local: must be a list of texts, such as ["example.org"], not the text "example.org"',
    ),
    (
        "a number in a list",
        '[domains]\nlocal = ["example.org",\n5]',
        "waypost.toml:3: domains.local.1: must be text in quotes, not the number 5",
    ),
    (
        "an alias without a list",
        '[domains]\naliases = { "a@b" = "c@d" }',
        'waypost.toml:2: domains.aliases."a@b": must be a list of texts, such as ["example.org"], not the text "c@d"',
    ),
    ("text for a truth", '[relay]\nnormalize = "yes"', 'waypost.toml:2: relay.normalize: must be true or false, not the text "yes"'),
    (
        "no such choice",
        '[log]\nformat = "jsn"',
        'waypost.toml:2: log.format: must be auto, json, terminal or postfix, not the text "jsn"; did you mean json?',
    ),
    ("text for a table", 'tls = "starttls"', 'waypost.toml:1: tls: must be a table ([tls] or { key = value }), not the text "starttls"'),
    (
        "a table for a list of tables",
        "[listeners]\nrole = 1",
        "waypost.toml:1: listeners: is a list of tables: write [[listeners]], not a table",
    ),
    ("too small", "[limits]\n\nrecipients = 99", "waypost.toml:3: limits.recipients: 99 is below the least, 100 recipients"),
    ("too large", "[queue]\nretry = [5,\n604801]", "waypost.toml:3: queue.retry.1: 604801 is above the most, 604800 seconds"),
    ("a control character", 'software = "Way\\npost"', 'waypost.toml:1: software: holds a control character: the text "Way\\u000apost"'),
    ("an empty path", 'data = ""', "waypost.toml:1: data: must be a path, not empty"),
    (
        "a plain secret",
        '[[transports]]\npassword = "hunter2"',
        "waypost.toml:2: transports.0.password: a secret never stands here itself: write file:PATH for a file that holds it, or cred:NAME for a credential of systemd",
    ),
    (
        "a number for a secret",
        "[[transports]]\npassword = 1234",
        "waypost.toml:2: transports.0.password: must be file:PATH or cred:NAME, in quotes",
    ),
    ("a key twice", "workers = 1\nhostname = 'x'\nworkers = 2", "waypost.toml:3: not TOML: this key is given twice: keep one of them"),
    (
        "a table twice",
        "[tls]\n[limits]\n[tls]",
        "waypost.toml:3: not TOML: this table is opened twice: put its keys together under one header",
    ),
    ("no value", "workers =", "waypost.toml:1: not TOML: invalid value"),
    ("a string without end", 'workers = 1\nhostname = "mx', "waypost.toml:2: not TOML: unterminated string"),
    ("not UTF-8", b"workers = 1\nhostname = '\xff'", "waypost.toml:2: is not UTF-8: save it in that encoding"),
    ("nested without end", "x = " + "[" * 5000 + "]" * 5000, "waypost.toml: is nested too deeply to be read"),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in GOLDEN], ids=[row[0] for row in GOLDEN])
def test_bad_files(file: Path, text: str | bytes, expected: str) -> None:
    """Each mistake is told in one line: file, line, setting, what to write instead."""
    assert expected == complaint(file, text)


def test_an_unknown_table_is_told_with_those_that_there_are(file: Path) -> None:
    """Where nothing is close enough to be meant, the names that could stand there are listed."""
    expected = "waypost.toml:1: nonsense: unknown key; the top of the file knows hostname, data, workers, "

    assert complaint(file, "[nonsense]\nx = 1").startswith(expected)


def test_all_mistakes_are_told_at_once_in_order(file: Path) -> None:
    """Nobody has to fix one mistake to hear of the next."""
    text = '[limits]\nrecipients = 1\nhops = "x"\n[[listeners]]\nrole = "rely"\n'

    assert [int(line.split(":")[1]) for line in complaint(file, text).splitlines()] == [2, 3, 4, 5]


def test_errors_carry_their_parts(file: Path) -> None:
    """The first problem's file, line, setting and words can be had apart."""
    with pytest.raises(ConfigError) as caught:
        loaded(file, "\nworkers = 0")

    assert caught.value.file == str(file)
    assert (caught.value.line, caught.value.setting) == (2, "workers")
    assert caught.value.says == "0 is below the least, 1 processes"


@pytest.mark.parametrize(("make", "expected"), [("missing", "No such file or directory"), ("folder", "Is a directory")])
def test_files_that_cannot_be_read(tmp_path: Path, make: str, expected: str) -> None:
    """A missing file and a folder are told by name."""
    file = tmp_path / "waypost.toml"
    if make == "folder":
        file.mkdir()

    with pytest.raises(ConfigError, match=rf"waypost\.toml: cannot be read: {expected}"):
        load(file, environ={})


def test_an_unreadable_file_is_told(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without permission is told by name (simulated: root may read everything)."""
    file.write_text("")

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ConfigError, match=r"waypost\.toml: cannot be read: Permission denied"):
        load(file, environ={})


def test_a_byte_order_mark_is_passed_by(file: Path) -> None:
    """Editors that write one do no harm."""
    assert loaded(file, b"\xef\xbb\xbfworkers = 2").settings.workers == 2


def test_later_sources_win(file: Path) -> None:
    """Command line over environment over file over default, and each value knows where it came from."""
    text = "workers = 2\ndrain = 2\n[limits]\nhops = 20\nrecipients = 200"
    made = loaded(file, text, "workers=4", environ={"WAYPOST__WORKERS": "3", "WAYPOST__LIMITS__HOPS": "30", "PATH": "x"})
    settings = made.settings

    assert (settings.workers, settings.limits.hops, settings.drain, settings.limits.recipients) == (4, 30, 2, 200)
    assert [
        str(made.place(keys)).rpartition("/")[2] for keys in [("workers",), ("limits", "hops"), ("drain",), ("limits", "soft_errors")]
    ] == [
        "--set",
        "WAYPOST__LIMITS__HOPS",
        "waypost.toml:2",
        "default",
    ]


@pytest.mark.parametrize(
    ("given", "keys", "expected"),
    [
        ("hostname=mx.example.net", ("hostname",), "mx.example.net"),
        ('hostname="mx.example.net"', ("hostname",), "mx.example.net"),
        ("hostname=5", ("hostname",), "5"),
        ("log.format=json", ("log", "format"), LogFormat.JSON),
        ("listeners.0.bind=[::1]:25", ("listeners", 0, "bind"), "[::1]:25"),
        ('listeners.1={role = "lmtp", bind = "unix:/x"}', ("listeners", 1, "role"), Role.LMTP),
        ("domains.local=a.example, b.example", ("domains", "local"), ("a.example", "b.example")),
        ('domains.local=["a.example"]', ("domains", "local"), ("a.example",)),
        ("domains.local.0=a.example", ("domains", "local"), ("a.example",)),
        ('domains.aliases."x@example.org"=y@example.org', ("domains", "aliases", "x@example.org"), ("y@example.org",)),
        ('domains.aliases."a=b@example.org"=["y@example.org"]', ("domains", "aliases", "a=b@example.org"), ("y@example.org",)),
        ("queue.retry=[1, 2]", ("queue", "retry"), (1, 2)),
        ("relay.normalize=true", ("relay", "normalize"), True),
        ("user=a=b", ("user",), "a=b"),
    ],
)
def test_overrides_reach_every_kind_of_setting(file: Path, given: str, keys: tuple[str | int, ...], expected: object) -> None:
    """``--set`` takes TOML or bare text, by dotted path, with positions in lists and quoted keys."""
    value: object = loaded(file, EXAMPLE, given).settings
    for key in keys:
        value = getattr(value, key) if isinstance(key, str) and hasattr(value, key) else value[key]  # type: ignore[index]

    assert expected == value


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("nonsense", '--set: "nonsense" is not KEY=VALUE: write --set limits.recipients=200, for one'),
        ("=5", '--set: "" is not KEY=VALUE: write --set limits.recipients=200, for one'),
        ("a..b=5", '--set: "a..b" is not KEY=VALUE: write --set limits.recipients=200, for one'),
        ("limits.recipient=200", "--set: limits.recipient: unknown key; did you mean recipients?"),
        ("limits.recipients=lots", '--set: limits.recipients: must be a whole number from 100 to 100000 (recipients), not the text "lots"'),
        ("listeners.2.bind=x", "--set: listeners.2.bind: listeners has 1 rows: the next one is listeners.1"),
        ("listeners.bind=x", "--set: listeners.bind: listeners is a list: write a position, such as listeners.0"),
        ("tls.0=x", "--set: tls.0: tls is no list"),
        ("hostname.x=y", "--set: hostname.x: hostname is no table"),
        (
            "transports.0.password=hunter2",
            "--set: transports.0.password: a secret never stands here itself: write file:PATH for a file that holds it, or cred:NAME for a credential of systemd",
        ),
    ],
)
def test_bad_overrides(file: Path, given: str, expected: str) -> None:
    """A wrong ``--set`` is told like a wrong line of the file."""
    assert expected == complaint(file, EXAMPLE, given)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("WAYPOST__LIMIT__HOPS", "WAYPOST__LIMIT__HOPS: limit: unknown key; did you mean limits?"),
        ("WAYPOST__", "WAYPOST__: is no setting: write WAYPOST__SECTION__KEY, as in WAYPOST__LIMITS__RECIPIENTS"),
        ("WAYPOST__LIMITS__HOPS", 'WAYPOST__LIMITS__HOPS: limits.hops: must be a whole number from 10 to 1000 (hops), not the text "x"'),
    ],
)
def test_bad_variables(file: Path, name: str, expected: str) -> None:
    """A wrong variable is told by its name."""
    assert expected == complaint(file, "", environ={name: "x"})


def test_data_of_the_command_line(file: Path, tmp_path: Path) -> None:
    """``--data`` stands above all."""
    file.write_text('data = "/elsewhere"')

    assert load(file, overrides=['data="/third"'], data=tmp_path, environ={}).settings.data == tmp_path


def test_relative_files_are_taken_from_the_files_folder(file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a file names lies beside it; what the command line names, in the working directory."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    settings = loaded(file, 'data = "spool"\n[tls]\ncertificate = "cert.pem"', "tls.key=key.pem").settings

    assert settings.data == tmp_path / "spool"
    assert settings.tls.certificate == tmp_path / "cert.pem"
    assert settings.tls.key == tmp_path / "work/key.pem"


def test_domains_are_made_canonical(file: Path) -> None:
    """Host name, domains and matches are compared as paths carry them: lower-case A-labels."""
    text = 'hostname = "MX.Bücher.Example"\n[domains]\nlocal = ["Bücher.Example", "[IPv6:::1]"]\n[[transports]]\nmatch = [".BÜCHER.example", "*"]'
    settings = loaded(file, text).settings

    assert settings.hostname == "mx.xn--bcher-kva.example"
    assert settings.domains.local == ("xn--bcher-kva.example", "[IPv6:::1]")
    assert settings.transports[0].match == (".xn--bcher-kva.example", "*")


SECRET = '[[transports]]\nkind = "smtp"\nhosts = ["a"]\nusername = "u"\npassword = "{}"'


def password(made: Loaded) -> str | None:
    return made.settings.transports[0].password


def test_secrets_come_from_files_and_credentials(file: Path, tmp_path: Path) -> None:
    """file: lies beside the configuration, cred: in systemd's folder; neither shows itself when values are printed."""
    (tmp_path / "pw").write_text("hunter2\n")
    by_file = loaded(file, SECRET.format("file:pw"), reveal=True)
    by_credential = loaded(file, SECRET.format("cred:pw"), reveal=True, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert password(by_file) == password(by_credential) == "hunter2"
    assert "hunter2" not in repr(by_file.settings)


def test_secrets_are_not_read_for_commands_that_need_none(file: Path) -> None:
    """Without ``reveal`` the file need not even exist."""
    assert password(loaded(file, SECRET.format("file:missing"))) == "file:missing"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("file:missing", "missing: No such file or directory"),
        ("file:empty", "empty must hold the secret on one line, and nothing else"),
        ("file:two", "two must hold the secret on one line, and nothing else"),
        ("file:large", "large is larger than 4096 octets: that is no secret"),
        ("cred:pw", "cred:pw needs $CREDENTIALS_DIRECTORY, which systemd sets for a unit with LoadCredential=pw:PATH"),
        (
            "env:PW",
            "env: is for the dev profile alone, for the environment of a process can be read by others: write file:PATH for a file that holds it, or cred:NAME for a credential of systemd",
        ),
        ("file:", "a secret never stands here itself: write file:PATH for a file that holds it, or cred:NAME for a credential of systemd"),
    ],
)
def test_secrets_that_cannot_be_had(file: Path, tmp_path: Path, reference: str, expected: str) -> None:
    """Each says why, and never the secret."""
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "two").write_text("a\nb\n")
    (tmp_path / "large").write_text("x" * 4097)

    assert f"waypost.toml:5: transports.0.password: {expected}" == complaint(file, SECRET.format(reference), reveal=True)


def test_env_is_for_the_dev_profile() -> None:
    """There it gives the variable, or says that it is not set."""
    given = ['transports.0={kind = "smtp", hosts = ["a"], username = "u", password = "env:PW"}']

    assert password(load(None, overrides=given, environ={"PW": "hunter2"}, reveal=True)) == "hunter2"
    with pytest.raises(ConfigError, match="the environment variable PW is not set"):
        load(None, overrides=given, environ={}, reveal=True)
