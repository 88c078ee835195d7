"""Programs of Debian that hand mail to sendmail, each called as its users call it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from support import clients
from support.peers import environment, program, run, tree
from support.server import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.server import Waypost

SCRIPT = Path(__file__).resolve().parents[2] / "contrib" / "sendmail"
NAMES = ("sendmail", "mailq", "newaliases", "postqueue", "postsuper", "postcat")


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody's machine: where the programs are linked, and what is in the environment."""

    folder: Path
    server: Waypost
    sender: str
    recipient: str
    subject: str

    @property
    def sendmail(self) -> Path:
        """The drop-in, linked under its name."""
        return self.folder / "sendmail"

    def environ(self, peer: str = "") -> dict[str, str]:
        """The environment of a program, and of the sendmail that it starts."""
        found = environment(peer) if peer else {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        return {**found, "HOME": str(self.folder), "WAYPOST_CONFIG": str(self.server.config), "WAYPOST": str(PROGRAM)}

    def run(self, words: list[str], env: dict[str, str], given: bytes = b"") -> None:
        """Run it to its end, which must be good."""
        done = run(words, env, given=given, cwd=self.folder)
        assert done.returncode == 0, done.stdout.decode("utf-8", "replace")[-3000:]


def link(folder: Path) -> None:
    """Link contrib/sendmail under every name, as docs/sendmail.md says."""
    for name in NAMES:
        (folder / name).symlink_to(SCRIPT)


def cron(caller: Caller) -> None:
    """Debian's cron: popen of a command line by the shell, with these words and these fields."""
    text = (
        "From: root (Cron Daemon)\nTo: root\n"
        f"Subject: {caller.subject}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
        "X-Cron-Env: <SHELL=/bin/sh>\nX-Cron-Env: <HOME=/root>\n\nwhat the job said: \N{LATIN SMALL LETTER E WITH ACUTE}\n.\nand more\n"
    )
    caller.run(["sh", "-c", f"{caller.sendmail} -i -FCronDaemon -B8BITMIME -oem root"], caller.environ(), text.encode())


def php_mail(caller: Caller) -> None:
    """PHP's mail() with additional parameters, as web applications call it."""
    php = clients.php() or ["php"]
    code = f"exit(mail('{caller.recipient}', '{caller.subject}', \"text\\n.\\nmore\", \"X-By: php\", '-f{caller.sender}') ? 0 : 1);"
    caller.run([*php, "-d", f"sendmail_path={caller.sendmail} -t -i", "-r", code], caller.environ("php"))


def git_send_email(caller: Caller) -> None:
    """Git's send-email with a patch."""
    patch = caller.folder / "0001-change.patch"
    patch.write_text(
        f"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\nFrom: Ada <{caller.sender}>\n"
        f"Date: Mon, 23 Nov 2026 12:00:00 +0000\nSubject: [PATCH] {caller.subject}\n\nA change.\n---\n a | 1 +\n.\n-- \n2.39\n"
    )
    script = tree("git-email") / "usr/lib/git-core/git-send-email"
    (caller.folder / "repository").mkdir(exist_ok=True)
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "Ada"), ("EMAIL", caller.sender))}
    env = {**caller.environ("git-email"), **who, "GIT_CONFIG_NOSYSTEM": "1"}
    words = ["perl", str(script), f"--sendmail-cmd={caller.sendmail}", f"--from=Ada <{caller.sender}>", f"--to={caller.recipient}"]
    caller.run(["git", "init", "-q", "."], env)
    caller.run([*words, "--confirm=never", "--quiet", "--suppress-cc=all", "--envelope-sender=auto", str(patch)], env)


def mutt(caller: Caller) -> None:
    """Mutt in batch mode."""
    rc = caller.folder / "muttrc"
    rc.write_text(
        f'set sendmail="{caller.sendmail} -oem -oi"\nset from={caller.sender}\nset use_envelope_from=yes\nset copy=no\n'
        f"set use_8bitmime=yes\nset folder={caller.folder}\nset hostname=mx.example.org\nset dsn_notify=failure\n"
    )
    words = [program("mutt", "usr/bin/mutt") or "mutt", "-F", str(rc), "-n", "-s", caller.subject, "--", caller.recipient]
    caller.run(words, caller.environ("mutt"), b"text\n.\nmore\n")


def mailutils(caller: Caller) -> None:
    """``mail`` of GNU Mailutils."""
    words = [program("mailutils", "usr/bin/mail.mailutils") or "mail", "--no-config", "-s", caller.subject, "-r", caller.sender]
    words += ["-E", f'set sendmail="sendmail://{caller.sendmail}"', caller.recipient]
    caller.run(words, caller.environ("mailutils"), b"text\nmore\n")


def s_nail(caller: Caller) -> None:
    """S-nail, the BSD ``mail``."""
    words = [program("s-nail", "usr/bin/s-nail") or "s-nail", "-:/", "-Smta=" + str(caller.sendmail), "-Ssendwait", "-Sv15-compat"]
    caller.run([*words, "-s", caller.subject, "-r", caller.sender, caller.recipient], caller.environ("s-nail"), b"text\nmore\n")


PROGRAMS: dict[str, tuple[str, Callable[[Caller], None]]] = {
    "cron": ("", cron),
    "php": ("php", php_mail),
    "git": ("git-email", git_send_email),
    "mutt": ("mutt", mutt),
    "mailutils": ("mailutils", mailutils),
    "s-nail": ("s-nail", s_nail),
}
"""By name: the peer that it needs, and how it is called."""
