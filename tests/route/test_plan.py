"""Which way a recipient goes."""

from __future__ import annotations

import pytest

from waypost.replies.keys import Key
from waypost.route.plan import plan
from waypost.route.route import Route, Unroutable
from waypost.route.settings import Kind, OutboundTls, TransportSettings
from waypost.route.transports import NextHop, TransportError, matches, read_transport, read_transports


@pytest.mark.parametrize(
    ("pattern", "domain", "expected"),
    [
        ("*", "example.org", True),
        ("*", "", True),
        ("*", "[192.0.2.1]", True),
        ("example.org", "example.org", True),
        ("example.org", "mx.example.org", False),
        ("example.org", "notexample.org", False),
        (".example.org", "example.org", True),
        (".example.org", "a.b.example.org", True),
        (".example.org", "notexample.org", False),
        ("[192.0.2.1]", "[192.0.2.1]", True),
    ],
)
def test_matches(pattern: str, domain: str, *, expected: bool) -> None:
    """A name matches itself, a name behind a dot everything below it too, a star all."""
    assert matches(pattern, domain) is expected


def test_first_match_wins() -> None:
    """Transports are asked in their order."""
    transports = read_transports(
        (
            TransportSettings(match=("a.example", ".B.Example."), kind=Kind.DISCARD),
            TransportSettings(match="bücher.example", kind=Kind.HOLD),
            TransportSettings(match="*", kind=Kind.CAPTURE),
        )
    )
    kinds = [plan(domain, transports).transport.kind for domain in ("a.example", "x.b.example", "xn--bcher-kva.example", "c.example", "")]
    assert kinds == [Kind.DISCARD, Kind.DISCARD, Kind.HOLD, Kind.CAPTURE, Kind.CAPTURE]


def test_no_match_is_unroutable() -> None:
    """A domain that no transport matches has no route, and the detail names it."""
    found = plan("c.example", read_transports((TransportSettings(match="a.example", kind=Kind.HOLD),)))
    assert found == Unroutable(key=Key.ROUTE_MISSING, detail="no transport matches c.example")


def test_destinations() -> None:
    """Connections are counted by domain where the DNS decides, and by next hop where the operator does."""
    by_mx = read_transport(TransportSettings(), "t")
    named = read_transport(TransportSettings(hosts=("hub.example",)), "t")
    assert Route(domain="a.example", transport=by_mx).destination == "a.example"
    assert Route(domain="a.example", transport=named).destination == "smtp:hub.example:25"


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("hub.example", Kind.SMTP, NextHop("hub.example", 25)),
        ("Hub.Example:587", Kind.SMTP, NextHop("hub.example", 587)),
        ("192.0.2.1", Kind.SMTP, NextHop("192.0.2.1", 25)),
        ("192.0.2.1:65535", Kind.SMTP, NextHop("192.0.2.1", 65535)),
        ("[2001:db8::1]:2525", Kind.SMTP, NextHop("2001:db8::1", 2525)),
        ("[2001:db8::1]", Kind.SMTP, NextHop("2001:db8::1", 25)),
        ("2001:db8::1", Kind.SMTP, NextHop("2001:db8::1", 25)),
        ("localhost", Kind.LMTP, NextHop("localhost", 24)),
        ("unix:/run/dovecot/lmtp", Kind.LMTP, NextHop("/run/dovecot/lmtp", 0)),
    ],
)
def test_hosts(text: str, kind: Kind, expected: NextHop) -> None:
    """A next hop is a name or an address, with a port or that of its kind, or a UNIX socket."""
    assert read_transport(TransportSettings(kind=kind, hosts=(text,)), "t").hosts == (expected,)


@pytest.mark.parametrize(
    "setting",
    [
        TransportSettings(hosts=("hub:0",)),
        TransportSettings(hosts=("hub:65536",)),
        TransportSettings(hosts=("hub:x",)),
        TransportSettings(hosts=("",)),
        TransportSettings(hosts=("[hub]:25",)),
        TransportSettings(hosts=("unix:/run/x",)),
        TransportSettings(kind=Kind.LMTP, hosts=("unix:run/x",)),
        TransportSettings(kind=Kind.LMTP),
        TransportSettings(kind=Kind.MAILDIR),
        TransportSettings(kind=Kind.DISCARD, hosts=("hub",)),
        TransportSettings(match=()),
        TransportSettings(match="no domain"),
        TransportSettings(hosts=("hub",), username="ada"),
        TransportSettings(hosts=("hub",), password="x"),
        TransportSettings(username="ada", password="x"),
        TransportSettings(hosts=("hub",), username="ada", password="x", tls=OutboundTls.NONE),
        TransportSettings(tls=OutboundTls.IMPLICIT),
    ],
)
def test_transports_that_cannot_work(setting: TransportSettings) -> None:
    """A transport that could never deliver is an error that names its setting."""
    with pytest.raises(TransportError, match=r"^transports\[0\]"):
        read_transports((setting,))
