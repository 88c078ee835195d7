"""Reading whole messages: reports of failure in any form, and what is none; mailboxes of them. Knows no network and writes no prose."""

from waypost.replies.bounce.read import read_message

__all__ = ["read_message"]
