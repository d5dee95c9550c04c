"""Every real robot motion beside the checkout is read as its maker meant, checked and converted."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mimiclab.cli.main import main
from mimiclab.motions.check import check_file
from mimiclab.motions.formats import read_motion, read_motion_file, write_motion
from mimiclab.motions.kinematics import body_motion, resample
from mimiclab.robots import get_robot

FOLDERS: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "lafan1_g1_csv": ("unitree_csv", "unitree_g1", 15, {}),
    "lafan1_h1_2_csv": ("unitree_csv", "unitree_h1_2", 2, {}),
    "lafan1_h1_csv": ("unitree_csv", "unitree_h1", 2, {}),
    "booster_k1_csv": ("unitree_csv", "booster_k1", 2, {}),
    "kimodo_g1_csv": ("unitree_csv", "unitree_g1", 5, {"root_quat_order": "wxyz"}),
    "asap_g1_npz": ("phc_npz", "unitree_g1", 17, {}),
    "pbhc_g1_npz": ("phc_npz", "unitree_g1", 4, {}),
    "twist2_g1_npz": ("gmr_npz", "unitree_g1", 6, {}),
    "terrain/g1_crawl_slope": ("holosoma_npz", "unitree_g1", 1, {}),
    "terrain/g1_vault_box": ("protomotions", "unitree_g1", 1, {}),
}
LIMIT_EXCESS = {"lafan1_h1_2_csv": 0.03, "lafan1_h1_csv": 0.2}
"""How far the data's own description says that joints are beyond their limits, rad."""


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_real_robot_file_is_read_checked_and_converted(
    shared_data: Path, tmp_path: Path, folder: str
) -> None:
    name, robot, count, options = FOLDERS[folder]
    files = sorted(p for p in (shared_data / "motions" / folder).iterdir() if p.suffix != ".md")
    files = [path for path in files if path.suffix in (".npz", ".csv")]
    assert len(files) == count
    for path in files:
        rate: dict[str, Any] = {"fps": 50.0} if "50fps" in path.name else {}
        file = read_motion_file(path, robot=robot, **options, **rate)
        assert (file.format, file.clip.robot) == (name, robot)
        report = check_file(replace(file, clip=file.clip.cut(0, 80), stored=None))
        assert not {f.code for f in report.findings} & {"unreadable"}
        # Retargeted clips may leave the limits a little, but not by a wrong column.
        low, high = get_robot(robot).joint_limits.T
        beyond = np.maximum(low - file.clip.joint_pos, file.clip.joint_pos - high).max()
        assert beyond < LIMIT_EXCESS.get(folder, 0.15)
        write_motion(file.clip, tmp_path / "out.npz")
        back = read_motion(tmp_path / "out.npz")
        np.testing.assert_array_equal(back.joint_pos, file.clip.joint_pos)
        np.testing.assert_array_equal(back.root_quat_wxyz, file.clip.root_quat_wxyz)
        if folder.startswith("pbhc"):
            assert back.foot_contacts is not None and back.foot_contacts.any()


def test_the_command_line_reads_every_kind(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shared_data / "motions"
    for place, robot, fps in (
        ("pbhc_g1_npz/Side_kick.npz", "unitree_g1", ()),
        ("booster_k1_csv/k1_fight_001_30fps.csv", "booster_k1", ("--fps", "30")),
        ("terrain/g1_vault_box/vault_over_small_obstacle.npz", "unitree_g1", ()),
    ):
        arguments = [str(folder / place), "--robot", robot, *fps]
        assert main(["motion", "inspect", *arguments]) == 0
        assert main(["motion", "check", *arguments]) == 0
        out = tmp_path / f"{robot}.npz"
        assert main(["motion", "convert", *arguments, "--output", str(out), "--overwrite"]) == 0
    assert "held at 0" in capsys.readouterr().out


def test_pbhc_contacts_match_the_feet(shared_data: Path) -> None:
    """Labelled feet are lower than the others: left is left."""
    for path in sorted((shared_data / "motions" / "pbhc_g1_npz").glob("*.npz")):
        clip = read_motion(path)
        motion, contacts = body_motion(clip), clip.foot_contacts
        assert contacts is not None
        for side, name in enumerate(("left_ankle_roll_link", "right_ankle_roll_link")):
            height = motion.body_pos_w[:, motion.body_names.index(name), 2]
            if 0 < contacts[:, side].sum() < len(height):
                assert height[contacts[:, side]].mean() < height[~contacts[:, side]].mean()


def test_the_vault_passes_over_its_box(shared_data: Path) -> None:
    folder = shared_data / "motions" / "terrain" / "g1_vault_box"
    clip = read_motion(folder / "vault_over_small_obstacle.npz")
    (box,) = clip.objects
    assert box.size == pytest.approx((1.12, 0.24, 0.49))
    along = clip.root_pos[:, 1] - box.pos_w[0, 1]
    assert along[0] * along[-1] < 0  # before it, then behind it
    over = np.abs(along).argmin()
    assert clip.root_pos[over, 2] > box.pos_w[0, 2] + box.size[2] / 2  # pyright: ignore
    assert resample(clip, 50.0).objects[0].num_frames == resample(clip, 50.0).num_frames
