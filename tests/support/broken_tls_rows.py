"""The servers whose TLS is broken, each a row: (name, what it does, the key of the finding)."""

from __future__ import annotations

from support.broken_servers import CLOSE, DOMAIN, HOST, SILENCE, Zone
from support.broken_tls import FIT, POLICY, TLSA, BrokenTls, Page, alert
from support.chains import Leaf
from waypost.diagnose.lookup import Outcome, Word

STS = (f"_mta-sts.{DOMAIN}", "TXT")
RPT = (f"_smtp._tls.{DOMAIN}", "TXT")
OTHER = "00" * 32
RSA = Leaf(rsa_bits=2048)


def shows(name: str, key: str, **leaf: object) -> BrokenTls:
    """A server whose certificate is faulty."""
    return BrokenTls(name=name, key=key, leaf=Leaf(**leaf))  # type: ignore[arg-type]  # the row's own words


def breaks(name: str, key: str, instead: bytes | str) -> BrokenTls:
    """A server that answers the hello with this."""
    return BrokenTls(name=name, key=key, instead=instead)


def dane(name: str, key: str, *records: str, signed: bool = True, signed_mx: bool = True, reply: bytes = b"") -> BrokenTls:
    """A host with these TLSA records."""
    zone: Zone = {TLSA: records}
    if reply:
        return BrokenTls(name=name, key=key, zone=zone, reply=reply)
    return BrokenTls(name=name, key=key, zone=zone, signed=signed, signed_mx=signed_mx)


def policy(name: str, key: str, body: str = POLICY, **page: object) -> BrokenTls:
    """A domain whose policy is served like this."""
    return BrokenTls(name=name, key=key, page=Page(body=body, **page))  # type: ignore[arg-type]  # the row's own words


STARTTLS = (
    BrokenTls(name="no STARTTLS", key="starttls-missing", offers=("SIZE",), reply=b"502 5.5.1 What?\r\n"),
    BrokenTls(name="no STARTTLS on 587", key="starttls-missing-submission", port=587, offers=("SIZE",), reply=b"502 5.5.1 What?\r\n"),
    BrokenTls(name="a firewall's XXXX", key="starttls-masked", offers=("SIZE", "XXXXXXXA"), reply=b"500 5.5.1 What?\r\n"),
    BrokenTls(name="a list cut short", key="starttls-hidden", offers=("SIZE",)),
    BrokenTls(name="no answer to STARTTLS", key="starttls-unanswered", reply=SILENCE),
    BrokenTls(name="hangs up at STARTTLS", key="starttls-unanswered", reply=CLOSE),
    BrokenTls(name="no key", key="starttls-deferred", reply=b"454 4.7.0 TLS not available\r\n"),
    BrokenTls(name="refuses", key="starttls-refused", reply=b"502 5.5.1 Not here\r\n"),
    BrokenTls(name="250 to STARTTLS", key="starttls-reply-malformed", reply=b"250 2.0.0 Go on\r\n"),
    BrokenTls(name="takes injected commands", key="starttls-injection", own=True, forgets=False),
    BrokenTls(name="forgets", key="starttls-clean", own=True),
)

HANDSHAKE = (
    BrokenTls(name="TLS in order", key="tls-established"),
    breaks("illegal parameter", "tls-alert", alert(47)),
    breaks("a record of nonsense", "tls-failed", bytes((22, 3, 3, 0, 4, 2, 0, 0, 0))),
    breaks("no version", "tls-no-common-version", alert(70)),
    breaks("no cipher", "tls-no-common-cipher", alert(40)),
    breaks("does not know its name", "tls-name-refused", alert(112)),
    breaks("wants a certificate", "tls-client-certificate", alert(116)),
    breaks("broken inside", "tls-server-broken", alert(80)),
    breaks("hangs up", "tls-closed", CLOSE),
    breaks("falls silent", "tls-silent", SILENCE),
    breaks("goes on in SMTP", "tls-not-spoken", b"500 5.5.1 What?\r\n"),
    BrokenTls(name="no TLS on 465", key="tls-closed", port=465, instead=CLOSE),
    BrokenTls(name="nothing after the handshake", key="tls-dead", after=CLOSE),
    BrokenTls(name="refuses EHLO under TLS", key="tls-ehlo-refused", after=b"550 5.7.1 No\r\n"),
    BrokenTls(name="TLS 1.1 alone", key="tls-old-only", newest="TLSv1_1", old=True, leaf=RSA, ciphers="ALL:@SECLEVEL=0"),
    BrokenTls(name="TLS 1.0 too", key="tls-old-spoken", old=True, leaf=RSA, ciphers="ALL:@SECLEVEL=0"),
    BrokenTls(name="TLS 1.2 alone", key="tls-1-3-missing", newest="TLSv1_2"),
    BrokenTls(name="no forward secrecy", key="tls-no-forward-secrecy", newest="TLSv1_2", leaf=RSA, ciphers="AES128-GCM-SHA256:@SECLEVEL=0"),
    BrokenTls(name="ciphers that hide nothing", key="tls-weak-cipher", newest="TLSv1_2", leaf=RSA, ciphers="ALL:eNULL:@SECLEVEL=0"),
    BrokenTls(name="submission with its own authority", key="submission-certificate", port=465, leaf=Leaf(issuer="self")),
    BrokenTls(name="submission with STARTTLS and a wrong name", key="submission-certificate", port=587, leaf=Leaf(names=("a.example",))),
)

CERTIFICATES = (
    shows("in order", "certificate-sound"),
    shows("an intermediate, sent", "certificate-sound", issuer="intermediate", chain=("intermediate",)),
    shows("expired", "certificate-expired", days=-1, age=90),
    shows("not yet valid", "certificate-not-yet-valid", age=-2),
    shows("ten days left", "certificate-expires-soon", days=10),
    shows("twenty days left", "certificate-expires", days=20),
    shows("an old intermediate", "certificate-issuer-expired", issuer="expired", chain=("expired",)),
    shows("signed by itself", "certificate-self-signed", issuer="self"),
    shows("an authority of its own", "certificate-private-authority", issuer="stranger", chain=("stranger",)),
    shows("an authority that nobody knows", "certificate-unknown-issuer", issuer="stranger"),
    shows("no intermediate", "certificate-chain-incomplete", issuer="intermediate", fetchable=True),
    shows("in disorder", "certificate-chain-disordered", issuer="intermediate", chain=("root", "intermediate")),
    shows("for clients", "certificate-purpose-wrong", for_clients=True),
    shows("another name", "certificate-name-wrong", names=("www.broken.example",)),
    shows("no alternative names", "certificate-subject-only", names=()),
    shows("a star for two labels", "certificate-wildcard-unusable", names=("*.example",)),
    shows("a star within a label", "certificate-wildcard-unusable", names=("m*.broken.example",)),
    shows("1024 bits", "certificate-key-weak", rsa_bits=1024),
    shows("a wildcard that covers it", "certificate-sound", names=("*.broken.example",)),
)

DANE = (
    dane("none", "dane-absent"),
    dane("the key", "dane-kept", f"3 1 1 {FIT}"),
    BrokenTls(name="its own word", key="certificate-by-dane", leaf=Leaf(issuer="self"), zone={TLSA: (f"3 1 1 {FIT}",)}),
    dane("another key", "dane-mismatch", f"3 1 1 {OTHER}"),
    dane("a new key and an old one", "dane-stale", f"3 1 1 {FIT}", f"3 1 1 {OTHER}"),
    dane("not signed", "dane-insecure", f"3 1 1 {FIT}", signed=False),
    BrokenTls(name="a resolver far away", key="dane-unproven", word=Word.FAR, zone={TLSA: (f"3 1 1 {FIT}",)}),
    BrokenTls(name="a resolver that does not validate", key="dane-unproven", word=Word.NONE, signed=False, zone={TLSA: (f"3 1 1 {FIT}",)}),
    BrokenTls(name="another key, by a far word", key="dane-unproven-mismatch", word=Word.FAR, zone={TLSA: (f"3 1 1 {OTHER}",)}),
    BrokenTls(name="not signed, by a far word", key="dane-insecure", word=Word.FAR, signed=False, zone={TLSA: (f"3 1 1 {FIT}",)}),
    dane("MX not signed", "dane-mx-unsigned", f"3 1 1 {FIT}", signed_mx=False),
    dane("a short hash", "dane-malformed", "3 1 1 00ff"),
    dane("no record at all", "dane-malformed", "3 1 certificate"),
    dane("for the web", "dane-unusable", f"1 1 1 {OTHER}"),
    dane("for the web too", "dane-unusable-some", f"3 1 1 {FIT}", f"0 0 1 {OTHER}"),
    dane("and no TLS", "dane-without-tls", f"3 1 1 {OTHER}", reply=b"454 4.7.0 TLS not available\r\n"),
    BrokenTls(name="signatures that do not hold", key="dane-lookup-failed", zone={TLSA: Outcome.BOGUS}),
)

LARGE = "x" * 70_000
_HALVES = (POLICY[:30], POLICY[30:])
CHUNKED = (
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    + "".join(f"{len(half):x}\r\n{half}\r\n" for half in _HALVES)
    + "0\r\n\r\n"
).encode()
POLICIES = (
    BrokenTls(name="no policy", key="sts-absent"),
    BrokenTls(name="a record that fails", key="sts-lookup-failed", zone={STS: Outcome.FAILED}),
    BrokenTls(name="no id", key="sts-record-malformed", zone={STS: ("v=STSv1;",)}),
    BrokenTls(name="another version", key="sts-record-malformed", zone={STS: ("v=STS1; id=1",)}),
    BrokenTls(name="two records", key="sts-several", zone={STS: ("v=STSv1; id=1", "v=STSv1; id=2")}),
    BrokenTls(name="no host", key="sts-host-missing", zone={STS: ("v=STSv1; id=1",)}),
    BrokenTls(name="nothing on 443", key="sts-unreachable", zone={STS: ("v=STSv1; id=1",), (f"mta-sts.{DOMAIN}", "A"): ("44.128.0.81",)}),
    policy("another name", "sts-certificate-refused", leaf=Leaf(names=(DOMAIN,))),
    policy("an expired certificate", "sts-certificate-refused", leaf=Leaf(names=(f"mta-sts.{DOMAIN}",), days=-1, age=9)),
    policy("a redirect", "sts-redirect", status="301 Moved", fields=("Location: https://www.example/",)),
    policy("not found", "sts-status", status="404 Not Found"),
    policy("no HTTP", "sts-no-http", raw=b"220 ftp ready\r\n\r\n"),
    policy("large", "sts-too-large", body=LARGE),
    policy("large by its own word", "sts-too-large", fields=("Content-Type: text/plain", "Content-Length: 70000")),
    policy("a web page", "sts-type", fields=("Content-Type: text/html",)),
    policy("no version", "sts-policy-malformed", body="mode: enforce\nmx: a.example\nmax_age: 1\n"),
    policy("another exchanger", "sts-mx-not-listed", body=POLICY.replace(HOST, "mx2.broken.example")),
    policy("a star too few", "sts-mx-not-listed", body=POLICY.replace(HOST, "*.example")),
    policy("another exchanger, for now", "sts-mx-not-listed-testing", body=POLICY.replace(HOST, "a.example").replace("enforce", "testing")),
    policy("one too many", "sts-pattern-idle", body=f"{POLICY}mx: spare.broken.example\n"),
    policy("in order", "sts-enforced"),
    policy("in chunks", "sts-enforced", raw=CHUNKED),
    policy("with its length", "sts-enforced", fields=("Content-Type: text/plain; charset=utf-8", f"Content-Length: {len(POLICY)}")),
    policy("trying", "sts-testing", body=POLICY.replace("enforce", "testing")),
    policy("withdrawn", "sts-none", body="version: STSv1\nmode: none\nmax_age: 86400\n"),
    policy("short", "sts-age-short", body=POLICY.replace("604800", "3600")),
    BrokenTls(name="promised and not kept", key="sts-mx-untrusted", leaf=Leaf(issuer="self"), page=Page()),
    BrokenTls(name="no reports", key="tlsrpt-absent", zone={RPT: ()}),
    BrokenTls(name="reports", key="tlsrpt-published"),
    BrokenTls(name="two records for reports", key="tlsrpt-several", zone={RPT: ("v=TLSRPTv1; rua=mailto:a@b.c",) * 2}),
    BrokenTls(name="nowhere to report", key="tlsrpt-malformed", zone={RPT: ("v=TLSRPTv1; rua=tls@broken.example",)}),
)

ROWS = (*STARTTLS, *HANDSHAKE, *CERTIFICATES, *DANE, *POLICIES)
