"""What octets and records about TLS mean, apart from any network: any octets are judged, never believed, and never break the judge."""

from __future__ import annotations

import contextlib
import hashlib
import ssl
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from support.chains import Leaf, make
from waypost.diagnose import certificate, client_hello, sts, tls, tlsa
from waypost.diagnose.certificate import Certificate, CertificateUnreadableError
from waypost.diagnose.client_hello import Alert, Other, ServerHello
from waypost.diagnose.lookup import Answer, Outcome
from waypost.diagnose.scene import Place
from waypost.diagnose.talk import Said

NOW = datetime.now(UTC).timestamp()
HOST = "mx.broken.example"


def chain_of(**leaf: object) -> list[Certificate]:
    made, _ = make(Leaf(**leaf))
    return [certificate.read(each.public_bytes(Encoding.DER)) for each in made]


def judged(chain: list[Certificate], *, host: str = HOST, code: int = 0, message: str = "") -> list[str]:
    return [finding.key for finding in certificate.judge(chain, host, host, verify_code=code, verify_message=message, now=NOW)]


# ---- names ----------------------------------------------------------------------------------------------------


def test_a_check_by_address_blames_no_name() -> None:
    """Certificates are for names: of a server checked by its address it is told which, and no fault; unless it claims another address."""
    leaf, *rest = chain_of(names=(HOST,))
    for addresses, key in (
        ((), "certificate-name-unasked"),
        (("192.0.2.25",), "certificate-sound"),
        (("192.0.2.9",), "certificate-name-wrong"),
    ):
        assert [key] == judged([replace(leaf, addresses=addresses), *rest], host="192.0.2.25")


# ---- hellos ---------------------------------------------------------------------------------------------------


def test_a_hello_made_by_hand_is_understood() -> None:
    """A real TLS library takes the hello and answers with version and cipher; names travel in it."""
    names: list[object] = []
    chain, key = make(Leaf(rsa_bits=2048))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    _load(context, chain, key)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(client_hello.client_hello(HOST, newest=client_hello.TLS_1_2, ciphers=(0xC02F,), random=bytes(32)))
    with contextlib.suppress(ssl.SSLWantReadError):
        server.do_handshake()
    assert ServerHello(client_hello.TLS_1_2, 0xC02F) == client_hello.answer(outgoing.read())
    assert names == [HOST]


def _load(context: ssl.SSLContext, chain: object, key: object) -> None:
    import tempfile  # noqa: PLC0415 - for this helper alone

    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - likewise

    from support.chains import pem  # noqa: PLC0415 - likewise

    with tempfile.NamedTemporaryFile() as file:
        secret = key.private_bytes(Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())  # type: ignore[attr-defined]  # either kind of key
        file.write(pem(chain) + secret)  # type: ignore[arg-type]  # a list of certificates
        file.flush()
        context.load_cert_chain(file.name)


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"", None),
        (b"\x16\x03\x01", None),
        (b"\x15\x03\x01\x00\x02\x02\x28", Alert(40)),
        (b"220 ready\r\n", Other()),
        (b"\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01" + bytes(32) + b"\x00\x00\x2f\x00", ServerHello(0x0301, 0x2F)),
        (b"\x16\x03\x01\x00\x2a\x0b\x00\x00\x26\x03\x01" + bytes(32) + b"\x00\x00\x2f\x00", Other()),
        (b"\x16\x03\x01\x00\x02\x02\x00", Other()),
    ],
)
def test_answers_to_a_hello(octets: bytes, expected: object) -> None:
    """Hello, alert, something else, or more is needed."""
    assert expected == client_hello.answer(octets)


@given(st.binary(max_size=120))
def test_any_answer_is_read(octets: bytes) -> None:
    """No octets break the reading of hellos, with a record's head in front or without."""
    client_hello.answer(octets)
    client_hello.answer(b"\x16\x03\x03" + len(octets).to_bytes(2, "big") + octets)


# ---- certificates ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("mx.example.org", "MX.example.org.", True),
        ("*.example.org", "mx.example.org", True),
        ("*.example.org", "a.mx.example.org", False),
        ("*.example.org", "example.org", False),
        ("*", "localhost", False),
        ("*.org", "example.org", False),
        ("m*.example.org", "mx.example.org", False),
        ("mx.*.org", "mx.example.org", False),
        ("", "", False),
    ],
)
def test_which_names_cover_a_host(pattern: str, host: str, expected: object) -> None:
    """A star is the whole first label, stands for one label, and not directly below the top."""
    assert expected is certificate.covers(pattern, host)


def test_a_weak_signature_is_told() -> None:
    """SHA-1 in the chain is a fault, but not in a root, which is believed for itself."""
    leaf = chain_of()[0]
    assert "certificate-signature-weak" in judged([replace(leaf, digest="sha1")])
    root = replace(leaf, digest="sha1", self_issued=True, subject=leaf.issuer)
    assert "certificate-signature-weak" not in judged([leaf, root])


def test_what_else_verification_says() -> None:
    """A reason that has no finding of its own is told in the library's words; expiry is told by dates."""
    chain = chain_of()
    assert "certificate-refused" in judged(chain, code=24, message="invalid CA certificate")
    assert judged(chain, code=10) == ["certificate-sound"]


def test_an_address_must_be_named_as_one() -> None:
    """A host known by its address needs that address in the certificate, not a name that looks like it."""
    leaf = replace(chain_of()[0], addresses=("192.0.2.1", "2001:db8::1"), names=("192.0.2.2",))
    assert certificate.names_host(leaf, "2001:0db8::0001")
    assert not certificate.names_host(leaf, "192.0.2.2")


@given(st.binary(max_size=200))
def test_octets_that_are_no_certificate(octets: bytes) -> None:
    """They are refused by the one error that says so."""
    with pytest.raises(CertificateUnreadableError):
        certificate.read(octets)


def test_damaged_certificates() -> None:
    """A certificate of which one octet is wrong is read or refused, wherever the octet is."""
    der = make(Leaf())[0][0].public_bytes(Encoding.DER)
    for place in range(len(der)):
        for other in (0x00, der[place] ^ 0x55, 0xFF):
            with contextlib.suppress(CertificateUnreadableError):
                certificate.read(der[:place] + bytes((other,)) + der[place + 1 :])


# ---- DANE -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("usage", [tlsa.DANE_TA, tlsa.DANE_EE])
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_every_form_of_record_matches(usage: int, selector: int, matching: int) -> None:
    """The certificate or its key, whole or as either hash, of the server itself or of an authority that is sent."""
    chain = chain_of(issuer="intermediate", chain=("intermediate",))
    wanted = chain[0] if usage == tlsa.DANE_EE else chain[1]
    selected = wanted.der if selector == 0 else wanted.public
    data = {0: selected, 1: hashlib.sha256(selected).digest(), 2: hashlib.sha512(selected).digest()}[matching]
    text = data.hex()
    pieces = " ".join(text[at : at + 128] for at in range(0, len(text), 128))  # as long data is written
    record = tlsa.parse(f"{usage} {selector} {matching} {pieces}")
    assert record is not None
    assert (record.known, record.whole) == (True, True)
    assert record.kept_by(chain)
    assert not record.kept_by(chain_of())


def test_an_authority_that_is_not_sent_is_not_kept() -> None:
    """A trust anchor must stand in the chain: a server that leaves it out fails (7672#3.1.2)."""
    chain = chain_of(issuer="intermediate", chain=("intermediate",))
    record = tlsa.parse(f"2 1 1 {hashlib.sha256(chain[1].public).hexdigest()}")
    assert record is not None
    assert not record.kept_by(chain[:1])


def test_records_bind_only_where_signed() -> None:
    """Without the AD bit, or behind MX records that lack it, a record binds nobody."""
    text = f"3 1 1 {'00' * 32}"
    answer = Answer(name="_25._tcp.mx", kind="TLSA", outcome=Outcome.FOUND, records=(text,), secure=True)
    assert tlsa.Met(host="mx", answer=answer).binding
    assert not tlsa.Met(host="mx", answer=replace(answer, secure=False)).binding
    assert not tlsa.Met(host="mx", answer=answer, mx_secure=False).binding


@given(st.text(max_size=60))
def test_any_text_is_a_record_or_none(text: str) -> None:
    """No text breaks the reading of TLSA records."""
    tlsa.parse(text)
    tlsa.parse(f"3 1 1 {text}")


# ---- MTA-STS --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("mx.example.org", "MX.Example.org", True),
        ("*.example.org", "mx.example.org", True),
        ("*.example.org", "a.b.example.org", False),
        ("*.example.org", "example.org", False),
        ("example.org", "mx.example.org", False),
    ],
)
def test_which_exchangers_a_pattern_allows(pattern: str, host: str, expected: object) -> None:
    """A star stands for exactly one label on the left."""
    assert expected is sts.matches(pattern, host)


def test_a_policy_as_the_standard_shows_it() -> None:
    """CRLF or LF, blanks behind values, unknown fields, and the first of fields that stand twice."""
    text = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net \nmode: none\nmax_age: 604800\nnews: x y\r\n"
    assert sts.Policy(mode="enforce", max_age=604_800, patterns=("mail.example.com", "*.example.net")) == sts.parse_policy(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "version: STSv2\nmode: none\nmax_age: 1",
        "version: STSv1\nmode: on\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmax_age: 1",
        "version: STSv1\nmode: none\nmax_age: 31557601",
        "version: STSv1\nmode: none\nmax_age: -1",
        "version: STSv1\nmode: none\nmax_age: \u00b2",
        "version: STSv1\nmode: enforce\nmx: *\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmx: a.*.example\nmax_age: 1",
        "<html>",
        "\x00",
    ],
)
def test_policies_that_are_none(text: str) -> None:
    """What a sender could not use is refused."""
    with pytest.raises(sts.PolicyError):
        sts.parse_policy(text.encode())


@given(st.binary(max_size=200))
def test_any_policy_is_read_or_refused(octets: bytes) -> None:
    """No octets break the reading of policies."""
    with contextlib.suppress(sts.PolicyError):
        sts.parse_policy(octets)


@pytest.mark.parametrize(("address", "told"), [("127.0.0.1", []), ("44.128.0.25", ["starttls-missing"])])
def test_on_this_machine_nothing_crosses_a_network(address: str, told: list[str]) -> None:
    """A server for development that is reached over loopback is not blamed for having no STARTTLS."""
    hello = Said((b"250-mx.example.org\r\n", b"250 SIZE\r\n"), 0.0)
    look = tls.Look(place=Place("mx.example.org", address, 25), implicit=False, hello=hello, reply=Said((b"502 no\r\n",), 0.0))
    assert [finding.key for finding in tls.judge(look)] == told
