"""The baseline: a robot's own landmarks lead back to its pose, and joint limits hold."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from mimiclab.errors import MotionError
from mimiclab.maths.rotations import quat_angle
from mimiclab.motions.check.quality import motion_quality
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.human.landmarks import LandmarkMotion
from mimiclab.motions.kinematics import clip_qpos
from mimiclab.motions.retarget.baseline import MinkCfg, solve_mink
from mimiclab.motions.retarget.retarget import to_clip
from mimiclab.motions.retarget.solver import Solution
from mimiclab.motions.retarget.targets import RetargetProblem, make_problem
from mimiclab.robots import Robot


@pytest.fixture(scope="module")
def problem(walk_marks: LandmarkMotion, g1: Robot) -> RetargetProblem:
    """The walk, with its own landmarks as targets."""
    return replace(make_problem(walk_marks, g1), target_pos=walk_marks.pos_w)


def error_mm(problem: RetargetProblem, qpos: np.ndarray) -> float:
    targets = LandmarkMotion(
        name="targets", fps=problem.fps, names=problem.landmark_names, pos_w=problem.target_pos
    )
    clip = to_clip(problem, Solution(qpos=qpos, iterations=0, cost=0.0))
    return motion_quality(clip, targets).metrics["landmark_error_mean_mm"]


def test_own_landmarks_lead_back_to_the_pose(problem: RetargetProblem, walk: MotionClip) -> None:
    qpos, given = solve_mink(problem), clip_qpos(walk)
    assert qpos.shape == given.shape
    assert error_mm(problem, qpos) < 3.0
    assert np.abs(qpos[:, :3] - given[:, :3]).max() < 0.02
    assert quat_angle(qpos[:, 3:7], given[:, 3:7]).max() < 0.08
    legs = slice(7, 19)
    assert np.abs(qpos[:, legs] - given[:, legs]).mean() < 0.03


def test_limits_hold_and_the_start_is_settled(problem: RetargetProblem) -> None:
    """Targets twice as far from the pelvis ask for more than any joint can do."""
    pelvis = problem.target_pos[:, :1]
    far = replace(problem, target_pos=pelvis + 2.0 * (problem.target_pos - pelvis))
    qpos = solve_mink(far)
    low, high = far.robot.joint_limits.T
    assert (qpos[:, 7:] > low - 1e-6).all() and (qpos[:, 7:] < high + 1e-6).all()
    steps = np.abs(np.diff(solve_mink(problem)[:, 7:], axis=0)).max(axis=1)
    assert steps[0] < 3.0 * np.median(steps)


def test_more_iterations_fit_no_worse(problem: RetargetProblem) -> None:
    """Ten repetitions are enough: fifty change the fit by less than half a millimetre."""
    few = error_mm(problem, solve_mink(problem, MinkCfg(iterations=0, first_iterations=200)))
    usual, many = (
        error_mm(problem, solve_mink(problem)),
        error_mm(problem, solve_mink(problem, MinkCfg(iterations=50, least_progress=1e-6))),
    )
    assert usual <= few + 0.05 and abs(usual - many) < 0.5


def test_a_program_without_solution_is_told(
    problem: RetargetProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mink

    def fail(*_: object, **__: object) -> None:
        raise mink.NoSolutionFound("daqp")

    monkeypatch.setattr(sys.modules["mink"], "solve_ik", fail)
    with pytest.raises(MotionError, match="no solution in frame 0; use the method batch"):
        solve_mink(problem)
