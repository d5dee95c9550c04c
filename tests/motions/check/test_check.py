"""Motion checks: every finding from a motion made to have it, and the published defects."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mimiclab.maths.rotations import cross, quat_rotate
from mimiclab.motions.check import CheckReport, check_clip, check_file
from mimiclab.motions.check.finding import CheckLimits
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import StoredArrays, read_motion_file, write_motion
from mimiclab.motions.ground import foot_points, lowest_point
from mimiclab.motions.kinematics import body_motion
from mimiclab.motions.repair import clamp_joint_limits
from mimiclab.motions.synthesis import builtin_motion, builtin_names
from mimiclab.robots import Robot


@pytest.fixture(scope="module")
def stand(g1: Robot) -> MotionClip:
    return builtin_motion("stand")


def codes(report: CheckReport) -> dict[str, str]:
    return {finding.code: finding.severity for finding in report.findings}


def moved(clip: MotionClip, *, z: float = 0.0, x_speed: float = 0.0) -> MotionClip:
    t = np.arange(clip.num_frames) / clip.fps
    shift = np.stack([x_speed * t, 0 * t, np.full_like(t, z)], axis=1)
    return replace(clip, root_pos=clip.root_pos + shift)


@pytest.mark.parametrize("name", builtin_names())
def test_built_in_motions_are_clean(name: str) -> None:
    report = check_clip(builtin_motion(name))
    assert report.ok and not report.findings


def test_foot_height_is_that_of_the_geoms(g1: Robot, stand: MotionClip) -> None:
    """The same lowest points by MuJoCo's own geom poses: capsule ends less their radius."""
    import mujoco

    motion = body_motion(stand, g1)
    left, _ = foot_points(g1)
    model, data = g1.model, mujoco.MjData(g1.model)
    data.qpos[:3], data.qpos[3:7] = stand.root_pos[9], stand.root_quat_wxyz[9]
    data.qpos[7:] = stand.joint_pos[9]
    mujoco.mj_kinematics(model, data)
    lows = []
    for i in range(1, 8):
        geom = model.geom(f"left_foot{i}_collision").id
        half = data.geom_xmat[geom].reshape(3, 3)[2, 2] * model.geom_size[geom, 1]
        lows.append(data.geom_xpos[geom, 2] - abs(half) - model.geom_size[geom, 0])
    assert abs(lowest_point(motion, left).height[9] - min(lows)) < 1e-9


def test_sunk_floating_and_sliding_feet(stand: MotionClip) -> None:
    sunk = check_clip(moved(stand, z=-0.05))
    assert codes(sunk) == {"foot_penetration": "warning"}
    assert sunk.metrics["foot_lowest_m"] == pytest.approx(-0.05, abs=1e-3)
    assert len(sunk.findings[0].frames) == stand.num_frames
    assert "5.0 cm below" in sunk.findings[0].message
    floating = check_clip(moved(stand, z=0.10))
    assert codes(floating) == {"float": "warning"}
    sliding = check_clip(moved(stand, x_speed=0.5))
    assert codes(sliding) == {"foot_skate": "warning"}
    assert sliding.metrics["foot_skate_mean_m_s"] == pytest.approx(0.5, abs=0.01)
    assert sliding.ok


def test_long_flight(stand: MotionClip) -> None:
    height = np.zeros(stand.num_frames)
    height[20:120] = 0.5
    lifted = replace(stand, root_pos=stand.root_pos + height[:, None] * [0, 0, 1])
    report = check_clip(lifted, limits=CheckLimits(root_speed=100.0))
    finding = next(f for f in report.findings if f.code == "flight")
    assert finding.frames == tuple(range(20, 120))
    assert report.metrics["flight_longest_s"] == pytest.approx(2.0)


def test_joint_limits_are_flagged_and_clamped(g1: Robot, stand: MotionClip) -> None:
    knee = g1.joint_names.index("left_knee_joint")
    joints = stand.joint_pos.copy()
    joints[10:15, knee] = g1.joint_limits[knee, 1] + 0.05
    bent = replace(stand, joint_pos=joints)
    report = check_clip(bent)
    finding = next(f for f in report.findings if f.code == "joint_limit")
    assert finding.severity == "warning" and finding.frames == (10, 11, 12, 13, 14)
    assert "left_knee_joint by 0.050" in finding.message
    joints[12, knee] += 0.5
    assert codes(check_clip(replace(stand, joint_pos=joints)))["joint_limit"] == "error"
    clamped, changed = clamp_joint_limits(bent, g1)
    assert changed == 5
    assert "joint_limit" not in codes(check_clip(clamped))
    assert clamp_joint_limits(stand, g1)[0] is stand


def test_speed_and_jumps(g1: Robot, stand: MotionClip) -> None:
    wrist = g1.joint_names.index("left_wrist_roll_joint")
    joints = stand.joint_pos.copy()
    joints[100:, wrist] += 1.0
    report = check_clip(replace(stand, joint_pos=joints))
    jump = next(f for f in report.findings if f.code == "joint_jump")
    assert jump.frames == (99,)
    assert "1.00 rad in left_wrist_roll_joint after frame 99" in jump.message
    # One radian in a fiftieth of a second, by central differences over two: 25 of 37 rad/s.
    assert report.metrics["joint_speed_max_rad_s"] == pytest.approx(25.0, rel=1e-2)
    assert "velocity_limit" not in codes(report)
    joints[100:, wrist] += 1.0
    assert codes(check_clip(replace(stand, joint_pos=joints)))["velocity_limit"] == "warning"


def test_steady_fast_motion_is_no_jump(g1: Robot, stand: MotionClip) -> None:
    wrist = g1.joint_names.index("left_wrist_roll_joint")
    joints = stand.joint_pos.copy()
    joints[:, wrist] = 1.5 * np.sin(15.0 * np.arange(stand.num_frames) / stand.fps)
    assert np.abs(np.diff(joints[:, wrist])).max() > 0.35
    assert "joint_jump" not in codes(check_clip(replace(stand, joint_pos=joints)))


def test_teleports_are_errors(stand: MotionClip) -> None:
    root = stand.root_pos.copy()
    root[50:, 0] += 1.0
    report = check_clip(replace(stand, root_pos=root))
    assert codes(report)["root_jump"] == "error" and not report.ok
    assert "first after frame 49" in report.findings[0].message


def test_rate_length_and_first_frame(stand: MotionClip) -> None:
    assert codes(check_clip(replace(stand, fps=5.0))) == {"fps": "warning"}
    assert codes(check_clip(stand.cut(0, 10))) == {"short": "warning"}
    assert codes(check_clip(stand.cut(0, 1))) == {"short": "warning"}
    half = np.array([np.cos(0.5), 0.0, np.sin(0.5), 0.0])
    lying = replace(stand, root_quat_wxyz=np.tile(half, (stand.num_frames, 1)))
    report = check_clip(lying)
    assert codes(report)["first_frame"] == "note"
    assert report.metrics["first_tilt_rad"] == pytest.approx(1.0)


def test_unnormalised_file_is_told(stand: MotionClip, tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    write_motion(stand, path)
    with np.load(path) as data:
        arrays = dict(data)
    arrays["root_quat_wxyz"] = arrays["root_quat_wxyz"] * 1.005
    np.savez(path, **arrays)
    assert codes(check_file(read_motion_file(path))) == {"quaternion_norm": "warning"}


def stored_of(clip: MotionClip) -> StoredArrays:
    motion = body_motion(clip)
    return StoredArrays(
        body_names=motion.body_names,
        joint_vel=motion.joint_vel,
        body_pos_w=motion.body_pos_w,
        body_quat_wxyz_w=motion.body_quat_wxyz_w,
        body_lin_vel_w=motion.body_lin_vel_w,
        body_ang_vel_w=motion.body_ang_vel_w,
    )


def test_right_derived_arrays_pass(sway: MotionClip) -> None:
    report = check_clip(sway, stored=stored_of(sway))
    assert not [code for code in codes(report) if code.startswith("stored")]
    assert report.metrics["stored_body_lin_vel_w_relative_error"] == 0.0


@pytest.mark.parametrize(
    "key",
    ["joint_vel", "body_pos_w", "body_quat_wxyz_w", "body_lin_vel_w", "body_ang_vel_w"],
)
def test_wrong_derived_arrays_are_errors(sway: MotionClip, key: str) -> None:
    right = stored_of(sway)
    # Bodies (or joints) shifted by one: the classic wrong order.
    wrong = replace(right, **{key: np.roll(getattr(right, key), 1, axis=1)})
    report = check_clip(sway, stored=wrong)
    assert codes(report)[f"stored_{key.replace('_wxyz', '')}"] == "error"
    broken = getattr(right, key).copy()
    broken[3] = np.nan
    report = check_clip(sway, stored=replace(right, **{key: broken}))
    finding = next(f for f in report.findings if f.code.startswith("stored"))
    assert finding.severity == "error" and finding.frames == (3,)
    json.dumps(report.to_json(), allow_nan=False)


def test_velocities_of_centres_of_mass_are_recognised(g1: Robot, sway: MotionClip) -> None:
    right = stored_of(sway)
    assert right.body_quat_wxyz_w is not None and right.body_lin_vel_w is not None
    arms = quat_rotate(right.body_quat_wxyz_w, np.broadcast_to(g1.model.body_ipos[1:], (40, 30, 3)))
    at_centre = right.body_lin_vel_w + cross(right.body_ang_vel_w, arms)
    report = check_clip(sway, stored=replace(right, body_lin_vel_w=at_centre))
    finding = next(f for f in report.findings if f.code == "stored_body_lin_vel_w")
    assert finding.severity == "warning" and "centres of mass" in finding.message
    assert report.ok


def test_report_has_the_documented_shape(stand: MotionClip) -> None:
    entry = check_clip(moved(stand, z=-0.05)).to_json()
    assert set(entry) == {
        "path", "robot", "fps", "frames", "duration_s", "ok", "findings", "metrics",
    }  # fmt: skip
    assert set(entry["findings"][0]) == {"code", "severity", "message", "frames"}
    assert (entry["robot"], entry["frames"], entry["fps"]) == ("unitree_g1", 251, 50.0)
    json.dumps(entry, allow_nan=False)


def test_crawl_slope_has_wrong_velocities(shared_data: Path) -> None:
    """The published file: angular velocity turned by the root's rotation, linear from the same."""
    folder = shared_data / "motions" / "terrain" / "g1_crawl_slope"
    report = check_file(read_motion_file(folder / "motion_crawl_slope.npz"))
    found = codes(report)
    assert found["stored_body_lin_vel_w"] == "error"
    assert found["stored_body_ang_vel_w"] == "error"
    assert "stored_joint_vel" not in found and "stored_body_quat_w" not in found
    # Its model has a waist 1 cm off ours: a warning, no error.
    assert found["stored_body_pos_w"] == "warning"
    assert not report.ok
    message = next(f.message for f in report.findings if f.code == "stored_body_ang_vel_w")
    assert "1.56 rad/s" in message and "known converter defect" in message


def test_real_clips_convert_and_check(shared_data: Path) -> None:
    lafan = sorted((shared_data / "motions" / "lafan1_g1_csv").glob("*.csv"))
    kimodo = sorted((shared_data / "motions" / "kimodo_g1_csv").glob("*.csv"))
    assert len(lafan) == 15 and len(kimodo) == 5
    for path in lafan + kimodo:
        order = "wxyz" if path in kimodo else None
        report = check_file(read_motion_file(path, robot="unitree_g1", root_quat_order=order))
        assert report.ok, report.findings
        if path in lafan:
            # The data's own description: no joint limit is violated.
            assert "joint_limit" not in codes(report)


def test_twist2_clips_with_tracking_loss_are_errors(shared_data: Path) -> None:
    reports = {
        path.stem: check_file(read_motion_file(path))
        for path in sorted((shared_data / "motions" / "twist2_g1_npz").glob("*.npz"))
    }
    bad = [name for name, report in reports.items() if not report.ok]
    assert bad == ["yanjie_walk_004", "yanjie_walk_010"]
    assert all(codes(reports[name])["root_jump"] == "error" for name in bad)
