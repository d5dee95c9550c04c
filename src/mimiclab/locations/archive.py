"""Run folders in .zip files."""

import shutil
import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from mimiclab.errors import LocationError, OutputError
from mimiclab.files import file_sha256
from mimiclab.locations.cache import cache_folder

_CONFIG = "config.json"
_CHUNK = 1 << 20


def unpacked(archive: Path) -> Path:
    """The run folder in a .zip, unpacked in the cache; again only if something there was changed.

    Raises:
        LocationError: not a .zip, damaged, no run in it, or names that lead out of its folder.
        OutputError: the cache cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = [member for member in opened.infolist() if not member.is_dir()]
            root = _root(members, archive)
            place = cache_folder() / "unpacked" / file_sha256(archive)[:32] / archive.stem
            if not _is_whole(place, members):
                _unpack(opened, members, place)
            return place / root
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise LocationError(
            f"{archive} cannot be unpacked ({error}); it is damaged, encrypted or not a .zip. Make "
            "it again, for example with `python -m zipfile -c run.zip RUN_FOLDER`"
        ) from error
    except OSError as error:
        raise OutputError(
            f"cannot unpack {archive} into {cache_folder()}: {error.strerror}; make room there, or "
            "name another folder by MIMICLAB_CACHE"
        ) from error


def _root(members: list[zipfile.ZipInfo], archive: Path) -> str:
    """Folder of the run in the archive; empty for the top."""
    for member in members:
        path = PurePosixPath(member.filename)
        if path.is_absolute() or ".." in path.parts or stat.S_ISLNK(member.external_attr >> 16):
            raise LocationError(
                f"{archive} holds {member.filename!r}, which leads out of its folder; do not trust "
                "it"
            )
    names = [PurePosixPath(member.filename) for member in members]
    runs = sorted({str(p.parent) for p in names if p.name == _CONFIG and len(p.parts) <= 2})
    if "." in runs:
        return ""
    if len(runs) != 1:
        raise LocationError(
            f"{archive} holds {'several runs' if runs else 'no run'}: expected one {_CONFIG}, at "
            f"its top or in one folder, found {', '.join(runs) or 'none'}; pack one run folder"
        )
    return runs[0]


def _unpack(opened: zipfile.ZipFile, members: list[zipfile.ZipInfo], place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    needed, free = sum(m.file_size for m in members), shutil.disk_usage(place.parent).free
    if needed > free:
        raise LocationError(
            f"{opened.filename} unpacks to {needed / 1e9:.1f} GB, but {cache_folder()} has "
            f"{free / 1e9:.1f} GB; make room, or name another folder by MIMICLAB_CACHE"
        )
    made = Path(tempfile.mkdtemp(prefix=".unpack-", dir=place.parent))
    try:
        opened.extractall(made, members)
        made.chmod(0o755)
        shutil.rmtree(place, ignore_errors=True)
        if not place.exists():  # else another process was faster, with the same files
            made.rename(place)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _is_whole(place: Path, members: list[zipfile.ZipInfo]) -> bool:
    return all(
        _crc(place / member.filename) == (member.file_size, member.CRC) for member in members
    )


def _crc(path: Path) -> tuple[int, int] | None:
    """Size and CRC-32 of a file; None if there is none."""
    if not path.is_file():
        return None
    size = crc = 0
    with path.open("rb") as file:
        while part := file.read(_CHUNK):
            size, crc = size + len(part), zlib.crc32(part, crc)
    return size, crc
