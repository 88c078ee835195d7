"""The vectors of tests/vectors: ends of data that are none, chunks, STARTTLS injections, control characters, relay tricks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support import evidence
from support.yes_driver import YesDriver, play
from waypost.smtp.errors import AddressError
from waypost.smtp.grammar import parse_path
from waypost.smtp.terms import Terms, TlsMode

VECTORS = Path(__file__).parent.parent / "vectors"


def _vectors(name: str) -> list:
    return json.loads((VECTORS / f"{name}.json").read_text("utf-8"))["vectors"]


TERMS = Terms(hostname="mx.example.org")
MENDING = Terms(hostname="mx.example.org", normalize=True)
BEFORE = b"EHLO c\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nfirst"
BEHIND = b"MAIL FROM:<evil@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nsecond\r\n.\r\nQUIT\r\n"
TRUE_END = b"\r\n.\r\n"
ENDS = [(vector["repr"], bytes.fromhex(vector["hex"]), vector["expect"]) for vector in _vectors("eod_matrix")]


def _cuts_of(octets: bytes, terms: Terms) -> tuple[bytes, list[bytes], int]:
    """What one session says and takes, having checked that every cut in two makes no difference."""
    whole = play(octets, terms)
    for cut in range(1, len(octets)):
        parts = play(octets, terms, (cut,))
        assert (whole.said, whole.messages, whole.session.over) == (parts.said, parts.messages, parts.session.over), cut
    single = play(octets, terms, range(1, len(octets)))
    assert (whole.said, whole.messages) == (single.said, single.messages)
    return whole.said, whole.messages, len(octets)


def test_there_are_152_ends_of_data() -> None:
    """The matrix is whole."""
    assert len(ENDS) == 152


def test_no_false_end_of_data_starts_a_second_message() -> None:
    """Whatever looks like an end of data and is none gives one message or one refusal, never a second message, at every cut."""
    cuts = second = 0
    for name, vector, _ in ENDS:
        said, messages, tried = _cuts_of(BEFORE + vector + BEHIND, TERMS)
        cuts += tried
        truly_two = TRUE_END in b"\r\nfirst" + vector + BEHIND[: BEHIND.index(b"second")]
        if not truly_two:
            second += len(messages) > 1
            assert len(messages) <= 1, name
            assert not any(b"second" in message and not message.startswith(b"first") for message in messages), name
        assert said.endswith((b"Goodbye\r\n", b"closing\r\n")), name
    evidence.record("cuts", sequences=len(ENDS), cuts=cuts, second_messages=second)
    assert second == 0


@pytest.mark.parametrize(("name", "vector", "expect"), [row for row in ENDS if row[2] == "end"], ids=repr)
def test_true_end_of_data(name: str, vector: bytes, expect: str) -> None:
    """Where CRLF.CRLF truly stands the message ends; after a bare CR the session is over, else it goes on."""
    driver = play(BEFORE + vector + BEHIND)
    if b"\r\r" in vector:
        assert (driver.codes[-1:], driver.messages, driver.session.over) == (["554 5.6.0"], [], True)
    else:
        assert [b"first" + vector[:-3], b"second\r\n"] == driver.messages


def test_no_false_end_of_data_starts_a_second_message_when_mended() -> None:
    """With ``normalize`` bare CR and LF are mended, and still CRLF.CRLF alone ends data, at every cut."""
    for name, vector, expect in ENDS:
        if expect == "end":
            continue
        _, messages, _ = _cuts_of(BEFORE + vector + BEHIND, MENDING)
        if b"\0" in vector:
            assert messages == [], name
            continue
        assert len(messages) == (2 if TRUE_END in vector + BEHIND[:1] else 1), name
        bare = messages[0].replace(b"\r\n", b"")
        assert b"\r" not in bare, name
        assert b"\n" not in bare, name


BDAT_READY = b"HELO c\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n"
BDAT_NOBODY = b"HELO c\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<no@example.net>\r\n"
BDAT_ROWS: dict[str, tuple[bytes, list[str]]] = {
    "BDAT": (BDAT_READY + b"BDAT\r\n", ["501 5.5.4"]),
    "BDAT x": (BDAT_READY + b"BDAT x\r\n", ["501 5.5.4"]),
    "BDAT -1": (BDAT_READY + b"BDAT -1\r\n", ["501 5.5.4"]),
    "BDAT +5": (BDAT_READY + b"BDAT +5\r\n", ["501 5.5.4"]),
    "BDAT 0x10": (BDAT_READY + b"BDAT 0x10\r\n", ["501 5.5.4"]),
    "BDAT 1e3": (BDAT_READY + b"BDAT 1e3\r\n", ["501 5.5.4"]),
    "BDAT 18446744073709551616": (BDAT_READY + b"BDAT 18446744073709551616\r\n", ["552 5.3.4"]),
    "BDAT 9223372036854775808 LAST": (BDAT_READY + b"BDAT 9223372036854775808 LAST\r\n", ["552 5.3.4"]),
    "BDAT 5 FIRST": (BDAT_READY + b"BDAT 5 FIRST\r\n", ["501 5.5.4"]),
    "BDAT 5 LAST LAST": (BDAT_READY + b"BDAT 5 LAST LAST\r\n", ["501 5.5.4"]),
    "BDAT 0": (BDAT_READY + b"BDAT 0\r\n", ["250 2.0.0"]),
    "BDAT 0 LAST (no prior chunk)": (BDAT_READY + b"BDAT 0 LAST\r\n", ["250 2.0.0"]),
    "BDAT 5 (before MAIL)": (b"HELO c\r\nBDAT 5\r\nNOOP\n", ["250", "503 5.5.1"]),
    "BDAT 5 (all RCPT failed)": (BDAT_NOBODY + b"BDAT 5\r\nNOOP\n", ["554 5.5.1"]),
    "BDAT after DATA in same txn": (BDAT_READY + b"DATA\r\nx\r\n.\r\nBDAT 5\r\nNOOP\n", ["354", "250 2.0.0", "503 5.5.1"]),
    "DATA after BDAT in same txn": (BDAT_READY + b"BDAT 1\r\nxDATA\r\n", ["250 2.0.0", "503 5.5.1"]),
    "BDAT > SIZE": (BDAT_READY + b"BDAT 101\r\n" + b"x" * 101 + b"BDAT 100\r\n" + b"x" * 100, ["552 5.3.4", "503 5.5.1"]),
    "BDAT 20 with TLS close_notify after 10 then cleartext byte (CVE-2026-45185)": (BDAT_READY + b"BDAT 20\r\n0123456789", []),
    "BDAT LAST pipelined with MAIL": (BDAT_READY + b"BDAT 1 LAST\r\nxMAIL FROM:<a@example.org>\r\n", ["250 2.0.0", "250 2.1.0"]),
    "MAIL BODY=BINARYMIME then DATA": (
        b"EHLO c\r\nMAIL FROM:<a@example.org> BODY=BINARYMIME\r\nDATA\r\n",
        ["250", "501 5.5.4", "503 5.5.1"],
    ),
    "BDAT 5 LAST then abrupt close at byte 4": (BDAT_READY + b"BDAT 5 LAST\r\n1234", []),
    "BDAT payload containing CRLF.CRLF": (BDAT_READY + b"BDAT 9 LAST\r\n..\r\n.\r\nx\r", ["554 5.6.0"]),
    "RSET between chunks": (BDAT_READY + b"BDAT 1\r\nxRSET\r\nBDAT 1 LAST\r\nx", ["250 2.0.0", "250 2.0.0", "503 5.5.1"]),
    "10^6 x BDAT 0": (BDAT_READY + b"BDAT 0\r\n" * 100, ["250 2.0.0"] * 100),
}


@pytest.mark.parametrize("row", [row[0] for row in _vectors("bdat")])
def test_bdat(row: str) -> None:
    """Each row of bdat.json is answered as it asks, and octets of refused chunks are never commands."""
    octets, expected = BDAT_ROWS[row]
    terms = Terms(hostname="mx.example.org", message_size=100, swallow=1000)
    whole = play(octets, terms)
    skipped = len(whole.codes) - len(expected)
    assert expected == whole.codes[skipped:]
    assert skipped == len([line for line in octets.split(b"\r\n") if line[:4] in (b"HELO", b"MAIL", b"RCPT") and skipped])
    for cut in range(1, min(len(octets), 300)):
        assert whole.said == play(octets, terms, (cut,)).said


def test_end_marks_in_chunks_are_content() -> None:
    """CRLF.CRLF in a chunk is content, dots are not taken away."""
    assert play(BDAT_READY + b"BDAT 10 LAST\r\n..\r\n.\r\nx\r\n").messages == [b"..\r\n.\r\nx\r\n"]


INJECTIONS = [row["send"].encode() for row in _vectors("starttls")]
PLAIN_STARTTLS = {b"STARTTLS x\r\n": "501 5.5.4", b"starttls\r\n": "220 2.0.0", b"STARTTLS \r\n": "220 2.0.0"}
"""The rows with nothing behind the line, and what answers them."""


@pytest.mark.parametrize("octets", INJECTIONS, ids=lambda octets: ascii(octets)[2:40])
def test_starttls_injection(octets: bytes) -> None:
    """Octets behind STARTTLS are never obeyed: the session ends without 220, or the line is refused; after TLS nothing of them is left."""
    driver = YesDriver(Terms(hostname="mx.example.org", tls=TlsMode.STARTTLS, mechanisms=("PLAIN",)), shakes=False)
    driver.send(b"EHLO c\r\n" + octets)
    if octets in PLAIN_STARTTLS:
        assert ["250", PLAIN_STARTTLS[octets]] == driver.codes
    elif b"STARTTLS\r\n" in octets:
        assert (driver.codes, driver.violated, driver.session.over) == (["250"], True, True)
    else:
        assert driver.codes[1] == "500 5.5.2"
        assert "220 2.0.0" not in driver.codes


def test_octets_between_starttls_and_the_handshake_end_the_session() -> None:
    """Octets in the clear that come when 220 was said are no commands either."""
    driver = YesDriver(Terms(hostname="mx.example.org", tls=TlsMode.STARTTLS), shakes=False)
    driver.send(b"EHLO c\r\nSTARTTLS\r\n")
    assert driver.send(b"NOOP\r\n") == b""
    assert driver.session.over


CHARACTERS = [
    text.encode().decode("unicode_escape").encode("utf-8", "surrogatepass")
    for text in json.loads((VECTORS / "control_chars.json").read_text())["chars"]
]
PLACES = (
    b"HELO c%sd.example\r\n",
    b"MAIL FROM:<a%sb@example.org>\r\n",
    b'MAIL FROM:<"a%sb"@example.org> SMTPUTF8\r\n',
    b"MAIL FROM:<ab@exam%sple.org> SMTPUTF8\r\n",
    b"MAIL FROM:<ab@example.org> SMTPUTF8 ENVID=a%sb\r\n",
    b"MAIL FROM:<ab@example.org> AUTH=a%sb\r\n",
)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("character", CHARACTERS)
def test_control_characters(character: bytes, place: bytes) -> None:
    """A control character in a command's argument is refused, whatever the place, and never reaches an event or a reply."""
    driver = YesDriver(Terms(hostname="mx.example.org", mechanisms=("PLAIN",), auth_in_clear=True))
    driver.send(b"EHLO c\r\n")
    before = len(driver.codes)
    said = driver.send(place % character)
    assert said.decode("ascii").replace("\r\n", "").isprintable()
    codes = driver.codes[before:]
    if b"\r\n" in character:  # a line end makes two lines of it: the second is no command
        assert codes[1] in ("500 5.5.2", "500 5.5.1")
    else:
        assert codes
        assert not any(code.startswith("2") for code in codes)


@pytest.mark.parametrize("row", _vectors("relay"), ids=lambda row: ascii(row["rcpt"])[:40])
def test_relay_tricks_have_one_reading(row: dict) -> None:
    """Each RCPT of relay.json is refused by the grammar or names exactly one domain: that of its last hop, which policy judges."""
    try:
        mailbox, rest = parse_path(f"<{row['rcpt']}>")
    except AddressError:
        assert row["expect"] != "accept"
        return
    assert rest == "" or row["expect"] != "accept"
    if mailbox is not None and mailbox.domain:
        assert mailbox.text.rpartition("@")[2].lower() == mailbox.domain.lower()
    if row["expect"] == "accept":
        assert mailbox is not None
        assert mailbox.domain in ("", "local.example")
