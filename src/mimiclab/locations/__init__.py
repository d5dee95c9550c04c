"""Runs and policies from anywhere: what a command line names becomes a path on this disk.

- `https://HOST/PATH/policy.onnx` (and http): a file of a web server
- `wandb://ENTITY/PROJECT/RUN_ID/policy.onnx`: a file of a Weights & Biases run; without a file the
  run's own checkpoint or policy; `runs/` before the id may stay
- `file:///ABSOLUTE/PATH`: a file or folder here
- anything else: a path as it is

A checkpoint (.pt) brings config.json and the motions along that lie with it as in a run folder. A
run folder in a .zip is unpacked. `#sha256=HEX` at the end of a location names the file's checksum.

Fetched files are kept among the user's caches, or in the folder that MIMICLAB_CACHE names, with
their SHA-256. For an hour they are used without asking again; then they are fetched again if they
have changed, and used with a warning if their place cannot be reached. A file whose checksum was
named needs no network any more.

This room lies below all others but `files` and `errors`, because motions, learning, deployment and
the command line all open files by it; it knows nothing of what is in them.
"""

import re
from pathlib import Path, PurePosixPath

from mimiclab.errors import LocationError
from mimiclab.files import file_sha256
from mimiclab.locations.archive import unpacked
from mimiclab.locations.cache import Source, cache_folder, kept

# A slash may be gone: `Path` makes `https:/` of `https://`.
_LOCATION = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/+(?=(.*))")
_SHA256 = re.compile(r"sha256=([0-9a-fA-F]{64})")
_SCHEMES = ("https", "http", "wandb", "file")
_MOTIONS = ("motions.safetensors", "motions.json")


def is_location(text: str | Path) -> bool:
    """Whether a word has the form of a location, not of a path."""
    match = _LOCATION.match(str(text))
    return match is not None and match[1].lower() in _SCHEMES


def is_cached(path: Path) -> bool:
    """Whether a path lies in the cache, where nobody but this room writes."""
    return path.resolve().is_relative_to(cache_folder().resolve())


def local_path(location: str | Path) -> Path:
    """A path on this disk with what a location means; fetches it if need be.

    Args:
        location: see above; a path is returned unchanged, that of a .zip unpacked.

    Returns:
        A file; or the run folder of a .zip, or what a `file:` location names.

    Raises:
        LocationError: not a location, out of reach, not there, damaged, or another file than the
            one whose checksum was named.
        OutputError: the cache cannot be written.
    """
    if not is_location(location):
        _refuse_other_schemes(str(location))
        path = Path(location)
        return unpacked(path) if path.suffix == ".zip" and path.is_file() else path
    scheme, rest, sha256 = _parts(str(location))
    if scheme == "file":
        return _file(str(location), rest, sha256)
    source, name = _source(str(location), scheme, rest)
    path = kept(source, name, sha256)
    assert path is not None  # as it was not optional
    if path.suffix == ".pt":
        _bring_run(source, PurePosixPath(name))
    return unpacked(path) if path.suffix == ".zip" else path


def _parts(location: str) -> tuple[str, str, str]:
    """Scheme, what follows it and its slashes, and the checksum, empty if none is named."""
    match = _LOCATION.match(location)
    assert match is not None
    rest, mark, fragment = match[2].partition("#")
    checksum = _SHA256.fullmatch(fragment)
    if mark and checksum is None:
        raise LocationError(
            f"{location}: after # expected sha256= and 64 hexadecimal digits, as `sha256sum` "
            "prints them"
        )
    return match[1].lower(), rest, checksum[1].lower() if checksum else ""


def _refuse_other_schemes(text: str) -> None:
    match = _LOCATION.match(text)
    if match and "://" in text and not Path(text).exists():
        raise LocationError(
            f"{text}: locations of the kind {match[1]}:// are not known; expected "
            f"{', '.join(f'{scheme}://' for scheme in _SCHEMES)} or a path"
        )


def _file(location: str, rest: str, sha256: str) -> Path:
    from urllib.request import url2pathname

    if re.match(r"file://(?!/|localhost/)", location, re.IGNORECASE):
        raise LocationError(
            f"{location}: expected file:///ABSOLUTE/PATH, with three slashes; a path relative to "
            "the current folder is given without file://"
        )
    rest = rest.removeprefix("localhost/") if "//localhost/" in location else rest
    path = Path(url2pathname("/" + rest))
    if not path.exists() or (sha256 and not path.is_file()):
        raise LocationError(f"{location}: there is no such file; check the path")
    if sha256 and (found := file_sha256(path)) != sha256:
        raise LocationError(
            f"{location}: the SHA-256 of the file is {found}; it is another file than the one that "
            "was named, or damaged"
        )
    return unpacked(path) if path.suffix == ".zip" else path


def _source(location: str, scheme: str, rest: str) -> tuple[Source, str]:
    """Where to fetch from, and the file's name there."""
    if scheme == "wandb":
        from mimiclab.locations.wandb import WandbRun

        run, name = WandbRun.of(location, rest)
        return run, name or run.choice()
    from mimiclab.locations.web import WebSite

    return WebSite.of(scheme, rest)


def _bring_run(source: Source, checkpoint: PurePosixPath) -> None:
    """Fetch what a run folder has besides a checkpoint; a checkpoint alone is let be alone."""
    parent = checkpoint.parent
    root = parent.parent if parent.name == "checkpoints" else parent
    if kept(source, str(root / "config.json"), optional=True) is None:
        return
    for name in _MOTIONS:
        if kept(source, str(root / name), optional=True) is not None:
            return
