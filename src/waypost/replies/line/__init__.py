"""Reading what other servers say: a code, a reply line, a line of a log. Knows no network and writes no prose."""

from waypost.replies.line.read import read_line

__all__ = ["read_line"]
