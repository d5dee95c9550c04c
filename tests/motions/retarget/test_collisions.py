"""Distances of capsules against MuJoCo's, and hands that must not end up in the trunk."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from mimiclab.maths.rotations import quat_to_matrix
from mimiclab.motions.human.landmarks import robot_landmarks
from mimiclab.motions.retarget.collisions import SelfCollisions, nearest_points
from mimiclab.motions.retarget.options import SolveCfg
from mimiclab.motions.retarget.retarget import retarget
from mimiclab.motions.skeleton import Skeleton
from mimiclab.motions.synthesis import builtin_motion


def test_nearest_points_of_segments_are_mujocos():
    spec = mujoco.MjSpec.from_string(
        """<mujoco><worldbody>
        <body name="a" mocap="true"><geom name="a" type="capsule" size=".01 .5"/></body>
        <body name="b" mocap="true"><geom name="b" type="capsule" size=".01 .3"/></body>
        </worldbody></mujoco>"""
    )
    model = spec.compile()
    data = mujoco.MjData(model)
    random = np.random.default_rng(0)
    for _ in range(50):
        data.mocap_pos[:] = random.normal(size=(2, 3)) * 0.6
        data.mocap_quat[:] = random.normal(size=(2, 4))
        mujoco.mj_kinematics(model, data)
        axes = data.geom_xmat.reshape(2, 3, 3)[:, :, 2] * np.array([[0.5], [0.3]])
        ends = [(p - axis, p + axis) for p, axis in zip(data.geom_xpos, axes, strict=True)]
        a, b = nearest_points(*ends[0], *ends[1])
        expected = mujoco.mj_geomDistance(model, data, 0, 1, 5.0, None)
        if expected > 1e-3:  # MuJoCo measures overlap along another way
            assert np.linalg.norm(a - b) - 0.02 == pytest.approx(expected, abs=1e-6)


def test_parallel_and_degenerate_segments():
    zero, x, y = np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0])
    a, b = nearest_points(zero, x, y, x + y)
    assert np.linalg.norm(a - b) == pytest.approx(1.0)
    a, b = nearest_points(zero, zero, x, x)
    assert np.linalg.norm(a - b) == pytest.approx(1.0)


def test_the_default_pose_is_free(g1):
    skeleton = Skeleton(g1)
    collisions = SelfCollisions(g1, skeleton, 0.005)
    upright = quat_to_matrix(np.array([[1.0, 0, 0, 0]]))
    pose = skeleton.pose(np.zeros((1, 3)), upright, g1.default_pose[None])
    assert len(collisions.pairs) > 20
    assert collisions.evaluate(pose) == []


def _deepest(clip, robot) -> float:
    """Deepest overlap of an arm with anything that is no neighbour, by MuJoCo, m."""
    model, data = robot.model, mujoco.MjData(robot.model)
    deepest = 0.0
    for t in range(clip.num_frames):
        data.qpos[:] = np.concatenate([clip.root_pos[t], clip.root_quat_wxyz[t], clip.joint_pos[t]])
        mujoco.mj_kinematics(model, data)
        mujoco.mj_collision(model, data)
        for contact in data.contact[: data.ncon]:
            names = [model.body(model.geom_bodyid[g]).name for g in contact.geom]
            if any("wrist" in name or "elbow" in name for name in names):
                deepest = max(deepest, -float(contact.dist))
    return deepest


def test_hands_asked_into_the_trunk_stay_out(g1):
    marks = robot_landmarks(builtin_motion("stand").cut(0, 30))
    pos = marks.pos_w.copy()
    for side in ("left", "right"):
        columns = [marks.names.index(f"{side}_{part}") for part in ("wrist", "hand")]
        # A hand on the spine.
        pos[:, columns] = 0.5 * (marks.of("pelvis") + marks.of("chest"))[:, None]
        pos[:, columns[1], 0] -= 0.05
    wished = replace(marks, pos_w=pos)
    free = retarget(wished, g1, solve_cfg=SolveCfg(self_collision=0.0)).clip
    kept = retarget(wished, g1).clip
    assert _deepest(free, g1) > 0.03
    assert _deepest(kept, g1) < 0.015
