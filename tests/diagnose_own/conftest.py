"""What the tests of the check from inside ask for: a house that is in order, and a resolver that knows nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from diagnose_own.own_kit import House
from support.chains import Leaf
from support.server import configuration, listener
from support.small_names import SmallNames

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def names() -> Iterator[str]:
    """A resolver that knows nothing, at once."""
    served = SmallNames({}).start()
    yield served.address
    served.stop()


@pytest.fixture
def house(folder: Path, names: str) -> House:
    """Data, certificate and configuration in order."""
    tree = configuration(
        folder,
        listeners=[listener("relay", tls="starttls"), listener("submission", tls="starttls")],
        domains={"mailboxes": ["ada@example.org"], "postmaster": "ada@example.org"},
        networks=[],
        tls={"certificate": str(folder / "cert.pem"), "key": str(folder / "key.pem")},
        dns={"resolvers": [names]},
    )
    made = House(folder, tree)
    made.shows(Leaf(names=("mx.example.org",), common_name="mx.example.org"))
    made.data.mkdir(mode=0o700)
    return made
