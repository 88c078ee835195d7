"""What the tests of the check from inside share: a server that is in order and not started, to be spoilt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization

from support.chains import Leaf, make, pem

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class House:
    """A server that is in order and not started, to be spoilt."""

    folder: Path
    tree: dict[str, Any]

    @property
    def certificate(self) -> Path:
        """Its file."""
        return self.folder / "cert.pem"

    @property
    def key(self) -> Path:
        """Its file."""
        return self.folder / "key.pem"

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.folder / "data"

    @property
    def port(self) -> int:
        """Of the first listener."""
        return int(self.tree["listeners"][0]["bind"].rpartition(":")[2])

    def shows(self, leaf: Leaf) -> None:
        """Another certificate."""
        chain, key = make(leaf)
        self.certificate.write_bytes(pem(chain))
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        self.key.write_bytes(secret)
        self.key.chmod(0o600)
