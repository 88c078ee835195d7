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
