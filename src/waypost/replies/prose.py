"""What a reply means to people, in one language: the five fields that every record of the catalogue has. Knows no code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Prose:
    """Each field is one line of whole sentences, the title a phrase; of a term of the glossary only title and meaning are told."""

    title: str
    meaning: str
    occurs: str
    sender_fix: str
    operator_fix: str
