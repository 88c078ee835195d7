"""The same verbs over several processes: asks each and joins what they say. Knows no terminal.

The control socket of the data directory belongs to the first worker; it answers for all by asking the others at their shards' sockets.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from waypost.net.control import ControlError, NobodyThereError, ask
from waypost.operate.joining import first, join
from waypost.operate.paging import PAGED
from waypost.operate.verbs import OperatorError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from waypost.operate.verbs import Verbs


class Remote:
    """The verbs of another process, behind its socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        """Ask it. Raises OperatorError; a process that is starting or gone answers nothing (None)."""
        try:
            return await ask(self._path, verb, args)
        except NobodyThereError:
            return None
        except ControlError as error:
            raise OperatorError(str(error)) from error


class Fleet:
    """All processes as one."""

    def __init__(self, members: Sequence[Verbs]) -> None:
        self._members = tuple(members)

    async def call(self, verb: str, args: dict[str, Any]) -> Any:
        """Do ``verb`` everywhere and join the answers. Raises OperatorError."""
        if len(self._members) == 1:
            return await self._members[0].call(verb, args)
        if verb in PAGED:
            try:
                return await PAGED[verb]([partial(member.call, verb) for member in self._members], args)
            except ValueError as error:
                raise OperatorError(f"{verb} was asked wrongly: {error!r}") from error
        if verb == "inbox.wait":
            return await first([member.call(verb, args) for member in self._members])
        answers = await asyncio.gather(*[member.call(verb, args) for member in self._members])
        return join(verb, [answer for answer in answers if answer is not None], limit=args.get("limit"))
