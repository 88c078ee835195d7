"""Mail servers of other houses in one world, each at an address and under a domain of its own, set up as their manuals say.

Every server takes mail for its domain on port 25 with STARTTLS, and from ada (password ``secret``) on 587 and, where it can, on 465.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization

from support import toml
from support.chains import Leaf, make, pem, root_file
from support.peers import ROOT
from support.server import PROGRAM, configuration
from support.signed_names import Zone, serve
from support.world import NET

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.world import World

PASSWORD = "secret"
_ACCOUNTS = {
    "opensmtpd": 701,
    "opensmtpq": 702,
    "ada": 703,
    "smmta": 711,
    "smmsp": 712,
    "courier": 721,
    "postfix": 731,
    "postdrop": 732,
    "Debian-exim": 741,
}

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


POSTFIX = """\
compatibility_level = 3.6
maillog_file = {folder}.log
maillog_file_prefixes = /
smtpd_banner = $myhostname ESMTP $mail_name (Debian/GNU)
biff = no
append_dot_mydomain = no
myhostname = {host}
inet_interfaces = {address}
inet_protocols = ipv4
mydestination = {domain}, localhost
alias_maps = inline:{{ postmaster=ada }}
local_recipient_maps = inline:{{ ada=1, postmaster=1 }}
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination
smtpd_tls_security_level = may
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = $myhostname
"""
_POSTFIX_START = """
set -e
cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
cp /usr/share/postfix/dynamicmaps.cf "$1/main.cf" /etc/postfix/
mkdir -p /etc/postfix/sasl
cp "$1/smtpd.conf" /etc/postfix/sasl/
postconf -F '*/*/chroot = n'
cat >> /etc/postfix/master.cf <<'END'
submission inet n - n - - smtpd -o smtpd_tls_security_level=encrypt -o smtpd_sasl_auth_enable=yes -o smtpd_tls_auth_only=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
submissions inet n - n - - smtpd -o smtpd_tls_wrappermode=yes -o smtpd_sasl_auth_enable=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
END
mkdir -p /var/lib/postfix /var/mail /var/spool/postfix/pid
cd /var/spool/postfix
for queue in active bounce corrupt defer deferred flush hold incoming maildrop private public saved trace; do
  mkdir -p $queue
  chown postfix:postdrop $queue
done
chown postfix /var/lib/postfix
exec /usr/lib/postfix/sbin/master -c /etc/postfix -d
"""

EXIM = """\
primary_hostname = {host}
domainlist local_domains = {domain}
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
pid_file_path = /run/exim.pid
local_interfaces = {address}
daemon_smtp_ports = 25 : 465 : 587
tls_on_connect_ports = 465
tls_certificate = {certificate}
tls_privatekey = {key}
tls_advertise_hosts = *
rfc1413_query_timeout = 0s
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = accept
begin acl
acl_rcpt:
  accept authenticated = *
  deny condition = ${{if !={{$received_port}}{{25}}}}
       message = Authentication required
  accept domains = +local_domains
         verify = recipient
  deny message = relay not permitted
begin routers
postmaster:
  driver = redirect
  local_parts = postmaster
  data = ada@{domain}
local:
  driver = accept
  domains = +local_domains
  local_parts = ada
  transport = box
begin transports
box:
  driver = appendfile
  file = /var/mail/$local_part
  user = mail
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{ada}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = ${{if and{{{{eq{{$auth1}}{{ada}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
"""
_EXIM_START = """
set -e
mkdir -p /var/spool/exim4 /var/log/exim4 /var/mail
chown Debian-exim /var/spool/exim4 /var/log/exim4
chown mail /var/mail
cp "$1/exim.conf" /etc/exim4/exim4.conf
cp "$1/cert.pem" "$1/key.pem" /etc/exim4/
chown Debian-exim /etc/exim4/key.pem
exec exim4 -C /etc/exim4/exim4.conf -bdf -q1h
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


def postfix(world: World, server: Server) -> None:
    """Postfix, with accounts in sasldb."""
    world.address(server.address)
    (server.folder / "main.cf").write_text(POSTFIX.format(**server.words()))
    (server.folder / "smtpd.conf").write_text(
        f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {server.folder}/sasldb2\nmech_list: PLAIN LOGIN\n"
    )
    made = world.run(
        "saslpasswd2", "-p", "-c", "-f", f"{server.folder}/sasldb2", "-u", server.host, "ada", peer="sendmail", given=f"{PASSWORD}\n"
    )
    assert made.returncode == 0, made.stderr
    (server.folder / "sasldb2").chmod(0o644)
    world.start("postfix", "sh", "-c", _POSTFIX_START, "sh", str(server.folder), ports=_ports(server, 25, 587, 465))


def exim(world: World, server: Server) -> None:
    """Exim, with an account in its configuration."""
    words = {**server.words(), "certificate": "/etc/exim4/cert.pem", "key": "/etc/exim4/key.pem", "password": PASSWORD}
    (server.folder / "exim.conf").write_text(EXIM.format(**words))
    world.start("exim", "sh", "-c", _EXIM_START, "sh", str(server.folder), ports=_ports(server, 25, 587, 465))


def waypost(world: World, server: Server) -> None:
    """Our own, with an account made by its own command."""
    roles = ((25, "relay", "starttls"), (587, "submission", "starttls"), (465, "submission", "implicit"))
    tree = configuration(
        server.folder,
        listeners=[{"bind": f"{server.address}:{port}", "role": role, "tls": tls} for port, role, tls in roles],
        transports=[{"match": "*", "kind": "capture"}],
        local=[server.domain],
        domains={"mailboxes": [f"ada@{server.domain}"], "aliases": {f"postmaster@{server.domain}": [f"ada@{server.domain}"]}},
        networks=[],
        hostname=server.host,
        tls={"certificate": str(server.certificate), "key": str(server.key)},
    )
    config = server.folder / "waypost.toml"
    config.write_text(toml.dump(tree))
    made = world.run(str(PROGRAM), "user", "add", "ada", "--config", str(config), given=f"{PASSWORD}\n")
    assert made.returncode == 0, made.stderr
    world.start("nothing", str(PROGRAM), "serve", "--config", str(config), ports=_ports(server, 25, 587, 465))


SERVERS = {
    row.name: row
    for row in (
        Server("opensmtpd", opensmtpd, 31),
        Server("sendmail", sendmail, 32),
        Server("courier", courier, 33),
        Server("aiosmtpd", aiosmtpd, 34),
        Server("postfix", postfix, 35),
        Server("exim", exim, 36),
        Server("waypost", waypost, 37),
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
