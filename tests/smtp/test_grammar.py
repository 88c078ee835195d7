"""The grammar of paths, domains, literals, parameters and xtext: what RFC 5321 allows, what it does not, and each limit at its edge."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.needs import require
from waypost.mail.path import Mailbox
from waypost.replies import Key
from waypost.smtp.errors import AddressError, NoDomainError, ParameterError, XtextError
from waypost.smtp.grammar import (
    decode_xtext,
    encode_xtext,
    format_mailbox,
    format_path,
    is_xtext,
    parse_domain,
    parse_hello_name,
    parse_literal,
    parse_mailbox,
    parse_parameters,
    parse_path,
)

L64, L65 = "a" * 64, "a" * 65
D255 = ".".join(["d" * 63] * 3) + "." + "d" * 63
D191 = ".".join(["d" * 63] * 2) + "." + "d" * 61 + ".d"

GOOD = {
    "<a@b>": Mailbox("a", "b", "a@b"),
    "<ada.l+tag@EXAMPLE.Org>": Mailbox("ada.l+tag", "example.org", "ada.l+tag@EXAMPLE.Org"),
    "<!#$%&'*+-/=?^_`{|}~@b.c>": Mailbox("!#$%&'*+-/=?^_`{|}~", "b.c", "!#$%&'*+-/=?^_`{|}~@b.c"),
    "<@one.example,@two.example:joe@three.example>": Mailbox("joe", "three.example", "joe@three.example"),
    "<@one:a@b>": Mailbox("a", "b", "a@b"),
    '<"a b"@c>': Mailbox("a b", "c", '"a b"@c'),
    '<"a\\"\\\\b"@c>': Mailbox('a"\\b', "c", '"a\\"\\\\b"@c'),
    '<""@c>': Mailbox("", "c", '""@c'),
    '<"a>b@c"@d.e>': Mailbox("a>b@c", "d.e", '"a>b@c"@d.e'),
    "<a@[192.0.2.1]>": Mailbox("a", "[192.0.2.1]", "a@[192.0.2.1]"),
    "<a@[192.000.2.001]>": Mailbox("a", "[192.0.2.1]", "a@[192.000.2.001]"),
    "<a@[IPv6:2001:DB8:0:0:0:0:0:1]>": Mailbox("a", "[IPv6:2001:db8::1]", "a@[IPv6:2001:DB8:0:0:0:0:0:1]"),
    "<a@[ipv6:::ffff:192.0.2.1]>": Mailbox("a", parse_literal("[IPv6:::ffff:192.0.2.1]"), "a@[ipv6:::ffff:192.0.2.1]"),
    "<a@[x400:C=de]>": Mailbox("a", "[x400:C=de]", "a@[x400:C=de]"),
    "<Postmaster>": Mailbox("postmaster", "", "Postmaster"),
    "<POSTMASTER@Example.org>": Mailbox("postmaster", "example.org", "POSTMASTER@Example.org"),
    "<j\u00f6@b\u00fccher.example>": Mailbox("j\u00f6", "xn--bcher-kva.example", "j\u00f6@b\u00fccher.example"),
    "<a@stra\u00dfe.example>": Mailbox("a", "xn--strae-oqa.example", "a@stra\u00dfe.example"),
    "<\u7528\u6237@\u4f8b\u5b50.\u5e7f\u544a>": Mailbox("\u7528\u6237", "xn--fsqu00a.xn--4rr70v", "\u7528\u6237@\u4f8b\u5b50.\u5e7f\u544a"),
    f"<{L64}@b>": Mailbox(L64, "b", f"{L64}@b"),
    f"<{'a' * 62}@{D191}>": Mailbox("a" * 62, D191, f"{'a' * 62}@{D191}"),
}


@pytest.mark.parametrize(("text", "mailbox"), GOOD.items(), ids=ascii)
def test_good_paths(text: str, mailbox: Mailbox) -> None:
    """What the RFCs allow is read, in canonical form and as it came."""
    assert (mailbox, " X=1") == parse_path(f"{text} X=1")


def test_null_path() -> None:
    """``<>`` is nobody."""
    assert parse_path("<>") == (None, "")
    assert format_path(None) == "<>"


BAD = [
    "",
    "a@b",
    "<",
    "<a@b",
    "<@b>",
    "<a@>",
    "< a@b>",
    "<a @b>",
    "<a@b >",
    "<a b@c>",
    "<.a@b>",
    "<a.@b>",
    "<a..b@c>",
    "<a@b..c>",
    "<a@.b>",
    "<a@b.>",
    "<a@-b>",
    "<a@b->",
    "<a@b.-c>",
    "<a@b-.c>",
    "<a@b_c>",
    "<a@b@c>",
    '<"a@b>',
    '<"a"b@c>',
    '<a"b"@c>',
    '<"a\\"@b>',
    "<a\\b@c>",
    "<(comment)a@b>",
    "<a@(comment)b>",
    "<a@b,c@d>",
    "<@a,b:c@d>",
    "<@a,@:c@d>",
    "<@a@b:c@d>",
    "<@[192.0.2.1]:c@d>",
    "<a@[]>",
    "<a@[192.0.2]>",
    "<a@[192.0.2.256]>",
    "<a@[192.0.2.1>",
    "<a@[192.0.2.1]b>",
    "<a@[IPv6:]>",
    "<a@[IPv6:2001:db8::1::]>",
    "<a@[IPv6:fe80::1%eth0]>",
    "<a@[2001:db8::1]x>",
    "<a@[tag-:x]>",
    "<a@[\u0661.0.0.1]>",
    "<a\u0085@b>",
    "<a\u2028@b>",
    "<a\u202e@b>",
    "<a\ufeff@b>",
    "<a@ex\u00adample.org>",
    "<a@ex\u200bample.org>",
    "<a@\ud800.example>",
    "<\ud800@example>",
    "<a@xn--\u00fc.example>",
    "<a@b\uff0fc.example>",
    f"<{L65}@b>",
    f'<"{"a" * 63}"@b>',
    "<" + "\u00f6" * 32 + "a@b>",
    f"<a@{'d' * 64}.example>",
    f"<{'a' * 63}@{D191}>",
]


@pytest.mark.parametrize("text", BAD, ids=ascii)
def test_bad_paths(text: str) -> None:
    """What the RFCs do not allow is refused with words that fit into a reply."""
    with pytest.raises(AddressError) as fault:
        parse_path(text)
    assert fault.value.fault.isascii()
    assert fault.value.fault.isprintable()


def test_no_domain_is_a_fault_of_its_own() -> None:
    """A mailbox without domain that is not Postmaster can be told apart."""
    with pytest.raises(NoDomainError):
        parse_path("<ada>")


def test_parse_mailbox() -> None:
    """A bare mailbox stands without brackets and with nothing behind it."""
    assert Mailbox("a", "b.c", "a@B.c") == parse_mailbox("a@B.c")
    for bad in ("a@b ", "<a@b>", "a@b>", f"{'a' * 63}@{D191}"):
        with pytest.raises(AddressError):
            parse_mailbox(bad)


def test_domains() -> None:
    """A domain is canonical in lower-case A-labels; outside paths a dot at its end may come along."""
    assert parse_domain("Example.ORG.") == "example.org"
    assert parse_domain("B\u00dcCHER.example") == "xn--bcher-kva.example"
    assert parse_domain(D255) == D255
    for bad in ("", ".", "..", "a..", D255 + "d", "[192.0.2.1]", "a b", "a_b"):
        with pytest.raises(AddressError):
            parse_domain(bad)


def test_literals() -> None:
    """A literal stands in brackets and in canonical form."""
    assert parse_literal("[192.000.2.001]") == "[192.0.2.1]"
    for bad in ("192.0.2.1", "[192.0.2.1", "[]", "[a b]"):
        with pytest.raises(AddressError):
            parse_literal(bad)


def test_hello_names() -> None:
    """EHLO takes one label, underscores, a dot at the end and literals; nothing else."""
    for good in ("a", "my_pc", "a.b.c.", "[192.0.2.1]", "[IPv6:::1]", D255):
        assert good == parse_hello_name(good)
    for bad in ("", ".", "-a", "a-", "a b", "a..b", "[1]", "\u00e9", D255 + "d", "d" * 64, "_" + "d" * 63 + ".x"):
        with pytest.raises(AddressError):
            parse_hello_name(bad)


def test_parameters() -> None:
    """Keywords in upper case with their values; each once."""
    assert {**parse_parameters(" size=1  SMTPUTF8 X-y=a;b ".replace("X-y", "X-Y"))} == {"SIZE": "1", "SMTPUTF8": None, "X-Y": "a;b"}
    assert parse_parameters("") == {}
    for bad, key in (
        (" A=1 a=2", Key.PARAMETER_REPEATED),
        (" A=", Key.PARAMETER_INVALID),
        (" =1", Key.PARAMETER_INVALID),
        ("x", Key.PARAMETER_INVALID),
        (" A=b=c", Key.PARAMETER_INVALID),
        (" -a", Key.PARAMETER_INVALID),
    ):
        with pytest.raises(ParameterError) as fault:
            parse_parameters(bad)
        assert key is fault.value.key


@given(st.binary(max_size=60))
def test_xtext_round_trip(octets: bytes) -> None:
    """What is written as xtext is read as it was."""
    assert octets == decode_xtext(encode_xtext(octets))


@pytest.mark.parametrize("text", ["+", "+a", "+0a", "a=b", "a b", "\u00e9", "+0G"])
def test_what_is_no_xtext(text: str) -> None:
    """Lower-case hex, equals signs, spaces and more are no xtext."""
    assert not is_xtext(text)
    with pytest.raises(XtextError):
        decode_xtext(text)


LOCAL_PARTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=0, max_size=31)
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True).filter(lambda label: label[2:4] != "--")


@given(LOCAL_PARTS, st.lists(LABELS, min_size=1, max_size=4))
def test_mailbox_round_trip(local_part: str, labels: list[str]) -> None:
    """What is written of any local part and domain is read as it was, with the least quoting."""
    domain = ".".join(labels)
    text = format_mailbox(local_part, domain)
    read, rest = parse_path(f"<{text}>")
    assert read is not None
    assert rest == ""
    assert (local_part if local_part.lower() != "postmaster" else "postmaster", domain, text) == (read.local_part, read.domain, read.text)
    assert f"<{text}>" == format_path(read)


@settings(max_examples=200)
@given(st.text(st.sampled_from('<>@.,:"\\[]a1-_ \u00f6\u202e+%!'), max_size=40))
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    """No text makes the parser fail in any other way, and what it reads it reads the same again."""
    try:
        path, rest = parse_path(text)
    except AddressError:
        return
    assert text.endswith(rest)
    assert path == parse_path(format_path(path))[0]


SUITES = Path(os.environ.get("WAYPOST_SUITES", Path(__file__).parents[3] / "shared/suites"))
OUTSIDE_5321 = {"ISEMAIL_CFWS", "ISEMAIL_DEPREC", "ISEMAIL_RFC5322"}
"""Comments, obsolete forms, and what RFC 5322 alone allows: a header's, not an envelope's."""


@pytest.mark.parametrize("name", ["isemail-tests", "isemail-tests-original"])
def test_isemail(name: str) -> None:
    """Every address that RFC 5321 allows is read, every one in error is refused."""
    file = SUITES / "json" / f"{name}.json"
    require(str(file), file.exists(), "set WAYPOST_SUITES to the folder of the suites")
    wrong = []
    for row in json.loads(file.read_text("utf-8")):
        category = row["category"]
        try:
            parse_mailbox(row["address"])
            read = True
        except AddressError:
            read = False
        if category not in OUTSIDE_5321 and read != (category != "ISEMAIL_ERR"):
            wrong.append((row["id"], row["address"], row["diagnosis"]))
    assert wrong == []
