"""Records as domains publish them: what is read, and what is refused, for any text."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost.msgauth import dkim_record, dmarc, spf
from waypost.msgauth.spf_check import Result, check_host
from waypost.msgauth.tags import TagError, pairs


@dataclass(frozen=True)
class Told:
    records: tuple[str, ...] = ()
    definite: bool = True


class Table:
    def __init__(self, **records: tuple[str, ...]) -> None:
        self.records = records
        self.asked: list[str] = []

    async def ask(self, name: str, kind: str) -> Told:
        self.asked.append(name)
        return Told(self.records.get(name, ()) if kind == "TXT" else ())


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes a parser fail in any way but its own."""
    for parse, fault in (
        (spf.parse, spf.SpfSyntaxError),
        (dkim_record.parse, dkim_record.KeyRecordError),
        (dmarc.parse, dmarc.DmarcSyntaxError),
        (pairs, TagError),
    ):
        for record in (text, f"v=spf1 {text}", f"v=DMARC1; {text}", f"v=DKIM1; p={text}"):
            with contextlib.suppress(fault):
                parse(record)


@given(
    st.lists(st.tuples(st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True), st.from_regex(r"[!-:<-~]{0,8}", fullmatch=True)), max_size=5)
)
def test_pairs_come_back_as_they_were_written(tags: list[tuple[str, str]]) -> None:
    """A list of tags with different names is read as it was written, with blanks and a last semicolon or without."""
    named = tuple(dict(tags).items())
    assert named == pairs(";".join(f"{name}={value}" for name, value in named))
    assert named == pairs("".join(f" {name} = {value} ;" for name, value in named))


@pytest.mark.parametrize("text", ["v=DMARC1; p=reject; p=none", "v=DMARC1;; p=none", "=x", "a", "a=1; b"])
def test_lists_that_are_none(text: str) -> None:
    """A tag that stands twice, an empty one and a piece without a value are refused."""
    with pytest.raises(TagError):
        pairs(text)


def test_terms_of_spf() -> None:
    """Qualifiers, prefixes of both families and macros are read from their places."""
    record = spf.parse("v=spf1 ~a:%{d}/24//64 ?mx//96 -exists:%{i}._spf.%{d2} ip6:2001:db8::/32 exp=why.%{d} all")
    shown = [(each.kind, each.qualifier, each.domain, each.four, each.six) for each in record.mechanisms[:3]]
    assert shown == [("a", "~", "%{d}", 24, 64), ("mx", "?", "", 32, 96), ("exists", "-", "%{i}._spf.%{d2}", 32, 128)]
    assert record.explanation == "why.%{d}"
    assert str(record.mechanisms[3].network) == "2001:db8::/32"
    assert record.all is record.mechanisms[4]


def test_limits_of_check_host() -> None:
    """An eleventh term that asks the DNS is a permanent error, and says which."""
    chain = {f"d{number}.example": (f"v=spf1 include:d{number + 1}.example -all",) for number in range(12)}
    checked = asyncio.run(check_host("192.0.2.1", "d0.example", "a@d0.example", "h.example", Table(**chain)))
    assert checked.result is Result.PERMERROR
    assert "include:d11.example" in checked.because
    assert checked.lookups == 11


def test_mapped_addresses_are_ipv4() -> None:
    """An IPv4 address in IPv6's clothes is judged as IPv4."""
    table = Table(**{"d.example": ("v=spf1 ip4:192.0.2.0/24 -all",)})
    assert asyncio.run(check_host("::ffff:192.0.2.1", "d.example", "a@d.example", "h", table)).result == Result.PASS


def test_the_walk() -> None:
    """From a name upwards, label by label; of long names those in between are passed over, so that eight names are asked for."""
    assert dmarc.walk("a.b.example.com.") == ("a.b.example.com", "b.example.com", "example.com", "com")
    names = dmarc.walk("a.b.c.d.e.f.g.h.i.j.mail.example.com")
    assert names[1] == "g.h.i.j.mail.example.com"
    assert len(names) == 8


@pytest.mark.parametrize(
    ("records", "organizational", "at"),
    [
        ({}, "a.b.example.com", ""),
        ({"example.com": "p=reject"}, "example.com", "example.com"),
        ({"a.b.example.com": "p=none", "example.com": "p=reject"}, "example.com", "a.b.example.com"),
        ({"b.example.com": "p=none; psd=n", "example.com": "p=reject"}, "b.example.com", "b.example.com"),
        ({"com": "p=reject; psd=y"}, "example.com", "com"),
        ({"b.example.com": "p=none", "com": "p=reject; psd=y"}, "example.com", "com"),
        ({"example.com": "p=reject", "com": "p=none; psd=y"}, "example.com", "example.com"),
    ],
)
def test_where_the_walk_leads(records: dict[str, str], organizational: str, at: str) -> None:
    """The organizational domain is the highest with a record, or what psd says; the policy is the domain's own, or that one's."""
    table = Table(**{f"_dmarc.{name}": (f"v=DMARC1; {text}",) for name, text in records.items()})
    found = asyncio.run(dmarc.discover("a.b.example.com", table))
    assert (organizational, at) == (found.organizational, found.at)


def test_policies_of_names_below() -> None:
    """What a parent's record asks for below it is sp=, and np= follows sp=."""
    table = Table(**{"_dmarc.example.com": ("v=DMARC1; p=none; sp=reject",)})
    found = asyncio.run(dmarc.discover("a.example.com", table))
    assert found.inherited
    assert (found.applies, found.record.nonexistent if found.record else "") == ("reject", "reject")


def test_a_wrong_policy_counts_as_none_where_reports_are_asked_for() -> None:
    """p= that is wrong spoils the record, unless rua= shows that its owner wants to learn."""
    assert dmarc.parse("v=DMARC1; p=rejct; rua=mailto:a@example.org").policy == "none"
    with pytest.raises(dmarc.DmarcSyntaxError):
        dmarc.parse("v=DMARC1; p=rejct")


@pytest.mark.parametrize(
    ("uri", "expected"),
    [("mailto:a@Example.ORG", "example.org"), ("mailto:a@x.example!10m", "x.example"), ("https://example.org", ""), ("a@example.org", "")],
)
def test_where_reports_go(uri: str, expected: str) -> None:
    """The domain of a mailto: address, with or without the size that nobody reads any more."""
    assert expected == dmarc.report_domain(uri)
