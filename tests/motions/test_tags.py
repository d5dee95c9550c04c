"""Tags from names, and those stored in files."""

from pathlib import Path

import numpy as np
import pytest

from mimiclab.motions.formats import FORMATS, write_motion
from mimiclab.motions.tags import name_tags, stored_tags


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("dance1_subject3.csv", ("dance",)),
        ("fightAndSports1_subject4", ("fight", "sports")),
        ("fallAndGetUp2_subject2.npz", ("fallAndGetUp",)),
        ("humanoid3d_getup_facedown.txt", ("fallAndGetUp",)),
        ("sprint1_subject2", ("sprint",)),
        ("jumps1_subject1", ("jumps",)),
        ("side_jump_level2", ("jumps",)),
        ("walking - very fast.bvh", ("walk",)),
        ("WalkThenRUN", ("walk", "run")),
        ("walk/stand.npz", ("stand",)),
        ("walkway_trunk_crown", ()),
        ("builtin:wave", ("wave",)),
        ("CMU_016_22", ()),
        ("get_up_and_run.v2", ("fallAndGetUp", "run")),
        ("", ()),
    ],
)
def test_tags_of_names(name: str, tags: tuple[str, ...]) -> None:
    assert name_tags(name) == tags


def test_real_names(shared_data: Path) -> None:
    # LAFAN1 names its files by what happens in them.
    for path in (shared_data / "motions" / "lafan1_g1_csv").glob("*.csv"):
        kind = path.stem.rstrip("0123456789").split("_subject")[0].rstrip("0123456789")
        assert name_tags(path)[0] == kind


def test_stored_tags_are_read_alone(sway, tmp_path: Path) -> None:
    path = tmp_path / "sway.npz"
    write_motion(sway, path)
    assert stored_tags(path) == sway.tags == ("test", "sway")
    write_motion(sway, tmp_path / "sway.csv")
    assert stored_tags(tmp_path / "sway.csv") == ()
    FORMATS["mjlab_npz"].write(sway, tmp_path / "other.npz")
    assert stored_tags(tmp_path / "other.npz") == ()
    (tmp_path / "broken.npz").write_bytes(path.read_bytes()[:-200])
    assert stored_tags(tmp_path / "broken.npz") == ()
    objects = np.array([print], dtype=object)
    np.savez(tmp_path / "hostile.npz", tags=objects, allow_pickle=True)
    assert stored_tags(tmp_path / "hostile.npz") == ()
