"""Entries of sets with times, weights, heights and rates: read, trained on, converted, saved."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mimiclab.cli.main import main
from mimiclab.errors import MotionError, MotionFileError
from mimiclab.motions.check import check_file
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import read_motion, write_motion
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.sampler_cfg import SamplerCfg
from mimiclab.motions.sources import find_sources, load_motions
from mimiclab.robots import Robot


@pytest.fixture
def folder(tmp_path: Path, g1: Robot) -> Path:
    """Two clips of 41 frames at 20 per second, frame k of them k metres ahead; one as a CSV."""
    for name in ("walk", "run"):
        clip = MotionClip(
            name=name,
            robot=g1.name,
            fps=20.0,
            joint_names=g1.joint_names,
            root_pos=np.stack([np.arange(41.0), np.zeros(41), np.full(41, 0.8)], axis=1),
            root_quat_wxyz=np.tile([1.0, 0.0, 0.0, 0.0], (41, 1)),
            joint_pos=np.zeros((41, g1.num_joints)),
        )
        write_motion(clip, tmp_path / "clips" / f"{name}.npz", "mimiclab_npz_bodies")
    write_motion(clip, tmp_path / "csv" / "take.csv")
    return tmp_path / "clips"


def make_set(folder: Path, text: str, name: str = "mine.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def ahead(clip: MotionClip) -> list[float]:
    return clip.root_pos[:, 0].tolist()


def test_pieces_with_times_weights_and_names(folder: Path) -> None:
    mine = make_set(
        folder,
        """
motions:
  - {motion: walk, start: 0.1, end: 0.2, weight: 2, tags: [first]}
  - {motion: walk, start: 1.9, name: last steps}
  - {motion: run, hold_start: 0.1, height: 0.5}
weights: {walk: 3}
""",
    )
    found = {clip.name: clip for clip in load_motions(mine, robot="unitree_g1")}
    assert list(found) == ["walk-0.1s-0.2s", "last steps", "run"]
    assert ahead(found["walk-0.1s-0.2s"]) == [2, 3, 4]
    assert ahead(found["last steps"]) == [38, 39, 40]
    assert ahead(found["run"]) == [0, 0, *range(41)] and found["run"].root_pos[0, 2] == 1.3
    # The weight of the entry times that of the set, which means the clip by its name.
    assert [clip.weight for clip in found.values()] == [6.0, 3.0, 1.0]
    assert found["walk-0.1s-0.2s"].tags[-1] == "first"


def test_what_the_file_says_beside_is_not_held_against_a_changed_clip(folder: Path) -> None:
    mine = make_set(folder, "motions: [run, {motion: walk, height: 0.3}]\n")
    plain, raised = (source.read() for source in find_sources(mine, robot="unitree_g1"))
    assert plain.stored is not None and raised.stored is None
    finding = next(f for f in check_file(raised).findings if "motion set" in f.message)
    assert "height 0.3" in finding.message


def test_pieces_are_drawn_by_their_weights(folder: Path) -> None:
    mine = make_set(
        folder,
        "motions: [{motion: walk, end: 1.0, weight: 4}, {motion: walk, start: 1.0, name: rest}]\n",
    )
    library = MotionLibrary.from_clips(
        load_motions(mine, robot="unitree_g1"), robot="unitree_g1", fps=20
    )
    torch.manual_seed(0)
    drawn, _ = SamplerCfg(kind="uniform").build(library).sample(torch.arange(8000))
    # Equal lengths, so four in five: 6400, within five deviations of sqrt(8000 * 0.8 * 0.2) = 36.
    assert abs(int((drawn == 0).sum()) - 6400) < 180


def test_sets_within_sets_and_algebra(folder: Path) -> None:
    make_set(folder, "motions: [{motion: walk, start: 1}]\n", "inner.yaml")
    outer = make_set(folder, "motions: [{motion: inner.yaml, height: 1, weight: 2}, run]\n")
    piece, whole = load_motions(outer, robot="unitree_g1")
    assert (piece.name, piece.root_pos[0].tolist()) == ("walk-1s-end", [20, 0, 1.8])
    assert (piece.weight, whole.name) == (2.0, "run")
    # A piece goes with its clip where clips are taken away or kept.
    for words, names in (
        (f"{outer} - walk.npz", ["run"]),
        (f"{outer} & walk.npz", ["walk-1s-end"]),
        (f"{outer} & tag:walk", ["walk-1s-end"]),
    ):
        clips = load_motions(words, robot="unitree_g1", motion_folder=folder)
        assert [clip.name for clip in clips] == names
    make_set(folder, "motions: [{motion: inner.yaml, start: 0.5}]\n", "twice.yaml")
    with pytest.raises(MotionFileError, match="start is given for a clip and again for a set"):
        load_motions(folder / "twice.yaml", robot="unitree_g1")


def test_rates_and_orders_of_single_files(folder: Path, g1: Robot) -> None:
    csv = folder.parent / "csv"
    rows = np.loadtxt(csv / "take.csv", delimiter=",")
    rows[:, 3:7] = rows[:, [6, 3, 4, 5]]  # real part first, as Kimodo writes
    np.savetxt(csv / "kimodo.csv", rows, delimiter=",")
    mine = make_set(
        csv, "motions: [{motion: take, fps: 20}, {motion: kimodo, root_quat_order: wxyz}]\n"
    )
    take, kimodo = load_motions(mine, robot="unitree_g1")
    assert (take.fps, kimodo.fps) == (20.0, 30.0)
    np.testing.assert_allclose(kimodo.root_quat_wxyz, take.root_quat_wxyz)
    # What the set says of a file goes before what is said of all; a file that knows better wins.
    assert load_motions(mine, robot="unitree_g1", fps=60)[0].fps == 20.0
    wrong = make_set(folder, "motions: [{motion: walk, fps: 60}]\n")
    with pytest.raises(MotionFileError, match="the file says 20 fps but 60 was declared"):
        load_motions(wrong, robot="unitree_g1")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{name: x}", "expected a name, or"),
        ("{motion: walk, sart: 1}", "unknown keys sart; known are motion, name"),
        ("{motion: walk, start: 3, end: 1}", "'walk': end 1 s is before start 3 s"),
        ("{motion: walk, start: soon}", "'walk': start is 'soon', expected a number"),
        ("{motion: walk, weight: 0}", "weight of 'walk' is 0, expected a positive number"),
        ("{motion: walk, fps: true}", "fps of 'walk' is True"),
        ("{motion: walk, tags: a}", "expected a list of words"),
        ("{motion: walk, name: ../x}", "cannot be a file's"),
        ("{motion: ../walk}", "leaves the folder"),
        ("{motion: walk, root_quat_order: zyxw}", "expected wxyz or xyzw"),
        ("{motion: '*', name: all}", "given to 2 clips"),
        ("{motion: walk, start: 1}, {motion: walk, start: 1}", "listed twice: walk"),
        ("{motion: jog, start: 1}", "clips are not in"),
    ],
)
def test_bad_entries(folder: Path, entry: str, message: str) -> None:
    with pytest.raises(MotionFileError, match=message):
        load_motions(make_set(folder, f"motions: [{entry}]\n"), robot="unitree_g1")


def test_times_outside_of_a_clip_and_equal_names(folder: Path) -> None:
    with pytest.raises(MotionError, match=r"cannot keep 1 s to 3 s, it has 41 frames in 2 s"):
        load_motions(
            make_set(folder, "motions: [{motion: walk, start: 1, end: 3}]\n"), robot="unitree_g1"
        )
    both = make_set(folder, "motions: [{motion: walk, name: run}, run]\n")
    with pytest.raises(MotionError, match="clips with equal names"):
        load_motions(both, robot="unitree_g1")


def test_pieces_become_files_and_stay_pieces_in_splits(folder: Path, tmp_path: Path) -> None:
    mine = make_set(
        folder,
        "motions: [{motion: walk, end: 0.5}, {motion: walk, start: 1.5, name: stop, weight: 2}, "
        "{motion: run, longest: 1}]\n",
    )
    assert main(["motion", "convert", str(mine), "--output", str(tmp_path / "out")]) == 0
    made = {path.stem: read_motion(path) for path in (tmp_path / "out").iterdir()}
    assert {name: ahead(clip)[-1] for name, clip in made.items()} == {
        "walk-0s-0.5s": 10, "stop": 40, "run": 20,
    }  # fmt: skip
    lengths = ["motion", "split", str(mine), "--motion-folder", str(folder), "--into", "lengths"]
    assert main([*lengths, "--longest", "0.9", "--output", str(tmp_path / "sets")]) == 0
    parts = {
        part: load_motions(
            tmp_path / "sets" / f"{part}.yaml", robot="unitree_g1", motion_folder=folder
        )
        for part in ("short", "long")
    }
    assert [(c.name, c.weight) for c in parts["short"]] == [("walk-0s-0.5s", 1), ("stop", 2)]
    assert [(c.name, ahead(c)[-1]) for c in parts["long"]] == [("run", 20)]
