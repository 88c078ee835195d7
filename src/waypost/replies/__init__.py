"""What is said: the catalogue of replies and the only maker of them. Knows no network, no log, no database."""

from waypost.replies.catalogue import say
from waypost.replies.keys import Key
from waypost.replies.reply import Reply, Severity

__all__ = ["Key", "Reply", "Severity", "say"]
