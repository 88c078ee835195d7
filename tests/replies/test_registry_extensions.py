"""The extensions and the commands of SMTP: complete, true to the server, and told in both languages in words that stand nowhere else."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from waypost.replies.library import LANGUAGES, facts, words
from waypost.replies.records import KnownFrom, RecordKind, lookup, records
from waypost.replies.registry import allowed
from waypost.replies.terms import label
from waypost.smtp.commands import COMMANDS
from waypost.smtp.extensions import EXTENSIONS
from waypost.smtp.terms import Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ROWS: dict[str, dict[str, Any]] = dict(facts("registry")["extension"])
SPOKEN: dict[str, dict[str, Any]] = dict(facts("registry")["command"])
FIELDS = ["title", "meaning", "occurs", "sender_fix", "operator_fix"]
HAN = re.compile(r"[\u4e00-\u9fff]")
HALF_WIDTH = re.compile(r"[\u4e00-\u9fff] ?[,;:?!()]|[,;:?!()] ?[\u4e00-\u9fff]")
SOURCE = re.compile(r"\d{3,4}(#\d[\d.]*)?|https://\S+")
REPLY = re.compile(r"S: (\d{3})([ -])(?:([245])\.(\d{1,3}\.\d{1,3}) )?([ -~]+)")
STAGE = re.compile(r"[CS]: \(.+\)")
HOST = re.compile(r"(?<![\w.])[\w-]+(?:\.[\w-]+)*\.(?:com|net|org|cn|io|de|uk|local)\b")

REGISTERED = [
    *["SEND", "SOML", "SAML", "EXPN", "HELP", "TURN", "8BITMIME", "SIZE", "VERB", "ONEX", "CHUNKING", "BINARYMIME", "CHECKPOINT"],
    *["DELIVERBY", "PIPELINING", "DSN", "ETRN", "ENHANCEDSTATUSCODES", "STARTTLS", "NO-SOLICITING", "MTRK", "SUBMITTER", "ATRN", "AUTH"],
    *["FUTURERELEASE", "CONPERM", "CONNEG", "BURL", "UTF8SMTP", "MT-PRIORITY", "RRVS", "SMTPUTF8", "REQUIRETLS", "LIMITS"],
]
BESIDE = ["LMTP (LHLO)", "XCLIENT", "XFORWARD", "X-EXPS / XEXCH50 / X-LINK2STATE / XSHADOWREQUEST", "XVERP / VERP", "PRDR", "MCEXT…"]
"""What the registry of extensions does not have: other protocols, private words and drafts; one row may name several."""
TOLD = [(kind, name) for kind, rows in (("extension", ROWS), ("command", SPOKEN)) for name in rows]


def sentences(text: str) -> Iterator[str]:
    """What a text consists of."""
    return (part for part in re.split(r"(?<=[.!?])\s+|(?<=[。！？])", text) if part)


def prose(kind: str, name: str, lang: str) -> Mapping[str, str]:
    """The five fields of a row."""
    return words(lang, "registry")[kind][name]


def test_all_41_rows_are_covered() -> None:
    """Each extension, registered, private or drafted, has its record, found in any case; a row of several keywords has one for each."""
    assert (len(REGISTERED), len(BESIDE)) == (34, 7)
    for row in (*REGISTERED, *BESIDE):
        found = lookup(row)
        each = [found] if found else [lookup(keyword) for keyword in row.split(" / ")]
        assert [record for record in each if record is None or record.kind is not RecordKind.EXTENSION] == [], row
        assert [lookup(row.lower()), lookup(row.upper())] == [found, found]


def test_nothing_is_recorded_twice_or_beyond_them() -> None:
    """47 records: four of the 41 keywords stand in one row."""
    private = {"XCLIENT", "XFORWARD", "X-EXPS", "XEXCH50", "X-LINK2STATE", "XSHADOWREQUEST", "XVERP", "PRDR", "MCEXT", "LMTP"}
    private |= {"PIPECONNECT", "XEXDATA", "XSECURITY"}
    assert set(REGISTERED) | private == set(ROWS)
    assert len(ROWS) == 47
    names = Counter(called.casefold() for name, row in ROWS.items() for called in (name, *row.get("also", ())))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("name", ROWS)
def test_each_fact_of_an_extension_is_one_of_the_words_agreed(name: str) -> None:
    """Every field is there, each value from its list, and what no RFC defines says so."""
    row = ROWS[name]
    assert {"keyword", "name", "rfc", "parameters", "verbs", "status", "known_from", "related", "here", "example"} == set(row) - {"also"}
    assert name == row["keyword"]
    assert label("standing", row["status"]) != ""
    assert (row["status"] in ("private", "draft")) == (row["known_from"] == KnownFrom.VENDOR)
    assert (row["known_from"] == KnownFrom.IANA) == (row["rfc"] == [])
    assert [source for source in row["rfc"] if not SOURCE.fullmatch(source)] == []
    assert row["known_from"] != KnownFrom.RFC or row["rfc"][0].split("#")[0].isdigit()


def test_here_is_true_to_the_server() -> None:
    """What the reference says that this server offers is what its table of extensions has, and LMTP, which it speaks."""
    offered = {row.keyword for row in EXTENSIONS}
    spoken = {"LMTP"} if Role.LMTP in COMMANDS["LHLO"].roles else set()
    assert offered | spoken == {name for name, row in ROWS.items() if row["here"]}


def test_parameters_are_true_to_the_server() -> None:
    """Each parameter that the server reads stands in the record of its extension, behind the command that takes it."""
    for row in EXTENSIONS:
        told = " ".join(ROWS[row.keyword]["parameters"])
        assert [name for name in row.mail if f"MAIL {name}" not in told] == []
        assert [name for name in row.rcpt if f"RCPT {name}" not in told] == []


def test_each_command_of_the_server_has_its_page() -> None:
    """15 commands and the phases that none opens, the greeting and the end of the content, in one order in facts and in both languages."""
    assert len(COMMANDS) == 15
    assert {*COMMANDS, "CONNECT", "EOM"} == set(SPOKEN)
    for lang in LANGUAGES:
        assert list(SPOKEN) == list(words(lang, "registry")["command"])
        assert [f"command.{name}" for name in SPOKEN] == list(records(lang, RecordKind.COMMAND))


@pytest.mark.parametrize("name", SPOKEN)
def test_each_fact_of_a_command_is_there(name: str) -> None:
    """Its syntax begins with it, its sources are RFCs, and one of the codes that it names may answer it by the table."""
    row = SPOKEN[name]
    assert {"syntax", "known_from", "rfc", "related", "example"} == set(row)
    assert row["syntax"].split()[:1] == {"CONNECT": [], "EOM": ["."]}.get(name, [name])
    assert all(re.fullmatch(r"\d{3,4}(#\d[\d.]*)?", source) for source in row["rfc"])
    answers = facts("registry")["answers"].get(name)
    assert answers is None or set(answers) & set(row["related"])


@pytest.mark.parametrize(("kind", "name"), TOLD)
def test_related_records_exist(kind: str, name: str) -> None:
    """What is named as related has a record, each once, and is not the record itself."""
    row = facts("registry")[kind][name]
    assert len(row["related"]) >= 2
    assert len(row["related"]) == len(set(row["related"]))
    own = f"command.{name}" if kind == "command" else name
    assert own not in row["related"]
    assert [other for other in row["related"] if (found := lookup(other)) is None or found.code != other] == []


@pytest.mark.parametrize(("kind", "name"), TOLD)
def test_dialogues_speak_smtp(kind: str, name: str) -> None:
    """Each line is a command, a reply or what happens in brackets; codes and statuses agree, lines of a reply too, and no host is real."""
    example = facts("registry")[kind][name]["example"]
    assert len(example) >= 2
    assert all(line.isascii() and line.isprintable() and line.startswith(("C: ", "S: ")) for line in example)
    for line, following in zip(example, [*example[1:], ""], strict=True):
        if line.startswith("C: ") or STAGE.fullmatch(line):
            continue
        found = REPLY.fullmatch(line)
        assert found is not None, line
        assert found[2] == " " or following.startswith(f"S: {found[1]}"), line
        assert found[3] is None or allowed(int(found[1]), f"{found[3]}.{found[4]}"), line
    text = "\n".join(example)
    assert [host for host in HOST.findall(text) if not re.search(r"(^|\.)example\.\w+$", host)] == []
    assert [address for address in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text) if not address.startswith("192.0.2.")] == []


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row["status"] == "standard"])
def test_a_dialogue_shows_the_extension_in_the_list_and_in_use(name: str) -> None:
    """The keyword stands in the answer to EHLO, and a command or parameter of the extension is sent, where it has one."""
    row = ROWS[name]
    assert [line for line in row["example"] if re.match(rf"S: 250[ -]{re.escape(name)}\b", line)] != []
    brought = [*row["verbs"], *(each.split("=")[0].split()[-1] for each in row["parameters"] if not each.startswith("LIMITS"))]
    said = "\n".join(line for line in row["example"] if line.startswith("C: "))
    assert brought == [] or any(word in said for word in brought)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(("kind", "name"), TOLD)
def test_prose_is_whole(kind: str, name: str, lang: str) -> None:
    """Five fields on a line each, of whole sentences; a title is none."""
    row = prose(kind, name, lang)
    assert list(row) == FIELDS
    for field, text in row.items():
        assert text.isprintable()
        assert text == text.strip()
        assert text.endswith("。" if lang == "zh" else ".") == (field != "title"), field


@pytest.mark.parametrize(("kind", "name"), TOLD)
def test_english_is_ascii_and_chinese_is_chinese(kind: str, name: str) -> None:
    """English goes over the wire with HELP, in few lines; Chinese is twenty Han characters or more, with punctuation of its own."""
    for field, text in prose(kind, name, "en").items():
        assert text.isascii()
        assert field == "title" or len(text.split()) >= 6
        assert len(text) <= 400, field
    for field, text in prose(kind, name, "zh").items():
        assert field == "title" or len(HAN.findall(text)) >= 20, field
        assert HALF_WIDTH.findall(text) == [], field


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_sentence_stands_anywhere_else(lang: str) -> None:
    """No title and no sentence of an extension or a command is found in another record or in our own replies."""
    said: Counter[str] = Counter()
    for shelf in ("registry", "catalogue"):
        for section in words(lang, shelf).values():
            for row in section.values():
                said.update(part for text in row.values() if isinstance(text, str) for part in sentences(text))
    ours = {part for kind, name in TOLD for text in prose(kind, name, lang).values() for part in sentences(text)}
    assert sorted(part for part in ours if said[part] > 1) == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_both_languages_tell_of_the_same(lang: str) -> None:
    """Facts and prose name the same extensions in the same order."""
    assert list(ROWS) == list(words(lang, "registry")["extension"]) == list(records(lang, RecordKind.EXTENSION))


@pytest.mark.parametrize(
    ("asked", "code", "kind"),
    [
        ("size", "SIZE", RecordKind.EXTENSION),
        ("StartTLS", "STARTTLS", RecordKind.EXTENSION),
        ("lhlo", "LMTP", RecordKind.EXTENSION),
        ("MULE", "MCEXT", RecordKind.EXTENSION),
        ("command.starttls", "command.STARTTLS", RecordKind.COMMAND),
        ("command.EHLO", "command.EHLO", RecordKind.COMMAND),
        ("ehlo", "ehlo", RecordKind.GLOSSARY),
        ("verp", "verp", RecordKind.GLOSSARY),
        ("rcpt", "command.RCPT", RecordKind.COMMAND),
        ("Quit", "command.QUIT", RecordKind.COMMAND),
    ],
)
def test_a_word_finds_the_record_that_tells_most(asked: str, code: str, kind: RecordKind) -> None:
    """Case does not matter; a command gives way to an extension or a term of its name, and is found with its section before it."""
    for lang in LANGUAGES:
        found = lookup(asked, lang)
        assert found is not None
        assert (code, kind) == (found.code, found.kind)


@pytest.mark.parametrize(("kind", "name"), TOLD)
def test_what_is_no_refusal_has_no_permanence(kind: str, name: str) -> None:
    """An extension or a command neither lasts nor passes."""
    record = lookup(f"command.{name}" if kind == "command" else name)
    assert record is not None
    assert record.permanence is None
