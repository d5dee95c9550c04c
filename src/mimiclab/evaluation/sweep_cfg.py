"""Which values a suite of sweeps tries. Plain values; nothing heavy is imported here."""

from collections.abc import Iterable, Iterator
from typing import Any

from mimiclab.errors import MimiclabError


def swept_values(suite: Any, known: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Sweep and value of every point: for each of `suite.sweeps` the values of that field.

    Raises:
        MimiclabError: no sweep, an unknown one, one without values, or something given twice.
    """
    sweeps = tuple(suite.sweeps)
    if not sweeps or len({*sweeps}) < len(sweeps) or not {*sweeps} <= {*known}:
        raise MimiclabError(
            f"the sweeps are {sweeps}; give at least one of {', '.join(known)}, and none twice"
        )
    for sweep in sweeps:
        values = tuple(getattr(suite, sweep))
        if not values or len({*values}) < len(values):
            raise MimiclabError(
                f"the values of {sweep} are {values}; give at least one, and none twice"
            )
        for value in values:
            yield sweep, value
