"""What STARTTLS and a handshake came to at one place, and what that means. Knows no network.

RFC 3207 sections 4 and 5 (STARTTLS, and nothing kept from before), RFC 8314 section 3 (submission wants TLS), RFC 9325 (versions and
ciphers), RFC 8446 section 6 (alerts).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from waypost.diagnose.client_hello import TLS_1_1, VERSIONS, WEAK, ServerHello
from waypost.diagnose.plan import LMTP, SMTP, SUBMISSION, SUBMISSIONS
from waypost.diagnose.shown import found
from waypost.diagnose.talk import NOTHING, Said

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from waypost.diagnose.certificate import Certificate
    from waypost.diagnose.client_hello import Answer
    from waypost.diagnose.finding import Finding
    from waypost.diagnose.scene import Place
    from waypost.net.handshake import Handshake


@dataclass(slots=True, kw_only=True)
class Look:
    """What was seen of TLS at one place."""

    place: Place
    implicit: bool
    hello: Said = NOTHING
    """The answer to EHLO in the clear; nothing where TLS came first."""
    reply: Said = NOTHING
    """The answer to STARTTLS."""
    shake: Handshake | None = None
    """None where it did not come to one."""
    verify_code: int = 0
    verify_message: str = ""
    chain: tuple[Certificate, ...] = ()
    unreadable: str = ""
    """Why its certificate cannot be read."""
    after: bytes = b""
    """The answer to EHLO under TLS."""
    old: Answer | None = None
    """The answer to a hello of TLS 1.1 at most."""
    weak: Answer | None = None
    """The answer to a hello that has weak ciphers alone."""
    injected: bool | None = None
    """Whether what was sent in the clear was taken as said under TLS; None where nobody tried."""

    @property
    def offered(self) -> bool:
        """Whether EHLO names STARTTLS."""
        return any(text.strip().upper() == "STARTTLS" for text in self.hello.texts[1:])

    @property
    def masked(self) -> str:
        """A keyword that something on the way wrote over with X."""
        words = (text.strip().partition(" ")[0] for text in self.hello.texts[1:])
        return next((word for word in words if len(word) >= 4 and set(word.upper().removesuffix("A")) == {"X"}), "")

    @property
    def secured(self) -> bool:
        """Whether a handshake succeeded."""
        return self.shake is not None and self.shake.done

    @property
    def submission(self) -> bool:
        """Whether clients with passwords come here over a network: by the port, or because a login is offered."""
        port = self.place.port
        if ip_address(self.place.address).is_loopback:
            return False
        logins = any(text.upper().startswith("AUTH") for text in self.hello.texts[1:]) or b"AUTH " in self.after.upper()
        return port in (SUBMISSION, SUBMISSIONS) or (port not in (SMTP, LMTP) and (self.implicit or logins))


def judge(look: Look) -> Iterator[Finding]:
    """Everything but the certificate."""
    facts = {"host": look.place.host, "port": look.place.port}
    about = look.place.shown
    if not look.implicit:
        yield from _offer(look, about, facts)
    if look.shake is not None and not look.shake.done:
        yield from _failure(look, look.shake, about, facts)
    if look.secured and look.shake is not None:
        shake = look.shake
        yield found("tls-established", about, f"{shake.version} {shake.cipher}", version=shake.version, cipher=shake.cipher, **facts)
        yield from _strength(look, shake, about, facts)
        yield from _after(look, about, facts)
    if look.injected is not None:
        yield found("starttls-injection" if look.injected else "starttls-clean", about, *look.reply.evidence, **facts)


# ---- STARTTLS -------------------------------------------------------------------------------------------------


def _offer(look: Look, about: str, facts: dict[str, object]) -> Iterator[Finding]:
    """Whether it is offered, and what is said when one takes the offer."""
    if not look.hello.lines or not look.hello.positive:
        return
    if look.masked:
        yield found("starttls-masked", about, *look.hello.evidence, keyword=look.masked, **facts)
        return
    if not look.offered:
        if look.reply.code == 220:
            yield found("starttls-hidden", about, *look.hello.evidence, *look.reply.evidence, **facts)
        elif look.place.port != LMTP and not ip_address(look.place.address).is_loopback:  # there nothing crosses a network
            key = "starttls-missing-submission" if look.submission else "starttls-missing"
            yield found(key, about, *look.hello.evidence, **facts)
        return
    yield from _reply(look, about, facts)


def _reply(look: Look, about: str, facts: dict[str, object]) -> Iterator[Finding]:
    reply = look.reply
    told = {**facts, "code": reply.code, "reply": reply.text}
    if not reply.lines or (reply.ended and not reply.code):
        yield found("starttls-unanswered", about, reply.ended, how=reply.ended, **facts)
    elif 400 <= reply.code < 500:
        yield found("starttls-deferred", about, *reply.evidence, **told)
    elif reply.code >= 500:
        yield found("starttls-refused", about, *reply.evidence, **told)
    elif reply.code != 220 or reply.ended:
        yield found("starttls-reply-malformed", about, *reply.evidence, **told)


# ---- handshake ------------------------------------------------------------------------------------------------

_ALERTS = {
    "protocol_version": "tls-no-common-version",
    "handshake_failure": "tls-no-common-cipher",
    "insufficient_security": "tls-no-common-cipher",
    "unrecognized_name": "tls-name-refused",
    "certificate_required": "tls-client-certificate",
    "internal_error": "tls-server-broken",
}
_FAULTS = {"closed": "tls-closed", "unexpected eof while reading": "tls-closed", "silent": "tls-silent", "no TLS": "tls-not-spoken"}


def _failure(look: Look, shake: Handshake, about: str, facts: dict[str, object]) -> Iterator[Finding]:
    """Why a handshake failed, by the alert where there was one."""
    if isinstance(look.old, ServerHello) and look.old.version <= TLS_1_1:
        yield found("tls-old-only", about, look.old.shown, version=VERSIONS.get(look.old.version, "SSL"), **facts)
        return
    key = _ALERTS.get(shake.alert) or _FAULTS.get(shake.fault) or ("tls-alert" if shake.alert else "tls-failed")
    heard = shake.plain.decode("utf-8", "backslashreplace").strip()
    alert = shake.alert.replace("_", " ")
    yield found(key, about, *(line for line in (shake.fault, heard) if line), alert=alert, fault=shake.fault, heard=heard[:80], **facts)


def _strength(look: Look, shake: Handshake, about: str, facts: dict[str, object]) -> Iterator[Finding]:
    """Versions and ciphers, those that were agreed upon and those that the server would have gone along with."""
    if isinstance(look.old, ServerHello) and look.old.version <= TLS_1_1:
        yield found("tls-old-spoken", about, look.old.shown, version=VERSIONS.get(look.old.version, "SSL"), **facts)
    if isinstance(look.weak, ServerHello) and look.weak.cipher in WEAK:
        yield found("tls-weak-cipher", about, look.weak.shown, cipher=WEAK[look.weak.cipher], **facts)
    if shake.version == "TLSv1.2":
        yield found("tls-1-3-missing", about, f"{shake.version} {shake.cipher}", **facts)
        if not shake.cipher.startswith(("ECDHE", "DHE")):
            yield found("tls-no-forward-secrecy", about, shake.cipher, cipher=shake.cipher, **facts)


def _after(look: Look, about: str, facts: dict[str, object]) -> Iterator[Finding]:
    """Whether SMTP goes on under TLS; with implicit TLS the greeting comes first, which other probes look at."""
    if look.implicit:
        return
    lines = look.after.decode("utf-8", "backslashreplace").splitlines()
    if not look.after:
        yield found("tls-dead", about, **facts)
    elif not look.after.startswith(b"2"):
        yield found("tls-ehlo-refused", about, *lines, reply=lines[0], **facts)


def judge_certificate_use(look: Look, faults: Sequence[Finding]) -> Iterator[Finding]:
    """What a faulty certificate means where mail programs come: they verify, unlike servers that relay."""
    if faults and look.submission:
        known = {name: fact for fault in faults for name, fact in fault.facts.items()}
        facts = {**known, "host": look.place.host, "port": look.place.port, "faults_of": " ".join(fault.key for fault in faults)}
        seen = dict.fromkeys(line for fault in faults for line in fault.evidence)
        yield found("submission-certificate", look.place.shown, *seen, **facts)
