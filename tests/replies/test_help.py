from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waypost.replies import Key, say
from waypost.replies.help import help_lines
from waypost.replies.library import words
from waypost.replies.registry import basic_codes, enhanced_codes
from waypost.smtp.commands import COMMANDS
from waypost.smtp.terms import Role

ALL = dict.fromkeys(COMMANDS, True)
BY_ROLE = {role: {name: True for name, row in COMMANDS.items() if role in row.roles} for role in Role}
TOPICS = [
    "",
    *COMMANDS,
    *(str(code) for code in basic_codes()),
    *(f"{number}.{detail}" for number in "245X" for detail in enhanced_codes()),
]


def spoken(topic: str, offered: dict[str, bool]) -> list[str]:
    """The lines of HELP as they go over the wire."""
    lines = help_lines(topic, offered=offered)
    assert lines is not None
    reply = say(Key.HELP, line=lines[0], more=lines[1:])
    return reply.wire.decode("ascii").split("\r\n")[:-1]


@pytest.mark.parametrize("topic", TOPICS)
def test_each_topic_is_answered_in_two_lines_or_more(topic: str) -> None:
    """Every command, code and enhanced code of every class has two lines or more that fit on the wire as they are."""
    lines = help_lines(topic, offered=ALL)
    assert lines is not None
    assert len(lines) >= 2
    assert [line for line in lines if not (line.isascii() and line.isprintable() and line.strip() and len(line) <= 500)] == []
    assert len(spoken(topic, ALL)) == len(lines)


@pytest.mark.parametrize("role", Role)
def test_help_alone_lists_every_command_of_the_role(role: Role) -> None:
    """HELP names each command that is spoken in this role, and none of another, and says what else can be asked."""
    text = "\n".join(spoken("", BY_ROLE[role]))
    for name in COMMANDS:
        assert (f" {name} " in text) == (name in BY_ROLE[role])
    assert "HELP <command>" in text
    assert "HELP <code>" in text
    assert "HELP <x.y.z>" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_help_alone_marks_what_is_not_allowed_now(name: str) -> None:
    """A command that cannot be given at this point says so, the others do not."""
    lines = help_lines("", offered={**ALL, name: False}) or ()
    assert [line.split()[0] for line in lines[1:] if line.endswith("[not now]")] == [name]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", COMMANDS)
def test_help_on_a_command(role: Role, name: str) -> None:
    """HELP with a command of the role shows syntax, use and an example, in any case of letters; one of another role is unknown."""
    offered = BY_ROLE[role]
    lines = help_lines(f" {name.lower()} ", offered=offered)
    if name not in offered:
        assert lines is None
        return
    assert lines is not None
    assert lines[0].startswith(name)
    assert any(line.startswith(f"Example: {name}") for line in lines)
    assert any(line.endswith("It is allowed now") for line in lines)
    refused = help_lines(name, offered={**offered, name: False})
    assert any(line.endswith("It is not allowed now") for line in refused or ())


def test_parameters_follow_what_is_offered() -> None:
    """MAIL lists AUTH= only where AUTH is offered; the others always."""
    without = "\n".join(help_lines("MAIL", offered={"MAIL": True}) or ())
    assert "AUTH=" not in without
    assert "SIZE=" in without
    assert "AUTH=" in "\n".join(help_lines("MAIL", offered={"MAIL": True, "AUTH": False}) or ())
    assert "NOTIFY=" in "\n".join(help_lines("RCPT", offered={"RCPT": True}) or ())


@pytest.mark.parametrize(("topic", "same"), [("mail from", "MAIL"), ("RCPT TO", "RCPT"), ("x.7.1", "X.7.1")])
def test_ways_to_ask(topic: str, same: str) -> None:
    """What belongs to a command may be named with it, and letters may be small."""
    assert help_lines(topic, offered=ALL) == help_lines(same, offered=ALL)


def test_a_code_and_an_enhanced_code_together() -> None:
    """HELP 550 5.7.1 explains both."""
    both = help_lines("550 5.7.1", offered=ALL)
    assert both == (help_lines("550", offered=ALL) or ()) + (help_lines("5.7.1", offered=ALL) or ())


@pytest.mark.parametrize("topic", ["214", "220", "550", "571", "5.7.1", "550 5.7.1"])
def test_prose_is_folded_to_a_terminal(topic: str) -> None:
    """What a code means stands in lines that a terminal need not break, the further ones set in, and no word is lost."""
    lines = help_lines(topic, offered=ALL) or ()
    assert max(len(line) for line in lines) <= 98
    starts = [line.split(maxsplit=1)[0] for line in lines if not line.startswith("  ")]
    assert [word for word in starts if word in ("Meaning:", "When:", "Fix:")] == ["Meaning:", "When:", "Fix:"] * len(topic.split())


def test_a_code_that_no_standard_defines_is_explained_too() -> None:
    """HELP 571 says what those mean who say it, whole."""
    text = " ".join(line.strip() for line in help_lines("571", offered=ALL) or ())
    row = words("en", "registry")["nonstandard"]["571"]
    assert [field for field in ("title", "meaning", "occurs", "sender_fix") if row[field] not in text] == []


@pytest.mark.parametrize(
    "topic",
    [
        "FOO",
        "599",
        "99",
        "5500",
        "5.7.99",
        "5.7",
        "550 5.7.99",
        "599 5.7.1",
        "5.7.1 550",
        "550 5.7.1 x",
        "MAIL TO",
        "²²²",
        "é",
        "x" * 500,
        "\x00",
    ],
)
def test_an_unknown_topic_has_no_lines(topic: str) -> None:
    """What is neither a command of this session nor a registered code is None, to be answered 504."""
    assert help_lines(topic, offered=ALL) is None


def test_a_command_without_text_is_still_listed() -> None:
    """A command that came after these words were written is listed and answered in two lines."""
    assert len(help_lines("XNEW", offered={"XNEW": True}) or ()) == 2
    assert any("XNEW" in line for line in help_lines("", offered={"XNEW": False}) or ())


def test_every_command_of_the_language_has_its_text() -> None:
    """No command is without help, and no help is without its command."""
    assert set(words("en", "help")["command"]) == set(COMMANDS)


@settings(max_examples=150, deadline=None)
@given(topic=st.text(max_size=90))
def test_no_topic_breaks_help(topic: str) -> None:
    """Whatever is asked, HELP answers with None or with lines that can be said."""
    lines = help_lines(topic, offered=ALL)
    assert lines is None or (len(lines) >= 2 and all(line.isascii() and line.isprintable() for line in lines))
