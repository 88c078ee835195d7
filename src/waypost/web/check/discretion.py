"""What of a diagnosis is kept for strangers: no faults of ours, little of what programs say that are no mail servers. Pure.

A banner tells that something else listens there; a line of it is enough for that, and whatever else it holds is not ours to hand out.
Of any greeting as much is kept as is shown: a server may send 64 KiB on each port of each address, and results stay for an hour.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from waypost.diagnose.scene import Speech
from waypost.diagnose.talk import SHOWN, SHOWN_LINES

if TYPE_CHECKING:
    from waypost.diagnose.finding import Finding
    from waypost.diagnose.scene import Contact
    from waypost.diagnose.verdict import Diagnosis

FAULT = "probe-broke"
_FOREIGN = frozenset((Speech.HTTP, Speech.SSH, Speech.IMAP, Speech.POP3, Speech.FTP, Speech.OTHER))
_KEYS = frozenset(("http-on-mail-port", "ssh-on-mail-port", "imap-on-mail-port", "pop3-on-mail-port", "ftp-on-mail-port", "other-protocol"))
_SHOWN = 80
"""Octets, or characters, of the first line."""
_LINE = 4 * (SHOWN + 1)
"""Octets of a line that surely hold what is shown of it, and that there is more."""


def discreet(diagnosis: Diagnosis) -> Diagnosis:
    """The same, without that."""
    findings = tuple(_finding(each) for each in diagnosis.findings)
    contacts = tuple(_contact(each) for each in diagnosis.contacts)
    return replace(diagnosis, findings=findings, contacts=contacts)


def _finding(finding: Finding) -> Finding:
    if finding.key == FAULT:
        return replace(finding, evidence=())
    if finding.key in _KEYS:
        return replace(finding, evidence=tuple(line[:_SHOWN] for line in finding.evidence[:1]))
    return finding


def _contact(contact: Contact) -> Contact:
    number, octets = (1, _SHOWN) if contact.speech in _FOREIGN else (SHOWN_LINES + 1, _LINE)
    return replace(contact, greeting=replace(contact.greeting, lines=tuple(line[:octets] for line in contact.greeting.lines[:number])))
