"""Sessions without a network: a script is answered from a row, and what it says and how it ends is compared."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace

import pytest

from waypost.diagnose.send.ending import Ending
from waypost.diagnose.send.errand import Dialect, Errand, Letter, Login, Posting, Raw, Security, Stage, Stop, Way
from waypost.diagnose.send.script import conversation
from waypost.diagnose.send.steps import Fault, Listen, Note, Secure, Send, Shaken
from waypost.diagnose.send.transfer import transfer
from waypost.diagnose.talk import Said

EVERYTHING = (
    "250-mx\r\n250-STARTTLS\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-DSN\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 REQUIRETLS"
)
USUAL = {
    "connect": "220 mx",
    "EHLO": EVERYTHING,
    "HELO": "250 mx",
    "LHLO": EVERYTHING,
    "STARTTLS": "220 go",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go",
    "BDAT": "250 ok",
    "message": "250 taken",
    "XCLIENT": "220 mx",
    "QUIT": "221 bye",
    "AUTH": "235 ok",
    "": "500 what",
}
LETTER = Letter(sender="a@example.net", recipients=("b@example.org",), content=b"Subject: x\r\n\r\n.dot\r\n")
ERRAND = Errand(hello="c.example", security=Security.NONE, letters=(LETTER,))


@dataclass
class Played:
    """What a session came to."""

    ending: Ending
    said: list[str] = field(default_factory=list)
    """What was sent, without line ends; content as ``<content>``."""
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)


def said(text: str) -> Said:
    """A reply; a word without a code is how it broke off."""
    if not text[:1].isdigit():
        return Said((), 0.0, ended=text)
    return Said(tuple(f"{line}\r\n".encode() for line in text.split("\r\n")), 0.0)


def play(errand: Errand, *, shaken: Shaken | None = None, **answers: str | list[str]) -> Played:
    """Run a session; ``answers`` by command take the place of the usual ones, a list one after the other."""
    waiting = {key: list(value) if isinstance(value, list) else [value] for key, value in {**USUAL, **answers}.items()}
    played = Played(Ending.SENT)
    steps = conversation(errand, nonce=lambda: "nonce", transfer=transfer)
    answer: Said | Shaken | None = None
    while True:
        try:
            step = steps.send(answer)
        except StopIteration as end:
            played.ending = end.value
            return played
        answer = None
        match step:
            case Send():
                played.said.append("<content>" if step.content else step.octets.decode("utf-8", "backslashreplace").removesuffix("\r\n"))
                played.shown.append(step.shown)
            case Listen():
                rows = waiting[step.of]
                answer = said(rows.pop(0) if len(rows) > 1 else rows[0])
            case Secure():
                answer = shaken or Shaken(verified=True)
            case Note():
                played.notes.append(step.text)
            case Fault():
                played.faults.append(step.finding.key if step.finding else step.text)


def test_a_plain_session() -> None:
    """Hello, envelope, content, dot, farewell: in the order of 5321#3.3, content with its dots doubled."""
    played = play(ERRAND)
    expected = ["EHLO c.example", "MAIL FROM:<a@example.net>", "RCPT TO:<b@example.org>", "DATA", "<content>", ".", "QUIT"]
    assert (Ending.SENT, expected, []) == (played.ending, played.said, played.faults)


@pytest.mark.parametrize(
    ("answers", "ending", "last"),
    [
        ({"connect": "554 no"}, Ending.BANNER, "QUIT"),
        ({"connect": "closed"}, Ending.CLOSED, ""),
        ({"connect": "silent"}, Ending.CLOSED, ""),
        ({"EHLO": "550 no", "HELO": "550 no"}, Ending.HELLO, "QUIT"),
        ({"EHLO": "450 later"}, Ending.HELLO, "QUIT"),
        ({"MAIL": "550 no"}, Ending.MAIL, "QUIT"),
        ({"MAIL": "421 bye"}, Ending.MAIL, "MAIL FROM:<a@example.net>"),
        ({"RCPT": "550 no"}, Ending.RCPT, "QUIT"),
        ({"DATA": "451 no"}, Ending.DATA, "QUIT"),
        ({"DATA": "250 what"}, Ending.DATA, "QUIT"),
        ({"message": "554 no"}, Ending.CONTENT, "QUIT"),
        ({"message": "reset"}, Ending.CLOSED, "."),
        ({"QUIT": "500 no"}, Ending.QUIT, "QUIT"),
        ({"QUIT": "closed"}, Ending.CLOSED, "QUIT"),
        ({"MAIL": "550 no", "QUIT": "closed"}, Ending.MAIL, "QUIT"),
    ],
)
def test_each_refusal_has_its_ending(answers: dict[str, str], ending: Ending, last: str) -> None:
    """The exit code tells which command was refused; a session that still stands ends with QUIT."""
    played = play(ERRAND, **answers)
    assert (ending, last) == (played.ending, played.said[-1] if played.said else "")


def test_helo_where_ehlo_is_unknown() -> None:
    """5321#3.2; and no extension is used then."""
    played = play(replace(ERRAND, posting=Posting(pipelining=True)), EHLO="502 what")
    assert (played.ending, played.said[:3]) == (Ending.SENT, ["EHLO c.example", "HELO c.example", "MAIL FROM:<a@example.net>"])


def test_several_recipients_some_refused() -> None:
    """One accepted recipient is enough."""
    letter = replace(LETTER, recipients=("x@example.org", "y@example.org"))
    played = play(replace(ERRAND, letters=(letter,)), RCPT=["550 no", "250 ok"])
    assert (played.ending, played.said[4]) == (Ending.SENT, "DATA")


def test_several_messages_share_a_connection() -> None:
    """MAIL follows the reply to the dot."""
    played = play(replace(ERRAND, letters=(LETTER, LETTER)))
    assert played.said.count("MAIL FROM:<a@example.net>") == 2
    assert played.said.count("EHLO c.example") == 1


# ---- TLS ----------------------------------------------------------------------------------------------------------


def test_starttls_forgets_what_was_offered_before() -> None:
    """EHLO is said again, and only the second answer counts (3207#4.2)."""
    errand = replace(ERRAND, security=Security.REQUIRED, posting=Posting(pipelining=True))
    played = play(errand, EHLO=[EVERYTHING, "250 mx"])
    assert played.said[:4] == ["EHLO c.example", "STARTTLS", "EHLO c.example", "MAIL FROM:<a@example.net>"]
    assert played.notes == ["The server does not offer PIPELINING: one command at a time"]


@pytest.mark.parametrize(
    ("security", "answers", "shaken", "ending", "faults"),
    [
        (Security.REQUIRED, {"EHLO": "250 mx"}, None, Ending.TLS, ["send-tls-missing"]),
        (Security.OPTIONAL, {"EHLO": "250 mx"}, None, Ending.SENT, []),
        (Security.REQUIRED, {"STARTTLS": "454 no"}, None, Ending.TLS, []),
        (Security.OPTIONAL, {"STARTTLS": "454 no"}, None, Ending.SENT, []),
        (Security.OPTIONAL, {}, Shaken(fault="x"), Ending.TLS, ["send-tls-failed"]),
        (Security.REQUIRED, {}, Shaken(fault="x", distrusted=True), Ending.TLS, ["send-certificate"]),
        (Security.IMPLICIT, {}, Shaken(fault="x"), Ending.TLS, ["send-tls-failed"]),
        (Security.REQUIRED, {"EHLO": [EVERYTHING, "550 no"], "HELO": "550 no"}, None, Ending.HELLO_AGAIN, []),
    ],
)
def test_tls_that_does_not_come_about(
    security: Security, answers: dict[str, str | list[str]], shaken: Shaken | None, ending: Ending, faults: list[str]
) -> None:
    """Required TLS ends the session; where it is optional only a failed handshake does, for nobody knows what is spoken then."""
    played = play(replace(ERRAND, security=security), shaken=shaken, **answers)
    assert (ending, faults) == (played.ending, played.faults)
    assert ("MAIL FROM:<a@example.net>" in played.said) == (ending is Ending.SENT)


# ---- stages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "stage", "last"),
    [
        (Way.QUIT, Stage.CONNECT, ""),
        (Way.QUIT, Stage.BANNER, "QUIT"),
        (Way.QUIT, Stage.EHLO, "QUIT"),
        (Way.QUIT, Stage.AUTH, "QUIT"),
        (Way.QUIT, Stage.RCPT, "QUIT"),
        (Way.QUIT, Stage.DATA, "DATA"),
        (Way.QUIT, Stage.DOT, "QUIT"),
        (Way.DROP, Stage.MAIL, "MAIL FROM:<a@example.net>"),
        (Way.DROP, Stage.DOT, "."),
        (Way.DROP_SENT, Stage.EHLO, "EHLO c.example"),
        (Way.DROP_SENT, Stage.DATA, "DATA"),
        (Way.DROP_SENT, Stage.DOT, "."),
    ],
)
def test_stopping_early(way: Way, stage: Stage, last: str) -> None:
    """A session that goes as far as it was told ends well; QUIT is never said where it would be content."""
    played = play(replace(ERRAND, stop=Stop(way, stage)))
    assert (Ending.SENT, last) == (played.ending, played.said[-1] if played.said else "")


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT])
def test_stopping_early_in_a_pipeline(stage: Stage) -> None:
    """Nothing is sent ahead that should not be said at all."""
    played = play(replace(ERRAND, posting=Posting(pipelining=True), stop=Stop(Way.QUIT, stage)))
    assert "DATA" not in "".join(played.said)
    assert played.said[-1] == "QUIT"


def test_lines_of_ones_own() -> None:
    """They are said behind their stage, whatever they are answered with."""
    errand = replace(ERRAND, raw=(Raw(Stage.BANNER, b"HELP\r\n"), Raw(Stage.MAIL, b"MAIL FROM:<>\r\n")))
    played = play(errand)
    assert (played.ending, played.said[0], played.said[3]) == (Ending.SENT, "HELP", "MAIL FROM:<>")


def test_no_hello() -> None:
    """MAIL comes first where that is wanted."""
    assert play(replace(ERRAND, no_hello=True)).said[0] == "MAIL FROM:<a@example.net>"


# ---- extensions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("posting", "mail", "rcpt"),
    [
        (Posting(size=-1), "MAIL FROM:<a@example.net> SIZE=20", "RCPT TO:<b@example.org>"),
        (Posting(size=99, body="8bitmime"), "MAIL FROM:<a@example.net> SIZE=99 BODY=8BITMIME", "RCPT TO:<b@example.org>"),
        (
            Posting(ret="hdrs", envid="a b+", notify="success,failure", orcpt="rfc822;x+y@example.org"),
            "MAIL FROM:<a@example.net> RET=HDRS ENVID=a+20b+2B",
            "RCPT TO:<b@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x+2By@example.org",
        ),
        (Posting(smtputf8=True), "MAIL FROM:<a@example.net> SMTPUTF8", "RCPT TO:<b@example.org>"),
    ],
)
def test_parameters(posting: Posting, mail: str, rcpt: str) -> None:
    """What is asked for is said, encoded as its RFC wants it."""
    played = play(replace(ERRAND, posting=posting))
    assert (mail, rcpt) == (played.said[1], played.said[2])


def test_what_is_not_offered_is_asked_for_all_the_same() -> None:
    """A server may be tried with what it does not offer; that it does not is told."""
    played = play(replace(ERRAND, posting=Posting(ret="FULL")), EHLO="250 mx")
    assert played.said[1] == "MAIL FROM:<a@example.net> RET=FULL"
    assert played.notes == ["The server does not offer DSN: asked for all the same"]


@pytest.mark.parametrize(
    ("letter", "mail"),
    [
        (replace(LETTER, content="é\r\n".encode()), "MAIL FROM:<a@example.net> BODY=8BITMIME"),
        (replace(LETTER, sender="ä@example.net"), "MAIL FROM:<ä@example.net> SMTPUTF8"),
    ],
)
def test_what_a_message_needs_is_said(letter: Letter, mail: str) -> None:
    """8BITMIME and SMTPUTF8 come by themselves."""
    assert mail == play(replace(ERRAND, letters=(letter,))).said[1]


@pytest.mark.parametrize(
    ("errand", "ending", "fault"),
    [
        (replace(ERRAND, letters=(replace(LETTER, sender="ä@example.net"),)), Ending.MAIL, "send-utf8-missing"),
        (replace(ERRAND, posting=Posting(chunk=0)), Ending.DATA, "send-chunking-missing"),
        (replace(ERRAND, posting=Posting(requiretls=True)), Ending.MAIL, "send-requiretls-missing"),
        (replace(ERRAND, xclient=("ADDR=192.0.2.1",)), Ending.XCLIENT, "send-xclient-missing"),
        (replace(ERRAND, login=Login(user="a", password="b")), Ending.AUTH, "send-auth-missing"),
    ],
)
def test_what_cannot_be_done_without_being_offered(errand: Errand, ending: Ending, fault: str) -> None:
    """Nothing is sent that would be misread, told to the wrong people, or promised in vain."""
    played = play(errand, EHLO="250 mx")
    assert (ending, [fault], "QUIT") == (played.ending, played.faults, played.said[-1])


def test_requiretls_needs_a_verified_certificate() -> None:
    """8689#4.2.1: TLS with nobody knows whom is not enough."""
    errand = replace(ERRAND, security=Security.OPTIONAL, posting=Posting(requiretls=True))
    assert play(errand, shaken=Shaken(verified=False)).faults == ["send-requiretls-missing"]
    assert "MAIL FROM:<a@example.net> REQUIRETLS" in play(errand, shaken=Shaken(verified=True)).said


def test_chunks() -> None:
    """BDAT names the octets of each chunk; the last one says so (3030#2)."""
    played = play(replace(ERRAND, posting=Posting(chunk=8)))
    assert played.said[3:] == ["BDAT 8", "<content>", "BDAT 8", "<content>", "BDAT 4 LAST", "<content>", "QUIT"]
    assert Ending.DATA is play(replace(ERRAND, posting=Posting(chunk=8)), BDAT="552 no").ending


def test_a_pipeline() -> None:
    """MAIL, RCPT and DATA go in one piece; where no recipient is left the server gets the dot that it waits for (2920#3.1)."""
    errand = replace(ERRAND, posting=Posting(pipelining=True))
    assert play(errand).said[1] == "MAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.org>\r\nDATA"
    played = play(errand, RCPT="550 no", message="554 no valid recipients")
    assert (played.ending, played.said[2:]) == (Ending.RCPT, [".", "QUIT"])
    assert Ending.MAIL is play(errand, MAIL="550 no", RCPT="503 no", DATA="503 no").ending


def test_lmtp() -> None:
    """LHLO, and an answer for each accepted recipient; one that takes it is enough (2033#4.2)."""
    letter = replace(LETTER, recipients=("x@example.org", "y@example.org", "z@example.org"))
    errand = replace(ERRAND, dialect=Dialect.LMTP, letters=(letter,))
    played = play(errand, RCPT=["550 no", "250 ok"], message=["452 full", "250 ok"])
    assert (played.said[0], played.ending) == ("LHLO c.example", Ending.SENT)
    assert Ending.CONTENT is play(errand, message="452 full").ending


def test_xclient() -> None:
    """Offered attributes are sent, and the session begins anew."""
    errand = replace(ERRAND, xclient=("ADDR=192.0.2.1 NAME=x",))
    played = play(errand, EHLO=["250-mx\r\n250 XCLIENT NAME ADDR", "250 mx"])
    assert played.said[:3] == ["EHLO c.example", "XCLIENT ADDR=192.0.2.1 NAME=x", "EHLO c.example"]
    assert Ending.XCLIENT is play(errand, EHLO="250-mx\r\n250 XCLIENT NAME").ending
    assert Ending.SENT is play(replace(errand, xclient_checked=False), EHLO="250 mx").ending
    assert Ending.XCLIENT is play(errand, EHLO="250-mx\r\n250 XCLIENT NAME ADDR", XCLIENT="550 no").ending


# ---- login --------------------------------------------------------------------------------------------------------

LOGIN = Login(user="ada", password="pw", in_clear=True)


def _offering(names: str) -> str:
    return f"250-mx\r\n250 AUTH {names}"


def _b64(text: bytes) -> str:
    return base64.b64encode(text).decode()


def _auth(name: str, initial: bytes) -> str:
    return f"AUTH {name} {_b64(initial)}"


@pytest.mark.parametrize(
    ("login", "offered", "challenges", "lines"),
    [
        (LOGIN, "PLAIN", ["235 ok"], [_auth("PLAIN", b"\0ada\0pw")]),
        (LOGIN, "LOGIN", ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 ok"], ["AUTH LOGIN", "YWRh", "cHc="]),
        (
            replace(LOGIN, user="tim", password="tanstaaftanstaaf"),
            "CRAM-MD5 PLAIN",
            ["334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+", "235 ok"],
            ["AUTH CRAM-MD5", "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"],
        ),
        (replace(LOGIN, token="t0k", password=""), "XOAUTH2 PLAIN", ["235 ok"], [_auth("XOAUTH2", b"user=ada\1auth=Bearer t0k\1\1")]),
        (
            replace(LOGIN, token="t0k", host="mx", port=587),
            "OAUTHBEARER",
            ["334 e30=", "535 no"],
            [_auth("OAUTHBEARER", b"n,a=ada,\1host=mx\1port=587\1auth=Bearer t0k\1\1"), "AQ=="],
        ),
        (Login(in_clear=True), "EXTERNAL", ["235 ok"], ["AUTH EXTERNAL ="]),
        (replace(LOGIN, mechanisms=("LOGIN", "PLAIN")), "PLAIN LOGIN", ["535 no", "235 ok"], ["AUTH LOGIN", _auth("PLAIN", b"\0ada\0pw")]),
        (replace(LOGIN, mechanisms=("PLAIN",), identity="boss"), "PLAIN", ["235 ok"], [_auth("PLAIN", b"boss\0ada\0pw")]),
    ],
    ids=["plain", "login", "cram-md5", "xoauth2", "oauthbearer-refused", "external", "the-next-one", "identity"],
)
def test_mechanisms(login: Login, offered: str, challenges: list[str], lines: list[str]) -> None:
    """Each says what its RFC says (CRAM-MD5: the example of RFC 2195); secrets are hidden from the transcript."""
    played = play(replace(ERRAND, login=login), EHLO=_offering(offered), AUTH=challenges)
    assert lines == played.said[1 : 1 + len(lines)]
    assert (Ending.SENT if challenges[-1].startswith("2") else Ending.AUTH) is played.ending
    assert not [
        shown for line, shown in zip(played.said, played.shown, strict=True) if line in lines and len(line) > 16 and "redacted" not in shown
    ]


def test_a_password_is_not_sent_in_the_clear() -> None:
    """Unless the way is known to be safe; what proves a password without telling it may go."""
    login = replace(LOGIN, in_clear=False)
    assert play(replace(ERRAND, login=login), EHLO=_offering("PLAIN LOGIN")).faults == ["send-auth-in-clear"]
    played = play(replace(ERRAND, login=login), EHLO=_offering("PLAIN CRAM-MD5"), AUTH=["334 PDE+", "235 ok"])
    assert played.said[1] == "AUTH CRAM-MD5"


def test_scram_is_bound_where_that_is_offered() -> None:
    """-PLUS is preferred, with the best binding; without it the server is told that we could (5802#6)."""
    shaken = Shaken(verified=True, bindings={"tls-exporter": b"x" * 32, "tls-server-end-point": b"y" * 32})
    errand = replace(ERRAND, security=Security.IMPLICIT, login=LOGIN)
    bound = play(errand, shaken=shaken, EHLO=_offering("SCRAM-SHA-256 SCRAM-SHA-256-PLUS"), AUTH="535 no").said[1]
    assert (bound.split()[1], base64.b64decode(bound.split()[2])) == ("SCRAM-SHA-256-PLUS", b"p=tls-exporter,,n=ada,r=nonce")
    able = play(errand, shaken=shaken, EHLO=_offering("SCRAM-SHA-256"), AUTH="535 no").said[1]
    assert base64.b64decode(able.split()[2]) == b"y,,n=ada,r=nonce"


def test_a_server_that_proves_nothing_is_not_trusted() -> None:
    """SCRAM that succeeds without the server's proof is a failure; nonsense cancels the exchange."""
    errand = replace(ERRAND, login=LOGIN)
    assert play(errand, EHLO=_offering("SCRAM-SHA-1"), AUTH="235 ok").faults == ["send-auth-unproven"]
    played = play(errand, EHLO=_offering("SCRAM-SHA-1"), AUTH=["334 cj1vdGhlcg==", "501 cancelled"])
    assert (played.ending, played.said[2]) == (Ending.AUTH, "*")


def test_a_login_that_is_optional() -> None:
    """The session goes on without it."""
    errand = replace(ERRAND, login=replace(LOGIN, required=False))
    assert Ending.SENT is play(errand, EHLO="250 mx").ending
    assert Ending.SENT is play(errand, EHLO=_offering("PLAIN"), AUTH="535 no").ending
    assert Ending.AUTH is play(replace(ERRAND, login=LOGIN), EHLO=_offering("PLAIN"), AUTH="535 no").ending
