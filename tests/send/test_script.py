"""Sessions without a network: a script is answered from a row, and what it says and how it ends is compared."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.scripted_session import ERRAND, EVERYTHING, LETTER, play
from waypost.diagnose.send.ending import Ending
from waypost.diagnose.send.errand import Dialect, Errand, Letter, Login, Posting, Raw, Security, Stage, Stop, Way
from waypost.diagnose.send.steps import Shaken


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


@pytest.mark.parametrize("stage", list(Stage)[:-1])
@pytest.mark.parametrize("way", list(Way))
def test_who_stops_before_the_dot_sends_no_message(way: Way, stage: Stage) -> None:
    """Whatever else is asked for, and whether the stage itself is gone through or left out."""
    for posting in (Posting(), Posting(pipelining=True), Posting(chunk=0), Posting(chunk=8, pipelining=True)):
        for errand in (replace(ERRAND, no_hello=True), ERRAND, replace(ERRAND, security=Security.OPTIONAL)):
            played = play(replace(errand, posting=posting, stop=Stop(way, stage)))
            finished = [line for line in played.said if line == "." or line.endswith("LAST")]
            unknown = errand.no_hello and posting.chunk is not None  # without a hello nobody knows that BDAT is taken
            assert (played.ending is Ending.SENT or unknown, finished) == (True, []), played.said


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
