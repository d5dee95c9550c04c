from dataclasses import replace

import mujoco
import numpy as np
import pytest

from mimiclab.errors import RobotError
from mimiclab.robots.soles import sole_points


def test_g1_soles_touch_the_plane_where_mujoco_says(g1):
    spec = g1.spec_fn()
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 1], name="floor")
    model = spec.compile()
    data = mujoco.MjData(model)
    foot = model.body("left_ankle_roll_link").id
    mujoco.mj_kinematics(model, data)
    # Sink the flat feet by 1 mm.
    left, right = sole_points(g1)
    data.qpos[2] -= (data.xpos[foot, 2] + left[:, 2].min()) + 1e-3
    mujoco.mj_forward(model, data)
    assert data.ncon >= 8
    for contact in data.contact:
        assert contact.dist == pytest.approx(-1e-3, abs=1e-6)
    # The default pose tilts the feet by 0.006 rad.
    np.testing.assert_allclose(left[:, 2], -0.035, atol=1e-6)
    assert left[:, 0].min() == pytest.approx(-0.054, abs=1e-4)
    assert left[:, 0].max() == pytest.approx(0.132, abs=1e-4)
    assert len(left) == len(right) == 14


def test_wrong_geom_pattern_is_explained(g1):
    with pytest.raises(RobotError, match=r"no geom of body 'left_ankle_roll_link' matches"):
        sole_points(replace(g1, foot_geoms="toe.*"))
