"""The objective's derivative against differences of its value, at states where everything acts."""

from dataclasses import replace

import numpy as np
import pytest

from mimiclab.motions.retarget.descent import Descent, State, root_steps
from mimiclab.motions.retarget.ground import HeightGrid
from mimiclab.motions.retarget.options import SolveCfg
from mimiclab.motions.retarget.start import first_guess
from mimiclab.motions.retarget.targets import make_problem
from mimiclab.motions.skeleton import Skeleton


def _slope() -> HeightGrid:
    x = np.linspace(-4, 4, 81)
    return HeightGrid(np.repeat(0.2 * x[:, None], 81, axis=1), (-4.0, -4.0), 0.1)


@pytest.mark.parametrize("ground", [None, _slope()], ids=["flat", "slope"])
def test_gradient_is_the_costs_slope(g1, walk_marks, ground):
    problem = make_problem(walk_marks, g1)
    contacts = np.ones((problem.num_frames, 2, 2), bool)
    contacts[10:20, 0, 1] = contacts[30:, 1] = False
    problem = replace(problem, sole_contacts=contacts, **({"ground": ground} if ground else {}))
    frames = np.arange(0, problem.num_frames, 2)
    cfg = SolveCfg()
    descent = Descent(problem, cfg, Skeleton(g1), frames, root_steps(problem, cfg, frames))
    root, quat, joints = first_guess(problem, frames)
    random = np.random.default_rng(0)
    low, high = g1.joint_limits.T
    joints = np.clip(joints + 0.1 * random.normal(size=joints.shape), low + 0.1, high - 0.1)
    # Low enough that bodies are in the ground.
    # Arms swung in front of the trunk, so that capsules meet.
    names = list(g1.joint_names)
    joints[:20, [names.index("left_shoulder_roll_joint")]] = -0.6
    joints[:20, [names.index("left_elbow_joint")]] = 1.2
    state = State(root - np.array([0.0, 0.0, 0.15]), quat, joints)
    now = descent._at(state)
    assert now.bodies.pairs
    _, right = descent._system(now)
    size = right.shape[1]
    for _ in range(8):
        direction = random.normal(size=right.shape) * (random.random(right.shape) < 0.3)
        costs = [
            descent._at(state.moved(sign * 1e-6 * direction, low, high)).cost.sum()
            for sign in (-1, 1)
        ]
        slope = (costs[1] - costs[0]) / 2e-6
        assert slope == pytest.approx(-2 * np.sum(right * direction), rel=2e-4, abs=1e-3)
    # Each kind of coordinate by itself, in the middle of the clip.
    for column in (0, 2, 3, 5, 6, size - 1):
        direction = np.zeros(right.shape)
        direction[15, column] = 1.0
        costs = [
            descent._at(state.moved(sign * 1e-6 * direction, low, high)).cost.sum()
            for sign in (-1, 1)
        ]
        assert (costs[1] - costs[0]) / 2e-6 == pytest.approx(
            -2 * right[15, column], rel=2e-4, abs=1e-3
        )
