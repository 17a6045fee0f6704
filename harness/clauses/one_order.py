"""One order for everybody: whether several lists of the same things can be parts of one list.

Owns the search for it, and who stands against the others where it cannot be. Refuses to know what the things are. Each
list says what came before what; there is one order exactly where nothing comes, over however many lists, before itself.
Source: Kahn, "Topological sorting of large networks", 1962.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")


def out_of_order(lists: Mapping[str, Sequence[T]]) -> dict[str, tuple[T, T]]:
    """Whose list has two things in an order that no more than half of the lists with both have: by name, the first two.

    Empty where there is one order. Where each two things have a majority, and the majorities go in a circle, it is
    everybody with two things of the circle.
    """
    once = {who: list(dict.fromkeys(things)) for who, things in lists.items()}
    circle = _in_circles(once.values())
    if not circle:
        return {}
    places = {who: {thing: at for at, thing in enumerate(things) if thing in circle} for who, things in once.items()}
    votes: dict[tuple[T, T], bool] = {}

    def stands_alone(pair: tuple[T, T]) -> bool:
        if pair not in votes:
            first, second = pair
            both = [of[first] < of[second] for of in places.values() if first in of and second in of]
            votes[pair] = 2 * sum(both) <= len(both)
        return votes[pair]

    pairs = {who: list(pairwise(of)) for who, of in places.items()}
    against = {who: next(filter(stands_alone, of), None) for who, of in pairs.items()}
    found = {who: pair for who, pair in against.items() if pair is not None}
    return found or {who: of[0] for who, of in pairs.items() if of}


def _in_circles(lists: Iterable[Sequence[T]]) -> set[T]:
    """What comes before itself, and what lies between two such circles."""
    after: dict[T, set[T]] = {}
    before: dict[T, set[T]] = {}
    for things in lists:
        for first, second in pairwise(things):
            after.setdefault(first, set()).add(second)
            before.setdefault(second, set()).add(first)
    left = after.keys() & before.keys()
    for one_way, other_way in ((before, after), (after, before)):
        _peel(left, one_way, other_way)
    return left


def _peel(left: set[T], one_way: Mapping[T, set[T]], other_way: Mapping[T, set[T]]) -> None:
    """Take away, for as long as there is any, what has nothing left on one side of it."""
    ends = [thing for thing in left if not one_way[thing] & left]
    while ends:
        thing = ends.pop()
        left.discard(thing)
        ends += (other for other in other_way[thing] & left if not one_way[other] & left)
