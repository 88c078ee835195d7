from __future__ import annotations

import re
from dataclasses import fields
from typing import get_type_hints

import pytest

from waypost.accept.settings import LimitSettings, ListenerSettings
from waypost.deliver.settings import OutboundSettings
from waypost.directory.settings import AuthSettings, DomainSettings
from waypost.policy.settings import RelaySettings
from waypost.replies import Key
from waypost.replies.catalogue import Entry, entries, prose
from waypost.replies.library import LANGUAGES
from waypost.replies.registry import allowed, basic_codes, enhanced_codes, split
from waypost.route.settings import TransportSettings
from waypost.spool.settings import QueueSettings

PHASES = {
    *("CONNECT", "EHLO", "HELO", "LHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "BDAT", "EOM"),
    *("RSET", "NOOP", "HELP", "VRFY", "EXPN", "QUIT", "ANY", "DELIVERY"),
}
DECLARED = {
    "limits": LimitSettings,
    "listeners": ListenerSettings,
    "domains": DomainSettings,
    "auth": AuthSettings,
    "relay": RelaySettings,
    "transports": TransportSettings,
    "queue": QueueSettings,
    "outbound": OutboundSettings,
}
PROCESS_WIDE = {"hostname", "software", "transports", "tls.certificate", "tls.key"}
ROWS = [pytest.param(entry, id=key) for key, entry in entries().items()]
REPLIES = [pytest.param(entry, id=key) for key, entry in entries().items() if entry.code is not None]
OUTCOMES = [pytest.param(entry, id=key) for key, entry in entries().items() if entry.code is None]


def test_each_row_has_its_name() -> None:
    """The names that programs use are the rows of the catalogue, one for one and in the same order."""
    assert list(entries()) == [key.value for key in Key]


@pytest.mark.parametrize("entry", REPLIES)
def test_code_is_one_that_exists(entry: Entry) -> None:
    """No reply invents a code."""
    assert entry.code in basic_codes()


@pytest.mark.parametrize("entry", REPLIES)
def test_code_and_status_go_together(entry: Entry) -> None:
    """Where a reply has a status, its class is the first digit of the code and the registry lets the two stand together."""
    if entry.status is not None:
        assert entry.status.split(".")[0] == str(entry.code)[0]
        assert allowed(entry.code or 0, entry.status)


@pytest.mark.parametrize("entry", REPLIES)
def test_status_stands_where_it_must_and_nowhere_else(entry: Entry) -> None:
    """No status on a greeting, on an answer to a hello and on a 3xx; one on everything else (2034#4)."""
    bare = entry.code in (334, 354) or set(entry.when) <= {"CONNECT", "EHLO", "HELO", "LHLO"}
    assert (entry.status is None) == bare


@pytest.mark.parametrize("entry", OUTCOMES)
def test_outcome_has_a_registered_status_and_no_words_for_the_wire(entry: Entry) -> None:
    """An outcome is no reply: it has a status that exists, happens in delivery, and says nothing."""
    parts = split(entry.status or "")
    assert parts is not None
    assert parts[1] in enhanced_codes()
    assert entry.says == ""
    assert entry.when == ("DELIVERY",)


@pytest.mark.parametrize("entry", ROWS)
def test_phases_are_known(entry: Entry) -> None:
    """A row names at least one phase, and only phases that there are."""
    assert entry.when
    assert set(entry.when) <= PHASES


@pytest.mark.parametrize("entry", ROWS)
def test_pins_name_a_section(entry: Entry) -> None:
    """A pin is an RFC number and a section."""
    assert [pin for pin in entry.rfc if not re.fullmatch(r"\d{3,4}#\d+(\.\d+)*", pin)] == []


@pytest.mark.parametrize("entry", ROWS)
def test_settings_exist(entry: Entry) -> None:
    """A setting that a row names is declared by its room."""
    for name in entry.settings:
        section, _, field = name.partition(".")
        if name not in PROCESS_WIDE:
            assert field in {one.name for one in fields(DECLARED[section])}
            assert field in get_type_hints(DECLARED[section])


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("entry", ROWS)
def test_settings_named_in_prose_exist(lang: str, entry: Entry) -> None:
    """Every setting that a remedy speaks of is declared by its room, those that the row does not list too."""
    spoken = re.findall(rf"\b({'|'.join(DECLARED)})\.([a-z_]+)", prose(entry.key, lang).operator_fix, re.ASCII)
    assert [name for name in spoken if name[1] not in {one.name for one in fields(DECLARED[name[0]])}] == []


@pytest.mark.parametrize("entry", REPLIES)
def test_words_fit_and_are_ascii(entry: Entry) -> None:
    """What we say is printable ASCII, begins with a fact or a capital letter, and leaves room for its facts."""
    assert entry.says.isascii()
    assert entry.says.isprintable()
    assert entry.says[0] == "{" or entry.says[0].isupper() or entry.says[0].isdigit()
    assert len(entry.says) <= 100
