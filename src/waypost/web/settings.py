"""The settings of the web; knows no file format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from waypost.setting import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """``[web]``: pages for browsers, served by a process of their own that touches no spool."""

    bind: Annotated[
        str,
        Setting(
            says="Where the pages are served over HTTP, such as 127.0.0.1:8025; empty: no web process is started. "
            "At an address that others can reach, the reply reference alone is served.",
            restart=True,
        ),
    ] = ""
    inbox: Annotated[
        bool,
        Setting(
            says="Whether captured mail and conversations are shown to whoever can reach a loopback bind. Nobody is asked for a password, "
            "so leave it off where other people have accounts on this machine. A proxy's visitors never see them.",
            restart=True,
        ),
    ] = False
    url: Annotated[
        str,
        Setting(
            says="The address under which the public reaches the pages, such as https://mx.example.org, for links that must be whole "
            "(sitemap, language alternates). Empty: as each request names it.",
            restart=True,
        ),
    ] = ""
    hosts: Annotated[
        tuple[str, ...],
        Setting(
            says="Further host names that a request may name (those of a proxy in front). A request for any other name is refused, so that "
            "no foreign page can reach in by DNS rebinding. With a public bind and an empty list every name is served.",
            restart=True,
        ),
    ] = ()
    proxy: Annotated[
        bool,
        Setting(
            says="Whether a proxy on this machine stands in front and adds its visitor's address to X-Forwarded-For, as its last entry. "
            "Limits are then counted for that address; else for whoever connects.",
            restart=True,
        ),
    ] = False
    check: Annotated[
        bool,
        Setting(
            says="Whether the pages and POST /api/check let visitors have mail servers checked from here. Public addresses alone are "
            "reached, on ports of mail alone; no mail is sent. Who asked for what is logged.",
            restart=True,
        ),
    ] = False
    check_networks: Annotated[
        tuple[str, ...],
        Setting(
            says="Networks that checks may reach though they are not public, or are this machine's own, such as 10.0.0.0/8. Loopback, "
            "if listed, is for whoever asks from this machine. The ports of this server's own listeners, 1025 and 1587 may be asked there "
            "too.",
            restart=True,
        ),
    ] = ()
    check_never: Annotated[
        tuple[str, ...],
        Setting(
            says="Networks that checks never reach though they are public, such as one's own behind the firewall, or a NAT64 prefix. "
            "They win over web.check_networks.",
            restart=True,
        ),
    ] = ()
    check_resolvers: Annotated[
        tuple[str, ...],
        Setting(
            says="Resolvers that checks ask for names, as in dns.resolvers; empty: those. Where they know inner zones that visitors shall "
            "learn nothing of, name others here.",
            restart=True,
        ),
    ] = ()
    check_hourly: Annotated[
        int,
        Setting(
            says="Checks that one client (an IPv4 address, an IPv6 network of 64 bits) may ask for in an hour; all clients together may "
            "ask for ten times as many.",
            unit="checks",
            least=1,
            most=100_000,
            restart=True,
        ),
    ] = 20
    check_at_once: Annotated[
        int,
        Setting(
            says="Checks under way at the same time, of all clients; each client has one.", unit="checks", least=1, most=32, restart=True
        ),
    ] = 4
    check_again: Annotated[
        int,
        Setting(
            says="For so long whoever asks the same is given the answer that was found, with its age, and nothing else of that domain or "
            "host is asked.",
            unit="seconds",
            least=0,
            most=3600,
            restart=True,
        ),
    ] = 60
