"""The workbench without a page: finding, choosing, comparing, cutting."""

import numpy as np
import pytest

from mimiclab.errors import MimiclabError, MotionFileError, OutputError
from mimiclab.motions.formats import read_motion
from mimiclab.motions.human.clip import HumanClip
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.viewing.workbench.bench import Workbench
from mimiclab.viewing.workbench.catalogue import Catalogue, Entry
from mimiclab.viewing.workbench.curves import measure
from mimiclab.viewing.workbench.timeline import Timeline


def person() -> HumanClip:
    joints = np.zeros((60, 2, 3))
    joints[:, 1, 2] = 1.0
    return HumanClip(
        name="squat", fps=30.0, skeleton="", joint_names=("a", "b"), parents=(-1, 0),
        joint_pos_w=joints,
    )  # fmt: skip


def entry(label, read, name="", kind="robot", tags=()):
    return Entry(label=label, name=name or label, kind=kind, tags=tags, read=read)


@pytest.fixture
def bench(tmp_path):
    def unreadable():
        raise MotionFileError("broken.npz is damaged")

    entries = [
        entry("robots/squat.npz", lambda: builtin_motion("squat"), "squat", tags=("squat",)),
        entry("robots/walk_long.npz", lambda: builtin_motion("walk"), "walk", tags=("walk",)),
        entry("robots/broken.npz", unreadable, "broken"),
        entry("people/squat.bvh", person, "squat", kind="human"),
    ]
    return Workbench(Catalogue(entries), tmp_path / "cuts")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 4),
        ("squat", 2),
        ("ROBOTS squat", 1),
        ("tag:walk", 1),
        ("tag:wal", 0),
        ("human", 1),
        ("robot", 3),
        ("nowhere", 0),
    ],
)
def test_search_by_words_tags_and_kind(bench, query, found):
    assert len(bench.catalogue.search(query)) == found


def test_equal_labels_are_numbered():
    twins = Catalogue([entry("a/walk.npz", person), entry("a/walk.npz", person)])
    assert [e.label for e in twins.entries] == ["a/walk.npz", "a/walk.npz (2)"]
    assert twins.entry("a/walk.npz (2)") is twins.entries[1]


def test_a_person_appears_beside_the_robot_of_the_same_name(bench):
    squat, walk, _, human = bench.catalogue.entries
    bench.choose(squat)
    assert bench.other is not None and bench.other.entry is human
    bench.choose(walk)
    assert bench.other is None
    bench.compare(squat)
    assert bench.other is not None and bench.other.entry is squat
    bench.compare(None)
    assert bench.other is None


def test_an_unreadable_motion_leaves_the_open_one(bench):
    before = bench.main
    with pytest.raises(MotionFileError, match="damaged"):
        bench.choose(bench.catalogue.entries[2])
    assert bench.main is before


def test_the_saved_part_is_what_lies_between_in_and_out(bench):
    bench.seek(1.0)
    bench.set_in()
    bench.seek(2.0)
    bench.set_out()
    path = bench.save("part")
    whole, part = builtin_motion("squat"), read_motion(path)
    np.testing.assert_array_equal(part.joint_pos, whole.joint_pos[50:101])
    assert part.name == "part" and path == bench.output / "part.npz"
    with pytest.raises(OutputError, match="exists"):
        bench.save("part")


@pytest.mark.parametrize("name", ["", "..", "../out", "a/b"])
def test_a_name_cannot_leave_the_folder(bench, name):
    with pytest.raises(OutputError, match="plain file name"):
        bench.save(name)
    assert not bench.output.exists()


def test_a_persons_motion_is_not_saved_as_a_robots(bench):
    bench.choose(bench.catalogue.entries[3])
    with pytest.raises(MimiclabError, match="retarget"):
        bench.save("part")


def test_playing_repeats_between_in_and_out(bench):
    bench.seek(1.0)
    bench.set_in()
    bench.seek(1.5)
    bench.set_out()
    frames = set()
    for _ in range(100):
        bench.update(0.02)
        frames.add(bench.frame)
    assert frames == set(range(50, 76))


def test_out_before_in_begins_anew(bench):
    bench.seek(2.0)
    bench.set_in()
    bench.seek(1.0)
    bench.set_out()
    assert bench.trim == (0, 51)
    bench.clear_trim()
    assert bench.trim == (0, builtin_motion("squat").num_frames)


def test_curves_of_a_robot():
    clip = builtin_motion("hop")
    curves = measure(clip, builtin_motion("hop"))
    plots = {plot.title: plot for plot in curves.plots}
    assert len(curves.times_s) == clip.num_frames
    flying = ~(curves.contacts["left"] | curves.contacts["right"])
    height = np.minimum(*plots["Sole height"].lines.values())
    assert flying.any() and height[flying].max() > 20  # mm
    assert np.isnan(plots["Slide of standing feet"].lines["left"][flying]).all()
    np.testing.assert_allclose(plots["Distance to the other"].lines["mean"], 0, atol=1e-9)


def test_curves_of_a_person_without_a_known_skeleton_are_empty():
    curves = measure(person())
    assert curves.plots == () and curves.contacts == {}
    assert Timeline(curves).picture(0.5, (0, 1)).ndim == 3


def test_the_cursor_runs_and_cut_parts_are_grey():
    timeline = Timeline(measure(builtin_motion("squat")))
    early, late = (timeline.picture(t, (0.0, 5.0)) for t in (1.0, 4.0))
    red = [np.flatnonzero((p == (214, 84, 58)).all(axis=(0, 2))) for p in (early, late)]
    assert red[0].size and red[1].size
    assert 0.5 < (red[1].mean() - red[0].mean()) / early.shape[1] < 0.65  # 3 of 5 s of the axis
    cut = timeline.picture(3.0, (2.0, 4.0))
    assert cut[:, red[0].max() + 3].mean() < early[:, red[0].max() + 3].mean() - 20
