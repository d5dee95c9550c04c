"""What a user may write after --motion."""

from pathlib import Path

import pytest

from mimiclab.errors import MotionError, MotionFileError, RobotError, UnknownNameError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import write_motion
from mimiclab.motions.sources import load_motions
from mimiclab.motions.synthesis import builtin_names


@pytest.fixture
def folder(sway: MotionClip, tmp_path: Path) -> Path:
    for name in ("walk.npz", "run.npz", "more/hop.npz", "more/deep/hop_high.csv"):
        write_motion(sway, tmp_path / name)
    return tmp_path


def names(spec: object, **options: object) -> list[str]:
    return [clip.name for clip in load_motions(spec, robot="unitree_g1", **options)]  # type: ignore[arg-type]


def test_built_in_motions() -> None:
    assert names("builtin:walk") == ["walk"]
    assert names("builtin:*") == list(builtin_names())
    (clip,) = load_motions("builtin:stand", robot="unitree_g1", fps=30.0)
    assert clip.fps == 30.0
    with pytest.raises(UnknownNameError, match="did you mean 'walk'"):
        names("builtin:wlak")


def test_files_folders_globs_and_lists(folder: Path) -> None:
    assert names(folder / "walk.npz") == ["walk"]
    assert sorted(names(str(folder))) == ["hop", "hop_high", "run", "walk"]
    assert names(f"{folder}/*.npz") == ["run", "walk"]
    assert names(f"{folder}/**/hop*.npz") == ["hop"]
    assert names(f"{folder}/walk.npz, builtin:bow,{folder}/run.npz") == ["walk", "bow", "run"]
    assert names([folder / "run.npz", "builtin:bow"]) == ["run", "bow"]


def test_names_are_searched_in_the_motion_folder(folder: Path) -> None:
    assert names("walk,more/hop.npz", motion_folder=folder) == ["walk", "hop"]
    write_motion(load_motions("builtin:bow", robot="unitree_g1")[0], folder / "walk.csv")
    with pytest.raises(MotionFileError, match=r"both walk\.npz and walk\.csv"):
        names("walk", motion_folder=folder)


def test_sets(folder: Path) -> None:
    (folder / "mine.yaml").write_text("name: mine\nmotions: [hop, builtin:bow, walk]\n")
    # A set file beside its clips needs no folder.
    assert names(folder / "mine.yaml") == ["hop", "bow", "walk"]
    with pytest.raises(MotionFileError, match="its clips are not shipped; say which folder"):
        names("walking_only")
    with pytest.raises(MotionFileError, match="12 of 12 clips are not in"):
        names("walking_only", motion_folder=folder)


def test_equal_names_are_told_apart_by_folder(sway: MotionClip, tmp_path: Path) -> None:
    for name in ("walk", "run"):
        write_motion(sway, tmp_path / name / "motion.npz")
    assert sorted(names(tmp_path)) == ["run/motion", "walk/motion"]
    twice = tmp_path / "walk" / "motion.npz"
    with pytest.raises(MotionError, match="clips with equal names: walk/motion"):
        names([twice, twice])


def test_unknown_words_get_the_nearest_names(folder: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'walking_only'"):
        names("walkin_only")
    with pytest.raises(UnknownNameError, match="'hop_high'"):
        names("hop_hihg", motion_folder=folder)
    with pytest.raises(MotionFileError, match=r"did you mean walk\.npz"):
        names(str(folder / "wlak.npz"))
    with pytest.raises(MotionFileError, match="no file matches"):
        names(f"{folder}/*.bvh")
    with pytest.raises(MotionFileError, match="no motion was named"):
        names(" , ")
    with pytest.raises(MotionFileError, match="cannot be a file's name"):
        names("x" * 5000)
    (folder / "void").mkdir()
    with pytest.raises(MotionFileError, match=r"no \.npz or \.csv"):
        names(folder / "void")


def test_files_of_another_robot_are_refused(folder: Path) -> None:
    import numpy as np

    with np.load(folder / "walk.npz") as data:
        arrays = dict(data)
    with pytest.raises(UnknownNameError, match="unknown robot 'nobody'"):
        load_motions(folder / "walk.npz", robot="nobody")
    arrays["robot"] = np.array("nobody")
    np.savez(folder / "walk.npz", **arrays)
    with pytest.raises((RobotError, UnknownNameError)):
        names(folder / "walk.npz")


def test_published_set_on_real_data(shared_data: Path) -> None:
    folder = shared_data / "motions" / "lafan1_g1_csv"
    assert names("single_motion_test", motion_folder=folder) == ["dance1_subject1"]
    with pytest.raises(MotionFileError, match="8 of 12 clips are not in"):
        names("walking_only", motion_folder=folder)
