"""Structured data for machines that read pages (schema.org as JSON-LD): terms, questions with answers, the way to a page. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from waypost.replies.records import Record

_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def script(*things: Mapping[str, Any]) -> str:
    """The things as the text of a script element of type application/ld+json: nothing in it can end the element."""
    graph = {"@context": "https://schema.org", "@graph": list(things)}
    return json.dumps(graph, ensure_ascii=False).translate(_ESCAPES)


def term(record: Record, url: str, tag: str, within: str) -> dict[str, Any]:
    """A record as a term of the reference."""
    return {
        "@type": "DefinedTerm",
        "@id": url,
        "url": url,
        "name": f"{record.code} {record.prose.title}" if record.code != record.prose.title else record.code,
        "termCode": record.code,
        "description": record.prose.meaning,
        "inLanguage": tag,
        "inDefinedTermSet": {"@type": "DefinedTermSet", "name": "SMTP", "url": within},
    }


def questions(asked: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Questions with their answers."""
    return {
        "@type": "FAQPage",
        "mainEntity": [
            {"@type": "Question", "name": question, "acceptedAnswer": {"@type": "Answer", "text": answer}} for question, answer in asked
        ],
    }


def way(steps: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The way to a page: each step's name and address."""
    return {
        "@type": "BreadcrumbList",
        "itemListElement": [
            {"@type": "ListItem", "position": place, "name": name, "item": url} for place, (name, url) in enumerate(steps, 1)
        ],
    }
