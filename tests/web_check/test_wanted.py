"""What somebody wants checked: whatever goes on to a stranger's server has passed a grammar."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.broken_servers import ADDRESS, DOMAIN, HOST, SOUND, Broken, FakeLookup, Network, Server
from support.checked_pages import SWIFT
from waypost.diagnose.check import check
from waypost.diagnose.plan import Given
from waypost.web.check.wanted import LONGEST, TurnedAwayError, Wanted, wanted

ANY = st.text(st.one_of(st.characters(), st.sampled_from('\r\n\0\t <>@".,:;[]%\\')), max_size=60)
WORDS = (
    *("ada", "@", "example.org", "\r\n", "\n", "RCPT TO:<x@y>", '"', "\\", " ", ":25", "["),
    *("]", "127.0.0.1", "\x00", "\u00e9", "\u2028"),
)
PARTS = st.lists(st.sampled_from(WORDS), max_size=8)


def turned(text: str, **more: str | int | None) -> str:
    with pytest.raises(TurnedAwayError) as caught:
        wanted(text, **more)  # type: ignore[arg-type] # wrong values are the point
    assert "{" not in caught.value.says("en") + caught.value.says("zh")
    assert caught.value.status == 422
    return caught.value.name


@given(st.one_of(ANY, PARTS.map("".join)), st.one_of(ANY, PARTS.map("".join)))
def test_nothing_that_ends_a_line_goes_on(text: str, sender: str) -> None:
    """Whatever is typed is refused, or holds no control character and no end of a line in any alphabet."""
    with contextlib.suppress(TurnedAwayError):
        wish = wanted(text, sender=sender)
        for part in (wish.target.name, wish.target.mailbox, wish.sender):
            assert part.isprintable()
            assert len(part.splitlines()) <= 1
            assert part == part.encode("utf-8").decode("utf-8")
        assert not set(wish.target.name) & set(' <>"@\\')


@given(st.one_of(ANY, PARTS.map("".join)))
def test_a_refusal_can_be_shown(text: str) -> None:
    """What is wrong is told in both languages, on one line of bearable length."""
    said: list[str] = []
    try:
        wanted(text)
    except TurnedAwayError as fault:
        said = [fault.says(lang) for lang in ("en", "zh")]
    assert all(each.isprintable() and len(each) < 400 for each in said)


@pytest.mark.parametrize(
    ("text", "more", "name"),
    [
        ("", {}, "empty"),
        ("   ", {}, "empty"),
        ("x" * (LONGEST + 1), {}, "long"),
        ("example.org", {"sender": "x" * (LONGEST + 1)}, "long"),
        ("exa mple.org", {}, "target"),
        ("http://example.org/", {}, "target"),
        ("ada@", {}, "target"),
        ("ada@example.org\r\nDATA", {}, "target"),
        ('"a\r\nb"@example.org', {}, "target"),
        ("example.org:22", {}, "port"),
        ("example.org:6379", {}, "port"),
        ("127.0.0.1:443", {}, "port"),
        ("example.org", {"port": "80"}, "port"),
        ("example.org", {"port": "25x"}, "no_port"),
        ("example.org", {"port": "-1"}, "no_port"),
        ("example.org", {"port": "\uff12\uff15"}, "no_port"),
        ("example.org:25", {"port": "587"}, "two_ports"),
        ("example.org", {"port": "0"}, "no_port"),
        ("example.org", {"port": "65536"}, "no_port"),
        ("example.org:0", {}, "target"),
        ("example.org:65536", {}, "target"),
        ("example.org", {"sender": "nobody"}, "sender"),
        ("example.org", {"sender": "a@b.example> SIZE=1"}, "sender"),
        ("example.org", {"sender": "a@b.example\r\nRCPT TO:<c@d.example>"}, "sender"),
    ],
)
def test_what_is_turned_away(text: str, more: dict[str, str], name: str) -> None:
    """Each mistake has its own words."""
    assert name == turned(text, **more)


@pytest.mark.parametrize(
    ("text", "port", "expected"),
    [
        ("example.org", "", (Given.NAME, "example.org", None)),
        (" EXAMPLE.org ", None, (Given.NAME, "example.org", None)),
        ("mx.example.org:587", "", (Given.NAME, "mx.example.org", 587)),
        ("[2a02:db0::1]:25", "25", (Given.ADDRESS, "2a02:db0::1", 25)),
        ("44.128.0.25", 465, (Given.ADDRESS, "44.128.0.25", 465)),
        ("ada@b\u00fccher.example", "", (Given.MAILBOX, "xn--bcher-kva.example", None)),
    ],
)
def test_what_can_be_asked(text: str, port: str | int | None, expected: tuple[Given, str, int | None]) -> None:
    """Domains, hosts, addresses and mailboxes, each with a port of mail."""
    found = wanted(text, port=port).target

    assert expected == (found.given, found.name, found.port)


def test_a_page_never_asks_for_more() -> None:
    """No login, nothing intrusive, no host of one's own, no file: whatever was typed."""
    options = wanted("ada@example.org", sender="<bob@example.net>").options("mx.example.net")

    assert (options.sender, options.hostname) == ("bob@example.net", "mx.example.net")
    assert (options.account, options.password, options.intrusive, options.own, options.authorities) == (None, "", False, frozenset(), None)
    assert Wanted(target=wanted("example.org").target).options("").sender is None


def heard(wish: Wanted) -> list[bytes]:
    """Every line that a server hears from a check."""

    async def run() -> list[bytes]:
        server = Server(Broken(name="listener", key="", says={}), None)
        await server.start()
        try:
            dial = Network({(ADDRESS, 25): server.port}, {}).dial
            await check(wish.target, wish.options("mx.example.net"), limits=SWIFT, lookup=FakeLookup(dict(SOUND)), dial=dial)
        finally:
            await server.stop()
        return server.heard

    return asyncio.run(run())


def test_what_a_server_hears() -> None:
    """Of what was typed a server hears the envelope addresses alone, each in its place; all else is the same for everybody."""
    said = heard(wanted(f'"quoted > name"@{DOMAIN}', sender="a+b@example.net"))
    plain = heard(wanted(HOST))

    typed = {line for line in said if b"quoted" in line or b"a+b" in line}
    assert typed == {b'RCPT TO:<"quoted > name"@broken.example>\r\n', b"MAIL FROM:<a+b@example.net>\r\n"}
    others = {line.split(b"TO:")[0].split(b"FROM:")[0] for line in said}
    assert {line.split(b"TO:")[0].split(b"FROM:")[0] for line in plain} == others
    assert not any(line.upper().startswith((b"DATA", b"BDAT", b"AUTH")) for line in (*said, *plain))
