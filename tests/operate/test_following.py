"""What a follower is handed: what passes its sieve, bounded, and only while it fetches."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from waypost.clock import Clock
from waypost.mail.envelope import Envelope, Recipient
from waypost.mail.path import Mailbox
from waypost.observe.events import (
    AttemptBegan,
    MessageAccepted,
    NoticeQueued,
    Observers,
    ServerChanged,
    SessionClosed,
    SessionOpened,
    Spoken,
)
from waypost.operate.following import Following, Sieve
from waypost.operate.verbs import OperatorError


def opened(session: str, client: str = "192.0.2.7") -> SessionOpened:
    return SessionOpened(session=session, role="relay", client=client, port=9, local="192.0.2.1:25", key="greeting")


def said(session: str, line: str) -> Spoken:
    return Spoken(session=session, at=1.0, from_client=True, octets=f"{line}\r\n".encode())


def closed(session: str) -> SessionClosed:
    return SessionClosed(session=session, client="192.0.2.7", helo="x", seconds=1.0, accepted=0, refused=0, key="closing")


def accepted(domain: str) -> MessageAccepted:
    path = Mailbox("ada", domain, f"ada@{domain}")
    return MessageAccepted(
        session="", envelope=Envelope(id="1", reverse_path=None, recipients=(Recipient(path),), arrived=1.0), message_id=""
    )


def test_without_a_choice_everything_passes() -> None:
    """Events of sessions, of none, and of the server as a whole."""
    events = [opened("a"), said("a", "NOOP"), ServerChanged(what="reloaded"), accepted("x.test")]
    assert events == [one for event in events for one in Sieve().pass_on(event)]


def test_a_client_is_known_by_the_beginning_of_its_session() -> None:
    """Of the network that was asked for, whole sessions and nothing else, IPv6 addresses too."""
    sieve = Sieve(client="192.0.2.0/24")
    events = [opened("a"), opened("b", "198.51.100.1"), opened("c", "2001:db8::1"), opened("d", "")]
    events += [said("a", "NOOP"), said("b", "NOOP"), accepted("x.test"), closed("a"), said("a", "late")]  # type: ignore[list-item]  # events all
    assert [events[0], events[4], events[7]] == [one for event in events for one in sieve.pass_on(event)]


def test_a_domain_shows_in_the_course_of_a_session() -> None:
    """What was held comes first, as soon as RCPT names the domain; other sessions stay silent."""
    sieve = Sieve(to="@X.test")
    first = [opened("a"), said("a", "MAIL FROM:<q@x.test>")]
    for event in (*first, opened("b"), said("b", "RCPT TO:<q@y.test>"), ServerChanged(what="reloaded"), accepted("y.test")):
        assert tuple(sieve.pass_on(event)) == ()
    named = said("a", "rcpt to:<q@x.TEST> NOTIFY=NEVER")
    assert (*first, named) == tuple(sieve.pass_on(named))
    assert (closed("a"),) == tuple(sieve.pass_on(closed("a")))
    assert (accepted("x.test"),) == tuple(sieve.pass_on(accepted("x.test")))


@pytest.mark.parametrize("to", ["b\u00fccher.test", "xn--bcher-kva.test", "B\u00dcCHER.test."])
@pytest.mark.parametrize("heard", ["b\u00fccher.test", "XN--BCHER-KVA.test"])
def test_a_domain_is_known_however_it_is_spelt(to: str, heard: str) -> None:
    """The letters of a language and A-labels are the same domain, in what was asked for and in what is heard."""
    sieve = Sieve(to=to)
    named = said("a", f"RCPT TO:<q@{heard}>")
    assert (named,) == tuple(sieve.pass_on(named))[-1:]


def began(session: str, domain: str, message: str = "1") -> AttemptBegan:
    return AttemptBegan(session=session, id=message, peer="mx[192.0.2.1]:25", domain=domain)


def test_what_a_client_handed_over_is_followed_on_its_way_out() -> None:
    """The attempts at its messages pass with its sessions, and the notices about them; those at others do not."""
    sieve = Sieve(client="192.0.2.7")
    brought = msgspec.structs.replace(accepted("x.test"), session="a")
    events = [opened("a"), brought, began("out", "x.test"), said("out", "EHLO c"), began("other", "x.test", "2"), said("other", "EHLO c")]
    events += [NoticeQueued(id="9", about="1", to="q", kind="failed"), NoticeQueued(id="9", about="2", to="q", kind="failed")]  # type: ignore[list-item]  # events all
    passed = [one for event in events for one in sieve.pass_on(event)]
    assert [*events[:4], events[6]] == passed


def test_an_attempt_shows_from_its_heading_on() -> None:
    """Its domain stands in the heading: nothing is held until RCPT, and other domains stay silent."""
    sieve = Sieve(to="x.test")
    first, hello = began("out", "X.test"), said("out", "EHLO c")
    assert ((first,), (hello,)) == (tuple(sieve.pass_on(first)), tuple(sieve.pass_on(hello)))
    for event in (began("other", "y.test"), said("other", "EHLO c")):
        assert tuple(sieve.pass_on(event)) == ()
    both = Sieve(client="192.0.2.7", to="x.test")
    for event in (opened("a"), msgspec.structs.replace(accepted("x.test"), session="a")):
        both.pass_on(event)
    assert [tuple(both.pass_on(began("o", domain))) for domain in ("y.test", "x.test")] == [(), (began("o", "x.test"),)]


def test_what_a_sieve_holds_is_bounded() -> None:
    """Neither one endless session nor any number of sessions grows it without end."""
    sieve = Sieve(to="x.test")
    for number in range(1500):
        sieve.pass_on(said("a", f"NOOP {number}"))
        sieve.pass_on(opened(f"s{number}"))
        sieve.pass_on(began(f"o{number}", "x.test"))
    assert len(sieve._sessions) == 1000
    assert max(len(held or ()) for held in sieve._sessions.values()) <= 200


class Hands:
    """A clock that moves when it is told to."""

    now = 100.0


def made() -> tuple[Observers, Following, Hands]:
    hands, observers = Hands(), Observers()
    return observers, Following(observers, Clock(wall=lambda: 5.0, monotonic=lambda: hands.now)), hands


async def begun(following: Following, **args: str) -> str:
    answer: dict[str, Any] = await following.call(args)
    return str(answer["follow"])


def test_nobody_follows_nothing_is_made() -> None:
    """Sessions are told line by line only from the first follower on, and not beyond the last."""

    async def body() -> None:
        observers, following, hands = made()
        assert (observers.live, observers.openings, bool(observers)) == (False, False, False)
        name = await begun(following)
        assert (observers.live, observers.openings, bool(observers)) == (True, True, True)
        hands.now += 31
        with pytest.raises(OperatorError):
            await following.call({"follow": name})
        assert (observers.live, observers.openings, bool(observers)) == (False, False, False)

    asyncio.run(body())


def test_fetching_often_sets_no_more_timers() -> None:
    """One timer looks for those who are gone, however many follow and however often they fetch; when all are gone there is none."""

    async def body() -> None:
        observers, following, hands = made()
        loop = asyncio.get_running_loop()
        looks: list[Any] = []
        loop.call_later = lambda _, look: looks.append(look)  # type: ignore[method-assign, assignment]  # counts, and never calls
        names = [await begun(following) for _ in range(3)]
        for number in range(60):
            observers.tell(said("a", f"NOOP {number}"))
            await following.call({"follow": names[number % 3]})
        assert len(looks) == 1
        looks.pop()()
        assert len(looks) == 1
        hands.now += 31
        looks.pop()()
        assert (looks, observers.live) == ([], False)
        await begun(following)
        assert len(looks) == 1

    asyncio.run(body())


def test_a_reload_leaves_followers_and_openings_as_they_were() -> None:
    """What the log wants is kept apart from what a follower wants."""
    observers = Observers([lambda _: None], openings=False)

    def follower(_: object) -> None:
        return None

    observers.follow(follower)
    observers.want_openings(wanted=False)
    assert (observers.live, observers.always_live, observers.openings) == (True, False, True)
    observers.leave(follower)
    assert (observers.live, observers.openings) == (False, False)


def test_events_are_fetched_once_and_in_order_and_what_is_too_much_is_counted() -> None:
    """The buffer is bounded; the fetch after tells how many found no room."""

    async def body() -> None:
        observers, following, _ = made()
        name = await begun(following)
        for number in range(4100):
            observers.tell(said("a", f"NOOP {number}"))
        answer = msgspec.json.decode(msgspec.json.encode(await following.call({"follow": name})))
        assert (len(answer["events"]), answer["lost"], answer["events"][0]["kind"]) == (4000, 100, "Spoken")
        again = [msgspec.convert(one["event"], type=Spoken).octets for one in answer["events"][:2]]
        assert again == [b"NOOP 0\r\n", b"NOOP 1\r\n"]
        empty = await following.call({"follow": name, "seconds": 0.01})
        assert (empty["events"], empty["lost"]) == ([], 0)

    asyncio.run(body())


def test_who_is_refused() -> None:
    """A client that is no address, a name that is none, and one follower too many."""

    async def body() -> None:
        _, following, _ = made()
        with pytest.raises(OperatorError, match="no address"):
            await begun(following, client="example.org")
        with pytest.raises(OperatorError, match="forgotten"):
            await following.call({"follow": "x"})
        for _ in range(8):
            await begun(following)
        with pytest.raises(OperatorError, match="8 follow already"):
            await begun(following)

    asyncio.run(body())
