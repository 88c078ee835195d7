"""What lies in a data directory is for the server's user alone."""

from __future__ import annotations

import smtplib
import stat
from typing import TYPE_CHECKING

from support.server import Waypost, configuration, listener, port_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_nobody_else_may_read_what_is_kept(start_waypost: Callable[..., Waypost], folder: Path) -> None:
    """Whatever the umask of whoever started it: no file or folder of spool, inbox, history or segments has a bit for group or others."""
    tree = configuration(folder, listeners=[listener("relay")], transports=[{"match": "*", "kind": "hold"}])
    server = start_waypost(tree, prefix=("sh", "-c", 'umask 000; exec "$@"', "sh"))
    with smtplib.SMTP("127.0.0.1", port_of(tree)) as client:
        client.sendmail("ada@example.net", ["bob@example.org"], b"Subject: large\r\n\r\n" + b"x" * 70 * 1000 + b"\r\n")
    server.stop()
    server.command("queue", "hold", "all")
    data = folder / "data"
    open_to_others = {
        str(path.relative_to(data)): oct(stat.S_IMODE(path.lstat().st_mode)) for path in data.rglob("*") if path.lstat().st_mode & 0o077
    }
    assert open_to_others == {}
    assert stat.S_IMODE(data.stat().st_mode) & 0o077 == 0
