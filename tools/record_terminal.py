"""Record docs/terminal: real commands against a real server, as casts of asciinema and as pictures; ``--check`` tells if they are fresh.

It runs itself anew in namespaces of its own (root, iproute2), with a net, names and a server that exist there alone; all of it is gone when
it ends. Seconds that a command took are written as 0.2, and the pace of typing is made up: all else is what the programs said.
"""

from __future__ import annotations

import json
import os
import pty
import re
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dns.message
import dns.rcode
import dns.rrset

HOME = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(HOME / "tests"))

from support import toml  # noqa: E402 - of the tests, beside which this stands
from support.certificates import make_certificates  # noqa: E402 - likewise
from terminal_drawing import drawn  # noqa: E402 - behind the path

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET = HOME / "docs/terminal"
WAYPOST = Path(sys.executable).parent / "waypost"
INSIDE = "--inside"
COLUMNS, ROWS = 100, 40
MAIL, OLD = "192.0.2.25", "192.0.2.26"
HERE, ANYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 - in a network of its own
PROMPT, PROMPT_COLOUR = "$ ", "32"
KEY, PAUSE, LINE = 0.045, 1.2, 0.03
"""Seconds of a cast for a key, before and behind a command, and for a line of its output."""

HOSTS = f"127.0.0.1 localhost\n{MAIL} mail.example.org\n{OLD} old.example.org\n"
NAMES = {
    ("mail.example.org.", "TXT"): '"v=spf1 a -all"',
    ("_dmarc.mail.example.org.", "TXT"): '"v=DMARC1; p=reject; rua=mailto:dmarc@example.org"',
    ("_smtp._tls.mail.example.org.", "TXT"): '"v=TLSRPTv1; rua=mailto:tls@example.org"',
    ("default._domainkey.mail.example.org.", "TXT"): '"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="',
}

DMARC = "550 5.7.26 Unauthenticated email from example.net is not accepted due to domain's DMARC policy."


@dataclass(frozen=True, slots=True)
class Act:
    """A command, and how the server stands meanwhile."""

    words: tuple[str, ...]
    bind: str = ANYWHERE
    beside: bool = False
    """Whether an older server runs beside it."""
    remark: str = ""
    """What is typed before the command, for whoever watches."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One recording."""

    name: str
    title: str
    acts: tuple[Act, ...]


CHECK = ("waypost", "check", "mail.example.org")
SEND = ("waypost", "send", "-s", "mail.example.org", "-f", "ada@example.net", "-t", "nobody@example.org", "--tls", "-q", "rcpt")
COMPARE = ("waypost", "compare-servers", "mail.example.org", "old.example.org")
MENDED = '# bind = "127.0.0.1:25" in waypost.toml becomes "0.0.0.0:25", and the server is started anew'

SCENES = (
    Scene(
        "check",
        "waypost check says why a server does not answer, and once it is mended, that it works",
        (Act(CHECK, bind=HERE), Act(CHECK, remark=MENDED)),
    ),
    Scene("explain", "waypost explain says what a reply means, and who must do what", (Act(("waypost", "explain", DMARC)),)),
    Scene("send", "waypost send holds a session and explains each reply that is not plain success", (Act(SEND),)),
    Scene("compare", "waypost compare-servers holds two servers beside each other", (Act(COMPARE, bind=MAIL, beside=True),)),
)


# ---- the world -----------------------------------------------------------------------------------------------


def enter() -> int:
    """Run this tool anew where nobody else is; its exit code."""
    again = [sys.executable, str(Path(__file__).resolve()), INSIDE, *sys.argv[1:]]
    return subprocess.run(["unshare", "--net", "--uts", "--mount", "--propagation", "private", *again], check=False).returncode


def settle(folder: Path) -> None:
    """Addresses, hosts and a resolver."""
    for words in (["link", "set", "lo", "up"], ["address", "add", f"{MAIL}/24", "dev", "lo"], ["address", "add", f"{OLD}/24", "dev", "lo"]):
        subprocess.run(["ip", *words], check=True)
    socket.sethostname("laptop.example.net")
    for name, text in (("hosts", HOSTS), ("resolv.conf", "nameserver 127.0.0.1\n")):
        (folder / name).write_text(text)
        subprocess.run(["mount", "--bind", str(folder / name), f"/etc/{name}"], check=True)
    threading.Thread(target=answer_names, daemon=True).start()


def answer_names() -> None:
    """A name server for what these scenes ask."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 53))
        while True:
            octets, client = listening.recvfrom(4096)
            query = dns.message.from_wire(octets)
            response = dns.message.make_response(query, recursion_available=True)
            question = query.question[0]
            name, kind = question.name.to_text().lower(), question.rdtype.name
            text = NAMES.get((name, kind))
            if text is not None:
                response.answer.append(dns.rrset.from_text(question.name, 300, "IN", kind, text))
            elif not any(known.endswith(name) for known, _ in NAMES):
                response.set_rcode(dns.rcode.NXDOMAIN)
            listening.sendto(response.to_wire(), client)


@contextmanager
def serving(folder: Path, bind: str, *, old: bool = False) -> Iterator[None]:
    """A Waypost for example.org while the body runs; ``old``: without TLS."""
    folder.mkdir(exist_ok=True)
    certificates = make_certificates(folder.parent / "certificates", name="mail.example.org")
    tree: dict[str, object] = {
        "hostname": "old.example.org" if old else "mail.example.org",
        "data": str(folder / "data"),
        "listeners": [{"bind": f"{bind}:25", "role": "relay", "tls": "none" if old else "starttls"}],
        "domains": {"local": ["example.org"], "mailboxes": ["ada@example.org"]},
        "transports": [{"match": "*", "kind": "capture"}],
    }
    if old:
        tree["limits"] = {"message_size": 5_000_000}
    else:
        tree["tls"] = {"certificate": str(certificates.certificate), "key": str(certificates.key)}
    (folder / "waypost.toml").write_text(toml.dump(tree))
    os.environ["SSL_CERT_FILE"] = str(certificates.ca)
    with (folder / "log").open("ab") as log:
        server = subprocess.Popen([str(WAYPOST), "serve", "--config", str(folder / "waypost.toml")], stdout=log, stderr=log)
        try:
            wait_for(MAIL if bind == ANYWHERE else bind, log=folder / "log")
            yield
        finally:
            server.terminate()
            server.wait(20)


def wait_for(host: str, *, log: Path) -> None:
    """Until a server answers. Raises SystemExit with what it said, when it does not."""
    for _ in range(200):
        try:
            socket.create_connection((host, 25), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit(f"nothing answers at {host}: {log.read_text()}")


# ---- recording -----------------------------------------------------------------------------------------------


def run(words: tuple[str, ...]) -> str:
    """What a command shows on a terminal, but for its progress, which would differ each time."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LANG": "C.UTF-8"}
    environment["SSL_CERT_FILE"] = os.environ["SSL_CERT_FILE"]
    near, far = pty.openpty()
    command = [str(WAYPOST), *words[1:]]
    process = subprocess.Popen(command, stdin=far, stdout=far, stderr=subprocess.PIPE, env=environment)
    os.close(far)
    said = b"".join(read(near, process))
    said += process.communicate()[1]
    return re.sub(r"\b\d+\.\d s\b", "0.2 s", said.decode())


def read(near: int, process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Everything that comes on a terminal until the program has ended."""
    while True:
        ended = process.poll() is not None
        ready, _, _ = select.select([near], [], [], 0.05)
        if ready:
            try:
                yield os.read(near, 65_536)
            except OSError:  # how Linux says that nobody holds the other end
                return
        elif ended:
            return


def shell(words: tuple[str, ...]) -> str:
    """A command as it is typed."""
    return " ".join(f'"{word}"' if " " in word else word for word in words)


def perform(scene: Scene, folder: Path) -> Iterator[tuple[str, str]]:
    """What was typed and what came of it."""
    for act in scene.acts:
        with ExitStack() as servers:
            servers.enter_context(serving(folder / "server", act.bind))
            if act.beside:
                servers.enter_context(serving(folder / "old", OLD, old=True))
            if act.remark:
                yield act.remark, ""
            yield shell(act.words), run(act.words)


def cast(record: Iterator[tuple[str, str]], title: str) -> str:
    """The recording for asciinema (asciicast v2)."""
    clock = 0.0
    lines = [json.dumps({"version": 2, "width": COLUMNS, "height": ROWS, "title": title, "env": {"TERM": "xterm-256color"}})]

    def out(text: str, seconds: float) -> None:
        nonlocal clock
        clock = round(clock + seconds, 3)
        lines.append(json.dumps([clock, "o", text], ensure_ascii=False))

    for number, (typed, shown) in enumerate(record):
        if number and typed.startswith("#"):
            out("\r\n", 0)
        out(f"\x1b[{PROMPT_COLOUR}m{PROMPT}\x1b[0m", 0.3)
        for letter in typed:
            out(letter, KEY)
        out("\r\n", PAUSE / 2)
        for line in shown.replace("\r\n", "\n").splitlines(keepends=True):
            out(line.replace("\n", "\r\n"), LINE)
        out("", PAUSE)
    return "\n".join(lines) + "\n"


def screen(played: str) -> str:
    """What stands on the terminal when a cast is over."""
    events = [json.loads(line) for line in played.splitlines()[1:]]
    return "".join(text for _, _, text in events).replace("\r\n", "\n").rstrip("\n")


def files(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file of docs/terminal and what stands in it."""
    settle(folder)
    for scene in SCENES:
        played = cast(perform(scene, folder), scene.title)
        yield f"{scene.name}.cast", played
        yield f"{scene.name}.svg", drawn(screen(played), scene.title, columns=COLUMNS)


def main() -> int:
    """Record, or check freshness."""
    if INSIDE not in sys.argv:
        return enter()
    stale = []
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # servers give up root
        for name, text in files(Path(folder)):
            path = TARGET / name
            if "--check" not in sys.argv:
                TARGET.mkdir(exist_ok=True)
                path.write_text(text, "utf-8")
            elif not path.exists() or path.read_text("utf-8") != text:
                stale.append(name)
    if "--check" in sys.argv:
        print(f"docs/terminal is stale ({', '.join(stale)}): run tools/record_terminal.py" if stale else "docs/terminal is fresh")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
