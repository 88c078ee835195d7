"""Loading the configuration as one value: file or dev profile, environment, command line. Rules between settings are ``check``'s."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from waypost.config.dev import dev_sources, machine_name
from waypost.config.problem import ConfigError, Keys, Place, Problem
from waypost.config.read import Reader
from waypost.config.secret import Secrets
from waypost.config.settings import Settings
from waypost.config.sources import Loose, Override, Sources, from_command_line, from_environment, read_file
from waypost.directory.domains import ANY, canonical_domain
from waypost.smtp.errors import AddressError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from waypost.route.settings import TransportSettings

DEFAULT = Place("default")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The configuration that holds."""

    settings: Settings
    dev: bool
    """No file: on loopback, any credentials, any recipient, everything captured."""
    file: Path | None
    sources: Sources

    def place(self, keys: Keys) -> Place:
        """Where a setting was given: ``default`` when nowhere."""
        return self.sources.place(keys) if self.sources.is_given(keys) else DEFAULT


def load(
    file: Path | None,
    *,
    overrides: Sequence[str] = (),
    data: Path | None = None,
    environ: Mapping[str, str],
    reveal: bool = False,
) -> Loaded:
    """The configuration in ``file``, or the dev profile when there is none, with the environment and ``overrides`` on top.

    ``data`` is what --data gave. ``reveal``: read secrets from where they stand; otherwise their references are their values.
    Raises ConfigError with everything that is wrong.
    """
    sources = dev_sources(environ) if file is None else read_file(file)
    given = [*from_environment(environ), *from_command_line(overrides)]
    if data is not None:
        given.append(Override(("data",), Loose(str(data), str(data)), Place("--data")))
    for override in given:
        sources.lay(override)
    reader = Reader(sources, Secrets(environ, dev=file is None, reveal=reveal))
    settings = reader.section(Settings, (), sources.tree)
    if settings is None:
        raise ConfigError(_in_order(reader))
    return Loaded(_finished(settings), file is None, file, sources)


def _in_order(reader: Reader) -> list[Problem]:
    return sorted(reader.problems, key=lambda problem: problem.place.line)


def _finished(settings: Settings) -> Settings:
    """With the machine's name where none is given, and domains in canonical form; those that have none are left to ``check``."""
    domains = replace(
        settings.domains,
        local=tuple(canonical(name) for name in settings.domains.local),
        relay=tuple(canonical(name) for name in settings.domains.relay),
    )
    return replace(
        settings,
        hostname=canonical(settings.hostname) if settings.hostname else machine_name(),
        domains=domains,
        transports=tuple(_matching_canonical(transport) for transport in settings.transports),
    )


def _matching_canonical(transport: TransportSettings) -> TransportSettings:
    patterns = (transport.match,) if isinstance(transport.match, str) else transport.match
    return replace(transport, match=tuple(canonical(pattern) for pattern in patterns))


def canonical(pattern: str) -> str:
    """A domain, ``.domain`` or ``*`` in the form in which it is compared; what is none of them as it is."""
    if pattern == ANY:
        return pattern
    try:
        return f".{canonical_domain(pattern[1:])}" if pattern.startswith(".") else canonical_domain(pattern)
    except AddressError:
        return pattern
