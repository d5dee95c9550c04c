"""Costs of velocity and acceleration against hand computation and differences."""

import numpy as np
import pytest

from mimiclab.maths.rotations import quat_from_rotvec, quat_multiply
from mimiclab.motions.retarget.banded import BandedSystem
from mimiclab.motions.retarget.smoothness import Smoothness, steps

FRAMES = 6


def _moved(root, quat, joints, step):
    turned = quat_multiply(quat_from_rotvec(step[:, 3:6]), quat)
    return root + step[:, :3], turned, joints + step[:, 6:]


def test_constant_acceleration_costs_its_square():
    t = np.arange(FRAMES) / 10.0
    joints = 0.5 * 3.0 * t[:, None] ** 2
    root, quat = np.zeros((FRAMES, 3)), np.tile([1.0, 0, 0, 0], (FRAMES, 1))
    cost = Smoothness(10.0, np.zeros(7), np.full(7, 0.2), np.zeros((FRAMES - 1, 7)))
    each = cost.evaluate(root, quat, joints).cost
    np.testing.assert_allclose(each, [0, 0.36, 0.36, 0.36, 0.36, 0], atol=1e-12)
    cost = Smoothness(10.0, np.full(7, 0.2), np.zeros(7), np.zeros((FRAMES - 1, 7)))
    each = cost.evaluate(0.1 * t[:, None] * [1.0, 0, 0], quat, 0 * joints).cost
    np.testing.assert_allclose(each, [0] + [0.04 * 0.01] * 5, atol=1e-12)


def test_the_sources_own_motion_costs_nothing():
    random = np.random.default_rng(0)
    quat = quat_from_rotvec(random.normal(size=(FRAMES, 3)))
    root, joints = random.normal(size=(2, FRAMES, 3))
    wanted = steps(root, quat, joints)[1]
    cost = Smoothness(30.0, np.ones(9), np.ones(9), wanted)
    assert cost.evaluate(root, quat, joints).cost.sum() == pytest.approx(0.0, abs=1e-15)


def test_matrix_and_gradient_are_the_costs():
    random = np.random.default_rng(1)
    quat = quat_from_rotvec(np.cumsum(0.4 * random.normal(size=(FRAMES, 3)), axis=0))
    root, joints = random.normal(size=(2, FRAMES, 3))
    velocity, acceleration = random.uniform(0.1, 1, (2, 9))
    for wanted in (steps(root, quat, joints)[1], random.normal(size=(FRAMES - 1, 9))):
        cost = Smoothness(2.0, velocity, acceleration, wanted)
        now = cost.evaluate(root, quat, joints)
        system, right = BandedSystem(FRAMES, 9), np.zeros((FRAMES, 9))
        now.add_to(system, right)
        for _ in range(5):
            way = random.normal(size=right.shape)

            def along(h, way=way, cost=cost):
                return cost.evaluate(*_moved(root, quat, joints, h * way)).cost.sum()

            slope = (along(1e-5) - along(-1e-5)) / 2e-5
            assert slope == pytest.approx(-2 * np.sum(right * way), rel=1e-6, abs=1e-6)
            if wanted is not None and now.cost.sum() < 1e-12:
                # Without residuals, Gauss-Newton's matrix is the whole curvature.
                bend = (along(1e-4) + along(-1e-4)) / 1e-8
                assert bend == pytest.approx(2 * _product(system, way), rel=1e-5)


def _product(system: BandedSystem, x: np.ndarray) -> float:
    """x^T A x from the stored band."""
    flat, rows = x.ravel(), system.store.reshape(x.size, -1)
    total = 0.0
    for apart in range(min(rows.shape[1], x.size)):
        pairs = rows[: x.size - apart, apart] * flat[apart:] * flat[: x.size - apart]
        total += (1 if apart == 0 else 2) * pairs.sum()
    return float(total)
