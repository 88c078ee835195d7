"""swaks' options that ``waypost send`` has not, each with the nearest of ours; and the protocols that it names. Facts alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE = "the transcript goes to standard output, where a redirection (>) takes it"
_NO_HINTS = "the four columns before each line stay; --json gives them apart from the text"
_XCLIENT = "XCLIENT is sent, or the session ends; --xclient-no-verify sends it where it is not offered"

ELSEWHERE: Mapping[str, str] = {
    "--pipe": "a program cannot be talked to, a server can (--server), and a UNIX socket (--socket)",
    "--prdr": "answers for each recipient come by LMTP alone (--protocol LMTP)",
    "--copy-routing": "without --server, the exchangers of the recipient's domain are asked",
    "--local-interface": "the system chooses the address to connect from; -4 and -6 choose its family",
    "-li": "the system chooses the address to connect from; -4 and -6 choose its family",
    "--local-port": "the system chooses the port to connect from",
    "-lp": "the system chooses the port to connect from",
    "--tls-protocol": "TLS 1.2 and newer are spoken, and nothing older",
    "-tlsp": "TLS 1.2 and newer are spoken, and nothing older",
    "--tls-cipher": "the ciphers are those that OpenSSL holds for safe",
    "--tls-get-peer-cert": "`waypost check HOST` shows the certificate",
    "--auth-optional-strict": "--auth-optional goes on where no login is possible, --auth ends",
    "-aos": "--auth-optional goes on where no login is possible, --auth ends",
    "--auth-extra": "DIGEST-MD5 and NTLM are not spoken; --auth-identity is the authorization identity",
    "-ae": "DIGEST-MD5 and NTLM are not spoken; --auth-identity is the authorization identity",
    "--auth-map": "mechanisms are called by their registered names in --auth",
    "-am": "mechanisms are called by their registered names in --auth",
    "--auth-plaintext": "--show-auth shows what is sent, as it is sent",
    "-apt": "--show-auth shows what is sent, as it is sent",
    "--xclient-delim": "--xclient TEXT sends one XCLIENT of its own, and may be repeated",
    "--xclient-before-starttls": "XCLIENT follows STARTTLS; with --no-tls it follows the first EHLO",
    "--xclient-optional": _XCLIENT,
    "--xclient-optional-strict": _XCLIENT,
    "--proxy": "--proxy-source and --proxy-dest make the header",
    "--proxy-family": "it follows from --proxy-source",
    "--proxy-protocol": "it is always a stream",
    "--attach-body": "--body is the body, --attach a part beside it",
    "--dump": "--dump-mail prints the message, --json all that was said",
    "--dump-as-body": "--body gives the body",
    "-dab": "--body gives the body",
    "-g": "--data - reads the message from standard input",
    "--no-strip-from": "--no-data-fixup sends --data as it is",
    "-nsf": "--no-data-fixup sends --data as it is",
    "--no-info-hints": _NO_HINTS,
    "-nih": _NO_HINTS,
    "--no-send-hints": _NO_HINTS,
    "-nsh": _NO_HINTS,
    "--no-receive-hints": _NO_HINTS,
    "-nrh": _NO_HINTS,
    "--no-hints": _NO_HINTS,
    "-nth": _NO_HINTS,
    "--show-raw-text": "control characters are shown as \\x.. in the transcript",
    "-raw": "control characters are shown as \\x.. in the transcript (--raw LINE says a line)",
    "--output": _FILE,
    "--output-file": _FILE,
    "--output-file-stdout": _FILE,
    "--output-file-stderr": _FILE,
    "--protect-prompt": "a password that is asked for is never shown",
    "-pp": "a password that is asked for is never shown",
    "--silent": "--quiet shows only what went wrong, --hide-all nothing",
    "-S": "--quiet shows only what went wrong, --hide-all nothing",
    "--force-getpwuid": "--from names the sender",
    "--support": "every mechanism and extension is always there",
    "--config": "options are given on the command line",
}
"""Each option, and what to use instead, as the end of a sentence."""

PROTOCOLS: Mapping[str, tuple[str, str, int, bool]] = {
    "SMTP": ("SMTP", "", 25, False),
    "SMTPS": ("SMTP", "implicit", 465, False),
    "SSMTP": ("ESMTP", "implicit", 465, False),
    "SSMTPA": ("ESMTP", "implicit", 465, True),
    "ESMTP": ("ESMTP", "", 25, False),
    "ESMTPA": ("ESMTP", "", 25, True),
    "ESMTPS": ("ESMTP", "required", 25, False),
    "ESMTPSA": ("ESMTP", "required", 25, True),
    "LMTP": ("LMTP", "", 24, False),
    "LMTPA": ("LMTP", "", 24, True),
    "LMTPS": ("LMTP", "required", 24, False),
    "LMTPSA": ("LMTP", "required", 24, True),
}
"""Each name: which hello, which TLS, which port, and whether to log in."""
