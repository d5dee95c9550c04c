"""The check passes the G1 and names each thing that is broken."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from mimiclab.errors import RobotError, UnknownNameError
from mimiclab.robots import Motor, add_robot, get_robot
from mimiclab.robots.check import check_file, check_robot


def codes(report) -> set[str]:
    return {finding.code for finding in report.findings if finding.severity == "error"}


def changed(g1, **edits):
    """The G1 with edits of its model."""

    def spec():
        made = g1.spec_fn()
        for name, edit in edits.items():
            edit(made.joint(name) if made.joint(name) else made.body(name))
        return made

    return replace(g1, spec_fn=spec)


def test_g1_passes_without_a_warning(g1):
    report = check_robot(g1)
    assert report.ok
    assert report.findings == ()
    assert report.facts["joints"] == 29
    assert report.facts["mass_kg"] == pytest.approx(33.341, abs=1e-3)
    assert report.facts["left_sole_height_mm"] == pytest.approx(2.98, abs=0.01)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"motors": {".*_knee_joint": Motor(effort_limit=1, velocity_limit=1, armature=1)}},
         "motors", "'left_hip_pitch_joint' matches 0 patterns"),
        ({"default_joint_pos": {"left_knee_joint": -1.0}}, "default_pose", "outside its range"),
        ({"default_joint_pos": {"left_kneee_joint": 0.1}}, "default_joint_pos", "matches no joint"),
        ({"default_root_height": 0.85}, "ground", "set default_root_height to about 0.757"),
        ({"tracked_bodies": ("pelvis", "torso_link", "tail")}, "body_name", "no body 'tail'"),
        ({"tracked_bodies": ("torso_link", "pelvis")}, "tracked_bodies", "root must come first"),
        ({"feet": ("right_ankle_roll_link", "left_ankle_roll_link")}, "feet", "not on the left"),
        ({"foot_geoms": "sole"}, "feet", "matches foot_geoms"),
        ({"mirror_swap": (("left_", "other_"),)}, "mirror", "counterpart 'other_hip_pitch_link'"),
        ({"anchor_body": "chest"}, "body_name", "no body 'chest'"),
    ],
)  # fmt: skip
def test_wrong_description_is_explained(g1, change, code, words):
    report = check_robot(replace(g1, **change))
    assert not report.ok
    assert code in codes(report)
    assert any(words in finding.message for finding in report.findings), report.findings


def test_asymmetric_joint_range_is_a_warning(g1):
    def narrow(joint):
        joint.range = [0.0, 1.0]

    report = check_robot(changed(g1, left_knee_joint=narrow))
    assert report.ok
    assert any("'left_knee_joint' has the range" in f.message for f in report.findings)


def test_reversed_axis_is_still_a_mirror_but_a_skewed_one_is_not(g1):
    def turn(axis):
        def edit(joint):
            joint.axis = axis

        return edit

    reversed_axis = changed(g1, left_elbow_joint=turn([0, -1, 0]))
    i = g1.joint_names.index("left_elbow_joint")
    assert reversed_axis.mirror.joint_signs[i] == -g1.mirror.joint_signs[i]
    assert "mirror" in codes(check_robot(changed(g1, left_elbow_joint=turn([0, 1, 1]))))


def test_model_that_does_not_compile_is_reported(g1):
    def broken():
        return mujoco.MjSpec.from_string(
            "<mujoco><worldbody><body><joint/></body></worldbody></mujoco>"
        )

    report = check_robot(replace(g1, spec_fn=broken))
    assert codes(report) == {"model"}


@pytest.mark.parametrize(
    ("file", "joints", "anchor", "height"),
    [
        ("booster_k1/K1_22dof.xml", 22, "Trunk", 0.5517),
        ("unitree_h1_2/h1_2_capsule_collision.xml", 27, "torso_link", 1.0282),
        ("pnd_adam_lite/adam_lite_primitives.xml", 25, "torso", 0.9293),
    ],
)
def test_bare_models_get_a_description_that_runs(shared_data, file, joints, anchor, height):
    report = check_file(shared_data / "robots" / file)
    namespace: dict = {}
    exec(report.suggestion, namespace)
    robot = next(v for k, v in namespace.items() if k.isupper())
    assert robot.num_joints == len(robot.joint_motors) == joints
    assert robot.anchor_body == anchor
    assert robot.default_root_height == pytest.approx(height, abs=1e-3)
    assert len(robot.end_effectors) == 4
    assert codes(report) == codes(check_robot(robot))
    # Adam's wrists turn without limits.
    assert codes(report) == ({"joint_limits"} if "adam" in file else set())
    assert np.abs(robot.mirror.joint_signs).tolist() == [1.0] * joints


def test_files_that_are_no_humanoid_are_refused(tmp_path):
    with pytest.raises(RobotError, match="no file"):
        check_file(tmp_path / "none.xml")
    bad = tmp_path / "bad.xml"
    bad.write_text("<mujoco><worldbody>")
    with pytest.raises(RobotError, match="MuJoCo cannot read"):
        check_file(bad)
    ball = tmp_path / "ball.xml"
    ball.write_text(
        "<mujoco><worldbody><body><freejoint/><geom size='1'/></body></worldbody></mujoco>"
    )
    with pytest.raises(RobotError, match="found 0 pairs of left and right limbs"):
        check_file(ball)


def test_robots_are_added_by_name_once(g1):
    mine = replace(g1, name="my_g1_for_this_test")
    add_robot(mine)
    add_robot(mine)
    assert get_robot("my_g1_for_this_test") is mine
    with pytest.raises(RobotError, match="give this one another name"):
        add_robot(replace(g1, name="my_g1_for_this_test"))
    with pytest.raises(UnknownNameError, match="did you mean"):
        get_robot("unitree_g2")
