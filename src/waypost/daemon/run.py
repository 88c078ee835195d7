"""Running a server: everything that happens once, in the parent, before the first octet of a stranger is read. Knows no conversation.

The order is the promise: own the data directory, open the sockets, read the keys, give up root, then fork the workers.
"""

from __future__ import annotations

import gc
import os
import sys
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING

from waypost.clock import SYSTEM
from waypost.config.dev import PROFILE
from waypost.config.problem import ConfigError
from waypost.config.reload import demand_reloadable
from waypost.config.settings import TlsSettings
from waypost.daemon import privilege
from waypost.daemon.link import Unable, send
from waypost.daemon.sockets import open_sockets
from waypost.daemon.supervise import Plan, Supervisor
from waypost.daemon.worker import Work, work
from waypost.net.listen import ListenError, bind, place_of
from waypost.net.tls import CertificateError, local_certificate, server_context
from waypost.observe.events import ServerChanged
from waypost.observe.log import Printer
from waypost.smtp.terms import TlsMode
from waypost.store.database import StoreError
from waypost.store.lock import Lock, LockedError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from waypost.config.load import Loaded
    from waypost.config.settings import Settings
    from waypost.net.control import Link

READY = "waypost: ready"
UNAVAILABLE, CANNOT_CREATE, CONFIGURATION = 69, 73, 78
"""Exit codes by kind of fault (sysexits.h)."""
_AT_NEED = ("importlib.readers", "encodings.idna", "stringprep", "concurrent.futures.thread")
"""Modules of the standard library that it loads late."""
_PATIENCE = 5.0
"""Seconds to wait for the data directory: the workers of a server that was killed need a moment to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """Everything that is listened on."""

    mail: Sequence[Sequence[socket.socket]]
    """For each worker its own, in the order of the listeners."""
    web: socket.socket | None

    def only_mail(self, index: int) -> Sequence[socket.socket]:
        """Those of worker ``index``; the web's is closed, so that it does not stay open past its process."""
        if self.web is not None:
            self.web.close()
        return self.mail[index]

    def only_web(self) -> socket.socket:
        """The web's; those of mail are closed: what reads browsers' requests holds no port of mail."""
        for one in {one for column in self.mail for one in column}:
            one.close()
        assert self.web is not None  # noqa: S101 - asked by the web's process alone, which is there only with a socket
        return self.web


class StartError(Exception):
    """The server cannot start; one sentence, and the exit code of the kind of fault."""

    def __init__(self, says: str, code: int) -> None:
        super().__init__(says)
        self.code = code


def serve(loaded: Loaded, *, reload: Callable[[], Loaded]) -> int:
    """Run until told to stop; the exit code. ``reload`` reads the configuration anew and raises ConfigError. Raises StartError."""
    settings = _own_data(loaded.settings)
    lock = _take(settings.data)
    try:
        sockets = open_sockets(settings.listeners, settings.workers)
        web = _open_web(loaded)
        settings = _with_certificate(settings)
        _load_at_once()
        _give_up_root(settings)
        return _supervise(loaded, settings, Sockets(mail=sockets, web=web), reload)
    except ListenError as error:
        raise StartError(str(error), UNAVAILABLE) from error
    except CertificateError as error:
        raise StartError(str(error), CONFIGURATION) from error
    except privilege.PrivilegeError as error:
        raise StartError(str(error), CONFIGURATION) from error
    finally:
        lock.release()


def _own_data(settings: Settings) -> Settings:
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        (settings.data / "shards").mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        why = error.strerror or error
        raise StartError(f"the data directory {settings.data} cannot be made: {why}. Choose another, or make it", CANNOT_CREATE) from error
    if not os.access(settings.data / "shards", os.W_OK | os.X_OK):
        raise StartError(f"the data directory {settings.data} cannot be written to: let its owner run the server", CANNOT_CREATE)
    return settings


def _take(data: Path) -> Lock:
    """The lock of the data directory, waited for a little."""
    until = SYSTEM.monotonic() + _PATIENCE
    while True:
        try:
            return Lock(data / "lock")
        except LockedError as error:
            if SYSTEM.monotonic() > until:
                raise StartError(str(error), UNAVAILABLE) from error
            os.sched_yield()
            _nap()
        except StoreError as error:
            raise StartError(str(error), CANNOT_CREATE) from error


def _nap() -> None:
    import select  # noqa: PLC0415 - the one place that waits without a loop

    select.select((), (), (), 0.05)


def _with_certificate(settings: Settings) -> Settings:
    """The settings with a certificate where listeners need one: the dev profile's comes from a CA of its own."""
    if all(listener.tls is TlsMode.NONE for listener in settings.listeners):
        return settings
    if settings.tls.certificate is None or settings.tls.key is None:
        certificate, key = local_certificate(settings.data / "tls", settings.hostname)
        settings = replace(settings, tls=TlsSettings(certificate=certificate, key=key))
    assert settings.tls.certificate is not None  # noqa: S101 - set two lines above
    assert settings.tls.key is not None  # noqa: S101 - likewise
    server_context(settings.tls.certificate, settings.tls.key)
    return settings


def _open_web(loaded: Loaded) -> socket.socket | None:
    """The socket of the pages, where any are wanted. Raises ListenError.

    The place that the dev profile takes by itself may be somebody else's already: then the mail goes on without pages. One that was
    asked for must be had.
    """
    place = loaded.settings.web.bind
    if not place:
        return None
    try:
        return bind(place)
    except ListenError as error:
        if loaded.place(("web", "bind")).source != PROFILE:
            raise ListenError(f"web.bind: {error}") from error
        sys.stdout.write(f"No pages: {error}. Another place: waypost serve --set web.bind=127.0.0.1:8026\n")
        return None


def _load_at_once() -> None:
    """Load what would be loaded at need: an interpreter of root's own cannot be read by the account that root is given up for."""
    for name in _AT_NEED:
        import_module(name)


def _give_up_root(settings: Settings) -> None:
    if hasattr(os, "geteuid") and os.geteuid() == 0 and settings.user is not None:
        privilege.hand_over(settings.data, settings.user)
        privilege.drop(settings.user)
    privilege.harden()


def _supervise(loaded: Loaded, settings: Settings, sockets: Sockets, reload: Callable[[], Loaded]) -> int:
    printer = Printer(settings.log)

    def tell(what: str, detail: str, severity: str) -> None:
        printer.tell(ServerChanged(what=what, detail=detail, severity=severity))

    current = settings

    def reloaded() -> Settings | None:
        nonlocal current
        try:
            current = _reloaded(reload(), current)
        except (ConfigError, CertificateError) as error:
            for line in str(error).splitlines():
                tell("reload-refused", f"{line}; the old configuration stays", "error")
            return None
        printer.apply(current.log)
        return current

    def run_worker(index: int, link: Link) -> int:
        return work(Work(settings=current, dev=loaded.dev, index=index, sockets=tuple(sockets.only_mail(index))), link)

    def run_web(link: Link) -> int:
        try:
            from waypost.daemon.web import web  # noqa: PLC0415 - where no pages are served nothing of them is loaded, and no worker ever does
        except ImportError as error:
            send(link, Unable(f"no pages can be served: {error}", UNAVAILABLE))
            return UNAVAILABLE
        return web(current, sockets.only_web(), link)

    plan = Plan(
        workers=settings.workers,
        drain=lambda: float(current.drain),
        run_worker=run_worker,
        reload=reloaded,
        tell=tell,
        announce=lambda: _announce(settings, sockets, dev=loaded.dev),
        clock=SYSTEM,
        beside={} if sockets.web is None else {"web": run_web},
        hung_up=_watch_terminal(),
    )
    gc.collect()
    gc.freeze()  # what is imported by now is shared by all workers and never collected
    supervisor = Supervisor(plan)
    code = supervisor.run()
    if supervisor.failure:
        raise StartError(supervisor.failure, code)
    return code


def _watch_terminal() -> Callable[[], bool]:
    """Whether a terminal that is there now is gone later: whoever closed its window wants no server that goes on unseen."""
    terminals = [fd for fd in range(3) if os.isatty(fd)]
    return lambda: not all(os.isatty(fd) for fd in terminals)


def _reloaded(loaded: Loaded, old: Settings) -> Settings:
    """The new settings if a reload may bring them. Raises ConfigError, CertificateError."""
    demand_reloadable(loaded, old)
    new = loaded.settings
    if old.tls.certificate is not None and new.tls.certificate is None:
        new = replace(new, tls=old.tls)
    return _with_certificate(new)


def _announce(settings: Settings, sockets: Sockets, *, dev: bool) -> None:
    """Where it listens, then the ready line."""
    out = sys.stdout
    out.write(f"Waypost on {settings.hostname}{', dev profile' if dev else ''}\n")
    if dev:
        out.write("  Any sender, recipient and password will do; everything is captured and nothing leaves.\n")
    out.write(f"  data       {settings.data}\n")
    for listener, opened in zip(settings.listeners, sockets.mail[0], strict=True):
        tls = {"none": "no TLS", "starttls": "STARTTLS", "implicit": "TLS from the start"}[listener.tls]
        out.write(f"  {listener.role:<10} {place_of(opened)!s:<24} {tls}\n")
    if sockets.web is not None:
        place = place_of(sockets.web)
        shows = "inbox and reply reference" if settings.web.inbox and place.is_loopback else "reply reference"
        shows += ", checks of mail servers" if settings.web.check else ""
        out.write(f"  {'web':<10} {f'http://{place}/':<24} {shows}\n")
    out.write(f"{READY}\n")
    out.flush()
