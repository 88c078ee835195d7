"""Text made ready for matching: small letters without accents, addresses and links masked, letter for letter at the same place.

Knows no rule. What is matched in the folded text can be quoted from the text as received, for no fold changes a length.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MOST = 4000
"""Characters of a text that are judged; of a longer one, its beginning and its end."""

_TAIL = 800

_MASKED = re.compile(r"(?:https?:|www\.)[^\s<>\"']*|<?[^\s<>\"':;,()\[\]|@]{1,128}@[^\s<>\"',;()\[\]|@]{1,255}>?")
"""A link, or an address. Bounded by spaces: no piece of the text is tried twice."""

_TOKEN = re.compile(r"[a-z0-9]+|[\u0400-\u04ff]+|[^\x00-\x7f\W_]")
"""A word of Latin or Cyrillic letters; of other scripts, each letter is one."""

_SPACES = {code: " " for code in range(128) if not chr(code).isalnum() and chr(code) != "@"}
_SPACES[1] = "."

STEM = 6
"""Letters of a Latin word by which its endings' variety is found."""

STEM_CYRILLIC = 4
"""And of a Cyrillic one."""

_SAME = {"’": "'", "‘": "'", "`": "'", "“": '"', "”": '"', "–": "-", "—": "-", "ł": "l", "ø": "o", "đ": "d", "ı": "i", "ß": "s"}

_TRADITIONAL = (
    "戶户無无郵邮滿满帳帐號号絕绝發发過过數数連连線线儲储間间寄寄頻频繁繁嘗尝試试稍稍後后請请檢检查查閱阅讀读驗验證证權权許许可可認认登登錄录錯错誤误"
    "網网絡络協协議议應应該该個个來来對对於于時时從从會会還还這这們们為为與与項项類类關关閉闭開开啟启禁禁止止單单灰灰容容內内響响處处理理轉转遞递達达"
    "規规則则濾滤廣广告告釣钓魚鱼域域名名冊册隊队列列態态異异組组織织執执額额滿满條条傳传輸输匯汇級级總总統统壞坏約约筆笔聯联繫系採采伺伺"
)
"""Traditional and simplified characters, by pairs."""


class _Letters(dict[int, str]):
    """Each letter's plain form, worked out when first met; a cache that only grows by what the texts hold, one entry per letter."""

    def __missing__(self, letter: int) -> str:
        plain = self[letter] = _plain(chr(letter))
        return plain


def _plain(letter: str) -> str:
    if letter in _SAME:
        return _SAME[letter]
    whole = unicodedata.normalize("NFKD", letter)
    small = "".join(part for part in whole if not unicodedata.combining(part)).lower()[:1]
    return small if small.isalnum() or (small.isascii() and small) else " "


_LETTERS = _Letters({ord(old): new for old, new in zip(_TRADITIONAL[::2], _TRADITIONAL[1::2], strict=True)})


@dataclass(frozen=True, slots=True)
class Folded:
    """A text in the forms that rules look at: words with spaces around each, no punctuation, one letter longer at both ends."""

    received: str
    words: str
    """Without addresses, each of whose letters is ``@``, and without links."""
    whole: str
    """With them."""
    order: tuple[str, ...]
    """The words of the whole and their stems, in the order of the text: answers do not hang on the order of a set."""
    tokens: frozenset[str]
    """The same."""

    def quote(self, start: int, end: int) -> str:
        """What stands at a place of ``words`` or ``whole``, as received."""
        return self.received[max(0, start - 1) : end - 1].strip()


def fold(text: str) -> Folded:
    """``text`` made ready; what is longer than MOST loses its middle."""
    received = text if len(text) <= MOST else f"{text[: MOST - _TAIL]} {text[-_TAIL:]}"
    small = plain(received)
    masked = _MASKED.sub(_mask, small) if "@" in small or "//" in small or "www." in small else small
    plain_words = f" {small.translate(_SPACES).replace('@', ' ')} "
    found = plain_words.split() if plain_words.isascii() else _TOKEN.findall(plain_words)
    ended = ". " in small
    whole = _sentences(small).replace("@", " ") if ended else plain_words
    words = plain_words if masked is small and "@" not in small and not ended else _sentences(masked)
    stems = [word[:STEM] for word in found if len(word) > STEM]
    if not plain_words.isascii():
        stems += [word[:STEM_CYRILLIC] for word in found if word[0] >= "\u0400"]
    order = tuple(dict.fromkeys(found + stems))
    return Folded(received, words, whole, order, frozenset(order))


def _sentences(text: str) -> str:
    """The words of ``text``, with a full stop where a sentence ends: what is said in two sentences is not said in one."""
    marked = text.replace("...", "   ").replace(". ", "\x01 ") if ". " in text else text
    return f" {marked.translate(_SPACES)} "


def plain(text: str) -> str:
    """Small letters without accents, of the same length."""
    return text.lower() if text.isascii() else text.translate(_LETTERS)


def tokens(text: str) -> list[str]:
    """The words of a folded text, in order."""
    return _TOKEN.findall(text)


def _mask(found: re.Match[str]) -> str:
    return ("@" if "@" in found[0] and "//" not in found[0] else " ") * len(found[0])
