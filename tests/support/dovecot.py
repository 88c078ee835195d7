"""A Dovecot of a test's own, as a next hop over LMTP: it delivers into Maildirs that a test can read."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from support.peers import Daemon, tree, writable_by
from support.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
protocols = lmtp
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
ssl = no
default_internal_user = mail
default_internal_group = mail
default_login_user = nobody
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
mail_uid = mail
mail_gid = mail
postmaster_address = postmaster@example.org
hostname = dovecot.example
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/mail/%u allow_all_users=yes
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
}}
"""


@dataclass(slots=True)
class Dovecot:
    """Its compiled-in paths are satisfied by laying its tree over /usr in a mount namespace of its own: the machine sees nothing of it."""

    folder: Path
    port: int = field(default_factory=free_port)
    daemon: Daemon | None = None

    def start(self) -> Dovecot:
        """Write the configuration and run it."""
        for name in ("run", "state", "mail"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        writable_by(self.folder / "mail", "mail")
        config = self.folder / "dovecot.conf"
        config.write_text(CONFIG.format(folder=self.folder, port=self.port))
        unshare = shutil.which("unshare") or "unshare"
        lay = f"mount -t overlay overlay -o lowerdir={tree('dovecot')}/usr:/usr /usr && exec /usr/sbin/dovecot -F -c {config}"
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        words = [unshare, "-m", "--propagation", "private", "sh", "-c", lay]
        self.daemon = Daemon.start(words, env, self.folder, self.port)
        return self

    def mailbox(self, address: str) -> list[bytes]:
        """The messages delivered to ``address``."""
        return [path.read_bytes() for path in sorted((self.folder / "mail" / address).glob("new/*"))]

    def stop(self) -> None:
        """End it."""
        if self.daemon:
            self.daemon.stop()
