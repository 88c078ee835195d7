"""The first part of a notice, for people: what happened, to whom, what the other side said, what to do (RFC 6522 section 3).

The explanations are the catalogue's; the words around them stand in data/, one file per language.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from waypost.mail import header, trace
from waypost.observe.layout import wrapped
from waypost.replies.gloss import gloss
from waypost.replies.keys import Key
from waypost.report.facts import Kind, inert, is_key, remote_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from waypost.mail.outcome import Heard, Outcome
    from waypost.report.facts import Report, Told

_NAMED = 20
"""Recipients of one fate that are named; the report names all."""
_FATES = 20
"""Fates that are told; where each recipient has another one, the report has the rest."""
_QUOTED = 10
"""Lines of a reply that are quoted."""
_STRANGERS = frozenset({Key.REMOTE_REJECTED, Key.REMOTE_DEFERRED, Key.RELAYED, Key.DELIVERED})
"""Outcomes that say no more than that the next hop spoke: what it said is what there is to explain."""
_BAD = frozenset({Kind.FAILED, Kind.DELAYED})
_RULE = "-" * 72


def write(report: Report, languages: Sequence[str]) -> str:
    """The text, once per language, lines ended by CRLF."""
    texts = ("\r\n".join(_paragraphs(report, _words(language), language)) for language in languages or ("en",))
    return f"\r\n\r\n{_RULE}\r\n\r\n".join(texts) + "\r\n"


@cache
def _words(language: str) -> Mapping[str, str]:
    return tomllib.loads(files("waypost.report").joinpath(f"data/{language}.toml").read_text("utf-8"))


def _paragraphs(report: Report, words: Mapping[str, str], language: str) -> Iterator[str]:
    yield from wrapped(words["opening"].format(hostname=_shown(report.hostname)))
    yield ""
    yield from _message(report, words)
    groups = list(_groups(report.told))
    if len(groups) > _FATES:
        groups.sort(key=lambda group: group[0].kind not in _BAD)  # what needs somebody to act comes first
    for group in groups[:_FATES]:
        yield ""
        yield from _fate(group, words, language)
    if len(groups) > _FATES:
        yield ""
        yield "    " + words["more"].format(count=sum(map(len, groups[_FATES:])))
    yield ""
    yield from wrapped(words["closing"].format(postmaster=_shown(report.postmaster), id=_shown(report.about.id)))


def _message(report: Report, words: Mapping[str, str]) -> Iterator[str]:
    """Which message it is: by what its sender wrote on it."""
    for name in ("subject", "date"):
        value = header.first(report.head, name)
        if value:
            yield "    " + words[name].format_map({name: inert(header.decoded(value), ascii_only=False, most=200)})


def _groups(told: Sequence[Told]) -> Iterator[list[Told]]:
    """Recipients that share a fate, told once."""
    groups: dict[tuple[object, ...], list[Told]] = {}
    for each in told:
        outcome = each.outcome
        fate = (each.kind, outcome.key, outcome.status, each.detail, outcome.heard, outcome.next_hop)
        groups.setdefault(fate, []).append(each)
    yield from groups.values()


def _fate(group: Sequence[Told], words: Mapping[str, str], language: str) -> Iterator[str]:
    first = group[0]
    yield words[first.kind.value]
    for told in group[:_NAMED]:
        yield "    " + inert(told.recipient.mailbox.text, ascii_only=False)
    if len(group) > _NAMED:
        yield "    " + words["more"].format(count=len(group) - _NAMED)
    yield ""
    yield from _explained(first, words, language)


def _explained(told: Told, words: Mapping[str, str], language: str) -> Iterator[str]:
    outcome, heard = told.outcome, told.outcome.heard
    remedies = []
    if heard is None or outcome.key not in _STRANGERS:
        ours = gloss(0, outcome.status, key=outcome.key, lang=language)
        yield from wrapped(words["happened"].format(title=_stripped(ours.title), meaning=ours.meaning))
        remedies.append(ours.fix)
    if heard is not None:
        yield from _answer(outcome, heard, words)
        if told.kind in _BAD:
            yield ""
            theirs = gloss(heard.code, heard.status, heard.text.removeprefix(f"{heard.code} "), lang=language)
            yield from wrapped(words["means"].format(title=_stripped(theirs.title), meaning=theirs.meaning))
            remedies.append(theirs.fix)
    elif is_key(told.detail):  # given up: the detail names what stood in the way to the last
        cause = gloss(0, outcome.status, key=told.detail, lang=language)
        yield from wrapped(words["cause"].format(title=_stripped(cause.title), meaning=cause.meaning))
    elif told.detail:
        yield from wrapped(words["detail"].format(detail=_shown(told.detail)))
    if told.kind in _BAD:
        yield ""
        yield from wrapped(_prospect(told, words))
        yield from wrapped(words["do"].format(fix=" ".join(dict.fromkeys(remedies))))


def _answer(outcome: Outcome, heard: Heard, words: Mapping[str, str]) -> Iterator[str]:
    host = remote_name(outcome.next_hop) or words["other_server"]
    said = words["said_to"] if heard.command and heard.command != "connect" else words["said"]
    yield said.format(host=host, command=_shown(heard.command))
    status = f"{heard.status} " if heard.status else ""
    lines = heard.lines[:_QUOTED] or ("",)
    for line in lines:
        yield from (f"    {piece}" for piece in wrapped(f"{heard.code} {_shown(status)}{_shown(line)}", width=68))


def _prospect(told: Told, words: Mapping[str, str]) -> str:
    if told.kind is Kind.FAILED:
        return words["nothing_more"]
    if told.next_attempt is None or told.expires is None:
        return words["going_on_shortly"]
    return words["going_on"].format(next=trace.date(told.next_attempt), until=trace.date(told.expires))


def _shown(text: str) -> str:
    return inert(text, ascii_only=False)


def _stripped(title: str) -> str:
    return title.rstrip(".。")
