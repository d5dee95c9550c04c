"""The compact models against the makers' full ones: dynamics, kinematics and ranges."""

from pathlib import Path

import mujoco
import numpy as np
import pytest

from mimiclab.robots import get_robot
from mimiclab.robots.draft import bare_spec
from mimiclab.robots.meshes import installed_model

SHARED = {
    "unitree_h1_2": "unitree_h1_2/h1_2_handless.xml",
    "booster_k1": "booster_k1/K1_22dof.xml",
    "pnd_adam_lite": "pnd_adam_lite/adam_lite.xml",
}

RANGES = {  # where ours differs from the file, and why is said at the head of ours
    ("unitree_h1", "left_hip_pitch"): (-3.14, 2.53),
    ("unitree_h1", "right_hip_pitch"): (-3.14, 2.53),
    ("pnd_adam_lite", "wristYaw_Left"): (-3.1416, 3.1416),
    ("pnd_adam_lite", "wristYaw_Right"): (-3.1416, 3.1416),
}


def full_model(name: str, request: pytest.FixtureRequest) -> mujoco.MjModel:
    path: Path | None = installed_model(name)
    if name in SHARED:
        path = request.getfixturevalue("shared_data") / "robots" / SHARED[name]
    if path is None:
        pytest.skip(f"no full model of {name} is installed")
    return bare_spec(path).compile()


@pytest.mark.parametrize(
    "name", ["unitree_h1", "unitree_h1_2", "booster_t1", "booster_t1_29", "booster_k1",
             "pnd_adam_lite"],
)  # fmt: skip
def test_compact_model_moves_as_the_makers(name, request):
    full, ours = full_model(name, request), get_robot(name).model
    assert [ours.body(b).name for b in range(1, ours.nbody)] == [
        full.body(b).name for b in range(1, full.nbody)
    ]
    names = [ours.joint(j).name for j in range(1, ours.njnt)]
    assert names == [full.joint(j).name for j in range(1, full.njnt)]
    for joint in names:
        expected = RANGES.get((name, joint))
        if expected is None:
            assert full.joint(joint).limited[0]
            expected = full.joint(joint).range
        np.testing.assert_allclose(ours.joint(joint).range, expected, atol=1e-9)
    assert ours.body_mass.sum() == pytest.approx(full.body_mass.sum(), rel=1e-9)
    full.dof_armature[:] = 0.0  # ours comes with the motors
    random = np.random.default_rng(0)
    a, b = mujoco.MjData(ours), mujoco.MjData(full)
    masses = np.zeros((2, ours.nv, ours.nv))
    for _ in range(50):
        quat = random.normal(size=4)
        joints = random.uniform(-np.pi, np.pi, size=ours.nq - 7)
        for m, d, mass in ((ours, a, masses[0]), (full, b, masses[1])):
            d.qpos[:] = [*random.normal(size=3) * 0, *quat / np.linalg.norm(quat), *joints]
            mujoco.mj_forward(m, d)
            mujoco.mj_fullM(m, d, mass)
        error = np.linalg.norm(masses[0] - masses[1]) / np.linalg.norm(masses[1])
        assert error <= 1e-6
        scale = np.sqrt(np.outer(np.diag(masses[1]), np.diag(masses[1])))
        assert (np.abs(masses[0] - masses[1]) / scale).max() <= 1e-6
        np.testing.assert_allclose(a.xpos, b.xpos, atol=1e-6)
        np.testing.assert_allclose(a.xmat, b.xmat, atol=1e-6)


def test_file_with_a_broken_mass_would_fail(request):
    """The comparison sees a link whose inertia is off by a thousandth."""
    ours = get_robot("unitree_h1_2").model
    spec = get_robot("unitree_h1_2").spec_fn()
    spec.body("left_knee_link").inertia = spec.body("left_knee_link").inertia * 1.001
    other = spec.compile()
    masses = np.zeros((2, ours.nv, ours.nv))
    for m, mass in zip((ours, other), masses, strict=True):
        d = mujoco.MjData(m)
        mujoco.mj_forward(m, d)
        mujoco.mj_fullM(m, d, mass)
    scale = np.sqrt(np.outer(np.diag(masses[1]), np.diag(masses[1])))
    assert (np.abs(masses[0] - masses[1]) / scale).max() > 1e-6


CLIPS = {
    "unitree_h1": "lafan1_h1_csv",
    "unitree_h1_2": "lafan1_h1_2_csv",
    "booster_k1": "booster_k1_csv",
}


@pytest.mark.parametrize("name", CLIPS)
def test_real_clips_put_the_feet_on_the_ground(name, shared_data):
    """The makers' own retargeting fits our joint order, links and soles."""
    from mimiclab.motions.formats import read_motion
    from mimiclab.motions.ground import foot_points, lowest_height
    from mimiclab.motions.kinematics import body_motion

    robot = get_robot(name)
    files = sorted((shared_data / "motions" / CLIPS[name]).glob("*.csv"))
    assert len(files) == 2
    for file in files:
        fps = 50.0 if "50fps" in file.name else 30.0
        clip = read_motion(file, robot=name, fps=fps)
        motion = body_motion(clip)
        heights = np.array([lowest_height(motion, foot) for foot in foot_points(robot)])
        lower = heights.min(axis=0)
        assert abs(np.median(lower)) < 0.02
        assert np.percentile(lower, 1) > -0.05
        low, high = robot.joint_limits.T
        beyond = np.maximum(low - clip.joint_pos, clip.joint_pos - high).max()
        assert beyond < 0.2  # as the makers left them
