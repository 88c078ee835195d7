"""The pages of the reference, rendered by name: the same for the server and for files. Knows no request and no file.

A name that means a page under another name gives that name; one that means nothing gives None.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from waypost.replies.choose import choices
from waypost.replies.comparison import UnknownCodeError, compare
from waypost.replies.records import CODES, RecordKind, lookup
from waypost.replies.terms import label
from waypost.web.reference import structured, views
from waypost.web.reference.finding import digit_of
from waypost.web.reference.names import commands, found, page_of, pairs, shelf
from waypost.web.reference.why import START, node, nodes
from waypost.web.templates import LANGUAGES, TAGS, wording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from waypost.replies.records import Record
    from waypost.web.links import Links
    from waypost.web.templates import Templates


@dataclass(frozen=True, slots=True)
class Moved:
    """The page stands under another name."""

    name: str


class Reference:
    """Renders any page of the reference."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates
        self._fixed: dict[str, Callable[[str, str, Links], str]] = {
            "": self._index,
            "compare/": self._comparisons,
            "command/": self._commands,
            "choose": self._choose,
            "glossary": self._glossary,
            "why": self._why,
        }

    def page(self, name: str, lang: str, links: Links) -> str | Moved | None:
        """The page ``name``."""
        if name in self._fixed:
            return self._fixed[name](name, lang, links)
        if f"{name}/" in self._fixed:
            return Moved(f"{name}/")
        folder, _, rest = name.partition("/")
        match folder:
            case "compare":
                return self._comparison(rest, lang, links)
            case "command":
                return self._command(rest, lang, links)
            case "why":
                return self._step(rest, lang, links)
            case _:
                return self._record(name, lang, links)

    def show(self, template: str, name: str, lang: str, links: Links, **context: Any) -> str:
        """Any page with what every page of the reference needs."""
        return self._templates.render(
            f"reference/{template}",
            lang,
            name=name,
            links=links,
            label=partial(label, lang=lang),
            page_of=page_of,
            digit_of=digit_of,
            languages=LANGUAGES,
            v=views,
            **context,
        )

    def missing(self, links: Links) -> str:
        """What a server of files shows for an address that is none."""
        return self._templates.render("failure.html", LANGUAGES[0], links=links, status=404, kind="404", noindex=True)

    # ---- records

    def _record(self, name: str, lang: str, links: Links) -> str | Moved | None:
        record = found(name, lang)
        if record is None:
            return None
        if page_of(record) != name:
            return Moved(page_of(record) + (f"#class-{record.digit}" if record.asked != record.code else ""))
        crumbs = views.crumbs(record, links)
        ld = structured.script(
            structured.term(record, links.whole(name, lang), TAGS[lang], links.whole("", lang)),
            structured.way([*((text, links.whole(page, lang)) for text, page in crumbs), (record.code, links.whole(name, lang))]),
        )
        return self.show("record.html", name, lang, links, r=record, crumbs=crumbs, ld=ld, **views.beside(record))

    def _index(self, name: str, lang: str, links: Links) -> str:
        ld = structured.script(structured.way([("SMTP", links.whole("", lang))]))
        kinds = {kind.value: list(shelf(lang, kind).values()) for kind in RecordKind if kind is not RecordKind.GLOSSARY}
        return self.show("index.html", name, lang, links, ld=ld, commands=commands(), subjects=views.subjects(lang), **kinds)

    def _glossary(self, name: str, lang: str, links: Links) -> str:
        terms = list(shelf(lang, RecordKind.GLOSSARY).values())
        url = links.whole(name, lang)
        ld = structured.script(*(structured.term(term, f"{url}#{term.code}", TAGS[lang], url) for term in terms))
        return self.show("glossary.html", name, lang, links, terms=terms, ld=ld)

    # ---- by command

    def _commands(self, name: str, lang: str, links: Links) -> str:
        return self.show("commands.html", name, lang, links, commands=[(each, views.answers(each, lang)) for each in commands()])

    def _command(self, rest: str, lang: str, links: Links) -> str | Moved | None:
        if rest not in commands():
            return Moved(f"command/{rest.upper()}") if rest.upper() in commands() else None
        told = record_of(f"command/{rest}", lang)
        related = [other for name in (told.related if told else (rest,)) if (other := lookup(name, lang)) is not None]
        shown = {"r": told, "related": related, "answers": views.answers(rest, lang), "always": views.answers("ANY", lang)}
        return self.show("command.html", f"command/{rest}", lang, links, phase=rest, **shown)

    # ---- pairs

    def _comparisons(self, name: str, lang: str, links: Links) -> str:
        codes = [record for kind in CODES for record in shelf(lang, kind).values()]
        return self.show("comparisons.html", name, lang, links, groups=views.pair_groups(pairs(), lang), codes=codes)

    def _comparison(self, rest: str, lang: str, links: Links) -> str | Moved | None:
        a, _, b = rest.partition("-")
        try:
            told = compare(a, b, lang)
        except UnknownCodeError:
            return None
        if told.name != rest:
            return Moved(f"compare/{told.name}")
        name = f"compare/{rest}"
        w = wording(lang)["reference"]["compare"]
        ld = structured.script(
            structured.questions([(f"{told.name}: {w['choose']}", told.choose), (f"{told.name}: {w['meet']}", told.meet)]),
            structured.way([("SMTP", links.whole("", lang)), (w["index_title"], links.whole("compare/", lang))]),
        )
        others = views.other_pairs(told, pairs(), lang)
        return self.show("comparison.html", name, lang, links, c=told, others=others, ld=ld, facts=views.beside_each_other(told))

    # ---- the ways in

    def _choose(self, name: str, lang: str, links: Links) -> str:
        told = choices(lang).values()
        ld = structured.script(structured.questions([(each.reason, f"{each.reply}. {each.why}") for each in told]))
        return self.show("choose.html", name, lang, links, groups=views.by_phase(told), ld=ld)

    def _why(self, name: str, lang: str, links: Links) -> str:
        asked = [(step.question, " ".join(step.says)) for step in map(partial(node, lang=lang), nodes()) if step.leaf and step.says]
        return self.show("why.html", name, lang, links, step=node(START, lang), ld=structured.script(structured.questions(asked)), depth=0)

    def _step(self, rest: str, lang: str, links: Links) -> str | Moved | None:
        if rest not in nodes():
            return None
        if rest == START:
            return Moved("why")
        step = node(rest, lang)
        causes = [cause for each in step.causes if (cause := lookup(each, lang)) is not None]
        ld = structured.script(structured.questions([(each.prose.title, each.prose.sender_fix) for each in causes])) if causes else ""
        return self.show("why.html", f"why/{rest}", lang, links, step=step, causes=causes, ld=ld, depth=1)


def names() -> Iterator[str]:
    """Every page by its canonical name, for the sitemap and for files; pairs that nobody listed can be asked for all the same."""
    yield from ("", "command/", "compare/", "choose", "glossary", "why")
    for record in views.every_record():
        yield page_of(record)
    for each in commands():
        yield f"command/{each}"
    for step in nodes():
        if step != START:
            yield f"why/{step}"
    for a, b in pairs():
        yield f"compare/{a}-{b}"


def record_of(name: str, lang: str) -> Record | None:
    """The record that the page ``name`` is about, under its canonical name alone."""
    record = found(name, lang)
    return record if record is not None and page_of(record) == name else None
