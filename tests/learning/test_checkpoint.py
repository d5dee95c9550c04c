"""Checkpoint files: what is refused, what is restored."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from mimiclab.errors import CheckpointError
from mimiclab.learning import checkpoint as ckpt


def test_a_difference_of_layouts_is_told_by_name_and_size() -> None:
    old = {
        "robot": "a",
        "observations": {"actor": {"command": 58, "gyro": 3}},
        "actions": {"j": 29},
    }
    new = {"robot": "b", "observations": {"actor": {"command": 46, "vel": 3}}, "actions": {"j": 29}}
    lines = ckpt.layout_difference(old, new)
    assert lines == [
        "robot: a in the checkpoint, b here",
        "observations.actor.command: 58 in the checkpoint, 46 here",
        "observations.actor.gyro: 3 in the checkpoint, absent here",
        "observations.actor.vel: absent in the checkpoint, 3 here",
    ]
    with pytest.raises(CheckpointError, match="made for another task"):
        ckpt.require_layout(old, new, "x.pt")
    ckpt.require_layout(old, old, "x.pt")


def test_order_of_observation_terms_counts() -> None:
    lines = ckpt.layout_difference({"o": {"a": 1, "b": 2}}, {"o": {"b": 2, "a": 1}})
    assert len(lines) == 1 and "order" in lines[0]


def test_random_state_round_trip_through_a_safe_file(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    ckpt.save_checkpoint({"actor": {}, "random": ckpt.random_state()}, path)
    first = (random.random(), np.random.rand(3), torch.rand(3))
    ckpt.restore_random_state(ckpt.load_checkpoint(path)["random"])
    again = (random.random(), np.random.rand(3), torch.rand(3))
    assert first[0] == again[0]
    np.testing.assert_array_equal(first[1], again[1])
    assert torch.equal(first[2], again[2])


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half a zip"])
def test_damaged_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="cannot be read"):
        ckpt.load_checkpoint(path)


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    ckpt.save_checkpoint({"actor": {"w": torch.rand(100, 100)}}, path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        ckpt.load_checkpoint(path)


class _Evil:
    def __reduce__(self) -> tuple:
        return (exec, ("raise SystemExit('code ran')",))


def test_a_file_with_code_in_it_is_refused_unrun(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save({"schema": 1, "actor": _Evil()}, path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        ckpt.load_checkpoint(path)


def test_missing_foreign_and_newer_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        ckpt.load_checkpoint(tmp_path / "none.pt")
    torch.save({"model_state_dict": {}}, tmp_path / "other.pt")
    with pytest.raises(CheckpointError, match="not a mimiclab checkpoint"):
        ckpt.load_checkpoint(tmp_path / "other.pt")
    torch.save({"schema": 99, "actor": {}}, tmp_path / "new.pt")
    with pytest.raises(CheckpointError, match="schema 99"):
        ckpt.load_checkpoint(tmp_path / "new.pt")


def test_only_the_newest_numbered_checkpoints_are_kept(tmp_path: Path) -> None:
    for iteration in (100, 200, 1000):
        ckpt.numbered_path(tmp_path, iteration).touch()
    (tmp_path / "best.pt").touch()
    ckpt.keep_newest(tmp_path, 2)
    assert [n for n, _ in ckpt.numbered(tmp_path)] == [200, 1000]
    assert (tmp_path / "best.pt").exists()
    ckpt.keep_newest(tmp_path, 0)
    assert len(ckpt.numbered(tmp_path)) == 2
