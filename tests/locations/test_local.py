"""Paths stay paths; `file:` locations; run folders in .zip files."""

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from mimiclab.errors import LocationError
from mimiclab.locations import is_location, local_path


@pytest.mark.parametrize("word", ["runs/demo", "zero", "builtin:walk", "wandb:me/motions/squat",
                                  "C:/runs/demo", "a=b/policy.onnx", "./x#sha256=1"])  # fmt: skip
def test_a_path_stays_a_path(word):
    assert not is_location(word)
    assert local_path(word) == Path(word)


def test_an_unknown_kind_of_location_names_the_known_ones():
    with pytest.raises(LocationError, match=r"s3:// are not known; expected https://.*wandb://"):
        local_path("s3://bucket/policy.onnx")


def test_files(tmp_path):
    file = tmp_path / "my policy.onnx"
    file.write_bytes(b"x")
    right = hashlib.sha256(b"x").hexdigest()
    for location in (file.as_uri(), f"file://localhost{file}", f"{file.as_uri()}#sha256={right}"):
        assert is_location(location)
        assert local_path(location) == file
    assert local_path(tmp_path.as_uri()) == tmp_path
    with pytest.raises(LocationError, match=f"SHA-256 of the file is {right}"):
        local_path(f"{file.as_uri()}#sha256={'0' * 64}")
    with pytest.raises(LocationError, match="there is no such file"):
        local_path(f"{file.as_uri()}.pt")
    with pytest.raises(LocationError, match="three slashes"):
        local_path("file://runs/demo")


def pack(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("top", ["", "walker/"])
def test_a_run_in_a_zip(tmp_path, cached, top):
    members = {f"{top}config.json": b"{}", f"{top}checkpoints/last.pt": b"weights"}
    archive = pack(tmp_path / "packed.zip", members)
    folder = local_path(archive)
    assert folder == local_path(archive.as_uri()) and folder.is_relative_to(cached)
    assert folder.name == ("walker" if top else "packed")
    inside = folder / "checkpoints" / "last.pt"
    before = os.stat(inside).st_ino
    assert local_path(archive) == folder and os.stat(inside).st_ino == before
    inside.write_bytes(b"WEIGHTS")  # as long as before
    assert (local_path(archive) / "checkpoints" / "last.pt").read_bytes() == b"weights"


@pytest.mark.parametrize("members, words", [
    ({"policy.onnx": b""}, "holds no run"),
    ({"a/config.json": b"", "b/config.json": b""}, "several runs.*found a, b"),
    ({"config.json": b"", "../evil": b""}, "leads out of its folder"),
    ({"config.json": b"", "/evil": b""}, "leads out of its folder"),
])  # fmt: skip
def test_a_zip_without_one_run_is_refused(tmp_path, members, words):
    with pytest.raises(LocationError, match=words):
        local_path(pack(tmp_path / "x.zip", members))


def test_a_link_in_a_zip_is_refused(tmp_path):
    path = pack(tmp_path / "x.zip", {"config.json": b""})
    link = zipfile.ZipInfo("out")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc")
    with pytest.raises(LocationError, match="leads out of its folder"):
        local_path(path)


def test_a_damaged_zip(tmp_path, cached):
    path = pack(tmp_path / "x.zip", {"config.json": bytes(range(256)) * 100})
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    for broken in (bytes(data), bytes(data[:50])):
        path.write_bytes(broken)
        with pytest.raises(LocationError, match=r"cannot be unpacked .* damaged"):
            local_path(path)
    assert not list(cached.rglob("config.json"))
