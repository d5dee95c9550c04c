"""Motion sets: the published ones, the user's own, and what can be wrong with them."""

from pathlib import Path

import pytest
import yaml

from mimiclab.errors import MotionFileError, UnknownNameError
from mimiclab.motions.sets import load_set, set_names
from mimiclab.motions.sets.algebra import Member
from mimiclab.motions.tags import name_tags

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
    found = {name: len(load_set(name).motions) for name in set_names() if "." not in name}
    assert found == {**_PUBLISHED, "lafan1": 7}  # of its seven subsets
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
        ("motions: [1, 2]\n", "1 in `motions`; expected a name, or `{motion: NAME"),
        ("motions: [a, b, a]\n", "listed twice: a"),
        ("motions: [a]\nmotion: [b]\n", "unknown keys motion;"),
        ("motions: [a]\nweights: [1]\n", "`weights` is"),
        ("motions: [a]\nweights: {a: 0}\n", "expected a name and a positive number"),
        ("motions: [a]\nweights: {a: .inf}\n", "expected a name and a positive number"),
        ("motions: [a]\nweights: {a: true}\n", "expected a name and a positive number"),
        ("motions: [a]\ntags: walk\n", "expected a list of words"),
        ("motions: !!python/object/apply:os.system ['true']\n", "not valid YAML"),
    ],
)
def test_bad_set_files(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(MotionFileError, match=message):
        load_set(path)


def files_for(folder: Path, names: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.csv").touch()
    return folder


def members(name: str | Path, folder: Path) -> dict[str, Member]:
    return {Path(m.where).stem: m for m in load_set(name).members(folder)}


# Counts of the categories as the retargeted data set is described; dm_control's own collections.
_LAFAN1 = {
    "dance": 8, "walk": 12, "run": 4, "sprint": 2, "fight": 5, "jumps": 3, "fallAndGetUp": 6,
}  # fmt: skip


def test_subsets_of_lafan1_are_its_categories(tmp_path: Path) -> None:
    everything = list(load_set("lafan1_full").motions)
    folder = files_for(tmp_path, everything)
    assert set(members("lafan1", folder)) == set(everything)
    for category, count in _LAFAN1.items():
        found = members(f"lafan1.{category}", folder)
        assert len(found) == count
        assert set(found) == {n for n in everything if name_tags(n)[0] == category}
        assert all(category in member.tags for member in found.values())
    assert set(members("lafan1.walk", folder)) == set(load_set("walking_only").motions)


def test_subsets_of_cmu_are_those_of_dm_control(tmp_path: Path) -> None:
    subsets = pytest.importorskip("dm_control.locomotion.tasks.reference_pose.cmu_subsets")
    for name, collection in subsets.CMU_SUBSETS_DICT.items():
        assert load_set(f"cmu.{name}").motions == tuple(collection.ids)
    folder = files_for(tmp_path, list(subsets.ALL.ids))
    val, train = members("cmu.mocapact_val", folder), members("cmu.mocapact_train", folder)
    # MoCapAct: disjoint, together all 836, 23 of the validation clips are locomotion_small's.
    assert (len(val), len(train), len(val.keys() & train.keys())) == (63, 773, 0)
    assert len(val.keys() & set(subsets.LOCOMOTION_SMALL.ids)) == 23


def test_sets_of_sets_multiply_weights_and_gather_tags(tmp_path: Path) -> None:
    files_for(tmp_path, ["walk1", "walk2", "run1", "spin"])
    (tmp_path / "slow.yaml").write_text("motions: ['walk*']\nweights: {walk2: 4}\ntags: [calm]\n")
    text = "motions: [slow.yaml, run1, spin]\ntags: [mine]\n"
    (tmp_path / "all.yaml").write_text(
        text + "weights: {slow.yaml: 0.5, 'tag:run': 3, 'walk1 + spin': 7}\n"
    )
    found = members(tmp_path / "all.yaml", tmp_path)
    weights = {name: member.weight for name, member in found.items()}
    # walk2: 4 inside times 0.5 outside; walk1: the last line that holds it.
    assert weights == {"walk1": 7.0, "walk2": 2.0, "run1": 3.0, "spin": 7.0}
    assert found["walk1"].tags == ("calm", "mine") and found["spin"].tags == ("mine",)
    (tmp_path / "all.yaml").write_text(text + "weights: {wlak1: 2}\n")
    with pytest.raises(MotionFileError, match="weight 'wlak1' is that of no clip in the set"):
        members(tmp_path / "all.yaml", tmp_path)


def test_circles_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("motions: [b.yaml]\n")
    (tmp_path / "b.yaml").write_text("motions: [x, 'c.yaml - x']\n")
    (tmp_path / "c.yaml").write_text("motions: [lafan1.walk, b.yaml]\n")
    with pytest.raises(MotionFileError, match=r"circle: b\.yaml -> c\.yaml -> b\.yaml; take one"):
        members(tmp_path / "a.yaml", tmp_path)
    (tmp_path / "own.yaml").write_text("motions: [own.yaml]\n")
    with pytest.raises(MotionFileError, match=r"own\.yaml -> own\.yaml"):
        members(tmp_path / "own.yaml", tmp_path)


def test_sets_used_twice_are_no_circle_and_do_not_explode(tmp_path: Path) -> None:
    files_for(tmp_path, ["x"])
    (tmp_path / "s0.yaml").write_text("motions: [x]\n")
    for i in range(1, 40):  # 2^39 paths lead to x
        text = f"motions: [s{i - 1}.yaml, 's{i - 1}.yaml + s{i - 1}.yaml']\n"
        (tmp_path / f"s{i}.yaml").write_text(text)
    assert list(members(tmp_path / "s39.yaml", tmp_path)) == ["x"]


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/passwd", "a/../../x", "~/x", "..\\\\x", "C:/x", "../other.yaml", "x + ../y",
     "../*"],
)  # fmt: skip
def test_names_that_leave_their_folder_are_refused(tmp_path: Path, name: str) -> None:
    folder = files_for(tmp_path / "in", ["a"])
    files_for(tmp_path, ["x", "y"])
    (tmp_path / "other.yaml").write_text("motions: [x]\n")
    (folder / "bad.yaml").write_text(f'motions: [a, "{name}"]\n')
    with pytest.raises(MotionFileError, match="leaves the folder"):
        members(folder / "bad.yaml", folder)


def test_patterns_and_odd_names(tmp_path: Path) -> None:
    names = ["walk1", "walk - slow", "deep/walk2", "deep/er/walk3", "take [1]", ".hidden/walk9"]
    for name in names:
        files_for((tmp_path / name).parent, [Path(name).name])
    files_for(tmp_path, ["._walk8"])

    def found(*motions: str) -> set[str]:
        (tmp_path / "s.yaml").write_text(yaml.safe_dump({"motions": list(motions)}))
        return set(members(tmp_path / "s.yaml", tmp_path))

    assert found("walk*") == {"walk1", "walk - slow", "walk2", "walk3"}
    assert found("deep/*") == {"walk2"}
    assert found("deep/**/walk?") == {"walk2", "walk3"}
    assert found("walk - slow") == {"walk - slow"}
    assert found("take [1]") == {"take [1]"}
    assert found("walk* - walk1") == {"walk - slow", "walk2", "walk3"}
    with pytest.raises(MotionFileError, match=r"1 of 2 clips are not in .*: nothing\*"):
        found("walk1", "nothing*")
