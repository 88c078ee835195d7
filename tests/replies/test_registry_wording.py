from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from waypost.replies.library import LANGUAGES, facts, words
from waypost.replies.registry import allowed

if TYPE_CHECKING:
    from collections.abc import Iterator

ONE_WORD = {
    "发送方": ["发信方", "发件方"],
    "接收方": ["收件方", "收信方"],
    "发件人": ["发信人", "寄件人"],
    "账户": ["帐户", "帐号", "(?<!Google )账号"],
    "标头": ["邮件头", "信头"],
    "智能主机": ["中继主机", "智能中继", "上级转发"],
    "解析器": ["解析服务器"],
    "域名所有者": ["域名主人", "域名的主人"],
    "白名单": ["允许名单", "放行名单"],
    "信封发件人": ["回退路径", "反向路径"],
    "声明（扩展）": ["宣告"],
    "命令字": ["动词"],
    "DNS": ["域名系统"],
    "MX 记录": ["邮件交换记录"],
    "@": ["地址符号"],
    "邮件内容": ["正文之后", "正文结束", "正文传完"],
}
"""What a thing is called in Chinese, and what it is not called beside it; 发信方式 and the like are other words."""
ADVICE = ("operator_fix", "choose", "why")
"""Fields that say what to answer, not what others have been heard to say."""
WARNED = {"452 5.2.2"}
"""Pairs that are named as ones never to be used."""
PROVIDER = {code for row in facts("registry")["provider"].values() for code in row["codes"]}
RANGES = [(low[2], int(low[3]), int(low[4])) for code in PROVIDER if (low := re.fullmatch(r"([45])\.(7)\.(\d+)-(\d+)", code))]
PRIVATE = {"4.9"}
"""Enhanced codes without registration that a record is about: 4.4.9 of Exchange."""


def texts(lang: str) -> Iterator[tuple[str, str, str]]:
    """Each text of the reference and of our own replies: the entry, the field, what it says."""
    for shelf in ("registry", "catalogue"):
        for section, rows in words(lang, shelf).items():
            for name, row in rows.items():
                for field, value in row.items():
                    told = value.items() if isinstance(value, dict) else [(field, value)]
                    for each, text in told:
                        yield f"{section}.{name}", str(each), str(text)


@pytest.mark.parametrize("word", ONE_WORD)
def test_a_thing_has_one_name_in_chinese(word: str) -> None:
    """The words beside the one that was chosen for a thing are not used."""
    others = re.compile("|".join(f"{other}(?![式法面])" for other in ONE_WORD[word]))
    assert [(entry, field) for entry, field, text in texts("zh") if others.search(text)] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_document_is_cited_as_people_cite_it(lang: str) -> None:
    """Prose says RFC 5321 section 4.2.1 and never the short form of the facts, nor the bare number."""
    short = re.compile(r"\b\d{4}#\d|(?<!RFC )\b\d{4} (?:section|第)")
    assert [(entry, field) for entry, field, text in texts(lang) if short.search(text)] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_enhanced_codes_in_prose_exist(lang: str) -> None:
    """Whatever code is named is registered, or one that a provider is known to use."""
    known = set(facts("registry")["enhanced"])

    def strange(found: re.Match[str]) -> bool:
        code, detail = found[0], f"{found[2]}.{found[3]}"
        in_range = any(found[2] == subject and low <= int(found[3]) <= high for subject, low, high in RANGES)
        return not (detail in known | PRIVATE or code in PROVIDER or in_range)

    named = re.compile(r"(?<![\d.])([245X])\.(\d)\.(\d{1,3})(?!\.?[\dx])")
    unknown = [(entry, field, found[0]) for entry, field, text in texts(lang) for found in named.finditer(text) if strange(found)]
    assert unknown == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_advice_pairs_codes_as_the_registry_does(lang: str) -> None:
    """Where a reply is recommended with both codes, they are of one class and listed together."""
    pair = re.compile(r"(?<![\d.])([245]\d\d) ([245]\.\d\.\d+)(?!\.?\d)")
    wrong = [
        (entry, field, found[0])
        for entry, field, text in texts(lang)
        if field in ADVICE
        for found in pair.finditer(text)
        if found[0] not in WARNED and not allowed(int(found[1]), found[2])
    ]
    assert wrong == []


def test_own_replies_are_not_all_told_alike() -> None:
    """In English no three words begin more than a tenth of what is told of when our replies occur."""
    openings = [" ".join(text.split()[:3]) for entry, field, text in texts("en") if entry.startswith("catalogue.") and field == "occurs"]
    assert [opening for opening in set(openings) if openings.count(opening) > len(openings) // 10] == []


@pytest.mark.parametrize("section", ["basic", "enhanced", "nonstandard", "provider", "category"])
def test_nobody_acts_alone(section: str) -> None:
    """Where nobody must act, nobody else is named beside."""
    people = {name: row["who"] for name, row in facts("registry")[section].items()}
    assert {name: who for name, who in people.items() if "nobody" in who and len(who) > 1} == {}
