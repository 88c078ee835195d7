"""What stands in the search box, as words of the operator's filter. Pure.

The words are those of the command line (``from:ada@example.org``, ``newer:30m``, an id), several of which must all match; what is none
of them is looked for in subjects.
"""

from __future__ import annotations

import re

from waypost.mail.identifier import is_identifier

LONGEST = 300
"""Characters of a search."""
_WORD = re.compile(r'(?:([a-z]{2,10}):)?(?:"([^"]*)"?|(\S+))', re.IGNORECASE)
_KNOWN = frozenset({"from", "to", "subject", "newer", "older", "state"})


def words(text: str) -> list[str]:
    """``hello world from:@example.org`` is ``subject:hello world`` and ``from:@example.org``; a bare address is whom it was for."""
    said: list[str] = []
    subject: list[str] = []
    for name, quoted, plain in _WORD.findall(text[:LONGEST]):
        value = quoted or plain
        known = name.lower() in _KNOWN
        if known and name.lower() != "subject":
            said.append(f"{name.lower()}:{value}")
        elif known:
            subject.append(value)
        elif not name and not quoted and (is_identifier(plain.upper()) or plain.lower() == "all"):
            said.append(plain)
        elif not name and not quoted and "@" in plain:
            said.append(f"to:{plain}")
        else:
            subject.append(f"{name}:{value}" if name else value)
    if any(subject):
        said.append("subject:" + " ".join(each for each in subject if each))
    return said
