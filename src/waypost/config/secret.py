"""Secrets stand outside the configuration: ``file:PATH``, ``cred:NAME``, in the dev profile ``env:NAME``. Knows no setting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST = 4096
"""Octets of a secret."""

_HOW = "write file:PATH for a file that holds it, or cred:NAME for a credential of systemd"


class SecretError(ValueError):
    """It cannot be had; the text says why and what to write, never the secret."""


class Secret(str):
    """A secret's text; nothing that prints values shows it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(hidden)"


@dataclass(frozen=True, slots=True)
class Secrets:
    """The places from which secrets may come."""

    environ: Mapping[str, str]
    dev: bool
    reveal: bool
    """Whether they are read; otherwise their references stand in the settings, for commands that need none."""

    def find(self, reference: str, base: Path) -> Secret:
        """The secret that ``reference`` names; relative files are taken from ``base``. Raises SecretError."""
        scheme, colon, name = reference.partition(":")
        if not colon or scheme not in ("file", "cred", "env") or not name:
            raise SecretError(f"a secret never stands here itself: {_HOW}")
        match scheme:
            case "env":
                return self._variable(name)
            case "file":
                return self._text(base / Path(name).expanduser(), reference)
            case _:
                return self._credential(name, reference)

    def _variable(self, name: str) -> Secret:
        if not self.dev:
            raise SecretError(f"env: is for the dev profile alone, for the environment of a process can be read by others: {_HOW}")
        if not self.environ.get(name):
            raise SecretError(f"the environment variable {name} is not set")
        return Secret(self.environ[name])

    def _credential(self, name: str, reference: str) -> Secret:
        folder = self.environ.get("CREDENTIALS_DIRECTORY")
        if not self.reveal:
            return Secret(reference)
        if not folder:
            raise SecretError(f"cred:{name} needs $CREDENTIALS_DIRECTORY, which systemd sets for a unit with LoadCredential={name}:PATH")
        if "/" in name or name in (".", ".."):
            raise SecretError("the name of a credential holds no slash")
        return self._text(Path(folder) / name, reference)

    def _text(self, file: Path, reference: str) -> Secret:
        if not self.reveal:
            return Secret(reference)
        try:
            with file.open("rb") as source:
                octets = source.read(LARGEST + 1)
        except OSError as fault:
            raise SecretError(f"{file}: {fault.strerror}") from fault
        if len(octets) > LARGEST:
            raise SecretError(f"{file} is larger than {LARGEST} octets: that is no secret")
        try:
            text = octets.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError as fault:
            raise SecretError(f"{file} is not UTF-8") from fault
        if not text or any(letter in text for letter in "\r\n\0"):
            raise SecretError(f"{file} must hold the secret on one line, and nothing else")
        return Secret(text)
