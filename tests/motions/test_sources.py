"""What a user may write after --motion."""

from pathlib import Path

import pytest

from mimiclab.errors import MotionError, MotionFileError, RobotError, UnknownNameError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import write_motion
from mimiclab.motions.mirror import mirror_clip
from mimiclab.motions.sets import load_set
from mimiclab.motions.sources import find_sources, load_motions
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


def test_mirror_images_are_added_at_the_end(sway: MotionClip, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_motion(sway, tmp_path / f"{name}.npz")
    clips = load_motions(tmp_path, robot="unitree_g1", mirror=True)
    assert [clip.name for clip in clips] == ["a", "b", "a_mirrored", "b_mirrored"]
    for one, image in zip(clips[:2], clips[2:], strict=True):
        assert (image.joint_pos == mirror_clip(one).joint_pos).all()
        assert (image.root_pos[:, 1] == -one.root_pos[:, 1]).all()


def test_weights_of_a_set_reach_the_sampler_with_their_mirror_images(
    sway: MotionClip, tmp_path: Path
) -> None:
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.motions.samplers import SamplerCfg

    for name in ("walk1", "walk2", "run1"):
        write_motion(sway, tmp_path / f"{name}.npz")
    (tmp_path / "s.yaml").write_text("motions: ['*1', walk2]\nweights: {'tag:run': 4}\ntags: [x]\n")
    clips = load_motions(tmp_path / "s.yaml", robot="unitree_g1", mirror=True)
    assert [clip.tags for clip in clips] == [(*sway.tags, "x")] * 6
    library = MotionLibrary.from_clips(clips, robot="unitree_g1")
    library.save(tmp_path / "library.safetensors")
    again = MotionLibrary.load(tmp_path / "library.safetensors")
    share = SamplerCfg().build(again).probabilities().sum(1)
    drawn = dict(zip(again.clip_names, share.tolist(), strict=True))
    # Weights 4, 1, 1 and the same for the images: 12 in all.
    for name in ("run1", "run1_mirrored"):
        assert drawn[name] == pytest.approx(4 / 12)
    for name in ("walk1", "walk2", "walk1_mirrored", "walk2_mirrored"):
        assert drawn[name] == pytest.approx(1 / 12)
    assert again.clip(0).weight == clips[0].weight


def test_subsets_of_cmu_are_found_in_one_file_of_all_clips(tmp_path: Path) -> None:
    pytest.importorskip("dm_control")
    import h5py

    every = load_set("cmu.all").motions
    with h5py.File(tmp_path / "cmu_2020.h5", "w") as file:
        for name in every:
            file.create_group(f"{name}/walkers/walker_0")
    found = find_sources("cmu.get_up & cmu.mocapact_train", robot=None, motion_folder=tmp_path)
    assert [source.path.name for source in found if source.path] == [
        "CMU_139_16", "CMU_139_17", "CMU_139_18", "CMU_140_01", "CMU_140_02", "CMU_140_08",
        "CMU_140_09",
    ]  # fmt: skip
    train = find_sources("cmu.all - cmu.mocapact_val", robot=None, motion_folder=tmp_path)
    assert len(train) == 773
