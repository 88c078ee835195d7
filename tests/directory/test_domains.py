"""Whose mail is it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.directory.domains import DEPTH, WIDTH, Domains
from waypost.directory.resolution import Expanded, Known, Resolution, TooWide, Unknown
from waypost.directory.settings import DomainSettings
from waypost.smtp.grammar import parse_mailbox

HERE = DomainSettings(
    local=("example.org", "BÜCHER.example", "[192.0.2.1]"),
    relay=("Partner.Example",),
    mailboxes=("ada@example.org", '"grace hopper"@example.org', "post@xn--bcher-kva.example"),
    aliases={
        "root@example.org": ("ada@example.org",),
        "all@example.org": ("root@example.org", "ADA@example.org", "far@elsewhere.example", "far@elsewhere.example"),
    },
    postmaster="ada@example.org",
)


def resolved(text: str, given_settings: DomainSettings = HERE) -> Resolution:
    return Domains(given_settings, "mx.example.org").resolve(parse_mailbox(text))


def texts(resolution: Resolution) -> list[str]:
    assert isinstance(resolution, Expanded)
    return [target.text for target in resolution.targets]


@pytest.mark.parametrize(
    ("domain", "kind"),
    [
        ("example.org", "local"),
        ("xn--bcher-kva.example", "local"),
        ("[192.0.2.1]", "local"),
        ("", "local"),
        ("sub.example.org", "foreign"),
        ("partner.example", "foreign"),
        ("[192.0.2.2]", "foreign"),
    ],
)
def test_local_domains_are_compared_in_canonical_form(domain: str, kind: str) -> None:
    """A local domain is local in its canonical form, its subdomains are not; a literal only when it is listed."""
    assert (kind == "local") == Domains(HERE, "mx.example.org").is_local(domain)


def test_relay_domains_are_not_local() -> None:
    """A relay domain is one for passing on, and every mailbox of it is taken for good."""
    domains = Domains(HERE, "mx.example.org")

    assert domains.is_relay("partner.example")
    assert not domains.is_relay("example.org")
    assert Known(parse_mailbox("anybody@partner.example")) == domains.resolve(parse_mailbox("anybody@partner.example"))


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.org",
        "ADA@EXAMPLE.ORG",
        '"ada"@example.org',
        '"a\\da"@example.org',
        '"Grace Hopper"@example.org',
        "post@bücher.example",
    ],
)
def test_a_mailbox_is_found_in_any_spelling(text: str) -> None:
    """Case of the local part, quotes and the form of an IDN do not matter."""
    assert Known(parse_mailbox(text)) == resolved(text)


@pytest.mark.parametrize("text", ["eve@example.org", "ada@bücher.example", "ada%elsewhere@example.org", "ada@[192.0.2.1]"])
def test_what_is_not_listed_is_unknown(text: str) -> None:
    """A mailbox of a local domain that is not listed does not exist."""
    assert Unknown(parse_mailbox(text)) == resolved(text)


def test_without_a_list_every_mailbox_exists() -> None:
    """Absent mailboxes mean that every mailbox of a local domain exists; an empty list that none does."""
    assert Known(parse_mailbox("eve@example.org")) == resolved("eve@example.org", replace(HERE, mailboxes=None))
    assert Unknown(parse_mailbox("eve@example.org")) == resolved("eve@example.org", replace(HERE, mailboxes=()))


def test_aliases_nest_keep_order_and_merge_duplicates() -> None:
    """An alias gives the mailboxes at its ends, in the order of the settings, none twice."""
    assert texts(resolved("ALL@example.org")) == ["ada@example.org", "far@elsewhere.example"]


def test_case_counts_elsewhere() -> None:
    """Two targets of a foreign domain that differ in case alone may be two mailboxes (5321#2.4)."""
    given_settings = replace(HERE, aliases={"x@example.org": ("Bob@far.example", "bob@FAR.example", "bob@far.example")})

    assert texts(resolved("x@example.org", given_settings)) == ["Bob@far.example", "bob@FAR.example"]


def test_an_alias_may_list_itself() -> None:
    """``ada = [ada, archive]`` keeps a copy in ada's own mailbox."""
    given_settings = replace(HERE, aliases={"ada@example.org": ("Ada@example.org", "x@archive.example")})

    assert texts(resolved("ada@example.org", given_settings)) == ["Ada@example.org", "x@archive.example"]


def test_circles_end() -> None:
    """Aliases that lead to one another end where there is a mailbox; where there is none, nobody is there."""
    round_about = {"a@example.org": ("b@example.org",), "b@example.org": ("a@example.org", "ada@example.org")}
    nowhere = {"a@example.org": ("b@example.org",), "b@example.org": ("a@example.org",)}

    assert texts(resolved("a@example.org", replace(HERE, aliases=round_about))) == ["ada@example.org"]
    assert Unknown(parse_mailbox("a@example.org")) == resolved("a@example.org", replace(HERE, aliases=nowhere))


def test_an_alias_to_a_missing_mailbox_is_unknown() -> None:
    """No recipient is dropped in silence: where one target is missing, the alias is refused."""
    given_settings = replace(HERE, aliases={"x@example.org": ("ada@example.org", "missing@example.org")})

    assert Unknown(parse_mailbox("x@example.org")) == resolved("x@example.org", given_settings)


@pytest.mark.parametrize(("many", "expected"), [(WIDTH, Expanded), (WIDTH + 1, TooWide)])
def test_width_is_bounded(many: int, expected: type[Resolution]) -> None:
    """As many targets as the bound are reached; one more and nobody gets it."""
    wide = {"all@example.org": tuple(f"u{number}@elsewhere.example" for number in range(many))}

    assert expected is type(resolved("all@example.org", replace(HERE, aliases=wide)))


@pytest.mark.parametrize(("deep", "expected"), [(DEPTH, Expanded), (DEPTH + 1, TooWide)])
def test_depth_is_bounded(deep: int, expected: type[Resolution]) -> None:
    """As many aliases in a row as the bound are followed; one more and nobody gets it."""
    chain = {f"a{number}@example.org": (f"a{number + 1}@example.org",) for number in range(deep)}
    chain[f"a{deep - 1}@example.org"] = ("ada@example.org",)

    assert expected is type(resolved("a0@example.org", replace(HERE, aliases=chain)))


@pytest.mark.parametrize(
    "text", ["postmaster", "PostMaster", "POSTMASTER@example.org", "postmaster@bücher.example", '"Postmaster"@[192.0.2.1]']
)
def test_postmaster_always_works(text: str) -> None:
    """Bare <Postmaster> and postmaster@ every local domain, in any case, reach the one who is named for it."""
    assert Known(parse_mailbox("ada@example.org")) == resolved(text)


def test_postmaster_by_default_is_of_the_first_local_domain() -> None:
    """Without a setting it is postmaster@ the first local domain, which then exists; without local domains, of the host."""
    unset = replace(HERE, postmaster=None)

    assert Known(parse_mailbox("postmaster@example.org")) == resolved("Postmaster", unset)
    assert Known(parse_mailbox("postmaster@example.org")) == resolved("postmaster@[192.0.2.1]", unset)
    assert Known(parse_mailbox("postmaster@mx.example.org")) == resolved("Postmaster", DomainSettings())


def test_postmaster_may_be_an_alias() -> None:
    """The one named for it may be an alias, and a domain may have a postmaster of its own."""
    aliased = replace(HERE, postmaster="all@example.org")
    own = replace(HERE, mailboxes=("ada@example.org", "postmaster@bücher.example"))

    assert texts(resolved("Postmaster", aliased)) == ["ada@example.org", "far@elsewhere.example"]
    assert Known(parse_mailbox("postmaster@bücher.example")) == resolved("postmaster@bücher.example", own)


def test_postmaster_works_even_in_a_circle() -> None:
    """However the aliases are turned, <Postmaster> is never refused."""
    circle = replace(
        HERE,
        mailboxes=(),
        postmaster="a@example.org",
        aliases={"a@example.org": ("b@example.org",), "b@example.org": ("a@example.org", "postmaster@example.org")},
    )

    assert not isinstance(resolved("Postmaster", circle), Unknown | TooWide)


def test_any_domain_can_be_local() -> None:
    """``*`` makes every domain local, literals too: the dev profile."""
    anywhere = DomainSettings(local=("*",))

    assert Known(parse_mailbox("eve@[192.0.2.77]")) == resolved("eve@[192.0.2.77]", anywhere)
    assert Known(parse_mailbox("postmaster@mx.example.org")) == resolved("Postmaster", anywhere)


NAMES = st.sampled_from([f"{letter}@example.org" for letter in "abcdef"] + ["ada@example.org", "x@far.example", "postmaster@example.org"])


@settings(max_examples=150, deadline=None)
@given(aliases=st.dictionaries(NAMES.filter(lambda name: "far" not in name), st.lists(NAMES, max_size=4).map(tuple), max_size=6))
def test_every_expansion_ends_at_mailboxes(aliases: dict[str, tuple[str, ...]]) -> None:
    """Whatever the aliases, resolving ends, targets are distinct and none of them is refused itself; postmaster always works."""
    given_settings = DomainSettings(local=("example.org",), aliases=aliases)
    for name, leads_to in aliases.items():
        match resolved(name, given_settings):
            case Expanded(targets):
                assert targets
                assert len(targets) == len({(target.local_part, target.domain) for target in targets})
            case Unknown():
                assert name != "postmaster@example.org" or all(target in aliases for target in leads_to)
            case other:
                pytest.fail(f"unexpected {other}")
    if "postmaster@example.org" not in aliases:
        assert not isinstance(resolved("Postmaster", given_settings), Unknown | TooWide)
