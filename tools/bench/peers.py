"""The servers that are measured: each is made fresh in a place, in a control group of its own, and ended by its own pids.

Waypost stands here with the same right as the others. What the kit named by WAYPOST_PEERS offers more can be named as ``kit:NAME``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tools.bench.machine import Group
from tools.bench.place import BUILD, HOME, PEERS, Place

if TYPE_CHECKING:
    from collections.abc import Callable

POSTFIX = PEERS / "postfix"
AIOSMTPD = PEERS / "venv" / "bin" / "python"
KIT = Path(os.environ.get("WAYPOST_PEERS") or HOME.parent / "shared" / "peers")
SINK_PORT = 24700
QUEUES = ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "maildrop", "pid", "private", "public")


class NoPeerError(Exception):
    """This peer cannot run here; the text says why."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a peer is made in a place: the words that start it and its environment."""

    port: int
    make: Callable[[Path, int], tuple[list[str], dict[str, str]]]
    needs: Path
    durable: str


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postfix_environment(folder: Path) -> dict[str, str]:
    """Where Postfix's programs find their libraries and their configuration."""
    return {"PATH": os.environ["PATH"], "LC_ALL": "C", "LD_LIBRARY_PATH": f"{POSTFIX}/usr/lib/postfix", "MAIL_CONFIG": str(folder / "etc")}


MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

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
import_environment = MAIL_CONFIG TZ LANG=C LD_LIBRARY_PATH
export_environment = TZ MAIL_CONFIG LANG LD_LIBRARY_PATH
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = bench.example
mydestination =
alias_maps =
local_recipient_maps =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{sink}
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = {hold} permit_mynetworks, reject
default_process_limit = {processes}
message_size_limit = 52428800
maillog_file = {folder}/mail.log
maillog_file_prefixes = /
"""


def postfix(*, hold: bool = True, tls: bool = False, processes: int = 250) -> Callable[[Path, int], tuple[list[str], dict[str, str]]]:
    """Postfix that keeps everything in its hold queue, or relays to the sink."""

    def make(folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
        for name in ("etc", "data", *(f"spool/{queue}" for queue in QUEUES)):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for queue in QUEUES:
            owner = "root" if queue == "pid" else "mail"
            shutil.chown(folder / "spool" / queue, owner, "games" if queue in ("maildrop", "public") else None)
        shutil.chown(folder / "data", "mail")
        places = {"tree": POSTFIX, "folder": folder, "sink": SINK_PORT, "processes": processes}
        text = MAIN.format(**places, hold="check_client_access static:HOLD," if hold else "")
        if tls:
            certificate, key = certificates()
            text += f"smtpd_tls_security_level = may\nsmtpd_tls_cert_file = {certificate}\nsmtpd_tls_key_file = {key}\n"
        (folder / "etc" / "main.cf").write_text(text)
        (folder / "etc" / "master.cf").write_text(MASTER.format(port=port))
        (folder / "etc" / "dynamicmaps.cf").write_text("")
        return [f"{POSTFIX}/usr/lib/postfix/sbin/master", "-c", str(folder / "etc"), "-d"], postfix_environment(folder)

    return make


WAYPOST = """\
hostname = "mx.bench.example"
data = "{folder}/data"
{extra}
[[listeners]]
role = "relay"
bind = "127.0.0.1:{port}"
tls = "{tls}"
[domains]
local = ["dst.test"]
relay = []
[relay]
networks = ["127.0.0.0/8"]
[[transports]]
match = "*"
{transport}
"""


def waypost(*, hold: bool = True, tls: bool = False, more: str = "") -> Callable[[Path, int], tuple[list[str], dict[str, str]]]:
    """Waypost that holds everything in its queue, or relays to the sink; all else as it comes."""

    def make(folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
        transport = 'kind = "hold"' if hold else f'kind = "smtp"\nhosts = ["127.0.0.1:{SINK_PORT}"]'
        text = WAYPOST.format(folder=folder, port=port, extra=more, tls="starttls" if tls else "none", transport=transport)
        if tls:
            certificate, key = certificates()
            text += f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n'
        (folder / "waypost.toml").write_text(text)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WAYPOST")}
        return [str(Path(sys.executable).parent / "waypost"), "serve", "--config", str(folder / "waypost.toml")], kept

    return make


def aiosmtpd(how: str) -> Callable[[Path, int], tuple[list[str], dict[str, str]]]:
    """Aiosmtpd on uvloop: discard, mailbox or tls."""

    def make(folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
        rest = {"mailbox": [str(folder / "Maildir")], "tls": [str(path) for path in certificates()] if how == "tls" else []}.get(how, [])
        return [str(AIOSMTPD), str(Path(__file__).with_name("aiosmtpd_server.py")), str(port), how, *rest], dict(os.environ)

    return make


def sink(folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
    """smtp-sink, which discards."""
    return [f"{POSTFIX}/usr/sbin/smtp-sink", "-u", "nobody", "-m", "20000", f"127.0.0.1:{port}", "4096"], postfix_environment(folder)


def certificates() -> tuple[Path, Path]:
    """One P-256 certificate for all peers."""
    certificate, key = BUILD / "cert.pem", BUILD / "key.pem"
    if not key.exists():
        sys.path.insert(0, str(HOME / "tests"))
        from support.certificates import make_certificates  # noqa: PLC0415 - the tests' maker, needed once

        made = make_certificates(BUILD / "tls", name="bench.example")
        shutil.copy(made.certificate, certificate)
        shutil.copy(made.key, key)
        key.chmod(0o644)
    return certificate, key


RECIPES = {
    "waypost": Recipe(24710, waypost(), HOME, "yes: the commit is on disk before 250"),
    "waypost-relay": Recipe(24711, waypost(hold=False), HOME, "yes"),
    "waypost-tls": Recipe(24712, waypost(tls=True), HOME, "yes"),
    "postfix": Recipe(24720, postfix(), POSTFIX / ".whole", "yes: the queue file is synced before 250"),
    "postfix-relay": Recipe(24721, postfix(hold=False), POSTFIX / ".whole", "yes"),
    "postfix-tls": Recipe(24722, postfix(tls=True), POSTFIX / ".whole", "yes"),
    "smtp-sink": Recipe(24730, sink, POSTFIX / ".whole", "no: discards; the limit of driver and loopback"),
    "aiosmtpd": Recipe(24740, aiosmtpd("discard"), AIOSMTPD, "no: discards"),
    "aiosmtpd-mailbox": Recipe(24741, aiosmtpd("mailbox"), AIOSMTPD, "nearly: the file is synced, its folder is not"),
    "aiosmtpd-tls": Recipe(24742, aiosmtpd("tls"), AIOSMTPD, "no: discards"),
}


@dataclass(slots=True)
class Peer:
    """One running server."""

    name: str
    port: int
    group: Group
    process: subprocess.Popen[bytes] | None = None
    log: Path = field(default_factory=Path)

    def cpu(self) -> float:
        """Seconds so far."""
        return self.group.cpu()

    def stop(self) -> None:
        """End exactly its processes."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in self.group.pids():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            for _ in range(150):
                if self.process is not None:
                    self.process.poll()
                if not self.group.pids():
                    break
                time.sleep(0.1)
        self.group.remove()


def start(name: str, place: Place) -> Peer:
    """Start a peer in a place and wait until it answers. Raises NoPeerError."""
    if name.startswith("kit:"):
        return _start_kit(name.removeprefix("kit:"))
    recipe = RECIPES[name]
    if not recipe.needs.exists():
        raise NoPeerError(f"{name}: {recipe.needs} is not there (scripts/peers fetch --bench)")
    if name.startswith("postfix") and os.geteuid() != 0:
        raise NoPeerError("Postfix needs root")
    words, environment = recipe.make(place.path, recipe.port)
    group = Group(name)
    group.create()
    log = place.path / "stdout.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*group.entering(), *words],
            cwd=place.path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    group.leader = process.pid
    peer = Peer(name, recipe.port, group, process, log)
    if not answers(recipe.port, process):
        said = log.read_text(errors="replace")[-500:]
        peer.stop()
        raise NoPeerError(f"{name} does not answer: {said}")
    return peer


def answers(port: int, process: subprocess.Popen[bytes] | None = None, *, seconds: float = 20) -> bool:
    """Whether a greeting comes in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as probe:
            probe.settimeout(5)
            if probe.recv(4) == b"220 ":
                return True
        if process is not None and process.poll() is not None:
            return False
        time.sleep(0.05)
    return False


class _KitGroup(Group):
    """The control group that the kit's own scripts make."""

    @property
    def path(self) -> Path:
        """As the kit names it."""
        return Path("/sys/fs/cgroup/cpuacct") / f"perf-{self.name}"


@dataclass(slots=True)
class KitPeer(Peer):
    """A server that the kit starts and stops."""

    def stop(self) -> None:
        """By the kit."""
        kit("stop", self.name)


def kit(*words: str) -> str:
    """Call the kit's ``peer``. Raises NoPeerError."""
    done = subprocess.run(
        [str(KIT / "peer"), *words], env={**os.environ, "FRESHFS": "1"}, capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        raise NoPeerError(f"the kit's {' '.join(words)}: {done.stderr.strip()[-200:]}")
    return done.stdout.strip()


def kit_peers() -> list[str]:
    """What the kit offers and can start."""
    if not (KIT / "peer").exists() or not Path(os.environ.get("PERF", "/var/tmp/smtp-peers")).is_dir():  # noqa: S108 - the kit's own default
        return []
    return kit("list").split()


def _start_kit(name: str) -> Peer:
    if name not in kit_peers():
        raise NoPeerError(f"the kit offers no {name}")
    kit("start", name)
    return KitPeer(name, int(kit("port", name)), _KitGroup(name))
