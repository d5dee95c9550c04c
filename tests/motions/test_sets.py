"""Motion sets: the published ones, the user's own, and what can be wrong with them."""

from pathlib import Path

import pytest

from mimiclab.errors import MotionFileError, UnknownNameError
from mimiclab.motions.sets import load_set, set_names

_PUBLISHED = {
    "locomotion_basic": 12,
    "dynamic_skills": 15,
    "walking_only": 12,
    "dance_performance": 8,
    "recovery_training": 6,
    "lafan1_full": 40,
    "single_motion_test": 1,
}


def test_published_sets_have_their_counts() -> None:
    assert {name: len(load_set(name).motions) for name in set_names()} == _PUBLISHED
    full = set(load_set("lafan1_full").motions)
    for name in _PUBLISHED:
        found = load_set(name)
        assert found.name == name and found.description
        assert set(found.motions) <= full
    assert load_set("single_motion_test").motions == ("dance1_subject1",)


def test_unknown_set_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'walking_only'"):
        load_set("walking_onyl")
    with pytest.raises(MotionFileError, match="no such motion set file"):
        load_set("mine.yaml")


def test_own_set_is_resolved_in_a_folder_and_below(tmp_path: Path) -> None:
    for name in ("a.csv", "deep/b.npz", "deep/er/c.csv", "deep/d.csv", "other/d.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    file = tmp_path / "mine.yaml"
    file.write_text("name: mine\ndescription: few\nmotions: [c, a.csv, deep/b, team/proj/a:v3]\n")
    found = load_set(file)
    assert found.name == "mine"
    expected = ["deep/er/c.csv", "a.csv", "deep/b.npz"]  # each clip once
    assert found.resolve(tmp_path) == [tmp_path / name for name in expected]


def test_all_absent_clips_are_listed(tmp_path: Path) -> None:
    (tmp_path / "walk1_subject1.csv").touch()
    with pytest.raises(MotionFileError) as caught:
        load_set("walking_only").resolve(tmp_path)
    message = str(caught.value)
    assert "11 of 12 clips are not in" in message
    for name in load_set("walking_only").motions[1:]:
        assert name in message
    with pytest.raises(MotionFileError, match="is not a folder"):
        load_set("walking_only").resolve(tmp_path / "nowhere")


def test_ambiguous_clips_are_refused(tmp_path: Path) -> None:
    (tmp_path / "dance1_subject1.csv").touch()
    (tmp_path / "dance1_subject1.npz").touch()
    with pytest.raises(MotionFileError, match="more than one file fits dance1_subject1"):
        load_set("single_motion_test").resolve(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a motion set"),
        ("- a\n- b\n", "not a motion set"),
        ("motions: [a\n", "not valid YAML"),
        ("name: x\n", "`motions` is missing"),
        ("motions: []\n", "`motions` is missing, empty"),
        ("motions: [1, 2]\n", "`motions` is missing, empty or no list"),
        ("motions: [a, b, a]\n", "listed twice: a"),
        ("motions: [a]\nmotion: [b]\n", "unknown keys motion;"),
        ("motions: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
    ],
)
def test_bad_set_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(MotionFileError, match=message):
        load_set(path)
