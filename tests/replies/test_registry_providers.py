from __future__ import annotations

import re
from collections import Counter

import pytest

from waypost.replies.library import LANGUAGES, facts, words

PROVIDERS = facts("registry")["provider"]
VENDORS = facts("registry")["vendor"]
RECORDS = [("provider", name) for name in PROVIDERS] + [("vendor", name) for name in VENDORS]
FIELDS = {"title", "meaning", "occurs", "sender_fix", "operator_fix"}
KEYS = {"vendor", "codes", "category", "iana", "known_from", "who", "retry", "answers", "related", "rfc"}
PEOPLE = {"nobody", "sender", "sending_operator", "receiving_operator", "mailbox_owner"}
PHASES = {"CONNECT", "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "EOM", "ANY"}
HAN = re.compile(r"[\u4e00-\u9fff]")
FULL_WIDTH_NEEDED = re.compile(r"[\u4e00-\u9fff][,;:?!()]|[,;:?!()][\u4e00-\u9fff]")
ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
STATUS = re.compile(r"[45]\.(\d{1,3}\.\d{1,3})(-\d{1,3})?")

CONFLICTS = {
    "google.5.7.27": ("5.7.27", "sender.auth"),
    "google.5.7.29": ("5.7.29", "sender.tls"),
    "google.5.7.30": ("5.7.30", "sender.auth"),
    "google.4.7.28": ("4.7.28", "rate.limited"),
    "google.5.7.14": ("5.7.14", "sender.login"),
    "google.4.7.32": ("5.7.32", "sender.auth"),
    "google.5.7.40": ("4.7.40", "sender.auth"),
    "google.5.7.80": ("5.7.80", "sender.login"),
    "google.5.7.90": ("5.7.90", "sender.login"),
    "microsoft.5.1.10": ("5.1.10", "recipient.unknown"),
    "microsoft.5.4.1": ("5.4.1", "recipient.unknown"),
    "microsoft.5.2.2": ("5.2.2", "rate.limited"),
    "microsoft.5.1.8": ("5.1.8", "policy.other"),
    "microsoft.5.5.0": ("5.5.0", "recipient.unknown"),
    "microsoft.5.7.12": ("5.7.12", "recipient.restricted"),
    "microsoft.5.7.13": ("5.7.135", "recipient.restricted"),
    "microsoft.5.7.515": ("5.7.515", "sender.auth"),
    "microsoft.5.7.606": ("5.7.606-649", "reputation.ip"),
    "microsoft.5.7.700": ("5.7.700-750", "policy.other"),
    "microsoft.4.7.500": ("4.7.500-699", "rate.limited"),
    "microsoft.4.7.850": ("4.7.850-899", "reputation.ip"),
    "yahoo.TSS": ("TSS04", "rate.limited"),
    "yahoo.dd": ("-5", "recipient.unknown"),
    "outlook.RP": ("RP-001", "rate.limited"),
    "outlook.SC": ("SC-004", "reputation.ip"),
    "outlook.S3140": ("S3150", "reputation.ip"),
    "netease.HL": ("HL:REP", "reputation.ip"),
    "netease.DT": ("DT:SPM", "content.spam"),
    "netease.IP": ("IP in blacklist", "reputation.ip"),
}
"""The meanings that contradict the registry or stand beside it, each with one of its codes."""


def registered(provider: str) -> list[str]:
    """The details of a provider's enhanced codes that the registry has too, as ``7.27``."""
    found = [STATUS.fullmatch(code) for code in PROVIDERS[provider]["codes"]]
    return [each[1] for each in found if each is not None and each[2] is None and each[1] in facts("registry")["enhanced"]]


@pytest.mark.parametrize("name", CONFLICTS)
def test_each_conflict_with_the_registry_has_its_record(name: str) -> None:
    """What a provider means by a code of its own, or of the registry, is told, with the category that it comes to."""
    code, category = CONFLICTS[name]
    assert code in PROVIDERS[name]["codes"]
    assert PROVIDERS[name]["category"] == category


@pytest.mark.parametrize("name", PROVIDERS)
def test_facts_use_the_words_agreed_on(name: str) -> None:
    """Each fact is from its list; the name begins with the vendor, or with the service of that vendor."""
    row = PROVIDERS[name]
    assert set(row) == KEYS
    assert row["vendor"] == name.partition(".")[0]
    assert row["category"] in facts("registry")["category"]
    assert row["known_from"] in {"vendor", "observed"}
    assert row["retry"] in {"later", "after_change", "never"}
    assert row["who"]
    assert set(row["who"]) <= PEOPLE
    assert row["answers"]
    assert set(row["answers"]) <= PHASES
    assert row["codes"]


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_the_registry_says_is_told_where_it_says_anything(name: str) -> None:
    """A code that the registry has too carries the registry's meaning and a reference for it, and its record is related."""
    row = PROVIDERS[name]
    both = registered(name)
    if any(STATUS.fullmatch(code) for code in row["codes"]):
        assert bool(row["iana"]) == bool(both)
    assert {f"X.{detail}" for detail in both} <= set(row["related"])


@pytest.mark.parametrize("name", PROVIDERS)
def test_related_records_exist(name: str) -> None:
    """Every name that a record refers to is a code, or another record."""
    shelf = facts("registry")
    known = set(shelf["basic"]) | {f"X.{detail}" for detail in shelf["enhanced"]} | set(PROVIDERS) | set(VENDORS)
    assert set(PROVIDERS[name]["related"]) <= known - {name}


@pytest.mark.parametrize("name", PROVIDERS)
def test_each_names_its_source(name: str) -> None:
    """The first reference is the provider's own document; further ones are sections of RFCs or addresses."""
    first, *others = PROVIDERS[name]["rfc"]
    assert re.fullmatch(r"https://[a-z0-9.-]+(/[\w./-]*)?", first)
    assert all(re.fullmatch(r"\d{3,4}(#[\d.]+)?|https://[\w./-]+", each) for each in others)


def test_no_code_of_a_provider_has_two_records() -> None:
    """A provider's code leads to one record, so there is never a choice of explanations."""
    counted = Counter((row["vendor"], code) for row in PROVIDERS.values() for code in row["codes"])
    assert [each for each, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("name", VENDORS)
def test_a_profile_shows_short_lines_with_their_category(name: str) -> None:
    """Each line that a vendor utters is short, masked, of one category, and tells how it is known; its status stands in it."""
    row = VENDORS[name]
    assert set(row) == {"name", "kind", "rfc", "related", "texts"}
    assert row["kind"] in {"mailbox_provider", "filter", "list", "software"}
    assert (2 if row["kind"] == "list" else 4) <= len(row["texts"]) <= 12
    for line in row["texts"]:
        assert len(line["text"]) <= 170
        assert line["category"] in facts("registry")["category"]
        assert line["known_from"] in {"vendor", "observed"}
        assert line.get("status", "") in line["text"]
        assert [ip for ip in ADDRESS.findall(line["text"]) if ip != "192.0.2.1"] == []


@pytest.mark.parametrize("name", VENDORS)
def test_a_profile_leads_on(name: str) -> None:
    """Its documents are addresses, and what it refers to are other vendors or records of what a provider means."""
    assert VENDORS[name]["rfc"]
    assert all(re.fullmatch(r"https://[\w./-]+", each) for each in VENDORS[name]["rfc"])
    assert set(VENDORS[name]["related"]) <= (set(VENDORS) | set(PROVIDERS)) - {name}


def test_every_provider_record_belongs_to_a_profile() -> None:
    """Whoever's meaning is told has a profile, so the reader finds where to ask."""
    assert {row["vendor"] for row in PROVIDERS.values()} <= set(VENDORS)
    assert len(VENDORS) == 28


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("section", ["provider", "vendor"])
def test_both_languages_are_whole(section: str, lang: str) -> None:
    """Prose for each record, with the five fields and no other."""
    shelf = words(lang, "registry")[section]
    assert set(shelf) == set(facts("registry")[section])
    assert [name for name, row in shelf.items() if set(row) != FIELDS] == []


@pytest.mark.parametrize(("section", "name"), RECORDS)
def test_english_can_be_spoken_on_the_wire(section: str, name: str) -> None:
    """Plain ASCII in whole sentences, short enough to be read."""
    for field, text in words("en", "registry")[section][name].items():
        assert text.isascii()
        assert text.isprintable()
        assert text.endswith(".") == (field != "title")
        assert (1 if field == "title" else 6) <= len(text.split())
        assert len(text) <= 400


@pytest.mark.parametrize(("section", "name"), RECORDS)
def test_chinese_is_written_in_chinese(section: str, name: str) -> None:
    """At least twenty Han characters in each field but the title, whole sentences, full-width punctuation between them."""
    for field, text in words("zh", "registry")[section][name].items():
        assert field == "title" or len(HAN.findall(text)) >= 20
        assert text.isprintable()
        assert text.endswith("。") == (field != "title")
        assert FULL_WIDTH_NEEDED.findall(text) == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_sentence_of_a_provider_stands_elsewhere(lang: str) -> None:
    """Each title and sentence is said once in all the prose of a language."""
    said: Counter[str] = Counter()
    own = set()
    for shelf in ("registry", "catalogue"):
        for section, rows in words(lang, shelf).items():
            parts = [
                each
                for row in rows.values()
                for field in FIELDS & set(row)
                for each in re.split(r"(?<=[.。])(?:\s+|$)|。", row[field])
                if each
            ]
            said.update(parts)
            own.update(parts if section in {"provider", "vendor"} else ())
    assert [each for each in own if said[each] > 1] == []


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", [name for name in PROVIDERS if registered(name)])
def test_the_registry_is_contradicted_in_so_many_words(name: str, lang: str) -> None:
    """Where the registry gives the code another meaning, the prose says so, lest a reader go by the registry."""
    assert ("registry" if lang == "en" else "注册表") in words(lang, "registry")["provider"][name]["meaning"]
