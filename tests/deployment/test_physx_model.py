"""The PhysX articulation against the MuJoCo model that it was made of."""

import sys

import mujoco
import numpy as np
import pytest

from mimiclab.deployment import physx_check
from mimiclab.deployment.physx_check import check_conversion
from mimiclab.deployment.physx_model import (
    build_articulation,
    check_convertible,
    contact_friction,
    import_sapien,
)
from mimiclab.deployment.simulator import FLOOR, build_model
from mimiclab.errors import EngineError
from mimiclab.robots import get_robot

TREE = """
<mujoco><option timestep="0.002"/><worldbody>
  <geom name="floor" type="plane" size="0 0 1" friction="{floor} 0 0"/>
  <body name="root" pos="0 0 1"><freejoint name="root"/>
    <geom name="solid" {shape} mass="2" friction="{friction} 0 0" priority="{priority}"/>
    {child}
  </body></worldbody>{rest}</mujoco>
"""
ARM = """
<body name="arm" pos="0.1 0 0" quat="0.9 0.1 0.3 0.2">
  <joint name="turn" axis="0.6 0 0.8" pos="0.02 -0.01 0.03" ref="{ref}" range="-2 1.5"
    limited="true" armature="0.05" frictionloss="{loss}"/>
  <geom name="arm" type="box" size="0.2 0.05 0.03" pos="0.2 0 0.01" mass="1.5" {contact}/>
</body>
"""


def tree(**changes) -> mujoco.MjModel:
    values = {
        "shape": 'type="sphere" size="0.1"', "floor": 1.0, "friction": 1.0, "priority": 0,
        "child": "", "rest": "", "ref": 0.0, "loss": 0.0, "contact": "", **changes,
    }  # fmt: skip
    return mujoco.MjModel.from_xml_string(
        TREE.format(**{**values, "child": values["child"].format(**values)})
    )


@pytest.fixture(scope="session")
def sapien():
    return pytest.importorskip("sapien", reason="PhysX needs sapien: pip install mimiclab[physx]")


@pytest.mark.parametrize(
    "name",
    ["unitree_g1", "booster_k1", "booster_t1", "booster_t1_29", "pnd_adam_lite", "unitree_h1",
     "unitree_h1_2"],
)  # fmt: skip
def test_every_quantity_of_a_robot_is_that_of_its_model(sapien, name):
    robot = get_robot(name)
    found = check_conversion(robot.model, robot.default_pose, robot.feet)
    assert {check.name for check in found} == {
        "total mass", "mass of a body", "centre of mass", "inertia tensor", "joint limits",
        "armature", "height of the feet", "torque against gravity", "free fall",
        "response of one step",
    }  # fmt: skip
    assert not [check for check in found if not check.ok]


def test_the_model_of_a_contract_is_converted_with_its_armature(sapien, contract, g1):
    model = build_model(contract)
    assert model.dof_armature[6:].min() > 0.003
    assert all(check.ok for check in check_conversion(model, g1.default_pose, g1.feet))


@pytest.mark.parametrize(
    ("change", "noticed"),
    [
        (lambda m: m.body_mass.__setitem__(5, 1.01 * m.body_mass[5]), "mass of a body"),
        (lambda m: m.body_ipos.__setitem__((5, 0), m.body_ipos[5, 0] + 1e-3), "centre of mass"),
        (lambda m: m.body_inertia.__setitem__((5, 0), 1.1 * m.body_inertia[5, 0]), "inertia"),
        (lambda m: m.jnt_range.__setitem__((5, 1), m.jnt_range[5, 1] + 0.01), "joint limits"),
        (lambda m: m.dof_armature.__setitem__(9, m.dof_armature[9] + 0.01), "armature"),
        (lambda m: m.body_pos.__setitem__((5, 2), m.body_pos[5, 2] - 0.01), "height of the feet"),
        (lambda m: m.jnt_axis.__setitem__(5, -m.jnt_axis[5]), "torque against gravity"),
        (lambda m: m.opt.gravity.__setitem__(2, -1.62), "free fall"),
        (lambda m: m.dof_armature.__setitem__(9, m.dof_armature[9] + 0.01), "response"),
    ],
)
def test_every_check_notices_what_it_is_for(sapien, contract, g1, monkeypatch, change, noticed):
    """The articulation is made of an altered model and compared with the original."""
    original, altered = build_model(contract), build_model(contract)
    change(altered)
    mujoco.mj_setConst(altered, mujoco.MjData(altered))
    monkeypatch.setattr(
        physx_check, "build_articulation", lambda _, **how: build_articulation(altered, **how)
    )
    wrong = [c.name for c in check_conversion(original, g1.default_pose, g1.feet) if not c.ok]
    assert any(name.startswith(noticed) for name in wrong), wrong


@pytest.mark.parametrize("ref", [0.0, 0.4])
def test_joints_off_centre_with_a_reference_angle_turn_about_the_same_line(sapien, ref):
    model = tree(child=ARM, ref=ref)
    robot, data = build_articulation(model), mujoco.MjData(model)
    data.qpos[7], data.qpos[2] = 0.9, 0.0
    mujoco.mj_kinematics(model, data)
    robot.articulation.root_pose = sapien.Pose()
    robot.articulation.qpos = np.array([0.9], np.float32)
    arm = robot.links[1].entity.pose
    np.testing.assert_allclose(arm.p, data.body("arm").xpos, atol=1e-6)
    assert abs(np.dot(arm.q, data.body("arm").xquat)) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("shape", "height"),
    [
        ('type="sphere" size="0.1"', 0.1),
        ('type="box" size="0.1 0.2 0.05"', 0.05),
        ('type="capsule" size="0.06 0.2" euler="0 90 0"', 0.06),
        ('type="cylinder" size="0.1 0.07"', 0.07),
        ('type="mesh" mesh="brick"', 0.03),
    ],
)
def test_shapes_rest_on_the_floor_at_their_own_height(sapien, shape, height):
    corners = " ".join(
        f"{x} {y} {z}" for x in (-0.1, 0.1) for y in (-0.1, 0.1) for z in (-0.03, 0.05)
    )
    rest = f'<asset><mesh name="brick" vertex="{corners}"/></asset>'
    model = tree(shape=shape, rest=rest)
    robot = build_articulation(model, floor=model.geom(FLOOR).id)
    robot.articulation.root_pose = sapien.Pose([0, 0, height + 0.01])
    for _ in range(500):
        robot.scene.step()
    assert robot.articulation.root_pose.p[2] == pytest.approx(height, abs=1e-3)


@pytest.mark.parametrize(
    ("floor", "friction", "priority", "expected"),
    [(1.0, 0.6, 1, 0.6), (1.0, 0.6, 0, 1.0), (0.3, 0.5, 0, 0.5), (0.7, 0.2, 1, 0.2)],
)
def test_things_slide_on_the_floor_with_mujocos_friction(
    sapien, floor, friction, priority, expected
):
    model = tree(
        shape='type="box" size="0.2 0.2 0.02"', floor=floor, friction=friction, priority=priority
    )
    plane = model.geom(FLOOR).id
    assert contact_friction(model, model.geom("solid").id, plane) == pytest.approx(expected)
    robot = build_articulation(model, floor=plane)
    robot.articulation.root_pose = sapien.Pose([0, 0, 0.02])
    robot.articulation.root_linear_velocity = [3.0, 0.0, 0.0]
    for _ in range(100):
        robot.scene.step()
    slowed = (3.0 - robot.articulation.root_linear_velocity[0]) / 0.2
    assert slowed == pytest.approx(9.81 * expected, rel=0.02)


def test_parents_and_children_never_collide_and_other_links_do_unless_excluded(sapien):
    """Two arms through each other and through their parent, whose joints are free to turn."""
    other = ARM.replace('"arm"', '"other"').replace("turn", "bend").replace("0.3 0.2", "0.3 0.25")
    exclude = '<contact><exclude body1="arm" body2="other"/></contact>'
    for rest, moves in (("", True), (exclude, False)):
        robot = build_articulation(tree(child=ARM + other, rest=rest), gravity=False)
        for _ in range(20):
            robot.scene.step()
        assert bool(np.abs(robot.articulation.qpos).max() > 1e-3) is moves


def test_dry_friction_of_a_joint_holds_small_torques_and_brakes_large_ones(sapien):
    robot = build_articulation(
        tree(child=ARM, loss=2.0, contact='contype="0" conaffinity="0"'),
        gravity=False, fixed_root=True,
    )  # fmt: skip
    for torque, moves in ((1.9, False), (2.5, True)):
        for _ in range(50):
            robot.articulation.qf = np.array([torque], np.float32)
            robot.scene.step()
        assert bool(abs(robot.articulation.qvel[0]) > 1e-3) is moves


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"shape": 'type="ellipsoid" size="0.1 0.2 0.3"'}, "geom solid of type ellipsoid"),
        ({"child": ARM.replace("/>", '/><joint name="second" axis="0 1 0"/>', 1)},
         "several joints in the bodies arm"),
        ({"child": ARM.replace('axis="0.6', 'stiffness="3" axis="0.6')}, "joint springs"),
        ({"child": '<body name="b"><joint name="b" type="ball"/><geom size=".1"/></body>'},
         "ball joints b"),
        ({"child": ARM, "rest": '<equality><joint joint1="turn"/></equality>'}, "equality"),
    ],
)  # fmt: skip
def test_what_physx_lacks_is_refused_by_name(changes, named):
    with pytest.raises(EngineError, match=f"{named}.*simulator 'mujoco'"):
        check_convertible(tree(**changes))


def test_a_missing_package_is_told_with_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sapien", None)
    with pytest.raises(EngineError, match=r"mimiclab\[physx\]"):
        import_sapien()
