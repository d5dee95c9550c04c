"""Whole places among groups."""

from collections.abc import Sequence


def apportion(count: int, sizes: Sequence[float]) -> list[int]:
    """`count` places among groups: one each, the rest in proportion to their sizes.

    What rounding down leaves goes to the first groups, one each. `count` must be enough for one
    each, and the sizes more than 0.
    """
    rest, total = count - len(sizes), sum(sizes)
    places = [1 + int(rest * size / total + 1e-9) for size in sizes]
    for i in range(count - sum(places)):
        places[i] += 1
    return places
