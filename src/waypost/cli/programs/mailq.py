"""``waypost mailq``: the queue, as ``sendmail -bp`` lists it. Knows nothing of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from waypost.cli.programs import postqueue

if TYPE_CHECKING:
    from collections.abc import Sequence

HELP = "list the queue, as Postfix's mailq does"


def run_words(words: Sequence[str]) -> int:
    """List the queue."""
    return postqueue.mailq(words)
