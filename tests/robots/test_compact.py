"""`compact` on a robot whose file mimiclab does not write itself: the G1 with all its meshes."""

import re

import mujoco
import numpy as np
import pytest

from mimiclab.errors import RobotError
from mimiclab.robots.compact import compact
from mimiclab.robots.soles import sole_points


@pytest.fixture(scope="module")
def small(g1) -> str:
    return compact(g1.model, name="g1_small", feet=g1.feet, comment="Unitree G1.")


def test_dynamics_and_ranges_are_kept(g1, small):
    ours, full = mujoco.MjModel.from_xml_string(small), g1.model
    assert ours.nbody == full.nbody
    for array in ("body_mass", "body_inertia", "body_ipos", "body_pos", "jnt_axis", "jnt_range"):
        np.testing.assert_allclose(getattr(ours, array), getattr(full, array), atol=2e-9)
    for array in ("body_quat", "body_iquat"):
        cosines = (getattr(ours, array) * getattr(full, array)).sum(axis=1)
        np.testing.assert_allclose(np.abs(cosines), 1.0, atol=1e-12)


def test_it_is_small_and_without_meshes_and_says_where_it_is_from(small):
    assert small.startswith("<!-- Unitree G1. -->\n")
    assert len(small) < 25_000
    assert "mesh" not in small
    assert max(map(len, small.splitlines())) < 220


def test_soles_are_where_the_makers_are(g1, small):
    from dataclasses import replace

    ours = replace(
        g1,
        spec_fn=lambda: mujoco.MjSpec.from_string(small),
        foot_geoms=r"(left|right)_foot[1-3]_collision",
    )
    for mine, makers in zip(sole_points(ours), sole_points(g1), strict=True):
        assert mine[:, 2].min() == pytest.approx(makers[:, 2].min(), abs=2e-3)
        np.testing.assert_allclose(mine.min(axis=0)[:2], makers.min(axis=0)[:2], atol=0.025)
        np.testing.assert_allclose(mine.max(axis=0)[:2], makers.max(axis=0)[:2], atol=0.025)


def test_both_sides_are_alike_and_nothing_touches_at_rest(small):
    model = mujoco.MjModel.from_xml_string(small)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    touching = {
        frozenset(model.body(int(model.geom_bodyid[g])).name for g in pair)
        for pair in data.contact.geom[data.contact.dist < 0]
    }
    # With all joints at 0 the forearms are in the hull of the trunk; nothing near is.
    assert all("torso_link" in pair and any("elbow" in b for b in pair) for pair in touching)
    for g in range(model.ngeom):
        name = model.geom(g).name
        if name.startswith("left_"):
            twin = model.geom(re.sub("^left", "right", name)).id
            place = data.geom_xpos[g] - data.geom_xpos[twin] * [1, -1, 1]
            assert np.abs(place).max() < 1e-3, name
            np.testing.assert_allclose(model.geom_size[g], model.geom_size[twin])


def test_geoms_cover_the_meshes(g1, small):
    """Fitted shapes stay near the surface they stand for: neither balloons nor needles."""
    model, full = mujoco.MjModel.from_xml_string(small), g1.model
    volume = {}
    for m, data in ((model, mujoco.MjData(model)), (full, mujoco.MjData(full))):
        mujoco.mj_kinematics(m, data)
        for body in ("pelvis", "torso_link", "left_knee_link"):
            low, high = np.full(3, np.inf), np.full(3, -np.inf)
            for g in range(m.ngeom):
                if m.geom_bodyid[g] == m.body(body).id and m.geom_group[g] == 2:
                    centre = (
                        data.geom_xpos[g] + data.geom_xmat[g].reshape(3, 3) @ m.geom_aabb[g, :3]
                    )
                    half = np.abs(data.geom_xmat[g].reshape(3, 3)) @ m.geom_aabb[g, 3:]
                    low, high = np.minimum(low, centre - half), np.maximum(high, centre + half)
            volume.setdefault(body, []).append(high - low)
    for body, (ours, theirs) in volume.items():
        np.testing.assert_allclose(ours, theirs, rtol=0.45, err_msg=body)


def test_missing_foot_is_named(g1):
    with pytest.raises(RobotError, match="no body 'left_paw' to stand on"):
        compact(g1.model, name="g1", feet=("left_paw", "right_paw"))
