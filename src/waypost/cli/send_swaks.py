"""swaks' options that ``waypost send`` has not, each with the nearest of ours; and the protocols that it names. Facts alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_SASL = "DIGEST-MD5 and NTLM are not spoken; --auth-identity is the authorization identity"
_NEVER = "a dump never holds a password"

ELSEWHERE: Mapping[str, str] = {
    "--auth-extra": _SASL,
    "-ae": _SASL,
    "--dump-as-body-shows-password": _NEVER,
    "-dabsp": _NEVER,
}
"""Each option, and what to use instead, as the end of a sentence."""

VERSIONS: Mapping[str, str] = {"tlsv1": "TLSv1", "tlsv1_1": "TLSv1_1", "tlsv1_2": "TLSv1_2", "tlsv1_3": "TLSv1_3"}
"""swaks' names of versions of TLS, and those of the library; older ones nobody speaks any more."""

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
