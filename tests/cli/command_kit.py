"""What the tests of the commands share: a server, its ports, and the commands as they are typed beside it."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from support.server import Waypost
from waypost.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path


MESSAGE = b"From: Ada <ada@example.net>\r\nTo: bob@example.org\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n\r\nhello\x1b[31m\r\n"
ID = r"[0-7][0-9A-HJKMNP-TV-Z]{25}"


@dataclass(frozen=True)
class Place:
    """A server and the port to talk to."""

    server: Waypost
    port: int

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """The command in this process, which is many times faster than a new one; its output is a pipe's."""
        where = ["--config", str(self.server.config)] if self.server.tree is not None and words[0] != "serve" else []
        out, err = io.StringIO(), io.StringIO()
        with patch.dict(os.environ, self.server.environ(), clear=True), redirect_stdout(out), redirect_stderr(err):
            code = main([*words, *where])
        return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)


def announced(server: Waypost) -> list[int]:
    """The ports that the server says it listens on."""
    return [int(port) for port in re.findall(r"(?m)^  (?:relay|submission) +127\.0\.0\.1:(\d+)", server.output())]


def dev_server(folder: Path) -> Waypost:
    """The dev profile, on whatever ports are free."""
    free = [word for at in range(3) for word in ("--set", f"listeners.{at}.bind=127.0.0.1:0")]
    return Waypost(folder, None, [*free, "--set", "web.bind="])
