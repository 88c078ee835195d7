from __future__ import annotations

import json

import pytest

from waypost.replies.explanation import Kind, Permanence
from waypost.replies.line import read_line

POSTFIX = (
    "Nov 23 10:00:00 mx postfix/smtp[1234]: 4F3A21: to=<bob@example.org>, relay=mx.example.org[192.0.2.1]:25, delay=1.2, delays=0/0/1/0, "
)
EXIM = "2024-01-01 12:00:00 1rKabc-0001Zz-2Q"
SENDMAIL = (
    "Jan  1 12:00:00 mx sendmail[123]: x01ABC: to=<bob@example.org>, delay=00:00:01, mailer=esmtp, relay=mx.example.org. [192.0.2.1], "
)
OPENSMTPD = (
    'mx smtpd[1]: 0f1e mta event=delivery evpid=1 from=<a@example.com> to=<bob@example.org> rcpt=<-> relay="192.0.2.1 (mx.example.org)" '
)
KUMOMTA = {
    "type": "Bounce",
    "recipient": "bob@example.org",
    "response": {"code": 550, "enhanced_code": {"class": 5, "subject": 1, "detail": 1}, "content": "mailbox does not exist"},
    "peer_address": {"name": "mx.example.org.", "addr": "192.0.2.1"},
}
OURS = {"event": "delivery", "to": "bob@example.org", "relay": "mx.example.org[192.0.2.1]:25", "dsn": "5.1.1", "status": "failed"}
TRACKED = "2024-01-01T12:00:00.000Z,10.0.0.1,mail,192.0.2.1,mx,0;0,Outbound,SMTP,FAIL,1,<id@x.example>,7,bob@example.org,"


@pytest.mark.parametrize(
    ("line", "category", "host", "code", "status"),
    [
        (
            f"{POSTFIX}dsn=5.1.1, status=bounced (host mx.example.org[192.0.2.1] said: 550 5.1.1 No such user (in reply to RCPT TO))",
            "recipient.unknown",
            "mx.example.org",
            550,
            "5.1.1",
        ),
        (
            (
                f"2024-05-05T10:00:00.123456+02:00{POSTFIX[15:].replace('mx.example.org[192.0.2.1]:25', 'none')}dsn=4.4.1, status=deferred "
                "(connect to mx.example.org[192.0.2.1]:25: Connection timed out)"
            ),
            "route.network",
            None,
            None,
            "4.4.1",
        ),
        (f"{POSTFIX}dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 12345)", "report.delivered", "mx.example.org", 250, "2.0.0"),
        (
            (
                "mx postfix/smtpd[99]: NOQUEUE: reject: RCPT from unknown[192.0.2.9]: 554 5.7.1 <bob@example.org>: Relay access denied; "
                "from=<a@example.com> to=<bob@example.org> proto=ESMTP helo=<x>"
            ),
            "route.relay_denied",
            None,
            554,
            "5.7.1",
        ),
        (
            (
                f"{EXIM} ** bob@example.org R=dnslookup T=remote_smtp H=mx.example.org [192.0.2.1] X=TLS1.3 CV=yes: SMTP error from remote "
                "mail server after RCPT TO:<bob@example.org>: 550 5.1.1 User unknown"
            ),
            "recipient.unknown",
            "mx.example.org",
            550,
            "5.1.1",
        ),
        (
            (
                f"{EXIM} == bob@example.org R=dnslookup T=remote_smtp defer (-44) H=mx.example.org [192.0.2.1]: SMTP error from remote "
                "mail server after RCPT TO:<bob@example.org>: 450 4.7.1 Greylisted, please try again later"
            ),
            "rate.greylisted",
            "mx.example.org",
            450,
            "4.7.1",
        ),
        (
            f'{EXIM} => bob@example.org R=dnslookup T=remote_smtp H=mx.example.org [192.0.2.1] C="250 OK"',
            "report.delivered",
            "mx.example.org",
            250,
            None,
        ),
        (f"{EXIM} => bob <bob@example.org> R=localuser T=local_delivery", "report.delivered", None, 250, None),
        (f"{EXIM} ** bob@example.org: retry timeout exceeded", "route.expired", None, None, None),
        (
            "2024-01-01 12:00:00 H=(x) [192.0.2.9] F=<a@example.com> rejected RCPT <bob@example.org>: relay not permitted",
            "route.relay_denied",
            None,
            None,
            None,
        ),
        (f"{SENDMAIL}dsn=5.1.1, stat=User unknown", "recipient.unknown", "mx.example.org", None, "5.1.1"),
        (f"{SENDMAIL}dsn=4.0.0, stat=Deferred: Connection refused by mx.example.org.", "route.network", "mx.example.org", None, "4.0.0"),
        (f"{SENDMAIL}dsn=2.0.0, stat=Sent (ok 123)", "report.delivered", "mx.example.org", None, "2.0.0"),
        (
            "mx sm-mta[1]: x01: ruleset=check_rcpt, arg1=<bob@example.org>, relay=x [192.0.2.9], reject=550 5.7.1 Relaying denied",
            "route.relay_denied",
            None,
            550,
            "5.7.1",
        ),
        (f'{OPENSMTPD}delay=1s result="PermFail" stat="550 5.1.1 User unknown"', "recipient.unknown", "mx.example.org", 550, "5.1.1"),
        (
            'smtpd[1]: 0f1e smtp event=failed-command host=x command="RCPT TO:<bob@example.org>" result="550 Invalid recipient"',
            "recipient.unknown",
            None,
            550,
            None,
        ),
        (
            f"{TRACKED}[{{LRT=1/1/2024}};{{LED=550 5.7.1 Unable to relay}};{{FQDN=mx.example.org}}],1",
            "route.relay_denied",
            "mx.example.org",
            550,
            "5.7.1",
        ),
        (json.dumps(KUMOMTA), "recipient.unknown", "mx.example.org", 550, "5.1.1"),
        (
            json.dumps({**KUMOMTA, "type": "Delivery", "response": {"code": 250, "content": "OK"}}),
            "report.delivered",
            "mx.example.org",
            250,
            None,
        ),
        (json.dumps({**OURS, "code": 550, "text": "5.1.1 User unknown"}), "recipient.unknown", "mx.example.org", 550, "5.1.1"),
        (json.dumps({**OURS, "relay": "maildir", "dsn": "2.0.0", "status": "delivered"}), "report.delivered", None, None, "2.0.0"),
    ],
)
def test_a_line_of_a_log_is_read(line: str, category: str, host: str | None, code: int | None, status: str | None) -> None:
    """Of each server's log: the recipient, who spoke, what was said, and what it means."""
    kind, reading = read_line(line)
    assert reading is not None
    assert (kind, reading.recipient) == (Kind.LOG, "bob@example.org")
    assert (category, host, code, status) == (reading.category, reading.host, reading.code, reading.status)


@pytest.mark.parametrize(
    ("line", "category"),
    [
        (
            "@400000005 delivery 12: failure: 192.0.2.1_does_not_like_recipient./Remote_host_said:_550_5.1.1_User_unknown/",
            "recipient.unknown",
        ),
        ("delivery 12: deferral: Sorry,_I_wasn't_able_to_establish_an_SMTP_connection._(#4.4.1)/", "route.network"),
        ("delivery 12: success: 192.0.2.1_accepted_message./Remote_host_said:_250_ok_1/", "report.delivered"),
        ("2024-01-01T12:00:00.000Z,Outbound,08DC,12,10.0.0.1:25,192.0.2.1:25,<,550 5.1.1 User unknown,", "recipient.unknown"),
        ("mx postfix/qmgr[1]: 4F3A21: from=<a@example.com>, status=expired, returned to sender", "route.expired"),
    ],
)
def test_a_line_that_names_nobody_is_read_too(line: str, category: str) -> None:
    """Some logs tell what happened and not to whom."""
    kind, reading = read_line(line)
    assert reading is not None
    assert (Kind.LOG, None, category) == (kind, reading.recipient, reading.category)


def test_success_is_no_failure() -> None:
    """A line of success is neither permanent nor temporary."""
    _, reading = read_line(f"{POSTFIX}dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 12345)")
    assert reading is not None
    assert (reading.permanence, reading.because) == (Permanence.UNKNOWN, "")


@pytest.mark.parametrize(
    "line", ["{", '{"foo": 1}', "[1]", '{"response": 5}', '{"event": "connect"}', "status=", "a == b", "x => y@example.org"]
)
def test_what_only_looks_like_a_log_is_a_line(line: str) -> None:
    """A mark of a log alone makes none."""
    assert Kind.LINE is read_line(line)[0]
