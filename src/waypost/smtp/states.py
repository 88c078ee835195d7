"""The machines of both sides of a session as tables; a missing cell is a move that the protocol forbids. Knows no octets."""

from __future__ import annotations

from enum import StrEnum

from waypost.replies.keys import Key


# ---- the server's side ----------------------------------------------------------------------------------------
class ServerState(StrEnum):
    """Where the server of a session stands."""

    CONNECTED = "connected"
    """Nothing was said yet."""
    TURNED_AWAY = "turned-away"
    """Greeted with 554: only QUIT is open (5321#3.1)."""
    READY = "ready"
    """Greeted; waits for EHLO."""
    IDENTIFIED = "identified"
    """The client gave its name: a transaction may begin."""
    AUTHENTICATING = "authenticating"
    """The next line is part of an AUTH exchange."""
    SECURING = "securing"
    """STARTTLS was granted: the driver shakes hands."""
    SENDER = "sender"
    """MAIL was accepted, no RCPT came yet."""
    UNWANTED = "unwanted"
    """MAIL was accepted, every RCPT so far refused."""
    RECIPIENTS = "recipients"
    """At least one recipient was accepted."""
    CONTENT = "content"
    """DATA was answered 354: what comes is content."""
    CHUNKING = "chunking"
    """At least one chunk came whole, the last not yet."""
    BROKEN = "broken"
    """A chunk was refused: the message cannot become whole (3030#2)."""
    OVER = "over"
    """Nothing more is heard."""


class ServerMove(StrEnum):
    """What moves the server of a session: a command that was answered positively, or what its name says."""

    GREET = "greet"
    """220 was said."""
    TURN_AWAY = "turn-away"
    """554 was said instead."""
    HELLO = "hello"
    """EHLO, HELO or LHLO."""
    STARTTLS = "starttls"
    """STARTTLS."""
    SECURED = "secured"
    """The handshake succeeded."""
    AUTH = "auth"
    """AUTH, or a line of its exchange, was answered with a challenge."""
    AUTH_END = "auth-end"
    """The exchange is over, for good or ill."""
    MAIL = "mail"
    """MAIL."""
    RCPT = "rcpt"
    """RCPT."""
    RCPT_REFUSED = "rcpt-refused"
    """RCPT was refused."""
    DATA = "data"
    """DATA."""
    CHUNK = "chunk"
    """BDAT without LAST came whole."""
    CHUNK_REFUSED = "chunk-refused"
    """BDAT without LAST was refused."""
    CONTENT_END = "content-end"
    """The content came whole, by DATA or BDAT LAST, and was answered, positively or not."""
    RESET = "reset"
    """RSET."""
    QUESTION = "question"
    """NOOP, HELP, VRFY or EXPN."""
    QUIT = "quit"
    """QUIT, or a reply 421."""


_ALWAYS = {ServerMove.QUIT: ServerState.OVER}
_IDLE = {**_ALWAYS, ServerMove.HELLO: ServerState.IDENTIFIED}

SERVER_TRANSITIONS: dict[ServerState, dict[ServerMove, ServerState]] = {
    ServerState.CONNECTED: {
        **_ALWAYS,
        ServerMove.GREET: ServerState.READY,
        ServerMove.TURN_AWAY: ServerState.TURNED_AWAY,
    },
    ServerState.TURNED_AWAY: {**_ALWAYS},
    ServerState.READY: {
        **_IDLE,
        ServerMove.RESET: ServerState.READY,
        ServerMove.QUESTION: ServerState.READY,
    },
    ServerState.IDENTIFIED: {
        **_IDLE,
        ServerMove.STARTTLS: ServerState.SECURING,
        ServerMove.AUTH: ServerState.AUTHENTICATING,
        ServerMove.AUTH_END: ServerState.IDENTIFIED,
        ServerMove.MAIL: ServerState.SENDER,
        ServerMove.RESET: ServerState.IDENTIFIED,
        ServerMove.QUESTION: ServerState.IDENTIFIED,
    },
    ServerState.AUTHENTICATING: {
        **_ALWAYS,
        ServerMove.AUTH: ServerState.AUTHENTICATING,
        ServerMove.AUTH_END: ServerState.IDENTIFIED,
    },
    ServerState.SECURING: {
        **_ALWAYS,
        ServerMove.SECURED: ServerState.READY,
    },
    ServerState.SENDER: {
        **_IDLE,
        ServerMove.RCPT: ServerState.RECIPIENTS,
        ServerMove.RCPT_REFUSED: ServerState.UNWANTED,
        ServerMove.RESET: ServerState.IDENTIFIED,
        ServerMove.QUESTION: ServerState.SENDER,
    },
    ServerState.UNWANTED: {
        **_IDLE,
        ServerMove.RCPT: ServerState.RECIPIENTS,
        ServerMove.RCPT_REFUSED: ServerState.UNWANTED,
        ServerMove.RESET: ServerState.IDENTIFIED,
        ServerMove.QUESTION: ServerState.UNWANTED,
    },
    ServerState.RECIPIENTS: {
        **_IDLE,
        ServerMove.RCPT: ServerState.RECIPIENTS,
        ServerMove.RCPT_REFUSED: ServerState.RECIPIENTS,
        ServerMove.DATA: ServerState.CONTENT,
        ServerMove.CHUNK: ServerState.CHUNKING,
        ServerMove.CHUNK_REFUSED: ServerState.BROKEN,
        ServerMove.CONTENT_END: ServerState.IDENTIFIED,
        ServerMove.RESET: ServerState.IDENTIFIED,
        ServerMove.QUESTION: ServerState.RECIPIENTS,
    },
    ServerState.CONTENT: {
        **_ALWAYS,
        ServerMove.CONTENT_END: ServerState.IDENTIFIED,
    },
    ServerState.CHUNKING: {
        **_IDLE,
        ServerMove.CHUNK: ServerState.CHUNKING,
        ServerMove.CHUNK_REFUSED: ServerState.BROKEN,
        ServerMove.CONTENT_END: ServerState.IDENTIFIED,
        ServerMove.RESET: ServerState.IDENTIFIED,
        ServerMove.QUESTION: ServerState.CHUNKING,
    },
    ServerState.BROKEN: {
        **_IDLE,
        ServerMove.CONTENT_END: ServerState.IDENTIFIED,
        ServerMove.RESET: ServerState.IDENTIFIED,
        ServerMove.QUESTION: ServerState.BROKEN,
    },
    ServerState.OVER: {},
}

_EXTENSION_COMMANDS = (ServerMove.STARTTLS, ServerMove.AUTH)
_TRANSACTION = (ServerMove.RCPT, ServerMove.DATA, ServerMove.CHUNK)
_IN_TRANSACTION = {
    ServerMove.STARTTLS: Key.MAIL_NESTED,
    ServerMove.AUTH: Key.AUTH_IN_TRANSACTION,  # 4954#4
    ServerMove.MAIL: Key.MAIL_NESTED,  # 5321#4.1.4
}
_IN_CHUNKS = {
    **_IN_TRANSACTION,
    ServerMove.MAIL: Key.CHUNKING_UNDER_WAY,
    ServerMove.RCPT: Key.CHUNKING_UNDER_WAY,
    ServerMove.DATA: Key.CHUNKING_UNDER_WAY,  # 3030#2
}

SERVER_REFUSALS: dict[ServerState, dict[ServerMove, Key]] = {
    ServerState.TURNED_AWAY: dict.fromkeys(
        (ServerMove.HELLO, *_EXTENSION_COMMANDS, ServerMove.MAIL, *_TRANSACTION, ServerMove.RESET, ServerMove.QUESTION),
        Key.SESSION_REFUSED,
    ),
    ServerState.READY: dict.fromkeys((*_EXTENSION_COMMANDS, ServerMove.MAIL, *_TRANSACTION), Key.HELLO_FIRST),
    ServerState.IDENTIFIED: dict.fromkeys(_TRANSACTION, Key.MAIL_FIRST),
    ServerState.SENDER: {**_IN_TRANSACTION, ServerMove.DATA: Key.RCPT_FIRST, ServerMove.CHUNK: Key.RCPT_FIRST},
    ServerState.UNWANTED: {
        **_IN_TRANSACTION,
        ServerMove.DATA: Key.NO_VALID_RECIPIENTS,  # 5321#3.3
        ServerMove.CHUNK: Key.NO_VALID_RECIPIENTS,
    },
    ServerState.RECIPIENTS: dict(_IN_TRANSACTION),
    ServerState.CHUNKING: dict(_IN_CHUNKS),
    ServerState.BROKEN: {**_IN_CHUNKS, ServerMove.CHUNK: Key.CHUNK_REFUSED},
}
"""For each state that reads commands: the key that refuses a command without a cell in SERVER_TRANSITIONS."""

SERVER_AFTER_REFUSAL: dict[ServerMove, ServerMove] = {
    ServerMove.RCPT: ServerMove.RCPT_REFUSED,
    ServerMove.CHUNK: ServerMove.CHUNK_REFUSED,
    ServerMove.CONTENT_END: ServerMove.CONTENT_END,
    ServerMove.AUTH: ServerMove.AUTH_END,
    ServerMove.AUTH_END: ServerMove.AUTH_END,
}
"""What happens instead when the answer was 4xx or 5xx; a move without a row changes nothing."""

SERVER_MISTAKES = frozenset({ServerMove.RCPT, ServerMove.CHUNK})
"""Moves for which that holds too where the language itself refuses the command: after a BDAT that failed, for whatever reason, the
message cannot become whole (3030#2).
"""


# ---- the client's side ----------------------------------------------------------------------------------------
class ClientState(StrEnum):
    """Where the client of a session stands."""

    CONNECTED = "connected"
    """Waits for the greeting."""
    INTRODUCING = "introducing"
    """EHLO, HELO or LHLO is out."""
    UPGRADING = "upgrading"
    """STARTTLS is out."""
    HANDSHAKE = "handshake"
    """The driver shakes hands."""
    AUTHENTICATING = "authenticating"
    """AUTH is under way."""
    READY = "ready"
    """A transaction may begin."""
    ENVELOPE = "envelope"
    """Answers to MAIL, RCPT, DATA or a whole flight are awaited."""
    CONTENT = "content"
    """Content may be sent."""
    FINISHING = "finishing"
    """The content is out whole; its answer is awaited."""
    QUITTING = "quitting"
    """QUIT is out."""
    OVER = "over"
    """Nothing more is said."""


class ClientMove(StrEnum):
    """What moves the client of a session."""

    GREETED = "greeted"
    """The greeting was 220: EHLO follows."""
    UPGRADE = "upgrade"
    """STARTTLS is offered and wanted."""
    SHAKE = "shake"
    """STARTTLS was answered 220."""
    SECURED = "secured"
    """The handshake succeeded: EHLO again (3207#4.2)."""
    AUTHENTICATE = "authenticate"
    """A name is configured and AUTH offered."""
    SETTLE = "settle"
    """Everything before the first transaction is done."""
    BEGIN = "begin"
    """A transaction begins."""
    PERMIT = "permit"
    """The envelope was answered so that content may follow."""
    SENT = "sent"
    """The last of the content went out."""
    FINISH = "finish"
    """Each recipient has its outcome."""
    QUIT = "quit"
    """Nothing more is to be sent."""
    BREAK = "break"
    """421, a garbled reply, a refusal before any transaction, or a driver that gave up."""


CLIENT_TRANSITIONS: dict[ClientState, dict[ClientMove, ClientState]] = {
    ClientState.CONNECTED: {
        ClientMove.GREETED: ClientState.INTRODUCING,
        ClientMove.BREAK: ClientState.OVER,
    },
    ClientState.INTRODUCING: {
        ClientMove.UPGRADE: ClientState.UPGRADING,
        ClientMove.AUTHENTICATE: ClientState.AUTHENTICATING,
        ClientMove.SETTLE: ClientState.READY,
        ClientMove.BREAK: ClientState.OVER,
    },
    ClientState.UPGRADING: {
        ClientMove.SHAKE: ClientState.HANDSHAKE,
        ClientMove.SETTLE: ClientState.READY,
        ClientMove.BREAK: ClientState.OVER,
    },
    ClientState.HANDSHAKE: {
        ClientMove.SECURED: ClientState.INTRODUCING,
        ClientMove.BREAK: ClientState.OVER,
    },
    ClientState.AUTHENTICATING: {
        ClientMove.SETTLE: ClientState.READY,
        ClientMove.BREAK: ClientState.OVER,
    },
    ClientState.READY: {
        ClientMove.BEGIN: ClientState.ENVELOPE,
        ClientMove.QUIT: ClientState.QUITTING,
        ClientMove.BREAK: ClientState.OVER,
    },
    ClientState.ENVELOPE: {
        ClientMove.PERMIT: ClientState.CONTENT,
        ClientMove.FINISH: ClientState.READY,
        ClientMove.BREAK: ClientState.OVER,
    },
    ClientState.CONTENT: {
        ClientMove.SENT: ClientState.FINISHING,
        ClientMove.FINISH: ClientState.READY,
        ClientMove.BREAK: ClientState.OVER,
    },
    ClientState.FINISHING: {
        ClientMove.FINISH: ClientState.READY,
        ClientMove.BREAK: ClientState.OVER,
    },
    ClientState.QUITTING: {ClientMove.BREAK: ClientState.OVER},
    ClientState.OVER: {},
}
