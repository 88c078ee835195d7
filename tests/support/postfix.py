"""A Postfix of a test's own: a client of the server under test, or its next hop."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from support.peers import Daemon, environment, tree, writable_by
from support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support.certificates import Certificates

MASTER = """\
{port} inet n - n - - smtpd
{implicit_port} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
pickup unix n - n 5 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 5 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
plain unix - - n - - smtp -v -o smtp_tls_security_level=none
starttls unix - - n - - smtp -v -o smtp_tls_security_level=encrypt
implicit unix - - n - - smtp -v -o smtp_tls_security_level=encrypt -o smtp_tls_wrappermode=yes
"""

QUEUE = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "maildrop", "pid", "private")
QUEUE += ("public", "saved", "trace")

MAIN = """\
compatibility_level = 3.6
command_directory = {tree}/usr/sbin
daemon_directory = {tree}/usr/lib/postfix/sbin
shlib_directory = {tree}/usr/lib/postfix
meta_directory = {folder}/etc
queue_directory = {folder}/spool
data_directory = {folder}/data
mail_owner = mail
setgid_group = games
default_privs = nobody
import_environment = MAIL_CONFIG TZ LANG=C LD_LIBRARY_PATH
export_environment = TZ MAIL_CONFIG LANG LD_LIBRARY_PATH
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.example
mydestination =
alias_maps =
local_recipient_maps =
mynetworks = 127.0.0.0/8
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtp_tls_CAfile = {ca}
smtp_line_length_limit = 0
lmtp_line_length_limit = 0
smtp_tls_session_cache_database =
smtpd_tls_security_level = may
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtputf8_enable = yes
message_size_limit = 52428800
maillog_file = {folder}/mail.log
maillog_file_prefixes = /
default_transport = lmtp:inet:127.0.0.1:{sink}
transport_maps = inline:{{ {transports} }}
minimal_backoff_time = 5s
maximal_backoff_time = 5s
queue_run_delay = 5s
"""


@dataclass(slots=True)
class Postfix:
    """A Postfix of its own: everything goes on over LMTP to ``sink``, but mail for ``{mode}.test`` to a server spoken to in that mode."""

    folder: Path
    certificates: Certificates
    sink: int
    """The LMTP port that gets what this Postfix takes."""
    relays: Mapping[str, int] = field(default_factory=dict)
    """mode (plain, starttls, implicit) to the port of the server under test."""
    more: str = ""
    """Further lines of main.cf."""
    port: int = field(default_factory=free_port)
    implicit_port: int = field(default_factory=free_port)
    daemon: Daemon | None = None

    def start(self) -> Postfix:
        """Write the configuration, make the queue, run master."""
        for name in ("etc", "data", "spool"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name in QUEUE:
            (self.folder / "spool" / name).mkdir(exist_ok=True)
            shutil.chown(
                self.folder / "spool" / name, "root" if name == "pid" else "mail", "games" if name in ("maildrop", "public") else None
            )
        writable_by(self.folder / "data", "mail")
        transports = ", ".join(f"{mode}.test={mode}:[127.0.0.1]:{port}" for mode, port in self.relays.items())
        places = {"tree": tree("postfix"), "folder": self.folder, "sink": self.sink, "transports": transports or "none.test=lmtp:"}
        paths = {"ca": self.certificates.ca, "certificate": self.certificates.certificate, "key": self.certificates.key}
        (self.folder / "etc" / "main.cf").write_text(f"{MAIN.format(**places, **paths)}{self.more}\n")
        (self.folder / "etc" / "master.cf").write_text(
            MASTER.format(port=f"127.0.0.1:{self.port}", implicit_port=f"127.0.0.1:{self.implicit_port}")
        )
        (self.folder / "etc" / "dynamicmaps.cf").write_text("")
        master = tree("postfix") / "usr/lib/postfix/sbin/master"
        env = environment("postfix", MAIL_CONFIG=str(self.folder / "etc"))
        self.daemon = Daemon.start([str(master), "-c", str(self.folder / "etc"), "-d"], env, self.folder, self.port)
        return self

    def log(self) -> str:
        """What it has logged."""
        path = self.folder / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """End it."""
        if self.daemon:
            self.daemon.stop()
