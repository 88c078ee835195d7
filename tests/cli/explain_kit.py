"""What the tests of ``waypost explain`` share: a bounce, a letter that is none, and what the command tells of its arguments."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from waypost.cli import main as door

if TYPE_CHECKING:
    import pytest

BOUNCE = """From: MAILER-DAEMON@mx.example.org (Mail Delivery System)
To: ada@example.com
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; bob@example.net
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.example.net
Diagnostic-Code: smtp; 550 5.1.1 <bob@example.net>: user unknown

Final-Recipient: rfc822; grace@example.net
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.example.net
Diagnostic-Code: smtp; 550 5.1.1 <grace@example.net>: user unknown

--b--
"""


LUNCH = "From: ada@example.com\nTo: bob@example.net\nSubject: lunch\n\nAt noon?\n"


def told(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = door.main(["explain", *argv])
    out, err = capsys.readouterr()
    return code, out, err


def objects(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, list[dict[str, Any]]]:
    code, out, _ = told(capsys, "--json", *argv)
    return code, [json.loads(line) for line in out.splitlines()]
