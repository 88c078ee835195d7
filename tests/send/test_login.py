"""Logins without a network: each mechanism says what its RFC says, in the circumstances in which it may."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from support.scripted_session import ERRAND, play
from waypost.diagnose.send.ending import Ending
from waypost.diagnose.send.errand import Leniency, Login, Security
from waypost.diagnose.send.steps import Shaken

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
        (replace(LOGIN, password="\udce4"), "PLAIN", ["235 ok"], [_auth("PLAIN", b"\0ada\0\xe4")]),  # Latin-1, as it was typed
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
        (replace(LOGIN, mechanisms=("XOAUTH2", "PLAIN")), "XOAUTH2 PLAIN", ["235 ok"], [_auth("PLAIN", b"\0ada\0pw")]),
        (replace(LOGIN, mechanisms=("LOGIN", "PLAIN")), "PLAIN LOGIN", ["535 no", "235 ok"], ["AUTH LOGIN", _auth("PLAIN", b"\0ada\0pw")]),
        (replace(LOGIN, mechanisms=("PLAIN",), identity="boss"), "PLAIN", ["235 ok"], [_auth("PLAIN", b"boss\0ada\0pw")]),
    ],
    ids=[
        "plain",
        "plain-latin-1",
        "login",
        "cram-md5",
        "xoauth2",
        "oauthbearer-refused",
        "external",
        "no-token",
        "the-next-one",
        "identity",
    ],
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
    errand = replace(ERRAND, login=replace(LOGIN, lenient=Leniency.ALL))
    assert Ending.SENT is play(errand, EHLO="250 mx").ending
    assert Ending.SENT is play(errand, EHLO=_offering("PLAIN"), AUTH="535 no").ending
    assert Ending.AUTH is play(replace(ERRAND, login=LOGIN), EHLO=_offering("PLAIN"), AUTH="535 no").ending
