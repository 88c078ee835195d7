"""Content on its way in: where DATA truly ends, dots unstuffed, line ends judged, octets counted. Knows no session.

RFC 5321 sections 2.3.8, 4.1.1.4 and 4.5.2; RFC 1870 section 5; RFC 3030 section 2. Octets are searched, never walked line by line.
The same octets, cut anywhere, give the same content and the same judgement.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from waypost.replies import Key, say

if TYPE_CHECKING:
    from waypost.replies import Reply
    from waypost.smtp.lines import Waiting

_END = b"\r\n.\r\n"
_OTHERS = bytes(octet for octet in range(256) if octet not in b"\r\n\0")
_LONE_CR = re.compile(rb"\r(?!\n)")


def ends_well(octets: bytes) -> bool:
    """Whether ``octets`` hold no bare CR, no bare LF and no NUL.

    What is left without all others is CRLF again and again, and no CR stands without its LF: so no LF stands without its CR.
    """
    ends = octets.translate(None, _OTHERS)
    return ends == b"\r\n" * (len(ends) // 2) and _LONE_CR.search(octets) is None


class Chunk:
    """One BDAT under way (3030#2): exactly its octets are read, whether they are wanted or not."""

    __slots__ = ("last", "left", "refusal", "size")

    def __init__(self, size: int, refusal: Reply | None, *, last: bool) -> None:
        """``refusal``: its octets are thrown away and it is answered so."""
        self.size = size
        self.left = size
        self.last = last
        self.refusal = refusal

    def read(self, waiting: Waiting, intake: Intake | None) -> bytes:
        """Take what has come of it, through ``intake`` unless it is refused, and give the content in it."""
        octets = waiting.take(min(self.left, len(waiting)))
        self.left -= len(octets)
        if self.refusal is None and intake is not None:
            return intake.read_chunk(octets, final=self.last and not self.left)
        return b""


class Intake:
    """One message's content as it comes in, by DATA or in chunks."""

    __slots__ = ("_carry", "_fresh", "_limit", "_mend", "eight_bit", "ended", "refusal", "size", "spoiled")

    def __init__(self, limit: int, *, mend: bool = False) -> None:
        """``limit``: octets that are given on; what comes beyond is counted and dropped. ``mend``: bare CR and LF become CRLF."""
        self.size = 0
        """Octets so far, dot-stuffing undone."""
        self.eight_bit = False
        self.spoiled = False
        """A bare CR, a bare LF or a NUL was seen."""
        self.ended = False
        """The true end was seen."""
        self.refusal: Reply | None = None
        """The driver wants no content: it is counted and dropped."""
        self._limit = limit
        self._mend = mend
        self._fresh = True  # nothing of DATA was read: the CRLF of the command line itself stands before (5321#4.1.1.4)
        self._carry = False  # the last chunk ended with CR: LF must come

    def read_data(self, waiting: Waiting) -> bytes:
        """Take what can be taken of ``waiting`` and give the content in it; ``ended`` tells whether its end was among it."""
        if self._fresh and not self._begin(waiting):
            return b""
        octets, begin = waiting.octets, waiting.at
        last = octets.rfind(_END, begin)  # backwards is much faster, and nearly always there is one at most
        if last < 0:
            return self._judge(waiting.take(len(waiting) - _held(octets, begin)))
        if octets.rfind(_END, begin, last + 4) >= 0:  # more than one message waits
            last = octets.find(_END, begin)
        self.ended = True
        waiting.at = last + 5
        return self._judge(octets[begin : last + 2])

    def _begin(self, waiting: Waiting) -> bool:
        """Judge a dot that comes first of all; whether there is more to read."""
        octets, begin = waiting.octets, waiting.at
        if len(waiting) < 3 and b".\r\n".startswith(octets[begin:]):
            return False
        self._fresh = False
        if not octets.startswith(b".", begin):
            return True
        if octets.startswith(b".\r\n", begin):
            waiting.at += 3
            self.ended = True
            return False
        waiting.at += 1
        return True

    def _judge(self, octets: bytes) -> bytes:
        """Undo dot-stuffing in whole lines and count what is left."""
        if octets.rfind(b"\r\n.") >= 0:
            octets = octets.replace(b"\r\n.", b"\r\n")  # 5321#4.5.2
        if not ends_well(octets):
            if self._mend:
                octets = _mended(octets)
            if not self._mend or b"\0" in octets:
                self.spoiled = True
        return self._count(octets)

    def read_chunk(self, octets: bytes, *, final: bool) -> bytes:
        """Take ``octets`` of a chunk and give the content in them; a CR at its end waits for the LF of the next. ``final``: none follow."""
        joined = b"\r" + octets if self._carry else octets
        self._carry = joined.endswith(b"\r")
        if self._mend:
            return self._mend_chunk(joined, final=final)
        if not ends_well(joined[:-1] if self._carry else joined):
            self.spoiled = True
        return self._count(octets)

    def _mend_chunk(self, joined: bytes, *, final: bool) -> bytes:
        """Give what can be told of ``joined``: a CR at its end is a line end only when it is clear that no LF follows."""
        if final:
            self._carry = False
        elif self._carry:
            joined = joined[:-1]
        if b"\0" in joined:
            self.spoiled = True
        return self._count(joined if ends_well(joined) else _mended(joined))

    def unwanted(self) -> Reply | None:
        """Why no more of it is wanted, if so."""
        if self.refusal is None and self.size > self._limit:
            return say(Key.SIZE_OVER_MAXIMUM, limit=self._limit)  # 1870#6.3
        return self.refusal

    def fault(self) -> Reply | None:
        """Why the whole of it is refused, if so."""
        return say(Key.LINE_END_IN_CONTENT) if self.spoiled else self.unwanted()  # 5321#2.3.8

    def close_chunks(self) -> None:
        """The last chunk came whole: no LF can come any more."""
        self.ended = True
        if self._carry:
            self.spoiled = True

    def _count(self, octets: bytes) -> bytes:
        self.size += len(octets)  # 1870#5
        if not self.eight_bit and not octets.isascii():
            self.eight_bit = True
        return b"" if self.refusal is not None or self.spoiled or self.size > self._limit else octets


def _mended(octets: bytes) -> bytes:
    """Every line end as CRLF."""
    return octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def _held(octets: bytes, begin: int) -> int:
    """How many octets at the end of ``octets`` from ``begin`` on may be the beginning of CRLF.CRLF and must wait for more."""
    if octets.endswith(b"\r", begin):
        return 4 if octets.endswith(b"\r\n.\r", begin) else 1
    if octets.endswith(b"\r\n", begin):
        return 2
    return 3 if octets.endswith(b"\r\n.", begin) else 0
