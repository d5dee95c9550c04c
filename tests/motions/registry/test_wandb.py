"""Motions in W&B: what is pushed offline, in the bytes that `wandb sync` sends; pulls by a double.

The double of W&B's client has the signatures of the installed one, so a call it would not
understand fails here.
"""

import base64
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from unittest.mock import create_autospec

import numpy as np
import pytest

from mimiclab.errors import OutputError, RegistryError
from mimiclab.motions.formats import read_motion, write_motion
from mimiclab.motions.registry import open_registry, registered_file
from mimiclab.motions.registry.wandb import WandbRegistry
from mimiclab.motions.sources import load_motions
from mimiclab.motions.synthesis import builtin_motion

wandb = pytest.importorskip("wandb")


def records(path: Path):
    """W&B's log: blocks of 32 KiB of records with a header of checksum, size and kind."""
    from wandb.proto import wandb_internal_pb2

    data = path.read_bytes()
    assert data[:4] == b":W&B"
    place, whole = 7, b""
    while place + 7 <= len(data):
        left = 2**15 - place % 2**15
        if left < 7:
            place += left
            continue
        _, size, kind = struct.unpack("<IHB", data[place : place + 7])
        whole += data[place + 7 : place + 7 + size]
        place += 7 + size
        if kind in (1, 4):  # whole, or its last part
            record = wandb_internal_pb2.Record()
            record.ParseFromString(whole)
            yield record
            whole = b""


def test_what_is_pushed_offline_is_beyondmimics_artifact(tmp_path):
    folders = {f"WANDB_{kind}": str(tmp_path / kind) for kind in ("DIR", "DATA_DIR", "CACHE_DIR")}
    (tmp_path / "DIR").mkdir()
    store = ["--registry", "wandb:me/motions", "--name", "squat2"]
    command = ["motion", "push", "builtin:squat", *store]
    done = subprocess.run(
        [sys.executable, "-m", "mimiclab.cli.main", *command],
        env=os.environ | folders | {"WANDB_MODE": "offline", "WANDB_SILENT": "true"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("squat2:offline")
    (log,) = tmp_path.glob("DIR/wandb/offline-run-*/run-*.wandb")
    (artifact,) = [r.artifact for r in records(log) if r.WhichOneof("record_type") == "artifact"]
    assert (artifact.entity, artifact.project) == ("me", "motions")
    assert (artifact.type, artifact.name) == ("motions", "squat2")
    assert list(artifact.aliases) == ["latest"]
    (content,) = artifact.manifest.contents
    assert content.path == "motion.npz"
    # The file waits for `wandb sync` although ours was temporary, and is the one promised.
    data = Path(content.local_path).read_bytes()
    facts = json.loads(artifact.metadata)
    assert hashlib.sha256(data).hexdigest() == facts["sha256"]
    assert base64.b64encode(hashlib.md5(data).digest()).decode() == content.digest
    assert (facts["robot"], facts["frames"]) == ("unitree_g1", 251)
    # Keys that BeyondMimic's trainer reads.
    with np.load(content.local_path, allow_pickle=False) as arrays:
        assert {"fps", "joint_pos", "joint_vel", "body_pos_w", "body_quat_w"} <= set(arrays)


@pytest.fixture
def cloud(monkeypatch, tmp_path):
    """A double of W&B that holds two versions of one motion; the test may damage them."""
    monkeypatch.setenv("MIMICLAB_REGISTRY", str(tmp_path / "registry"))
    monkeypatch.delenv("WANDB_MODE", raising=False)
    api = create_autospec(wandb.Api, instance=True)
    kept = {}
    for i, version in enumerate(("v0", "v1")):
        file = tmp_path / f"{version}.npz"
        write_motion(builtin_motion("squat").cut(i, 30), file)
        artifact = create_autospec(wandb.Artifact, instance=True)
        artifact.version = version
        artifact.metadata = {"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}

        def download(root=None, _file=file, **_):
            if _file.exists():
                shutil.copy(_file, Path(root) / "motion.npz")

        artifact.download.side_effect = download
        kept[version] = artifact
    by_alias = kept | {"latest": kept["v1"], "best": kept["v0"]}

    def find(name, type=None):
        place, _, alias = name.partition(":")
        if place != "me/motions/squat" or alias not in by_alias or type != "motions":
            raise ValueError(f"artifact {name!r} not found")
        return by_alias[alias]

    api.artifact.side_effect = find
    monkeypatch.setattr(wandb, "Api", lambda: api)
    return api, kept


def test_pull_takes_the_version_or_alias(cloud):
    for word, first in (("squat:v0", 0), ("squat", 1), ("squat:latest", 1), ("squat:best", 0)):
        file = registered_file(f"wandb:me/motions/{word}")
        expected = builtin_motion("squat").cut(first, 30)
        np.testing.assert_array_equal(read_motion(file).joint_pos, expected.joint_pos)
    (clip,) = load_motions("wandb:me/motions/squat:v1", robot="unitree_g1")
    assert clip.num_frames == 29


def test_numbered_versions_are_fetched_once_and_checked_again(cloud):
    api, kept = cloud
    file = registered_file("wandb:me/motions/squat:v0")
    assert registered_file("wandb:me/motions/squat:v0") == file
    assert kept["v0"].download.call_count == 1
    assert api.artifact.call_count == 1
    file.write_bytes(file.read_bytes() + b"x")
    with pytest.raises(RegistryError, match="damaged or changed"):
        registered_file("wandb:me/motions/squat:v0")


def test_a_damaged_or_foreign_artifact(cloud, tmp_path):
    _, kept = cloud
    kept["v0"].metadata = {"sha256": "0" * 64}
    with pytest.raises(RegistryError, match="SHA-256"):
        registered_file("wandb:me/motions/squat:v0")
    # Uploaded by another program: W&B's own digests are all there is to check, and they are.
    kept["v0"].metadata = None
    assert registered_file("wandb:me/motions/squat:v0").is_file()
    kept["v0"].verify.assert_called()
    kept["v1"].verify.side_effect = ValueError("digest mismatch")
    with pytest.raises(RegistryError, match="digest mismatch"):
        registered_file("wandb:me/motions/squat:v1")
    kept["v1"].verify.side_effect = None
    (tmp_path / "v1.npz").unlink()
    with pytest.raises(RegistryError, match=r"holds no motion\.npz"):
        registered_file("wandb:me/motions/squat:v1")
    assert not list((tmp_path / "registry").rglob("v1/*"))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("me/motions/squad", "not found.*wandb login"),
        ("me/motions/squat:v9", "not found"),
        ("me/motions/../squat", "expected wandb:ENTITY/PROJECT"),
        ("me/motions/..", "cannot be a motion's name"),
        ("me/motions/squat:../x", "cannot be a motion's name"),
        ("me/../squat", "expected wandb:ENTITY/PROJECT"),
        ("squat", "expected wandb:ENTITY/PROJECT"),
    ],
)
def test_addresses_that_are_none(cloud, word, message):
    with pytest.raises(RegistryError, match=message):
        registered_file(f"wandb:{word}")


def test_offline_nothing_is_fetched(cloud, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    with pytest.raises(RegistryError, match="WANDB_MODE=offline"):
        registered_file("wandb:me/motions/squat")
    with pytest.raises(OutputError, match="online only"):
        open_registry("wandb:org/wandb-registry-motions").push(builtin_motion("stand"))


def test_entries_lists_every_version(cloud):
    api, kept = cloud
    collection = create_autospec(wandb.apis.public.ArtifactCollection, instance=True)
    collection.name = "squat"
    api.artifact_collections.return_value = [collection]
    api.artifacts.return_value = [kept["v1"], kept["v0"]]
    found = WandbRegistry("me/motions").entries()
    assert [(e.name, e.version) for e in found] == [("squat", "v0"), ("squat", "v1")]
    assert found[0].sha256 == kept["v0"].metadata["sha256"]


def test_online_push_links_to_an_organisations_registry(monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    run = create_autospec(wandb.Run, instance=True)
    run.__enter__.return_value = run
    run.offline = False
    made = []
    real = wandb.Artifact

    def artifact(*args, **options):
        found = create_autospec(real, instance=True)
        found.wait.return_value.version = "v4"
        made.append((args, options, found))
        return found

    init = create_autospec(wandb.init, return_value=run)
    monkeypatch.setattr(wandb, "init", init)
    monkeypatch.setattr(wandb, "Artifact", artifact)
    entry = open_registry("wandb:org/wandb-registry-motions").push(builtin_motion("stand"))
    assert entry.version == "v4"
    ((args, options, pushed),) = made
    assert args == ("stand",)
    assert options["type"] == "motions"
    run.log_artifact.assert_called_once_with(pushed)
    run.link_artifact.assert_called_once_with(pushed, "org/wandb-registry-motions/stand")


def test_without_wandb_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(RegistryError, match=r"pip install mimiclab\[wandb\]"):
        registered_file("wandb:me/motions/squat")
