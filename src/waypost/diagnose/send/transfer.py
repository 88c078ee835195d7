"""Handing messages over within a session: MAIL, RCPT, DATA or BDAT, and what is answered. Sans-IO: it yields steps.

RFC 5321 sections 3.3 and 4.5.2, RFC 1870, RFC 2033, RFC 2920, RFC 3030, RFC 3461 section 4, RFC 6152, RFC 6531, RFC 8689.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.diagnose.send.ending import Ending
from waypost.diagnose.send.errand import Dialect, Stage
from waypost.diagnose.send.script import StopError, command, found
from waypost.diagnose.send.steps import Fault, Note, Send
from waypost.smtp.grammar import encode_xtext

if TYPE_CHECKING:
    from waypost.diagnose.send.errand import Letter, Posting
    from waypost.diagnose.send.script import Session
    from waypost.diagnose.send.steps import Steps

_LINE_END = b"\r\n"
_END = b"\r\n.\r\n"


def transfer(session: Session) -> Steps[None]:
    """Every message, one behind the other. Raises StopError at the first that does not go through."""
    for letter in session.errand.letters:
        yield from _fit(session, letter)
        accepted = yield from _envelope(session, letter)
        yield from _content(session, letter, accepted)
        yield from session.reached(Stage.DOT)


def _fit(session: Session, letter: Letter) -> Steps[None]:
    """Whether the server can take the message at all. Raises StopError."""
    posting, offers = session.errand.posting, session.offers
    wide = not all(text.isascii() for text in (letter.sender, *letter.recipients))
    if wide and not posting.smtputf8 and "SMTPUTF8" not in offers:
        yield Fault("Host did not advertise SMTPUTF8, and an address is not ASCII", found("send-utf8-missing"))
        raise StopError(Ending.MAIL)
    if posting.requiretls and not (session.shaken.verified and "REQUIRETLS" in offers):  # 8689#4.2.1: then it must not be sent
        yield Fault("REQUIRETLS needs verified TLS, and a server that offers it", found("send-requiretls-missing"))
        raise StopError(Ending.MAIL)
    if posting.chunk is not None and "CHUNKING" not in offers:  # to a server that does not know BDAT, content would be commands
        yield Fault("Host did not advertise CHUNKING", found("send-chunking-missing"))
        raise StopError(Ending.DATA)
    if posting.pipelining and "PIPELINING" not in offers:
        yield Note("The server does not offer PIPELINING: one command at a time")
    if posting.prdr and "PRDR" not in offers:
        yield Fault("Host did not advertise PRDR support")
        raise StopError(Ending.PRDR)
    for name, wanted in _wanted(posting):
        if wanted and name not in offers:
            yield Note(f"The server does not offer {name}: asked for all the same")


def _wanted(posting: Posting) -> list[tuple[str, bool]]:
    body = posting.body.upper()
    return [
        ("SIZE", posting.size is not None),
        ("8BITMIME", body in ("7BIT", "8BITMIME")),
        ("BINARYMIME", body == "BINARYMIME"),
        ("SMTPUTF8", posting.smtputf8),
        ("DSN", bool(posting.notify or posting.ret or posting.envid or posting.orcpt)),
    ]


def mail_line(letter: Letter, posting: Posting, offers: dict[str, str]) -> str:
    """MAIL with what was asked for, and with what the message needs and the server offers."""
    words = [f"MAIL FROM:<{letter.sender}>"]
    if posting.size is not None:
        words.append(f"SIZE={len(letter.content) if posting.size < 0 else posting.size}")
    if posting.body:
        words.append(f"BODY={posting.body.upper()}")
    elif "8BITMIME" in offers and not letter.content.isascii():
        words.append("BODY=8BITMIME")
    wide = not all(text.isascii() for text in (letter.sender, *letter.recipients))
    if posting.smtputf8 or (wide and "SMTPUTF8" in offers):
        words.append("SMTPUTF8")
    if posting.requiretls:
        words.append("REQUIRETLS")
    if posting.prdr and "PRDR" in offers:
        words.append("PRDR")
    if posting.ret:
        words.append(f"RET={posting.ret.upper()}")
    if posting.envid:
        words.append(f"ENVID={encode_xtext(posting.envid.encode('utf-8', 'surrogateescape'))}")
    return " ".join(words)


def rcpt_line(recipient: str, posting: Posting) -> str:
    """RCPT with what was asked for."""
    words = [f"RCPT TO:<{recipient}>"]
    if posting.notify:
        words.append(f"NOTIFY={posting.notify.upper()}")
    if posting.orcpt:
        kind, _, address = posting.orcpt.partition(";")
        words.append(f"ORCPT={kind};{encode_xtext(address.encode('utf-8', 'surrogateescape'))}")
    return " ".join(words)


# ---- the envelope -------------------------------------------------------------------------------------------------


def _envelope(session: Session, letter: Letter) -> Steps[tuple[str, ...]]:
    """MAIL and RCPT, and DATA where that is said; the recipients that were accepted."""
    posting = session.errand.posting
    if _may_pipeline(session):
        return (yield from _pipelined(session, letter))
    said = yield from session.ask(Stage.MAIL, mail_line(letter, posting, session.offers))
    if not said.positive:
        raise StopError(Ending.MAIL)
    yield from session.reached(Stage.MAIL)
    accepted = []
    for recipient in letter.recipients:
        said = yield from session.ask(Stage.RCPT, rcpt_line(recipient, posting))
        if said.positive:
            accepted.append(recipient)
    if not accepted:
        raise StopError(Ending.RCPT)
    yield from session.reached(Stage.RCPT)
    if posting.chunk is None:
        said = yield from session.ask(Stage.DATA, "DATA", good="3")
        if said.code // 100 != 3:
            raise StopError(Ending.DATA)
        yield from session.reached(Stage.DATA, content=True)
    return tuple(accepted)


def _pipelined(session: Session, letter: Letter) -> Steps[tuple[str, ...]]:
    """The whole envelope in one go (2920#3.1)."""
    posting = session.errand.posting
    chunked = posting.chunk is not None
    lines = [mail_line(letter, posting, session.offers), *(rcpt_line(each, posting) for each in letter.recipients)]
    yield Send("".join(f"{line}\r\n" for line in (lines if chunked else [*lines, "DATA"])).encode())
    if not chunked:
        session.sent(Stage.DATA)
    mail = yield from session.hear("MAIL")
    accepted = yield from _heard(session, letter.recipients)
    if not chunked:
        data = yield from session.hear("DATA", "3")
        if data.code // 100 == 3:
            if not mail.positive:  # nobody knows what this server makes of what follows
                raise StopError(Ending.MAIL, politely=False)
            if not accepted:  # 2920#3.1: the server waits for content, though nobody would get it
                yield Send(b".\r\n")
                yield from session.hear("message", "5")
            else:
                yield from session.reached(Stage.DATA, content=True)
        elif mail.positive and accepted:
            raise StopError(Ending.DATA)
    if not mail.positive:
        raise StopError(Ending.MAIL)
    if not accepted:
        raise StopError(Ending.RCPT)
    return tuple(accepted)


def _heard(session: Session, recipients: tuple[str, ...]) -> Steps[list[str]]:
    """Those of ``recipients`` whose RCPT is accepted."""
    answers = []
    for _ in recipients:
        answers.append((yield from session.hear("RCPT")))  # noqa: PERF401 - a comprehension cannot wait for steps
    return [recipient for recipient, said in zip(recipients, answers, strict=True) if said.positive]


def _may_pipeline(session: Session) -> bool:
    """Whether the envelope may go in one piece: not where one wants to stop, or to say something else, in the middle of it."""
    errand = session.errand
    middle = {Stage.MAIL, Stage.RCPT} & {*(raw.after for raw in errand.raw), *([errand.stop.after] if errand.stop else [])}
    return errand.posting.pipelining and "PIPELINING" in session.offers and not middle


# ---- content ------------------------------------------------------------------------------------------------------


def _content(session: Session, letter: Letter, accepted: tuple[str, ...]) -> Steps[None]:
    posting = session.errand.posting
    if posting.chunk is None:
        yield Send(stuffed(letter.content, posting.end), content=True)
        yield Send(b".\r\n" if posting.end == _END else posting.end)
    else:
        yield from _chunks(session, letter.content, posting.chunk)
    session.sent(Stage.DOT)
    if posting.prdr and "PRDR" in session.offers:
        taken = yield from _each_and_all(session, accepted)
    else:
        taken = yield from _answers(session, len(accepted) if session.errand.dialect is Dialect.LMTP else 1)  # 2033#4.2
    if not taken:
        raise StopError(Ending.CONTENT)


def _answers(session: Session, count: int) -> Steps[int]:
    """How many of ``count`` answers say yes."""
    taken = 0
    for _ in range(count):
        taken += (yield from session.hear("message")).positive
    return taken


def _each_and_all(session: Session, accepted: tuple[str, ...]) -> Steps[int]:
    """After PRDR: 353, an answer for each recipient, and one for all; or one for all at once (draft-hall-prdr-00)."""
    said = yield from session.hear("message", "23")
    if said.code != 353:
        return int(said.positive)
    yield from _answers(session, len(accepted))
    return (yield from _answers(session, 1))


def stuffed(content: bytes, end: bytes = _END) -> bytes:
    """Content as DATA carries it, its dots doubled (5321#4.5.2); its last line ended where the usual end follows, and not otherwise."""
    dotted = b"." + content if content.startswith(b".") else content
    dotted = dotted.replace(b"\r\n.", b"\r\n..")
    if end != _END:
        return dotted.removesuffix(_LINE_END)
    return dotted if dotted.endswith(_LINE_END) or not dotted else dotted + _LINE_END


def _chunks(session: Session, content: bytes, size: int) -> Steps[None]:
    """All chunks; every one but the last is answered here (3030#2)."""
    size = size or max(len(content), 1)
    pieces = [content[start : start + size] for start in range(0, len(content), size)] or [b""]
    for number, piece in enumerate(pieces, 1):
        last = number == len(pieces)
        if last:
            yield from session.reached(Stage.DATA)
        yield command(f"BDAT {len(piece)}{' LAST' if last else ''}")
        if piece:
            yield Send(piece, content=True)
        session.sent(Stage.DATA)
        if not last:
            said = yield from session.hear("BDAT")
            if not said.positive:
                raise StopError(Ending.DATA)
