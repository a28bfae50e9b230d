"""Parts of a list: complete, in order, of like size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import UserError
from components.workload.shard import ALL, WHOLE, Shard, parse_shard, shards_of


@given(st.integers(0, 400), st.integers(1, 60))
def test_the_shards_hold_each_item_once_in_order_and_none_more_than_allowed(
    count: int, size: int
) -> None:
    parts = [parse_shard(text).of(range(count)) for text in shards_of(count, size)]
    assert [item for part in parts for item in part] == list(range(count))
    assert max(map(len, parts)) <= size
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_seven_in_threes_are_two_two_and_three() -> None:
    assert shards_of(7, 3) == ["1/3", "2/3", "3/3"]
    assert [Shard(part, 3).of("abcdefg") for part in (1, 2, 3)] == [
        ("a", "b"),
        ("c", "d"),
        ("e", "f", "g"),
    ]


def test_what_fits_into_one_is_whole() -> None:
    assert shards_of(5, 5) == shards_of(0, 5) == [WHOLE]
    assert parse_shard(WHOLE) == ALL
    assert ALL.whole
    assert not Shard(1, 2).whole


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "1/2/3", "one/two", "-1/2", "1/ 2"])
def test_what_is_no_shard_is_the_users_mistake(text: str) -> None:
    with pytest.raises(UserError, match="second of five"):
        parse_shard(text)


def test_a_shard_of_nothing_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match="at least 1"):
        shards_of(5, 0)
