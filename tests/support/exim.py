"""An Exim of a test's own: a client of the server under test, or its next hop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from support.peers import Daemon, environment, run, tree, writable_by
from support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support.certificates import Certificates

CONFIG = """\
primary_hostname = exim.example
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
exim_path = {exim}
pid_file_path = {folder}/exim.pid
notifier_socket =
keep_environment = LD_PRELOAD : LD_LIBRARY_PATH : NSS_WRAPPER_PASSWD : NSS_WRAPPER_GROUP
deliver_drop_privilege = true
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_certificate = {certificate}
tls_privatekey = {key}
tls_advertise_hosts = *
rfc1413_query_timeout = 0s
dns_dnssec_ok = 0
message_size_limit = 50M
accept_8bitmime = true
acl_smtp_rcpt = acl_rcpt
acl_smtp_data = accept
queue_only = false
trusted_users = root
no_local_from_check
untrusted_set_sender = *
begin acl
acl_rcpt:
  accept
begin routers
{routers}
onward:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = onward
begin transports
onward:
  driver = smtp
  protocol = lmtp
  port = {sink}
  allow_localhost
  message_linelength_limit = 1000000
{transports}
begin retry
* * F,2h,5s
"""

ROUTER = """\
to_{mode}:
  driver = manualroute
  domains = {mode}.test
  route_list = * 127.0.0.1
  self = send
  transport = by_{mode}
  no_more
"""

TRANSPORT = """\
by_{mode}:
  driver = smtp
  port = {port}
  allow_localhost
  message_linelength_limit = 1000000
  tls_verify_certificates = {ca}
"""

PASSWD = "root:x:0:0:root:/root:/bin/sh\nDebian-exim:x:8:8::/nonexistent:/bin/false\nnobody:x:65534:65534::/:/bin/false\n"

_MODES = {
    "plain": "  hosts_avoid_tls = *\n",
    "starttls": "  hosts_require_tls = *\n",
    "implicit": "  hosts_require_tls = *\n  protocol = smtps\n",
}


@dataclass(slots=True)
class Exim:
    """An Exim of its own: everything goes on over LMTP to ``sink``, but mail for ``{mode}.test`` to a server spoken to in that mode."""

    folder: Path
    certificates: Certificates
    sink: int
    relays: Mapping[str, int] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    daemon: Daemon | None = None

    @property
    def program(self) -> str:
        """The binary."""
        return str(tree("exim") / "usr/sbin/exim4")

    @property
    def config(self) -> Path:
        """The configuration file."""
        return self.folder / "exim.conf"

    def env(self) -> dict[str, str]:
        """With the account Debian-exim, which the binary wants, known to its processes alone."""
        wrapper = next(tree("nss-wrapper").glob("usr/lib/*/libnss_wrapper.so"))
        return environment(
            "exim",
            LD_PRELOAD=str(wrapper),
            NSS_WRAPPER_PASSWD=str(self.folder / "passwd"),
            NSS_WRAPPER_GROUP=str(self.folder / "group"),
        )

    def prepare(self) -> Exim:
        """Write everything that exim reads; enough for ``send``."""
        for name in ("spool", "log"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            writable_by(self.folder / name, "mail")
        (self.folder / "passwd").write_text(
            "root:x:0:0:root:/root:/bin/sh\nDebian-exim:x:8:8::/nonexistent:/bin/false\nnobody:x:65534:65534::/:/bin/false\n"
        )
        (self.folder / "group").write_text("root:x:0:\nDebian-exim:x:8:\nnogroup:x:65534:\n")
        routers = "".join(ROUTER.format(mode=mode) for mode in self.relays)
        transports = "".join(
            TRANSPORT.format(mode=mode, port=port, ca=self.certificates.ca) + _MODES[mode] for mode, port in self.relays.items()
        )
        paths = {"certificate": self.certificates.certificate, "key": self.certificates.key}
        self.config.write_text(
            CONFIG.format(
                folder=self.folder, exim=self.program, port=self.port, sink=self.sink, routers=routers, transports=transports, **paths
            )
        )
        self.config.chmod(0o644)
        self.certificates.key.chmod(0o644)
        return self

    def start(self) -> Exim:
        """Run the daemon."""
        self.prepare()
        self.daemon = Daemon.start([self.program, "-C", str(self.config), "-bdf", "-q5s"], self.env(), self.folder, self.port)
        return self

    def send(self, content: bytes, sender: str, recipient: str) -> str:
        """Submit and deliver one message in the foreground; the verbose transcript."""
        words = [self.program, "-C", str(self.config), "-v", "-odf", "-oi", "-f", sender, recipient]
        return run(words, self.env(), given=content.replace(b"\r\n", b"\n"), cwd=self.folder).stdout.decode("utf-8", "replace")

    def stop(self) -> None:
        """End it."""
        if self.daemon:
            self.daemon.stop()
