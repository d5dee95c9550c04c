"""Training on a streamed library: the same numbers as in memory, and a run that points to it."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from mimiclab.deployment.export import export_run
from mimiclab.errors import CheckpointError, ContractError
from mimiclab.learning.checkpoint import load_checkpoint
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.run import load_run
from mimiclab.learning.train import resume, train
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.library.writer import LibraryWriter
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.tasks.tracking import TrackingTask

TASK = TrackingTask(residual_action=True)
CFG = TrainCfg(
    num_envs=6,
    iterations=2,
    device="cpu",
    ppo=PpoCfg(hidden=(16,), init_std=0.2, steps_per_env=6, mini_batches=1),
    logger="none",
    progress="none",
)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three clips in three shards, one of them at 30 Hz, so that it is interpolated."""
    folder = tmp_path_factory.mktemp("packed") / "library"
    with LibraryWriter(folder, robot="unitree_g1", shard_bytes=1) as writer:
        for name, fps in (("stand", 50.0), ("squat", 30.0), ("wave", 50.0)):
            writer.append(builtin_motion(name, fps=fps))
    return folder


@pytest.fixture(scope="module")
def run(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "streamed"
    train(TASK, MotionLibrary.load(packed, streaming=True), CFG, folder)
    return folder


def test_training_does_not_notice_where_frames_come_from(packed: Path, run: Path, tmp_path: Path):
    train(TASK, MotionLibrary.load(packed, streaming=False), CFG, tmp_path / "memory")
    one, two = (load_checkpoint(f / "checkpoints" / "last.pt") for f in (run, tmp_path / "memory"))
    assert len(one["actor"]) >= 4
    for name, value in one["actor"].items():
        assert torch.equal(value, two["actor"][name]), name
    assert (tmp_path / "memory" / "motions.safetensors").exists()
    assert not (tmp_path / "memory" / "motions.json").exists()


def test_a_run_points_to_its_library_and_goes_on_with_it(packed: Path, run: Path, tmp_path: Path):
    folder = shutil.copytree(run, tmp_path / "run")
    assert not (folder / "motions.safetensors").exists()
    library = load_run(folder).library
    assert library.streamed_from == packed and library.num_clips == 3
    assert json.loads((folder / "config.json").read_text())["motions"]["clips"] == 3
    assert resume(folder, iterations=3).iteration == 3
    with pytest.raises(ContractError, match=r"streamed library of 3 clips.*--clips NAME"):
        export_run(folder)
    assert export_run(folder, clips=["squat"]).exists()


def test_a_library_that_is_elsewhere_or_another_is_named(packed: Path, run: Path, tmp_path: Path):
    folder = shutil.copytree(run, tmp_path / "run")
    pointer = folder / "motions.json"
    noted = json.loads(pointer.read_text())
    pointer.write_text(json.dumps({**noted, "library": str(tmp_path / "gone")}))
    with pytest.raises(CheckpointError, match=r"gone, which is not there; put it back"):
        _ = load_run(folder).library
    with LibraryWriter(tmp_path / "other", robot="unitree_g1") as writer:
        writer.append(builtin_motion("stand"))
    pointer.write_text(json.dumps({**noted, "library": str(tmp_path / "other")}))
    with pytest.raises(CheckpointError, match=r"trained on a motion library with content hash"):
        _ = load_run(folder).library
