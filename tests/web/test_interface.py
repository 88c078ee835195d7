"""The JSON of the reference: equal to the records, open to every origin, as its description says."""

from __future__ import annotations

from typing import Any

import pytest

from support.asking import get, post
from waypost.replies import compare, explain, lookup
from waypost.replies.records import records
from waypost.replies.shapes import as_json, comparison_json, record_json
from waypost.web.reference.shapes import ChoiceShape, ComparisonShape, ExplainedShape, RecordShape

UNDER = {"en": "", "zh": "zh/"}


@pytest.mark.parametrize("lang", UNDER)
def test_the_whole_catalogue(public: Any, lang: str) -> None:
    """The list is that of ``waypost codes --json``, with a few facts more, and each row is of the shape that is described."""
    rows = get(public, f"/codes/{UNDER[lang]}index.json").json

    assert [{name: row[name] for name in told} for row, told in zip(rows, map(record_json, records(lang).values()), strict=True)] == [
        record_json(record) for record in records(lang).values()
    ]
    for row in rows:
        RecordShape.model_validate(row)


@pytest.mark.parametrize("lang", UNDER)
@pytest.mark.parametrize(
    ("address", "name"), [("550", "550"), ("X.7.1", "X.7.1"), ("5.7.1", "5.7.1"), ("category/recipient.full", "recipient.full")]
)
def test_a_record(public: Any, lang: str, address: str, name: str) -> None:
    """The JSON beside a page is its record."""
    row = get(public, f"/codes/{UNDER[lang]}{address}.json").json
    record = lookup(name, lang)

    assert record is not None
    assert record_json(record).items() <= row.items()
    assert row["lang"] == lang
    RecordShape.model_validate(row)


@pytest.mark.parametrize("lang", UNDER)
def test_a_pair(public: Any, lang: str) -> None:
    """A comparison is the same in either order, and of the shape that is described."""
    told = get(public, f"/codes/{UNDER[lang]}compare/220-214.json").json

    assert told == comparison_json(compare("214", "220", lang))
    ComparisonShape.model_validate(told)


def test_terms(public: Any) -> None:
    """The terms of the glossary are records like all others."""
    rows = get(public, "/codes/zh/glossary.json").json

    assert "envelope" in {RecordShape.model_validate(row).code for row in rows}


def test_reasons(public: Any) -> None:
    """The reasons to refuse are of the shape that is described."""
    for row in get(public, "/codes/choose.json").json:
        ChoiceShape.model_validate(row)


@pytest.mark.parametrize(
    "path", ["999.json", "compare/550-999.json", "category/550.json", "extension/nope.json", "zh/nope.json", "../550.json"]
)
def test_what_is_unknown_is_json_too(public: Any, path: str) -> None:
    """An unknown name is an error in JSON, in one sentence."""
    answer = get(public, f"/codes/{path}")

    assert answer.status == 404
    assert list(answer.json) == ["error"]


def test_every_origin_may_read(public: Any) -> None:
    """Pages of other sites may read the reference's JSON, and nothing else."""
    assert get(public, "/codes/550.json").fields["access-control-allow-origin"] == "*"
    assert get(public, "/codes/550.json").fields["cross-origin-resource-policy"] == "cross-origin"
    assert "access-control-allow-origin" not in get(public, "/codes/550").fields


@pytest.mark.parametrize("lang", UNDER)
def test_an_explanation(public: Any, lang: str) -> None:
    """What is posted is explained as ``waypost explain --json`` does, and the answer is kept by nobody."""
    line = "550 5.1.1 <bob@example.net>: no such user"
    answer = post(public, f"/codes/{UNDER[lang]}explain.json", line.encode(), fields=[("content-type", "text/plain")])

    assert answer.json == as_json(explain(line, lang=lang))
    assert answer.fields["cache-control"] == "no-store"
    ExplainedShape.model_validate(answer.json)


def test_the_description_names_every_address(public: Any) -> None:
    """Both descriptions list the addresses of both languages, each operation under a name of its own."""
    for path in ("/codes/openapi.json", "/api/openapi.json"):
        told = get(public, path).json
        operations = [one["operationId"] for way in told["paths"].values() for one in way.values()]

        assert told["openapi"].startswith("3.")
        assert {"/codes/{code}.json", "/codes/zh/{code}.json", "/codes/compare/{pair}.json", "/codes/explain.json"} <= set(told["paths"])
        assert len(operations) == len(set(operations))


def test_the_search_index_has_what_the_script_reads(public: Any) -> None:
    """Each row has a code, a title, a meaning, a kind, a page, a colour and other words."""
    rows = get(public, "/codes/search-index.json").json

    assert {"a", "c", "d", "k", "m", "p", "t"} == set(rows[0])
    assert {"550", "X.7.1", "category/recipient.full"} <= {row["p"] for row in rows}
