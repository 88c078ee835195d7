"""Which settings of a new configuration a running server cannot take up: those that their declaration marks. Knows no server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from waypost.config.problem import ConfigError, Keys, Problem, dotted
from waypost.config.schema import EACH, leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waypost.config.load import Loaded
    from waypost.config.settings import Settings

SAYS = "cannot change while the server runs: restart it for this, or take the change back"


def demand_reloadable(loaded: Loaded, old: Settings) -> None:
    """Raise ConfigError with every setting that differs from ``old`` and needs a restart: then nothing of it is taken up."""
    problems = [Problem(loaded.place(keys), dotted(keys), SAYS) for keys in needing_restart(old, loaded.settings)]
    if problems:
        raise ConfigError(problems)


def needing_restart(old: Settings, new: Settings) -> Iterator[Keys]:
    """The settings marked ``restart`` whose values differ; a list of tables is one setting."""
    seen: set[Keys] = set()
    for path, entry in leaves():
        keys = path[: path.index(EACH)] if EACH in path else path
        if entry.setting.restart and keys not in seen and _value(old, keys) != _value(new, keys):
            seen.add(keys)
            yield keys


def _value(settings: Any, keys: Keys) -> Any:
    for key in keys:
        settings = getattr(settings, str(key))
    return settings
