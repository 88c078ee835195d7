"""Who may begin a check and from where, what is refused for its number, and where there is no way to it."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from support.asking import get, post
from support.broken_servers import DOMAIN
from support.checked_pages import playing
from waypost.clock import SYSTEM
from waypost.web.app import Given, make
from waypost.web.check.gate import Rules
from waypost.web.check.runs import Plan
from waypost.web.security import Hosts, client_of, is_at_home
from web_check.pages_kit import ask, call

if TYPE_CHECKING:
    from support.checked_pages import Stage


def test_only_post_begins_a_check(stage: Stage) -> None:
    """A link that names a target fills in the form and dials nobody; so does every other method."""
    before = len(stage.noted)
    ask(stage, f"/check/?target={DOMAIN}")
    ask(stage, f"/check/zh/?target={DOMAIN}")

    assert ask(stage, "/api/check").status == 405
    assert len(stage.noted) == before


@pytest.mark.parametrize("fields", [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}])
def test_pages_of_others_begin_no_check(stage: Stage, fields: dict[str, str]) -> None:
    """A form or script of another site begins nothing, whichever way it asks."""
    before = len(stage.noted)

    assert ask(stage, "/check/", {"target": DOMAIN}, **fields).status == 403
    assert ask(stage, "/api/check", octets=b'{"target":"broken.example"}', content_type="application/json", **fields).status == 403
    assert len(stage.noted) == before


@pytest.mark.parametrize("field", ["cross-site", "same-site"])
def test_nothing_is_shown_within_other_pages(stage: Stage, result: str, field: str) -> None:
    """A page of another site can neither frame nor load a result; a link that somebody follows is welcome."""
    for place in (result, f"{result}.json", f"{result}/events", "/check/"):
        assert ask(stage, place, sec_fetch_site=field, sec_fetch_mode="no-cors", sec_fetch_dest="script").status == 403
    assert ask(stage, result, sec_fetch_site=field, sec_fetch_mode="navigate", sec_fetch_dest="document").status == 200


def test_limits_are_told() -> None:
    """Too often is 429 with when to come back, on the page and in the API; the same again is the answer that was found."""
    with playing(Plan(hourly=2, again=60)) as stage:
        first = ask(stage, "/check/", {"target": DOMAIN})
        assert "event: over" in ask(stage, f"{first.fields['location']}/events").text
        assert ask(stage, "/check/", {"target": DOMAIN}).fields["location"] == first.fields["location"]
        assert call(stage, target=DOMAIN).fields["content-location"] == f"{first.fields['location']}.json"
        other = ask(stage, "/check/", {"target": f"ada@{DOMAIN}"})
        assert (other.status, 0 < int(other.fields["retry-after"]) <= 60) == (429, True)
        assert 'role="alert"' in other.text
        assert "aria-invalid" not in other.text
        assert call(stage, target="nothing.example").status == 200
        again = call(stage, target="more.example")
        assert (again.status, int(again.fields["retry-after"]) > 600) == (429, True)
        assert "2 checks" in again.json["error"]
        assert "answer" in ask(stage, first.fields["location"]).text


def test_what_is_off_is_not_there() -> None:
    """Without a plan there is no route, no word of it in the description and no link."""
    app = make(Given(hosts=Hosts(anyone=True), url="", desk=None, clock=SYSTEM))

    assert get(app, "/check/").status == 404
    assert post(app, "/check/", {"target": "example.org"}).status in (404, 405)
    assert post(app, "/api/check", b"{}", fields=[("content-type", "application/json")]).status in (404, 405)
    assert "/api/check" not in get(app, "/api/openapi.json").json["paths"]
    assert "/check/" not in get(app, "/codes/550").text


def test_a_name_alone_is_no_proof_of_being_here() -> None:
    """A request from elsewhere that names localhost is none from this machine."""
    fields = [(b"host", b"localhost")]

    assert not is_at_home({"client": ("203.0.113.7", 4), "headers": fields})
    assert not is_at_home({"client": None, "headers": fields})
    assert is_at_home({"client": ("127.0.0.1", 4), "headers": fields})
    assert not is_at_home({"client": ("127.0.0.1", 4), "headers": [*fields, (b"via", b"1.1 proxy")]})


def scope(peer: str, *fields: tuple[str, str]) -> dict[str, Any]:
    return {"client": (peer, 40000), "headers": [(name.encode(), value.encode()) for name, value in fields]}


@pytest.mark.parametrize(
    ("peer", "fields", "proxy", "expected"),
    [
        ("203.0.113.7", [("x-forwarded-for", "198.51.100.1")], False, "203.0.113.7"),
        ("203.0.113.7", [("x-forwarded-for", "198.51.100.1")], True, "203.0.113.7"),
        ("127.0.0.1", [("x-forwarded-for", "198.51.100.1")], False, "127.0.0.1"),
        ("127.0.0.1", [("x-forwarded-for", "198.51.100.1")], True, "198.51.100.1"),
        ("127.0.0.1", [("x-forwarded-for", "198.51.100.1, 198.51.100.2")], True, "198.51.100.2"),
        ("::1", [("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "2001:db8::1")], True, "2001:db8::1"),
        ("127.0.0.1", [("x-forwarded-for", "<script>")], True, "127.0.0.1"),
        ("127.0.0.1", [], True, "127.0.0.1"),
    ],
)
def test_who_asks(peer: str, fields: list[tuple[str, str]], proxy: bool, expected: str) -> None:  # noqa: FBT001 - a row's value
    """What a proxy of this machine says of its visitor counts if the operator says that there is one, and its own last word alone."""
    assert expected == client_of(scope(peer, *fields), behind_proxy=proxy)


def test_visitors_do_not_reach_loopback() -> None:
    """Loopback, though listed, is checked for a request made at this machine, and for none that came through a proxy."""
    rules = Rules(inside=(ip_network("127.0.0.0/8"),))
    with playing(Plan(rules=rules, again=0, hourly=100)) as stage:
        assert call(stage, target="127.0.0.1:25").json["servers"][0]["ports"][0]["state"] == "open"
        before = len(stage.dialled)
        for field in ("x_forwarded_for", "forwarded", "via", "x_real_ip"):
            told = ask(stage, "/api/check", octets=b'{"target":"127.0.0.1:25"}', content_type="application/json", **{field: "198.51.100.1"})
            assert told.status == 403
        assert len(stage.dialled) == before
