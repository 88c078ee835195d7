"""What the sessions of one listener go by: settings, terms, greeting, checks. Made anew at each reload; knows no session."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from waypost.accept.settings import LimitSettings, ListenerSettings
from waypost.policy.checks.recipients import Recipients, Residents
from waypost.policy.checks.relay import Realm, Relay
from waypost.policy.pipeline import Pipeline
from waypost.policy.settings import RelaySettings
from waypost.replies import Key, say
from waypost.smtp.terms import Role, Terms, TlsMode

if TYPE_CHECKING:
    from waypost.clock import Clock
    from waypost.directory.credentials import Credentials
    from waypost.history.transcript import History
    from waypost.net.tls import Context
    from waypost.observe.events import Observers
    from waypost.policy.check import Check
    from waypost.policy.checks.rate import Networks
    from waypost.spool.spool import Spool

MECHANISMS = ("PLAIN", "LOGIN")


class Directory(Realm, Residents, Protocol):
    """Whose mail is taken: ``directory.domains.Domains``, or a fake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What every session works with, for the life of the process."""

    spool: Spool
    credentials: Credentials
    history: History
    observers: Observers
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a reload may change."""

    hostname: str
    software: str = "Waypost"
    limits: LimitSettings = field(default_factory=LimitSettings)
    relay: RelaySettings = field(default_factory=RelaySettings)
    directory: Directory
    context: Context | None = None
    """For STARTTLS and implicit TLS; None: STARTTLS is not offered, and a listener with implicit TLS cannot be opened."""
    checks: tuple[Check, ...] = ()
    """After relay control and recipients."""
    anyone: bool = False
    """Mail for everywhere, from everybody, AUTH everywhere and in the clear: legal only while nothing can leave (the dev profile)."""
    keep_all: bool = False
    """Keep the conversations of accepted mail too, not only of refused."""
    share: int = 1
    """Workers among which the limits per host are shared out."""


class Rules:
    """The plan as one listener reads it."""

    __slots__ = ("_greetings", "_networks", "_refused", "_terms", "limits", "listener", "pipeline", "plan")

    def __init__(self, plan: Plan, listener: ListenerSettings, pipeline: Pipeline, networks: Networks, refused: Networks) -> None:
        """``networks`` and ``refused``: those of ``plan.relay``, for all listeners the same."""
        self.plan = plan
        self.limits = plan.limits
        self.listener = listener
        self.pipeline = pipeline
        self._networks = networks
        self._refused = refused
        strangers = _terms(plan, listener)
        self._terms = (strangers, replace(strangers, normalize=plan.relay.normalize))
        greeting = Key.GREETING_LMTP if listener.role is Role.LMTP else Key.GREETING
        self._greetings = {key: say(key, hostname=plan.hostname) for key in _TURNED_AWAY}
        self._greetings[greeting] = self._greetings[Key.GREETING] = say(greeting, hostname=plan.hostname, software=plan.software)

    def trusts(self, client: str) -> bool:
        """Whether ``client`` is in ``relay.networks``."""
        return self._networks.contains(client)

    def refuses(self, client: str) -> bool:
        """Whether ``client`` is in ``relay.refused``."""
        return self._refused.contains(client)

    def terms(self, *, trusted: bool) -> Terms:
        """What a session of theirs is offered."""
        return self._terms[trusted]

    def greeting(self, key: Key = Key.GREETING) -> bytes:
        """The wire form of a greeting that is no session's answer."""
        return self._greetings[key].wire


_TURNED_AWAY = (
    Key.GREETING_BUSY,
    Key.GREETING_CLIENT_CONNECTIONS,
    Key.GREETING_CLIENT_RATE,
    Key.GREETING_SHUTDOWN,
    Key.GREETING_EARLY,
)


def pipeline_of(plan: Plan, observers: Observers) -> Pipeline:
    """The checks of ``plan``."""
    relay = Relay(plan.directory, anyone=plan.anyone)
    return Pipeline(relay, Recipients(plan.directory), plan.checks, observers)


def _terms(plan: Plan, listener: ListenerSettings) -> Terms:
    submission = listener.role is Role.SUBMISSION
    tls = listener.tls
    if tls is TlsMode.STARTTLS and plan.context is None:
        tls = TlsMode.NONE
    return Terms(
        hostname=plan.hostname,
        software=plan.software,
        role=listener.role,
        tls=tls,
        mechanisms=MECHANISMS if submission or (plan.anyone and listener.role is Role.RELAY) else (),
        auth_required=submission,
        auth_in_clear=plan.anyone,
        message_size=plan.limits.message_size,
        recipients=plan.limits.recipients,
        command_line=plan.limits.command_line,
        swallow=plan.limits.message_size,
    )
