"""Identifiers: UUIDv7 in Crockford's base32, sortable by time, and recognised by shape."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as some

from waypost.mail.identifier import is_identifier, moment, new

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def as_uuid(identifier: str) -> uuid.UUID:
    """The 128 bits that the characters stand for, decoded here by another way."""
    value = 0
    for character in identifier:
        value = value * 32 + ALPHABET.index(character)
    return uuid.UUID(int=value)


@given(some.floats(min_value=0, max_value=4_000_000_000))
def test_each_is_a_version_7_uuid_of_its_moment(wall: float) -> None:
    """Version and variant bits are as RFC 9562 section 5.7 has them, and the moment comes back to the millisecond."""
    made = as_uuid(new(wall))
    assert (made.version, made.variant, made.int >> 80) == (7, uuid.RFC_4122, int(wall * 1000))


def test_they_sort_by_time() -> None:
    """Text order is the order in which they were made, to a fraction of a millisecond."""
    made = [new(1_700_000_000 + step / 1_000_000) for step in range(5000)]
    assert sorted(made) == made


def test_no_two_are_alike_at_one_moment() -> None:
    """62 random bits tell apart what the moment does not."""
    assert len({new(1.0) for _ in range(10_000)}) == 10_000


def test_every_random_bit_is_used() -> None:
    """Over many, each of the 62 free bits is seen as 0 and as 1, and no other bit moves."""
    seen = [as_uuid(new(1.0)).int for _ in range(400)]
    ones = zeros = 0
    for value in seen:
        ones |= value
        zeros |= ~value
    moving = ones & zeros & ((1 << 128) - 1)
    assert moving.bit_count() == 62


@given(some.floats(min_value=0, max_value=4_000_000_000))
def test_what_is_made_is_recognised(wall: float) -> None:
    """The shape accepts every identifier, and gives its moment."""
    made = new(wall)
    assert is_identifier(made)
    assert moment(made) == int(wall * 1000) / 1000


@pytest.mark.parametrize(
    "text", ["", "0" * 25, "0" * 27, "8" + "0" * 25, "I" * 26, "0" * 25 + "\n", "../../../../../../etc/pass", "٠" * 26]
)
def test_what_is_none_is_not_recognised(text: str) -> None:
    """Wrong lengths, letters that base32 leaves out, values past 128 bits, paths and digits of other scripts."""
    assert not is_identifier(text)
