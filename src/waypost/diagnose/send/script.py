"""The order of a session by hand: connection, hello, TLS, XCLIENT, hello, login, messages, farewell. Sans-IO: it yields steps.

RFC 5321 sections 3.1, 3.2 and 4.1.4; RFC 3207 section 4.2; RFC 4954 section 4. Messages are handed over by ``transfer``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.diagnose.finding import Finding
from waypost.diagnose.send.auth import MECHANISMS, Circumstances, candidates
from waypost.diagnose.send.ending import Ending
from waypost.diagnose.send.errand import Dialect, Leniency, Security, Stage, Stop, Way
from waypost.diagnose.send.exchange import exchange
from waypost.diagnose.send.steps import Fault, Listen, Note, Secure, Send, Shaken
from waypost.diagnose.talk import Said

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from waypost.diagnose.send.auth import Mechanism
    from waypost.diagnose.send.errand import Errand, Login
    from waypost.diagnose.send.steps import Answer, Step, Steps


class StopError(Exception):
    """The session ends here; ``politely``: with QUIT."""

    def __init__(self, ending: Ending, *, politely: bool = True) -> None:
        super().__init__(ending)
        self.ending = ending
        self.politely = politely


def found(key: str) -> Finding:
    """What explains a fault that nobody answered."""
    return Finding(key=key, about="")


def command(line: str) -> Send:
    """One command; text beyond ASCII as UTF-8."""
    return Send(f"{line}\r\n".encode())


class Session:
    """What one session knows so far, and the steps that every part of it takes."""

    def __init__(self, errand: Errand, *, nonce: Callable[[], str]) -> None:
        self.errand = errand
        self.nonce = nonce
        self.offers: dict[str, str] = {}
        """Extensions in upper case, each with the rest of its line."""
        self.secured = errand.security is Security.IMPLICIT
        self.shaken = Shaken()

    # ---- steps that every part takes --------------------------------------------------------------------------

    def hear(self, of: str, good: str = "2") -> Steps[Said]:
        """One reply. Raises StopError where there is none that could be understood."""
        said = yield Listen(good, of)
        if not isinstance(said, Said):
            raise TypeError(f"{said!r} is no reply")
        if said.ended:
            yield broken(said)
            raise StopError(Ending.CLOSED, politely=False)
        if said.code == 0:
            yield Fault("What came is no reply of SMTP", found("send-garbled"))
            raise StopError(Ending.CLOSED, politely=False)
        if said.code == 421:  # 5321#3.8: it closes the connection
            raise StopError(_ENDINGS.get(of, Ending.CLOSED), politely=False)
        return said

    def ask(self, stage: Stage, line: str, *, good: str = "2") -> Steps[Said]:
        """One command and its reply."""
        yield command(line)
        self.sent(stage)
        return (yield from self.hear(line.partition(" ")[0], good))

    def sent(self, stage: Stage) -> None:
        """The command of ``stage`` is out. Raises StopError where that is as far as one wants to go."""
        if self.errand.stop == Stop(Way.DROP_SENT, stage):
            raise StopError(Ending.SENT, politely=False)

    def reached(self, stage: Stage, *, content: bool = False) -> Steps[None]:
        """Behind the reply of ``stage``: say what is to be said there. Raises StopError where one wants to go no further.

        ``content``: the server waits for content, and would take QUIT for it.
        """
        for raw in self.errand.raw:
            if raw.after is stage:
                yield Send(raw.octets)
                if not content:
                    yield from self._any_reply()
        stop = self.errand.stop
        if stop is not None and stop.after is stage:
            raise StopError(Ending.SENT, politely=stop.way is Way.QUIT and not content and stage is not Stage.CONNECT)

    def _any_reply(self) -> Steps[None]:
        """Whatever a line of one's own making is answered with."""
        said = yield Listen("2345")
        if isinstance(said, Said) and said.ended:
            yield broken(said)
            raise StopError(Ending.CLOSED, politely=False)


_ENDINGS = {
    "connect": Ending.BANNER,
    "EHLO": Ending.HELLO,
    "HELO": Ending.HELLO,
    "LHLO": Ending.HELLO,
    "STARTTLS": Ending.TLS,
    "AUTH": Ending.AUTH,
    "XCLIENT": Ending.XCLIENT,
    "MAIL": Ending.MAIL,
    "RCPT": Ending.RCPT,
    "DATA": Ending.DATA,
    "BDAT": Ending.DATA,
    "message": Ending.CONTENT,
}
"""The end that a refusal of each command comes to."""


def broken(said: Said) -> Fault:
    """Why there is no reply."""
    match said.ended:
        case "silent":
            return Fault("No reply in time", found("send-silent"))
        case "endless":
            return Fault("The reply does not end", found("send-garbled"))
        case "reset":
            return Fault("Connection reset by the server", found("send-hung-up"))
        case _:
            return Fault("Connection closed by the server", found("send-hung-up"))


def conversation(
    errand: Errand, *, nonce: Callable[[], str], transfer: Callable[[Session], Generator[Step, Answer, None]]
) -> Steps[Ending]:
    """A whole session, step by step; ``transfer`` hands the messages over once the way is free. Gives how it ended."""
    session = Session(errand, nonce=nonce)
    try:
        yield from _opening(session)
        yield from transfer(session)
    except StopError as stop:
        if not stop.politely:
            if errand.stop is not None and errand.stop.way is not Way.QUIT and stop.ending is Ending.SENT:
                yield Note("Dropping connection")
            return stop.ending
        return (yield from _farewell(stop.ending))
    return (yield from _farewell(Ending.SENT))


def _farewell(ending: Ending) -> Steps[Ending]:
    yield command("QUIT")
    said = yield Listen("2", "QUIT")
    if not isinstance(said, Said) or said.positive or ending is not Ending.SENT:
        return ending
    if said.ended:
        yield broken(said)
        return Ending.CLOSED
    return Ending.QUIT


# ---- opening ------------------------------------------------------------------------------------------------------


_BEHIND_HELLO = (Stage.FIRST_EHLO, Stage.TLS, Stage.XCLIENT, Stage.EHLO, Stage.AUTH)
"""A stage that is left out is gone through all the same: who wants to stop there never sends a message."""


def _opening(session: Session) -> Steps[None]:
    errand = session.errand
    if errand.proxy:
        yield Send(errand.proxy, shown=_proxy_shown(errand.proxy))
    yield from session.reached(Stage.CONNECT)
    if errand.security is Security.IMPLICIT:
        yield from _secure(session)
    greeting = yield from session.hear("connect")
    if not greeting.positive:
        raise StopError(Ending.BANNER)
    yield from session.reached(Stage.BANNER)
    if errand.no_hello:
        for stage in _BEHIND_HELLO:
            yield from session.reached(stage)
        return
    again = errand.security is not Security.IMPLICIT and errand.security is not Security.NONE
    yield from _hello(session, Ending.HELLO, Stage.FIRST_EHLO if again or errand.xclient else Stage.EHLO)
    yield from session.reached(Stage.FIRST_EHLO)
    if errand.xclient_first:
        yield from _xclient(session)
    secured = again and (yield from _starttls(session))
    yield from session.reached(Stage.TLS)
    if secured:
        yield from _hello(session, Ending.HELLO_AGAIN)
    if not errand.xclient_first:
        yield from _xclient(session)
    yield from session.reached(Stage.EHLO)
    if errand.login is not None:
        yield from _login(session, errand.login)
    yield from session.reached(Stage.AUTH)


def _proxy_shown(octets: bytes) -> str:
    if octets.startswith(b"PROXY"):
        return octets.decode("latin-1").rstrip("\r\n")
    return f"PROXY header of version 2, {len(octets)} octets: {octets[12:].hex()}"


def _hello(session: Session, ending: Ending, stage: Stage = Stage.EHLO) -> Steps[None]:
    errand = session.errand
    match errand.dialect:
        case Dialect.LMTP:
            words = ["LHLO"]
        case Dialect.SMTP:
            words = ["HELO"]
        case Dialect.ESMTP:
            words = ["EHLO", "HELO"]
    for word in words:
        said = yield from session.ask(stage, f"{word} {errand.hello}")
        if said.positive:
            session.offers = {} if word == "HELO" else _offers(said)
            return
        if said.code < 500:  # 5321#3.2: HELO is for servers that do not know EHLO
            break
    raise StopError(ending)


def _offers(said: Said) -> dict[str, str]:
    offers: dict[str, str] = {}
    for text in said.texts[1:]:
        word, _, rest = text.strip().partition(" ")
        if word.upper().startswith("AUTH="):  # servers of the last century write the list with an equals sign
            word, rest = "AUTH", f"{word[5:]} {rest}"
        offers[word.upper()] = f"{offers.get(word.upper(), '')} {rest.strip()}".strip()
    return offers


def _starttls(session: Session) -> Steps[bool]:
    """Whether TLS stands now."""
    required = session.errand.security is Security.REQUIRED
    if "STARTTLS" not in session.offers:
        if not required:
            yield Note("The server does not offer STARTTLS: going on in the clear")
            return False
        yield Fault("Host did not advertise STARTTLS", found("send-tls-missing"))
        raise StopError(Ending.TLS)
    said = yield from session.ask(Stage.TLS, "STARTTLS")
    if not said.positive:
        if required:
            raise StopError(Ending.TLS)
        yield Note("The server refuses STARTTLS: going on in the clear")
        return False
    yield from _secure(session)
    return True


def _secure(session: Session) -> Steps[None]:
    """The handshake. Where it fails the session is over: nobody knows what the other side waits for now."""
    shaken = yield Secure()
    if not isinstance(shaken, Shaken):
        raise TypeError(f"{shaken!r} tells of no handshake")
    if shaken.fault:
        yield Fault(f"TLS startup failed: {shaken.fault}", found("send-certificate" if shaken.distrusted else "send-tls-failed"))
        raise StopError(Ending.TLS, politely=False)
    session.secured, session.shaken, session.offers = True, shaken, {}  # 3207#4.2


def _xclient(session: Session) -> Steps[None]:
    """Say who the client is, and hello again where that was taken."""
    said = bool(session.errand.xclient) and (yield from _impersonate(session))
    yield from session.reached(Stage.XCLIENT)
    if said:
        yield from _hello(session, Ending.HELLO_AFTER_XCLIENT)


def _impersonate(session: Session) -> Steps[bool]:
    """Every XCLIENT; whether all were taken. Raises StopError where they must be."""
    errand = session.errand
    missing = _unoffered(session) if errand.xclient_checked else ""
    if missing:
        yield Fault(f"Host did not advertise {missing}", found("send-xclient-missing"))
        if errand.xclient_lenient is Leniency.NONE:
            raise StopError(Ending.XCLIENT)
        return False
    for line in errand.xclient:
        said = yield from session.ask(Stage.XCLIENT, f"XCLIENT {line}")
        if not said.positive:
            if errand.xclient_lenient is Leniency.ALL:
                return False
            raise StopError(Ending.XCLIENT)
    return True


def _unoffered(session: Session) -> str:
    """What of XCLIENT the server does not offer; empty: nothing."""
    if "XCLIENT" not in session.offers:
        return "XCLIENT"
    offered = set(session.offers["XCLIENT"].upper().split())
    wanted = {word.partition("=")[0].upper() for line in session.errand.xclient for word in line.split()}
    return f"these attributes of XCLIENT: {' '.join(sorted(wanted - offered))}" if wanted - offered else ""


# ---- login --------------------------------------------------------------------------------------------------------


def _login(session: Session, login: Login) -> Steps[None]:
    offered = frozenset(session.offers.get("AUTH", "").upper().split())
    at = Circumstances(offered=offered, bindings=session.shaken.bindings, nonce=session.nonce())
    if not offered:
        yield from _unable(login, "Host did not advertise authentication", found("send-auth-missing"))
        return
    shared = candidates(login, at)
    usable = [row for row in shared if session.secured or login.in_clear or not row.readable]
    if shared and not usable:
        yield from _unable(login, "There is no TLS, and a password is not sent without it", found("send-auth-in-clear"))
        return
    if not usable:
        ours = ", ".join(login.mechanisms) or ", ".join(MECHANISMS)
        yield from _unable(
            login, f"It offers {', '.join(sorted(offered))}; of these none can be used here ({ours})", found("send-auth-mechanisms")
        )
        return
    for row in usable:
        if (yield from _authenticated(session, row, login, at)):
            return
    yield from _unable(login, "No authentication type succeeded", lenient=login.lenient is Leniency.ALL)


def _unable(login: Login, why: str, finding: Finding | None = None, *, lenient: bool | None = None) -> Steps[None]:
    """Nobody is logged in. Raises StopError unless that may be; ``lenient`` says so where it depends on more than on the login."""
    yield Fault(why, finding)
    if not (login.lenient is not Leniency.NONE if lenient is None else lenient):
        raise StopError(Ending.AUTH)


def _authenticated(session: Session, row: Mechanism, login: Login, at: Circumstances) -> Steps[bool]:
    """One exchange; whether it succeeded."""
    if row.readable and session.secured and not session.shaken.verified:
        yield Note("The certificate was not verified: whoever stands in between reads the password")

    def hear() -> Steps[Said]:
        session.sent(Stage.AUTH)
        return (yield from session.hear("AUTH", "23"))

    came = yield from exchange(row, login, at, hear)
    if came.fault:
        yield Fault(f"{row.name}: {came.fault}")
        if came.begun:
            yield command("*")
            yield from session.hear("AUTH", "5")
        return False
    if came.accepted and not came.proven:
        yield Fault(f"{row.name}: the server accepted without proving that it knows the password", found("send-auth-unproven"))
        raise StopError(Ending.AUTH)
    return came.accepted
