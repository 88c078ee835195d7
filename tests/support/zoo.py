"""Mail servers of other houses in one world, each at an address and under a domain of its own, set up as their manuals say.

Every server takes mail for its domain on port 25 with STARTTLS, and from ada (password ``secret``) on 587 and, where it can, on 465.
"""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization

from support.chains import Leaf, make, pem, root_file
from support.peers import ROOT
from support.signed_names import Zone, serve
from support.world import NET

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.world import World

PASSWORD = "secret"
_ACCOUNTS = {"opensmtpd": 701, "opensmtpq": 702, "ada": 703, "smmta": 711, "smmsp": 712, "courier": 721}

OPENSMTPD = """\
pki house cert "{certificate}"
pki house key "{key}"
table accounts {{ ada = "{hashed}" }}
table aliases {{ postmaster = ada }}
listen on {address} port 25 hostname {host} tls pki house
listen on {address} port 587 hostname {host} tls-require pki house auth <accounts>
listen on {address} port 465 hostname {host} smtps pki house auth <accounts>
action "local" maildir "{folder}/mail/%{{dest.user}}" alias <aliases>
action "onward" relay
match from any for domain "{domain}" action "local"
match auth from any for any action "onward"
"""

SENDMAIL = """\
divert(0)dnl
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
define(`confDOMAIN_NAME', `{host}')dnl
define(`confTO_IDENT', `0')dnl
define(`confAUTH_MECHANISMS', `PLAIN LOGIN CRAM-MD5')dnl
TRUST_AUTH_MECH(`PLAIN LOGIN CRAM-MD5')dnl
define(`confAUTH_OPTIONS', `A p y')dnl
define(`confCACERT_PATH', `/etc/ssl/certs')dnl
define(`confCACERT', `/etc/mail/tls/root.pem')dnl
define(`confSERVER_CERT', `/etc/mail/tls/cert.pem')dnl
define(`confSERVER_KEY', `/etc/mail/tls/key.pem')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Family=inet, Name=MTA, Port=25, Addr={address}')dnl
DAEMON_OPTIONS(`Family=inet, Name=MSA, Port=587, M=Ea, Addr={address}')dnl
DAEMON_OPTIONS(`Family=inet, Name=TLSMSA, Port=465, M=sEa, Addr={address}')dnl
LOCAL_DOMAIN(`{domain}')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""
_SENDMAIL_START = """
set -e
mkdir -p /run/sendmail/mta /var/lib/sendmail/host_status /var/mail /etc/mail/tls /usr/lib/sasl2
cp "$1" "$2" "$3" /etc/mail/tls/
chmod 600 /etc/mail/tls/key.pem
printf 'postmaster: ada\\n' > /etc/mail/aliases
m4 -I /usr/share/sendmail/cf /usr/share/sendmail/cf/m4/cf.m4 "$4" > /etc/mail/sendmail.cf
printf 'pwcheck_method: auxprop\\nauxprop_plugin: sasldb\\n' > /usr/lib/sasl2/Sendmail.conf
echo secret | saslpasswd2 -p -c -u "$5" ada
/usr/libexec/sendmail/sendmail -bi
exec /usr/libexec/sendmail/sendmail -bD -X /dev/stderr
"""

_COURIER_START = """
set -e
address="$1" host="$2" domain="$3"
cd /etc/courier
ln -s makedat.courier /usr/bin/makedat
mkdir -p /run/courier/authdaemon /var/lib/courier/msgq /var/lib/courier/msgs
chown -R courier:courier /var/lib/courier /run/courier aliases aliasdir aliases filters esmtpacceptmailfor.dir hosteddomains
chmod 4755 /usr/lib/courier/courier/submitmkdir
chown courier:courier /usr/lib/courier/courier/submitmkdir
cat "$4" "$5" > esmtpd.pem; chmod 640 esmtpd.pem; chown root:courier esmtpd.pem
echo "$host" > me; echo "$domain" > defaultdomain
printf '%s\\n' localhost "$domain" "$host" > locals
printf '%s\\n' "$domain" > esmtpacceptmailfor
printf 'postmaster: ada\\n' > aliases/system
sed -i 's/^authmodulelist=.*/authmodulelist="authuserdb"/' authdaemonrc
sed -i "s/^ESMTPAUTH_TLS=.*/ESMTPAUTH_TLS='PLAIN LOGIN'/; \\$ a ADDRESS=$address\\nMAXPERC=40\\nMAXPERIP=40" esmtpd
sed -i "s/^ADDRESS=.*/ADDRESS=$address/; s/^AUTH_REQUIRED=.*/AUTH_REQUIRED=1/; s/^MAXPER\\(.*\\)=.*/MAXPER\\1=40/" esmtpd-msa
sed -i "s/^SSLADDRESS=.*/SSLADDRESS=$address/; s/^AUTH_REQUIRED=.*/AUTH_REQUIRED=1/; s/^MAXPER\\(.*\\)=.*/MAXPER\\1=40/" esmtpd-ssl
mkdir /var/lib/ada; maildirmake.courier /var/lib/ada/Maildir; chown -R 703:703 /var/lib/ada
userdb ada set uid=703 gid=703 home=/var/lib/ada
userdb ada set systempw="$(echo secret | userdbpw)"
chmod 700 userdb; makeuserdb
makesmtpaccess; makeacceptmailfor; makealiases
authdaemond start; courier start
/usr/lib/courier/esmtpd start; ln -sf esmtpd /usr/lib/courier/esmtpd-msa; /usr/lib/courier/esmtpd-msa start
/usr/lib/courier/esmtpd-ssl start
exec sleep infinity
"""


@dataclass(slots=True)
class Server:
    """One server of the zoo."""

    name: str
    start: Callable[[World, Server], None]
    number: int
    """The last part of its address."""
    folder: Path = field(default_factory=Path)

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"{NET}.{self.number}"

    @property
    def domain(self) -> str:
        """What it takes mail for."""
        return f"{self.name}.example"

    @property
    def host(self) -> str:
        """Its name."""
        return f"mx.{self.domain}"

    @property
    def certificate(self) -> Path:
        """For its name, by the authority of these tests."""
        return self.folder / "cert.pem"

    @property
    def key(self) -> Path:
        """Of the certificate."""
        return self.folder / "key.pem"

    def make(self, world: World) -> Zone:
        """Its folder and certificate; the zone of its domain, in which nothing is left to wish for."""
        self.folder = world.folder / self.name
        self.folder.mkdir()
        chain, key = make(Leaf(names=(self.host,), common_name=self.host, rsa_bits=2048))
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self.certificate.write_bytes(pem(chain))
        self.key.write_bytes(private)
        self.key.chmod(0o600)
        public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        texts = base64.b64encode(public).decode()
        lines = [
            f"@ MX 10 {self.host}.",
            f"mx A {self.address}",
            '@ TXT "v=spf1 mx -all"',
            '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:a@b.example"',
        ]
        lines += ['mx TXT "v=spf1 a -all"', '_dmarc TXT "v=DMARC1; p=reject; rua=mailto:a@' + self.domain + '"']
        lines += [f'default._domainkey TXT "v=DKIM1; k=rsa; p=" "{texts[:200]}" "{texts[200:]}"']
        return Zone(f"{self.domain}.", lines)

    def words(self) -> dict[str, object]:
        """What stands in its configuration."""
        return {name: getattr(self, name) for name in ("address", "domain", "host", "certificate", "key", "folder")}


def opensmtpd(world: World, server: Server) -> None:
    """OpenSMTPD, with virtual accounts of its own."""
    hashed = world.run("openssl", "passwd", "-6", PASSWORD).stdout.strip()
    config = server.folder / "smtpd.conf"
    config.write_text(OPENSMTPD.format(**server.words(), hashed=hashed))
    script = 'mkdir -p /var/spool/smtpd /var/lib/opensmtpd/empty; chmod 711 /var/spool/smtpd; exec smtpd -d -f "$1"'
    world.start("opensmtpd", "sh", "-c", script, "sh", str(config), ports=_ports(server, 25, 587, 465))


def sendmail(world: World, server: Server) -> None:
    """Sendmail, with accounts in sasldb."""
    config = server.folder / "sendmail.mc"
    config.write_text(SENDMAIL.format(**server.words()))
    files = [str(server.certificate), str(server.key), str(root_file(server.folder)), str(config), server.host]
    world.start("sendmail", "sh", "-c", _SENDMAIL_START, "sh", *files, ports=_ports(server, 25, 587, 465))


def courier(world: World, server: Server) -> None:
    """Courier, with accounts in userdb."""
    words = [server.address, server.host, server.domain, str(server.certificate), str(server.key)]
    world.start("courier", "sh", "-c", _COURIER_START, "sh", *words, ports=_ports(server, 25, 587, 465))


def aiosmtpd(world: World, server: Server) -> None:
    """aiosmtpd, as a library is used."""
    words = [server.address, server.host, str(server.certificate), str(server.key)]
    program = str(ROOT / "aiosmtpd/bin/python")
    script = str(Path(__file__).with_name("zoo_aiosmtpd.py"))
    world.start("nothing", program, script, *words, ports=_ports(server, 25, 587, 465))


SERVERS = {
    row.name: row
    for row in (
        Server("opensmtpd", opensmtpd, 31),
        Server("sendmail", sendmail, 32),
        Server("courier", courier, 33),
        Server("aiosmtpd", aiosmtpd, 34),
    )
}


def open_zoo(world: World) -> Path:
    """Start all of them, and the names that lead to them; the file with the authority that their certificates are from."""
    world.accounts(**_ACCOUNTS)
    root = Zone(".", [f"{row.number}.0.128.44.in-addr.arpa. PTR {row.host}." for row in SERVERS.values()])
    root.records = [*root.records, "1.0.128.44.in-addr.arpa. PTR client.example.", "client.example. A 44.128.0.1"]
    serve(world, [root, *(row.make(world) for row in SERVERS.values())])
    for row in SERVERS.values():
        row.start(world, row)
    return root_file(world.folder)


def _ports(server: Server, *ports: int) -> list[str]:
    return [f"{server.address}:{port}" for port in ports]


PYTHON = sys.executable
