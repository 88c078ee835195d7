"""Real mail clients, each called as its users call it; every call gives back the greeting that the client itself reports."""

from __future__ import annotations

import json
import os
import re
import shutil
import smtplib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.peers import environment, program, run, tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.certificates import Certificates

MODES = ("plain", "starttls", "implicit")


@dataclass(frozen=True, slots=True)
class Errand:
    """One message to hand over."""

    port: int
    mode: str
    content: bytes
    folder: Path
    """For files that a client wants."""
    certificates: Certificates
    sender: str = "ada@example.net"
    recipient: str = "grace@example.org"
    smtputf8: bool = False

    def file(self) -> Path:
        """The message as a file."""
        path = self.folder / "message.eml"
        path.write_bytes(self.content)
        return path


def _greeting(pattern: str, said: str) -> str:
    found = re.search(pattern, said, re.MULTILINE)
    assert found, said[-4000:]
    return found[1].strip()


def send_smtplib(errand: Errand) -> str:
    """Python's own."""
    context = errand.certificates.client_context()
    kind = smtplib.SMTP_SSL if errand.mode == "implicit" else smtplib.SMTP
    extra = {"context": context} if errand.mode == "implicit" else {}
    client = kind(local_hostname="client.example", timeout=15, **extra)  # type: ignore[arg-type] # context belongs to SMTP_SSL alone
    try:
        client._host = "localhost"  # type: ignore[attr-defined] # the name that the certificate is checked for
        code, text = client.connect("127.0.0.1", errand.port)
        client.ehlo()
        if errand.mode == "starttls":
            client.starttls(context=context)
            client.ehlo()
        options = ["BODY=8BITMIME", "SMTPUTF8"] if errand.smtputf8 else ["BODY=8BITMIME"]
        refused = client.sendmail(errand.sender, [errand.recipient], errand.content, mail_options=options)
        assert refused == {}, refused
        client.quit()
    finally:
        client.close()
    return f"{code} {text.decode()}"


def send_swaks(errand: Errand) -> str:
    """The Swiss army knife."""
    tls = {"plain": [], "starttls": ["--tls"], "implicit": ["--tls-on-connect"]}[errand.mode]
    errand.file().write_bytes(errand.content.removesuffix(b"\r\n"))  # it ends the last line itself, always
    verify = ["--tls-verify", "--tls-ca-path", str(errand.certificates.ca)] if tls else []
    words = ["perl", program("swaks", "usr/bin/swaks") or "swaks", "--server", "127.0.0.1", "--port", str(errand.port), *tls, *verify]
    words += ["--from", errand.sender, "--to", errand.recipient, "--data", f"@{errand.folder / 'message.eml'}", "--ehlo", "client.example"]
    done = run(words, environment("swaks"), cwd=errand.folder)
    said = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, said[-4000:]
    return _greeting(r"^<[-~]\s+(220 .*)$", said)


def send_curl(errand: Errand) -> str:
    """The one that speaks everything."""
    scheme = "smtps" if errand.mode == "implicit" else "smtp"
    tls = ["--cacert", str(errand.certificates.ca)] if errand.mode != "plain" else []
    tls += ["--ssl-reqd"] if errand.mode == "starttls" else []
    words = [program("curl", "usr/bin/curl") or "curl", "-sS", "-v", f"{scheme}://127.0.0.1:{errand.port}/client.example", *tls]
    words += ["--mail-from", errand.sender, "--mail-rcpt", errand.recipient, "-T", str(errand.file())]
    done = run(words, environment("curl"))
    said = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, said[-4000:]
    return _greeting(r"^< (220 .*)$", said)


def send_msmtp(errand: Errand) -> str:
    """A sendmail for people without one."""
    tls = {"plain": ["--tls=off"], "starttls": ["--tls=on", "--tls-starttls=on"], "implicit": ["--tls=on", "--tls-starttls=off"]}
    trust = [f"--tls-trust-file={errand.certificates.ca}"] if errand.mode != "plain" else []
    words = [program("msmtp", "usr/bin/msmtp") or "msmtp", "--file=/dev/null", "-d", "--host=127.0.0.1", f"--port={errand.port}"]
    words += [*tls[errand.mode], *trust, "--domain=client.example", "--set-date-header=off", "--set-from-header=off"]
    words += ["-f", errand.sender, "--", errand.recipient]
    done = run(words, environment("msmtp"), given=errand.content.replace(b"\r\n", b"\n"))
    said = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, said[-4000:]
    return _greeting(r"^<-- (220 .*)$", said)


PROGRAMS: dict[str, Callable[[Errand], str]] = {
    "swaks": send_swaks,
    "smtplib": send_smtplib,
    "curl": send_curl,
    "msmtp": send_msmtp,
}
"""Clients that are one program call; Postfix and Exim are servers of their own (support.postfix, support.exim)."""


def node() -> list[str] | None:
    """The node that scripts/peers used."""
    own = tree("node") / "node"
    found = str(own) if own.exists() else shutil.which("node")
    return [found] if found and (tree("node") / "node_modules" / "nodemailer").is_dir() else None


NODEMAILER = """\
const nodemailer = require('nodemailer')
const given = JSON.parse(process.argv[2])
nodemailer.createTransport(given.options).sendMail(given.mail)
  .then(info => console.log(JSON.stringify(info)), error => { console.log(String(error)); process.exit(1) })
"""


def send_nodemailer(folder: Path, options: dict[str, object], mail: dict[str, object]) -> str:
    """Nodemailer with exactly these options; the final reply as it reports it."""
    script = folder / "send.cjs"
    script.write_text(NODEMAILER)
    words = [*(node() or []), str(script), json.dumps({"options": options, "mail": mail})]
    done = run(words, {**os.environ, "NODE_PATH": str(tree("node") / "node_modules")})
    said = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, said
    return str(json.loads(said.strip().splitlines()[-1])["response"])


SYMFONY = """\
<?php
require 'Symfony/Component/Mailer/autoload.php';
require 'Symfony/Component/Mime/autoload.php';
$transport = Symfony\\Component\\Mailer\\Transport::fromDsn($argv[1]);
$mail = (new Symfony\\Component\\Mime\\Email())->from($argv[2])->to($argv[3])->subject($argv[4])->text($argv[5]);
(new Symfony\\Component\\Mailer\\Mailer($transport))->send($mail);
echo "sent\\n";
"""


def php() -> list[str] | None:
    """PHP's command line with what Symfony needs, or None."""
    at = tree("php") / "usr"
    binaries = sorted(at.glob("bin/php8*"))
    modules = sorted(at.glob("lib/php/20*"))
    if not (binaries and modules):
        return None
    loads = [word for name in ("ctype", "tokenizer", "mbstring", "iconv", "intl") for word in ("-d", f"extension={name}")]
    return [str(binaries[0]), "-n", "-d", f"extension_dir={modules[0]}", *loads, "-d", f"include_path={at}/share/php"]


def send_symfony(folder: Path, dsn: str, sender: str, recipient: str, subject: str, text: str) -> None:
    """Symfony Mailer with exactly this DSN."""
    script = folder / "send.php"
    script.write_text(SYMFONY)
    done = run([*(php() or []), str(script), dsn, sender, recipient, subject, text], environment("php"))
    said = done.stdout.decode("utf-8", "replace")
    assert (done.returncode, said.strip().splitlines()[-1:]) == (0, ["sent"]), said
