"""A comparison of two servers as plain values for JSON: one stable form. Knows no output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from waypost.diagnose.beside.point import Side
from waypost.diagnose.shapes import next_step

if TYPE_CHECKING:
    from waypost.diagnose.beside.point import Point, Value
    from waypost.diagnose.beside.run import Beside
    from waypost.diagnose.beside.traits import Seen


def as_json(beside: Beside, lang: str = "en") -> dict[str, Any]:
    """``a``, ``b``, ``same``, ``count``, ``differing``, ``better``, ``seconds``, ``points``. LookupError: there is no such language."""
    difference = beside.difference
    return {
        "a": _server(beside.a, lang),
        "b": _server(beside.b, lang),
        "same": beside.exit_code == 0,
        "count": len(difference.points),
        "differing": len(difference.differing),
        "better": {side.value: difference.better(side) for side in Side},
        "seconds": round(beside.seconds, 3),
        "points": [_point(point, lang) for point in difference.points],
    }


def _server(seen: Seen, lang: str) -> dict[str, Any]:
    place = seen.contact.place if seen.contact is not None else None
    return {
        "target": seen.diagnosis.target.text,
        "server": None if place is None else {"host": place.host, "address": place.address, "port": place.port},
        "reached": seen.diagnosis.reachable,
        "verdict": seen.diagnosis.verdict.value,
        "next_step": next_step(seen.diagnosis, lang),
    }


def _point(point: Point, lang: str) -> dict[str, Any]:
    trait = point.trait
    return {
        "section": trait.section.value,
        "key": trait.key,
        "title": trait.title(lang),
        "asked": trait.asked or None,
        "same": point.same,
        "better": point.better.value if point.better is not None else None,
        "rule": trait.rule(lang) or None,
        "standard": list(trait.standard),
        "a": _value(point.a, lang),
        "b": _value(point.b, lang),
    }


def _value(value: Value, lang: str) -> dict[str, Any]:
    told: dict[str, Any] = {"shown": list(value.shown(lang)), "good": value.good, "seconds": None, "reply": None}
    if value.seconds is not None:
        told["seconds"] = round(value.seconds, 6)
    if value.reply is not None:
        meant = value.reply.explained(lang)
        told["reply"] = {
            "code": value.reply.code,
            "status": value.reply.status,
            "explanation": {"title": meant.title, "meaning": meant.meaning, "fix": meant.fix},
        }
    return told
