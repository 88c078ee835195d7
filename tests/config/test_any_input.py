"""Whatever stands in a file, a variable or an override: a configuration or a complaint, never a fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from waypost.config.check import check
from waypost.config.load import Loaded, load
from waypost.config.problem import ConfigError, Place
from waypost.config.read import Reader
from waypost.config.schema import EACH, leaves
from waypost.config.secret import Secrets
from waypost.config.settings import Settings
from waypost.config.sources import Sources, parse

ADDRESSES = [
    "ada@example.org",
    "postmaster@example.org",
    "b@example.org",
    "x@far.example",
    "Postmaster",
    "@",
    "a@[192.0.2.1]",
    '"a"@example.org',
]
WORDS = [
    "*",
    ".",
    ".example.org",
    "example.org",
    "bücher.example",
    "[192.0.2.1]",
    "-x",
    "127.0.0.1:25",
    "[::1]:25",
    "unix:/x",
    "unix:",
    "0.0.0.0/0",
    "::/0",
    "10.0.0.0/8",
    "1.2.3.4/33",
    "relay",
    "submission",
    "lmtp",
    "smtp",
    "capture",
    "maildir",
    "hold",
    "starttls",
    "implicit",
    "none",
    "required",
    "file:x",
    "env:HOME",
    "/x",
    "json",
]
TEXTS = st.sampled_from([*ADDRESSES, *WORDS, "", "a\x00b", "a b", "x" * 300])
SCALARS = st.one_of(TEXTS, st.integers(-2, 2**33), st.booleans(), st.floats())
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(TEXTS, st.one_of(SCALARS, st.lists(TEXTS, max_size=3)), max_size=3)
)
PATHS = [path for path, _ in leaves()]
SHAPES = {
    ("listeners", EACH, "role"): st.sampled_from(["relay", "submission", "lmtp"]),
    ("listeners", EACH, "bind"): TEXTS,
    ("domains", "local"): st.lists(TEXTS, max_size=3),
    ("domains", "relay"): st.lists(TEXTS, max_size=3),
    ("domains", "mailboxes"): st.lists(st.sampled_from(ADDRESSES), max_size=3),
    ("domains", "aliases"): st.dictionaries(st.sampled_from(ADDRESSES), st.lists(st.sampled_from(ADDRESSES), max_size=3), max_size=4),
    ("domains", "postmaster"): st.sampled_from(ADDRESSES),
    ("relay", "networks"): st.lists(TEXTS, max_size=3),
    ("transports", EACH, "match"): st.one_of(TEXTS, st.lists(TEXTS, max_size=2)),
    ("transports", EACH, "kind"): st.sampled_from(["smtp", "lmtp", "maildir", "capture", "hold", "discard"]),
    ("transports", EACH, "hosts"): st.lists(TEXTS, max_size=2),
}


@st.composite
def trees(draw: st.DrawFn, *, wild: bool) -> dict[str, Any]:
    """A tree with settings' own keys; ``wild``: with any value whatever, else mostly of the right shape."""
    tree: dict[str, Any] = {}
    for path in draw(st.lists(st.sampled_from(PATHS if wild else list(SHAPES)), max_size=8)):
        target: Any = tree
        for key, after in zip(path, (*path[1:], None), strict=True):
            if after is None and key != EACH:
                target[key] = draw(VALUES if wild else SHAPES[path])
            elif key == EACH:
                target.append({}) if not target or draw(st.booleans()) else None
                target = target[-1]
            else:
                target = target.setdefault(key, [] if after == EACH else {})
    return tree


def read(tree: dict[str, Any]) -> Loaded | Reader:
    sources = Sources(tree, Path("/tmp"), "waypost.toml", {("hostname",): Place("waypost.toml", 1)})  # noqa: S108 - nothing is written there
    reader = Reader(sources, Secrets({}, dev=False, reveal=True))
    made = reader.section(Settings, (), tree)
    return Loaded(made, dev=False, file=None, sources=sources) if made is not None else reader


@settings(max_examples=150, deadline=None)
@given(tree=trees(wild=True))
def test_any_value_is_taken_or_told(tree: dict[str, Any]) -> None:
    """Values of every type under every key: settings, or problems of one printable line each."""
    match read(tree):
        case Reader() as reader:
            assert reader.problems
            assert all(str(problem).isprintable() for problem in reader.problems)
        case Loaded() as loaded:
            assert isinstance(loaded.settings, Settings)


@settings(max_examples=200, deadline=None)
@given(tree=trees(wild=False))
@example(tree={"domains": {"local": ["*"], "mailboxes": [], "aliases": {"a@b": ["a@b"]}, "postmaster": "a@b"}})
def test_the_rules_can_judge_whatever_can_be_read(tree: dict[str, Any]) -> None:
    """No rule stumbles over what another rule complains of, and every finding is one printable line with a setting."""
    loaded = read(tree)
    if isinstance(loaded, Loaded):
        for problem in check(loaded):
            assert problem.setting
            assert str(problem).isprintable()


@settings(max_examples=150, deadline=None)
@given(octets=st.one_of(st.binary(max_size=60), st.text("ab.=[]{}\"'\\#\n\r, 01-u", max_size=40).map(str.encode)))
def test_any_octets_are_a_tree_or_a_complaint(octets: bytes) -> None:
    """The reader of files ends with a tree or a ConfigError of one problem, and whatever tomllib takes has its lines found."""
    try:
        sources = parse(octets, "waypost.toml", Path())
    except ConfigError as fault:
        assert len(fault.problems) == 1  # noqa: PT017 - either may happen, and each is judged
    else:
        assert {keys[:1] for keys in sources.places} == {(key,) for key in sources.tree}


@settings(max_examples=150, deadline=None)
@given(
    path=st.sampled_from(PATHS),
    positions=st.integers(0, 4),
    value=st.one_of(SCALARS.map(json.dumps), TEXTS, st.just("[]"), st.just('{"a" = 1}')),
    more=st.text(max_size=8),
)
def test_any_override_is_taken_or_told(path: tuple[str, ...], positions: int, value: str, more: str) -> None:
    """``--set`` with any value, and anything at all behind ``--set``, gives settings or a ConfigError."""
    key = ".".join(str(positions) if part == EACH else part for part in path)
    for overrides in ([f"{key}={value}"], [f"{key}={value}", f"{key}.0={value}", more], [more]):
        try:
            check(load(None, overrides=overrides, environ={}))
        except ConfigError as fault:
            assert fault.problems  # noqa: PT017 - either may happen
