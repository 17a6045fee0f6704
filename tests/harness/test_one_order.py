"""Whether lists are parts of one list, and who stands against it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.clauses.one_order import out_of_order


def test_lists_that_are_parts_of_one_list_have_one_order() -> None:
    assert out_of_order({"a": "12345", "b": "135", "c": "24", "d": "", "e": "5"}) == {}


def test_what_comes_twice_counts_where_it_came_first() -> None:
    assert out_of_order({"a": "1213", "b": "123"}) == {}


@pytest.mark.parametrize("odd", ["13245", "32", "245135"])
def test_the_one_that_stands_against_the_others_is_named_with_two_things(odd: str) -> None:
    found = out_of_order({"a": "12345", "b": "12345", "odd": odd})
    assert list(found) == ["odd"]
    first, second = found["odd"]
    assert first > second


def test_of_two_that_differ_both_are_named() -> None:
    assert out_of_order({"a": "12", "b": "21"}) == {"a": ("1", "2"), "b": ("2", "1")}


def test_nobody_has_two_things_in_another_order_and_still_there_is_none_for_all() -> None:
    assert out_of_order({"a": "12", "b": "23", "c": "31", "d": "1"}) == {
        "a": ("1", "2"),
        "b": ("2", "3"),
        "c": ("3", "1"),
    }


def test_what_lies_outside_of_the_circle_is_not_spoken_of() -> None:
    assert out_of_order({"a": "0123489", "b": "0124389", "c": "0124389"}) == {"a": ("3", "4")}


@given(st.lists(st.sets(st.integers(0, 9)), max_size=6))
def test_any_parts_of_one_list_have_one_order(parts: list[set[int]]) -> None:
    assert out_of_order({str(who): sorted(part) for who, part in enumerate(parts)}) == {}


@given(st.lists(st.permutations(range(4)), max_size=4))
def test_whole_lists_have_one_order_exactly_where_they_are_the_same(lists: list[list[int]]) -> None:
    same = all(one == other for one, other in pairwise(lists))
    assert (out_of_order({str(who): one for who, one in enumerate(lists)}) == {}) is same
