"""Where commands write that take a run from elsewhere."""

from pathlib import Path

from mimiclab.errors import MimiclabError
from mimiclab.locations import is_cached, local_path


def opened_for(given: Path, out: Path | None) -> Path:
    """The path of what was given, a path or a location.

    Args:
        given: run folder, checkpoint or file.
        out: where to write; None for the run folder.

    Raises:
        MimiclabError: it would be written into the cache.
        LocationError: it cannot be fetched.
    """
    place = local_path(given)
    if out is None and is_cached(place):
        raise MimiclabError(
            f"{given} is kept in the cache, where nothing is written; say where to write with --out"
        )
    return place
