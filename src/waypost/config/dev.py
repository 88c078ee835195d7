"""The dev profile: what holds when there is no configuration file. Knows no server.

On loopback alone; any credentials, in the clear too; any recipient; everything is captured and nothing leaves. It is a tree of raw
values like a file's, so that the same reader and the same rules judge it, and ``--set`` and the environment work on top.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waypost.config.problem import Keys, Place
from waypost.config.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROFILE = "dev profile"


def dev_sources(environ: Mapping[str, str]) -> Sources:
    """The tree of the dev profile."""
    tree: dict[str, Any] = {
        "hostname": machine_name(),
        "data": str(dev_data(environ)),
        "listeners": [
            {"role": "relay", "bind": "127.0.0.1:1025", "tls": "none"},
            {"role": "submission", "bind": "127.0.0.1:1587", "tls": "starttls"},
            {"role": "submission", "bind": "127.0.0.1:1465", "tls": "implicit"},
        ],
        "domains": {"local": ["*"]},
        "auth": {"anyone": True},
        "transports": [{"match": "*", "kind": "capture"}],
        "web": {
            "bind": "127.0.0.1:8025",
            "inbox": True,
            "check": True,
            "check_networks": ["127.0.0.0/8", "::1/128"],
            "check_hourly": 3600,
            "check_again": 0,
        },
    }
    place = Place(PROFILE)
    return Sources(tree, Path.cwd(), PROFILE, dict.fromkeys(_paths(tree), place))


def dev_data(environ: Mapping[str, str]) -> Path:
    """Where the dev profile keeps its mail: ``$XDG_STATE_HOME/waypost``, by default ``~/.local/state/waypost``."""
    home = environ.get("XDG_STATE_HOME", "")
    # A relative path there is to be ignored, by the specification of XDG base directories.
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".local/state") / "waypost"


def machine_name() -> str:
    """The machine's own name, never asked of the DNS; localhost where it has none that a server could give."""
    name = platform.node().strip().rstrip(".").lower()
    return (
        name if name.isascii() and name.replace("-", "a").replace(".", "a").isalnum() and not name.startswith(("-", ".")) else "localhost"
    )


def _paths(tree: Any, above: Keys = ()) -> Iterator[Keys]:
    rows = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in rows:
        yield (*above, key)
        yield from _paths(value, (*above, key))
