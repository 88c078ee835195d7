"""The API of checks and what a page hears of one under way, over real sockets, against a pretended network."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from support.broken_servers import DOMAIN
from waypost.web.check.shapes import DiagnosisShape, FindingShape, PortShape, ServerShape
from web_check.pages_kit import ask, call

if TYPE_CHECKING:
    from support.checked_pages import Stage


def test_json_is_wanted_by_name(stage: Stage) -> None:
    """What a form of another site could send without asking first is no JSON, whatever it holds; and a form is no text."""
    body = b'{"target":"broken.example"}'
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert ask(stage, "/api/check", octets=body, content_type=kind).status == 415
    assert ask(stage, "/check/", octets=b"target=broken.example", content_type="text/plain").status == 415


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"target": 5}', 400),
        (b'{"target": "a.example", "intrusive": true}', 400),
        (b'{"target": "a.example", "auth": "ada"}', 400),
        (b'{"target": "a.example", "port": "25"}', 400),
        (b'{"target": "a.example", "lang": "fr"}', 422),
        (b'{"target": "a.example", "port": 99999999999}', 422),
        (b'{"target": "\xff"}', 400),
        (b"[" * 5000, 400),
    ],
)
def test_bodies_that_are_none(stage: Stage, body: bytes, status: int) -> None:
    """A body of another form is refused in one line, and asks for no more than a check may do."""
    told = ask(stage, "/api/check", octets=body, content_type="application/json; charset=utf-8")

    assert (told.status, set(told.json)) == (status, {"error"})


def test_the_result_as_json(stage: Stage, result: str) -> None:
    """The object that the command line prints, with its age beside it; the API answers with the same."""
    told = ask(stage, f"{result}.json")

    server = told.json["servers"][0]
    described = [
        (DiagnosisShape, told.json),
        (ServerShape, server),
        (PortShape, server["ports"][0]),
        (FindingShape, told.json["findings"][0]),
    ]
    for shape, value in described:
        assert set(value) == set(shape.model_fields), shape
    assert DiagnosisShape.model_validate(told.json)
    assert told.json["target"] == f"ada@{DOMAIN}"
    assert int(told.fields["age"]) >= 0
    assert "access-control-allow-origin" not in told.fields
    chinese = ask(stage, f"{result.replace('/check/', '/check/zh/')}.json").json
    assert [each["key"] for each in chinese["findings"]] == [each["key"] for each in told.json["findings"]]
    assert chinese["next_step"] != told.json["next_step"]


def test_the_api(stage: Stage) -> None:
    """One call, one diagnosis; it says where it can be read again."""
    told = call(stage, target=DOMAIN, **{"from": "bob@example.net"}, lang="zh")

    assert told.status == 200
    assert told.json["verdict"] == "works-with-faults"
    assert re.search("[\u4e00-\u9fff]", told.json["next_step"])
    assert ask(stage, told.fields["content-location"]).json == told.json
    assert told.fields["age"] in ("0", "1", "2", "3", "4", "5", "6")
    assert "no-store" in told.fields["cache-control"]


def test_the_api_is_described(stage: Stage) -> None:
    """OpenAPI tells of it, of what it takes and of each way to be refused."""
    row = ask(stage, "/api/openapi.json").json["paths"]["/api/check"]["post"]

    assert {"200", "400", "403", "415", "422", "429", "503"} <= set(row["responses"])
    schema = row["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["properties"]) == {"target", "port", "from", "lang"}


def test_the_events_of_a_check(stage: Stage) -> None:
    """A page hears of each stage and each finding as they come, and of the end; joined later, it hears what it does not know yet."""
    place = ask(stage, "/check/zh/", {"target": DOMAIN, "port": "25", "from": ""}).fields["location"]
    told = ask(stage, f"{place}/events?after=0").text
    kinds = re.findall(r"^event: (\w+)$", told, re.MULTILINE)

    assert kinds[0] == "stage"
    assert kinds[-1] == "over"
    assert "finding" in kinds
    assert told.splitlines()[0] == "retry: 1000"
    numbers = [int(number) for number in re.findall(r"^id: (\d+)$", told, re.MULTILINE)]
    assert numbers[:-1] == list(range(1, len(numbers)))
    data = [json.loads(line[6:]) for line in told.splitlines() if line.startswith("data: ")]
    assert {"stage", "severity", "says", "title", "about"} in [set(each) for each in data]
    assert re.search("[\u4e00-\u9fff]", told)
    rest = ask(stage, f"{place}/events?after=0", last_event_id=str(numbers[-1] - 2)).text
    assert len(re.findall("^event: ", rest, re.MULTILINE)) == 3
    for nonsense in ("-1", "x", "9" * 50):
        assert "event: over" in ask(stage, f"{place}/events?after={nonsense}").text


def test_the_json_of_a_check_under_way(stage: Stage) -> None:
    """Asked too early it says to come back."""
    place = ask(stage, "/check/", {"target": f"bob@{DOMAIN}", "port": "", "from": ""}).fields["location"]
    early = ask(stage, f"{place}.json")

    assert (early.status, early.fields["retry-after"]) == (503, "2")
    assert "event: over" in ask(stage, f"{place}/events").text
    assert ask(stage, f"{place}.json").status == 200
