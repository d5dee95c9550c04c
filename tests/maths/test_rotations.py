import mujoco
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mimiclab.maths import rotations as r

unit = st.integers(0, 2**32 - 1).map(
    lambda seed: r.quat_normalize(np.random.default_rng(seed).normal(size=(3, 4)))
)
vectors = st.integers(0, 2**32 - 1).map(lambda s: np.random.default_rng(s).normal(size=(3, 3)))


def scipy(q: np.ndarray) -> Rotation:
    return Rotation.from_quat(q, scalar_first=True)


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Equal as rotations: q and -q are one."""
    return np.allclose(np.abs(np.sum(a * b, axis=-1)), 1.0, atol=1e-12)


@given(unit, unit, vectors)
def test_agrees_with_scipy(a, b, v):
    assert same(r.quat_multiply(a, b), (scipy(a) * scipy(b)).as_quat(scalar_first=True))
    assert np.allclose(r.quat_rotate(a, v), scipy(a).apply(v))
    assert np.allclose(r.quat_rotate_inverse(a, v), scipy(a).inv().apply(v))
    assert np.allclose(r.quat_to_matrix(a), scipy(a).as_matrix())
    assert np.allclose(r.quat_to_rotvec(a), scipy(a).as_rotvec())
    assert np.allclose(r.quat_angle(a, b), (scipy(a).inv() * scipy(b)).magnitude())
    assert same(r.quat_from_rotvec(v), Rotation.from_rotvec(v).as_quat(scalar_first=True))


@given(unit, unit, st.floats(0, 1))
def test_slerp_turns_evenly_along_the_shortest_path(a, b, t):
    middle = r.quat_slerp(a, b, np.full(3, t))
    whole = r.quat_angle(a, b)
    assert np.allclose(r.quat_angle(a, middle), t * whole, atol=1e-7)
    assert np.allclose(r.quat_angle(middle, b), (1 - t) * whole, atol=1e-7)


def test_tiny_rotations_keep_their_precision():
    v = np.array([[1e-12, 0, 0], [0, 0, 0], [0, 1e-6, 0]])
    assert np.allclose(r.quat_to_rotvec(r.quat_from_rotvec(v)), v, rtol=1e-9, atol=1e-20)


def test_yaw_by_hand():
    quarter = np.array([np.sqrt(0.5), 0, 0, np.sqrt(0.5)])
    pitch = np.array([np.cos(0.3), 0, np.sin(0.3), 0])
    assert np.allclose(r.quat_yaw(r.quat_multiply(quarter, pitch)), quarter)


def test_rot6d_is_the_first_two_columns_row_by_row():
    q = r.quat_normalize(np.array([0.3, -0.2, 0.5, 0.7]))
    m = np.zeros(9)
    mujoco.mju_quat2Mat(m, q)
    assert np.allclose(r.quat_to_rot6d(q), m.reshape(3, 3)[:, :2].ravel())


@pytest.mark.parametrize("name", ["quat_yaw", "quat_to_matrix", "quat_to_rot6d", "quat_to_rotvec"])
def test_torch_and_numpy_agree(name):
    q = r.quat_normalize(np.random.default_rng(0).normal(size=(5, 4)))
    function = getattr(r, name)
    assert np.allclose(function(torch.from_numpy(q)).numpy(), function(q))
