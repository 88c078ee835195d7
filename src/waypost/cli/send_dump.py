"""What ``waypost send`` would do, told without doing it (``--dump``), and what it can do (``--support``). Shows no password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.cli.exits import UsageError
from waypost.diagnose.send.auth import MECHANISMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waypost.diagnose.send.errand import Errand
    from waypost.diagnose.send.run import Trust
    from waypost.diagnose.send.way import Given

EXTENSIONS = (
    *("8BITMIME", "AUTH", "BINARYMIME", "CHUNKING", "DSN", "PIPELINING", "PRDR", "REQUIRETLS", "SIZE", "SMTPUTF8", "STARTTLS"),
    "XCLIENT",
)
"""Those that a session by hand makes use of."""
REMOVED = "PROVIDED_BUT_REMOVED"
"""swaks' word for a password that is not shown."""
SECTIONS = ("transport", "protocol", "tls", "auth", "xclient", "proxy", "data")


def dump(errand: Errand, given: Given, trust: Trust, wanted: str, *, data: bool = True) -> str:
    """The sections that are ``wanted`` (comma between them; empty or ALL: every one), as text. Raises UsageError."""
    chosen = [name.strip().lower() for name in wanted.split(",") if name.strip()]
    for name in chosen:
        if name not in (*SECTIONS, "support", "app", "output", "all"):
            raise UsageError(f"--dump {name}: the sections are {', '.join(SECTIONS)}, support and all")
    every = not chosen or "all" in chosen
    parts = [support()] if data and (every or "support" in chosen) else []
    shown = [name for name in (SECTIONS if data else SECTIONS[:-1]) if every or name in chosen]
    parts += ["\n".join([f"{name.capitalize()} Info:", *(f"  {row}" for row in _section(name, errand, given, trust))]) for name in shown]
    return "\n\n".join(parts) + "\n"


def support() -> str:
    """What this program speaks."""
    return (
        f"Support Info:\n  mechanisms = {', '.join(MECHANISMS)}\n  extensions = {', '.join(EXTENSIONS)}\n  protocols  = SMTP, ESMTP, LMTP"
    )


def _section(name: str, errand: Errand, given: Given, trust: Trust) -> Iterator[str]:
    match name:
        case "transport":
            yield from _transport(given)
        case "protocol":
            yield from _protocol(errand)
        case "tls":
            yield f"use = {errand.security.value}"
            yield f"verify = {'yes' if trust.verify else 'no'}"
            yield from _present({"ca": trust.ca, "certificate": trust.certificate, "name": trust.name, "ciphers": trust.ciphers})
            yield from _present({"versions": ", ".join(version.name for version in sorted(trust.versions))})
        case "auth":
            yield from _login(errand)
        case "xclient":
            yield from errand.xclient
        case "proxy":
            yield from _present({"header": errand.proxy.decode("latin-1").encode("unicode_escape").decode() if errand.proxy else ""})
        case _:
            content = errand.letters[0].content if errand.letters else b""
            yield from content.decode("utf-8", "backslashreplace").splitlines()


def _present(rows: dict[str, object]) -> Iterator[str]:
    yield from (f"{name} = {value}" for name, value in rows.items() if value)


def _transport(given: Given) -> Iterator[str]:
    kind = "pipe" if given.program else "socket-unix" if given.socket else "socket-inet"
    yield f"type = {kind}"
    yield from _present({"command": given.program, "file": given.socket, "server": given.server})
    if kind == "socket-inet":
        yield from _present({"exchangers of": "" if given.server else given.domain, "port": given.port, "family": given.family})
        yield from _present({"local": given.local and f"{given.local[0] or '*'}:{given.local[1] or '*'}"})


def _protocol(errand: Errand) -> Iterator[str]:
    yield f"protocol = {errand.dialect.value}"
    yield f"helo = {errand.hello}"
    for letter in errand.letters[:1]:
        yield f"from = <{letter.sender}>"
        yield f"to = {', '.join(letter.recipients)}"
    if errand.stop is not None:
        yield f"{errand.stop.way.value} after = {errand.stop.after.value}"
    posting = errand.posting
    yield from _present({"pipelining": posting.pipelining, "chunk": posting.chunk, "size": posting.size, "body": posting.body})
    yield from _present({"notify": posting.notify, "ret": posting.ret, "envid": posting.envid, "orcpt": posting.orcpt})


def _login(errand: Errand) -> Iterator[str]:
    login = errand.login
    if login is None:
        yield "use = no"
        return
    yield "use = yes" if login.lenient == "none" else f"use = optional ({login.lenient.value} may fail)"
    yield f"username = {login.user}"
    yield f"password = {REMOVED if login.password or login.token else ''}"
    yield f"allowed = {', '.join(login.mechanisms or MECHANISMS)}"
