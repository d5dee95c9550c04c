"""Files of W&B runs, by a double of its client with the signatures of the installed one."""

import hashlib
import sys
from pathlib import Path
from unittest.mock import create_autospec

import pytest

from mimiclab.errors import LocationError
from mimiclab.locations import local_path

wandb = pytest.importorskip("wandb")
from wandb.apis.public import File, Run  # noqa: E402


@pytest.fixture
def cloud(monkeypatch):
    """A run `me/walks/ab12`; the test fills its files, and sees how often it was asked."""
    monkeypatch.delenv("WANDB_MODE", raising=False)
    kept: dict[str, bytes] = {}
    api, run = create_autospec(wandb.Api, instance=True), create_autospec(Run, instance=True)

    def made(name: str) -> File:
        file = create_autospec(File, instance=True)
        file.name, file.size, file.md5 = name, len(kept[name]), hashlib.md5(kept[name]).hexdigest()

        def download(root=".", replace=False, exist_ok=False, api=None):
            path = Path(root) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(kept[name])
            return path.open()

        file.download.side_effect = download
        return file

    def find(path=""):
        if path != "me/walks/ab12":
            raise ValueError(f"Could not find run <Run {path} (not found)>")
        return run

    api.run.side_effect = find
    run.files.side_effect = lambda *_, **__: [made(name) for name in kept]
    monkeypatch.setattr(wandb, "Api", lambda: api)
    api.kept = kept
    return api


@pytest.mark.parametrize("runs", ["", "runs/"])
def test_a_named_file_is_fetched_once(cloud, runs):
    cloud.kept["export/policy.onnx"] = b"graph"
    path = local_path(f"wandb://me/walks/{runs}ab12/export/policy.onnx")
    assert (path.name, path.read_bytes()) == ("policy.onnx", b"graph")
    assert local_path(f"wandb://me/walks/{runs}ab12/export/policy.onnx") == path
    assert cloud.run.call_count == 1


def test_a_checkpoint_brings_its_run_along(cloud):
    files = {"config.json": b"{}", "motions.safetensors": b"m", "checkpoints/model_000002.pt": b"2",
             "checkpoints/model_000010.pt": b"10"}  # fmt: skip
    cloud.kept |= files
    path = local_path("wandb://me/walks/ab12")
    assert (path.name, path.read_bytes()) == ("model_000010.pt", b"10")
    run = path.parent.parent
    assert run.name == "ab12"
    assert (run / "config.json").is_file() and (run / "motions.safetensors").read_bytes() == b"m"
    cloud.kept["checkpoints/last.pt"] = b"last"
    assert local_path("wandb://me/walks/ab12").name == "last.pt"


def test_a_run_without_a_file_of_its_own(cloud):
    cloud.kept["output.log"] = b""
    with pytest.raises(LocationError, match=r"no checkpoint, .*Its files: output\.log"):
        local_path("wandb://me/walks/ab12")
    cloud.kept["a.onnx"] = b"a"
    assert local_path("wandb://me/walks/ab12").name == "a.onnx"
    cloud.kept["b.onnx"] = b"b"
    with pytest.raises(LocationError, match="several policies; name a file"):
        local_path("wandb://me/walks/ab12")


def test_what_changed_there_is_fetched_again(cloud, hours_later):
    cloud.kept["p.onnx"] = b"one"
    local_path("wandb://me/walks/ab12/p.onnx")
    hours_later()
    assert local_path("wandb://me/walks/ab12/p.onnx").read_bytes() == b"one"
    cloud.kept["p.onnx"] = b"two"
    assert local_path("wandb://me/walks/ab12/p.onnx").read_bytes() == b"two"


def test_failures_say_what_was_asked_and_what_to_do(cloud, monkeypatch, cached):
    cloud.kept |= {"p.onnx": b"x", "other.onnx": b""}
    with pytest.raises(LocationError, match=r"no such file\. Its files: other\.onnx, p\.onnx"):
        local_path("wandb://me/walks/ab12/policy.onnx")
    with pytest.raises(LocationError, match=r"Could not find run .*wandb login"):
        local_path("wandb://me/walks/none/p.onnx")
    for short in ("wandb://me/walks", "wandb://me/../ab12/p.onnx"):
        with pytest.raises(LocationError, match="expected wandb://ENTITY/PROJECT/RUN_ID/FILE"):
            local_path(short)
    monkeypatch.setenv("WANDB_MODE", "offline")
    with pytest.raises(LocationError, match="WANDB_MODE=offline forbids"):
        local_path("wandb://me/walks/ab12/p.onnx")
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(LocationError, match=r"pip install mimiclab\[wandb\]"):
        local_path("wandb://me/walks/ab12/p.onnx")
    assert not [p for p in cached.rglob("*") if p.is_file()]


def test_half_a_download_is_not_kept(cloud, cached):
    cloud.kept["p.onnx"] = b"whole"
    plain = cloud.run.side_effect

    def cut(path=""):
        run = plain(path)
        files = run.files()
        files[0].size = 99
        run.files.side_effect = lambda *_, **__: files
        return run

    cloud.run.side_effect = cut
    with pytest.raises(LocationError, match="5 bytes, W&B says 99"):
        local_path("wandb://me/walks/ab12/p.onnx")
    assert not [p for p in cached.rglob("*") if p.is_file()]
