"""Gathers one conversation as it happens: bounded, AUTH redacted before it is stored, content left out. Knows no socket.

Whoever drives a session hands over whole or cut lines in the order in which they went over the wire. What is secret (RFC 4954
section 4: the initial response and every line that answers a 334) is replaced here, so that nothing behind this door ever holds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.history.transcript import BOUND, Line, Transcript

if TYPE_CHECKING:
    from waypost.clock import Clock

REDACTED = b"<redacted>"
_VERBS = frozenset(b"AUTH BDAT DATA EHLO EXPN HELO HELP LHLO MAIL NOOP QUIT RCPT RSET STARTTLS TURN VRFY ETRN *".split())


class Recorder:
    """The transcript in the making of one session or attempt."""

    __slots__ = (
        "_authenticating",
        "_clock",
        "_known_auth",
        "_lines",
        "_omitted",
        "_outbound",
        "_room",
        "_start",
        "_tails",
        "account",
        "began",
        "helo",
        "messages",
        "peer",
        "refused",
        "session",
        "tls",
    )

    def __init__(self, session: str, clock: Clock, *, peer: str = "", outbound: bool = False, bound: int = BOUND) -> None:
        self.session = session
        self.peer = peer
        self.helo = ""
        self.tls = ""
        self.account = ""
        self.messages: list[str] = []
        """Queue ids; append to it."""
        self.refused = ""
        """Key of the last refusal; ``said`` sets it when a reply of ours is 4xx or 5xx."""
        self.began = clock.wall()
        self._clock = clock.monotonic
        self._start = clock.monotonic()
        self._outbound = outbound
        self._room = bound
        self._omitted = 0
        self._lines: list[tuple[float, bool, bytes, str]] = []
        self._tails = [b"", b""]
        self._known_auth = False
        self._authenticating = False

    def heard(self, octets: bytes) -> bytes:
        """The other side said ``octets``; gives what may be shown of it (whole lines, redacted; an unfinished line waits)."""
        return self._server(octets, "") if self._outbound else self._client(octets)

    def said(self, octets: bytes, key: str = "") -> bytes:
        """We said ``octets``: a reply under its ``key``, or (outbound) commands; gives what may be shown of it."""
        if self._outbound:
            return self._client(octets)
        if key and octets[:1] in b"45":
            self.refused = key
        return self._server(octets, key)

    def content(self, size: int) -> None:
        """``size`` octets of content went by; they are counted, never kept."""
        self._keep(True, b"<content: %d octets>\r\n" % size, "")

    def secured(self, tls: str) -> None:
        """A TLS handshake ended: ``tls`` is protocol version and cipher."""
        self.tls = tls
        self._keep(True, b"<TLS: %s>\r\n" % tls.encode("ascii", "replace"), "")

    def transcript(self) -> Transcript:
        """The conversation so far."""
        for from_client in (True, False):
            if self._tails[from_client]:
                self._finish(from_client=from_client)
        return Transcript(
            session=self.session,
            began=self.began,
            outbound=self._outbound,
            peer=self.peer,
            helo=self.helo,
            tls=self.tls,
            account=self.account,
            messages=tuple(self.messages),
            refused=self.refused,
            lines=tuple(Line(*line) for line in self._lines),
            omitted=self._omitted,
        )

    def _client(self, octets: bytes) -> bytes:
        octets = self._whole(octets, from_client=True)
        if not octets:
            return b""
        if self._known_auth or b"AUTH" in octets.upper():
            octets = b"".join([self._redacted(line) for line in octets.splitlines(keepends=True)])
        self._keep(True, octets, "")
        return octets

    def _server(self, octets: bytes, key: str) -> bytes:
        octets = self._whole(octets, from_client=False)
        if not octets:
            return b""
        if self._authenticating and octets[:3] != b"334":
            self._authenticating = False
        self._keep(False, octets, key)
        return octets

    def _redacted(self, line: bytes) -> bytes:
        """One line of the client as it may be kept."""
        words = line.split()
        if self._authenticating:
            return line if words == [b"*"] else REDACTED + b"\r\n"
        verb = words[0].upper() if words else b""
        if verb[:4] != b"AUTH":
            # A password that was sent although AUTH had been refused looks like an unknown command.
            return line if verb in _VERBS or not self._known_auth else REDACTED + b"\r\n"
        self._known_auth = self._authenticating = True
        if verb != b"AUTH" or len(words) == 1:
            return b"AUTH\r\n" if verb == b"AUTH" else b"AUTH" + REDACTED + b"\r\n"
        mechanism = words[1] if len(words[1]) <= 20 and words[1].replace(b"-", b"").replace(b"_", b"").isalnum() else REDACTED
        return b"AUTH " + mechanism + (b" " + REDACTED if len(words) > 2 else b"") + b"\r\n"

    def _whole(self, octets: bytes, *, from_client: bool) -> bytes:
        """The whole lines at hand; an unfinished one waits for its end, so that a cut hides no AUTH."""
        tail = self._tails[from_client]
        if tail:
            octets = tail + octets
        end = octets.rfind(b"\n") + 1
        if end == len(octets):
            if tail:
                self._tails[from_client] = b""
            return octets
        self._tails[from_client] = octets[end : end + BOUND]
        return octets[:end]

    def _finish(self, *, from_client: bool) -> None:
        tail = self._tails[from_client]
        self._tails[from_client] = b""
        if from_client and (self._known_auth or b"AUTH" in tail.upper()):
            tail = self._redacted(tail)
        self._keep(from_client, tail, "")

    def _keep(self, from_client: bool, octets: bytes, key: str) -> None:  # noqa: FBT001 - hot path, private
        size = len(octets)
        if size > self._room:
            self._room = 0
            self._omitted += size
            return
        self._room -= size
        self._lines.append((self._clock() - self._start, from_client, octets, key))
