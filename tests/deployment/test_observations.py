from dataclasses import replace

import numpy as np
import pytest

from mimiclab.deployment.contract import ObservationTerm
from mimiclab.deployment.observations import TERMS, ObservationBuilder, Observed
from mimiclab.deployment.simulator import RobotSimulator
from mimiclab.deployment.velocity_command import GaitClock, VelocityCommand
from mimiclab.errors import ContractError
from mimiclab.maths.rotations import quat_from_rotvec, quat_to_matrix


@pytest.fixture
def observed(contract, reference, g1) -> Observed:
    rng = np.random.default_rng(2)
    simulator = RobotSimulator(contract)
    simulator.place(
        root_pos_w=np.array([3.1, -2.2, 0.8]),
        root_quat_w=quat_from_rotvec(np.array([0.1, -0.2, 1.0])),
        joint_pos=g1.default_pose + rng.uniform(-0.3, 0.3, 29),
        root_lin_vel_w=rng.normal(size=3),
        root_ang_vel_w=rng.normal(size=3),
        joint_vel=rng.normal(size=29),
    )
    return Observed(
        contract=contract,
        robot=simulator.state(),
        reference=reference,
        frame=20,
        last_action=rng.normal(size=29),
    )


def test_terms_by_matrices(observed, reference, g1):
    """Each term again with rotation matrices instead of quaternion products."""
    robot, i = observed.robot, g1.tracked_bodies.index("torso_link")
    anchor, goal = (
        quat_to_matrix(robot.body_quat_w[i]),
        quat_to_matrix(reference.body_quat_w[20, i]),
    )
    root = quat_to_matrix(robot.body_quat_w[0])
    offset = reference.body_pos_w[20, i] - robot.body_pos_w[i]
    expected = {
        "command": np.concatenate([reference.joint_pos[20], reference.joint_vel[20]]),
        "motion_anchor_pos_b": anchor.T @ offset,
        "motion_anchor_ori_b": (anchor.T @ goal)[:, :2].ravel(),
        "base_lin_vel": root.T @ robot.body_lin_vel_w[0],
        "base_ang_vel": root.T @ robot.body_ang_vel_w[0],
        "joint_pos": robot.joint_pos - g1.default_pose,
        "joint_vel": robot.joint_vel,
        "actions": observed.last_action,
        "projected_gravity": root.T @ [0, 0, -1],
        "ref_base_lin_vel": goal.T @ reference.body_lin_vel_w[20, i],
        "ref_projected_gravity": goal.T @ [0, 0, -1],
        "body_pos": (robot.body_pos_w - robot.body_pos_w[i]) @ anchor,
        "body_ori": np.stack(
            [(anchor.T @ quat_to_matrix(q))[:, :2].ravel() for q in robot.body_quat_w]
        ),
    }
    for name, value in expected.items():
        given = TERMS[name](observed, ObservationTerm(name=name, size=0))
        np.testing.assert_allclose(np.ravel(given), np.ravel(value), atol=1e-9, err_msg=name)


@pytest.mark.parametrize("frame", [20, 98])
def test_a_command_of_several_frames_goes_on_frame_by_frame(observed, reference, frame):
    observed = replace(observed, frame=frame)
    rows = [min(frame + i, 100) for i in range(4)]  # the last frame is held
    both = np.hstack([reference.joint_pos, reference.joint_vel])
    for velocity, wanted in ((True, both), (False, reference.joint_pos)):
        term = ObservationTerm(name="command", size=0, params={"frames": 4, "velocity": velocity})
        given = TERMS["command"](observed, term)
        np.testing.assert_allclose(np.ravel(given), wanted[rows].ravel(), atol=1e-12)
    alone = ObservationTerm(name="command", size=0, params={"velocity": False})
    np.testing.assert_array_equal(TERMS["command"](observed, alone), reference.joint_pos[frame])


def test_the_vector_is_the_terms_in_order(observed, contract):
    vector = ObservationBuilder(contract)(observed)
    assert vector.shape == (160,) and vector.dtype == np.float32
    start = 0
    for term in contract.observations:
        part = np.ravel(TERMS[term.name](observed, term))
        np.testing.assert_allclose(vector[start : start + term.size], part, rtol=1e-6)
        start += term.size


def test_clip_then_scale_then_history(observed, make_contract):
    contract = make_contract(
        observations=(
            ObservationTerm(name="actions", size=29, scale=0.5, clip=(-1.0, 1.0), history=3),
        )
    )
    build = ObservationBuilder(contract)

    def after(value):
        return build(replace(observed, last_action=np.full(29, value))).reshape(3, 29)[:, 0]

    np.testing.assert_allclose(after(0.2), [0.1, 0.1, 0.1])
    np.testing.assert_allclose(after(9.0), [0.1, 0.1, 0.5])
    np.testing.assert_allclose(after(0.4), [0.1, 0.5, 0.2], rtol=1e-6)
    build.reset()
    np.testing.assert_allclose(after(-4.0), [-0.5, -0.5, -0.5])


def test_the_motion_one_hot_names_the_trained_clip(observed, make_contract, dip):
    from mimiclab.deployment.reference import clip_reference

    contract = make_contract(
        motion_names=("a", "dip", "c"),
        observations=(ObservationTerm(name="motion_id", size=3),),
    )
    observed = replace(observed, contract=contract, reference=clip_reference(dip, contract))
    np.testing.assert_array_equal(ObservationBuilder(contract)(observed), [0, 1, 0])


def test_a_commanded_velocity_and_its_gait(observed, make_contract):
    """Holosoma's terms: two and one numbers of the command, sine and cosine of both phases."""
    names = {"command_ang_vel": 1, "command_lin_vel": 2, "cos_phase": 2, "sin_phase": 2}
    contract = make_contract(
        clips=(),
        action_offset="default",
        velocity=VelocityCommand(
            lin_vel_x=(-1, 1), lin_vel_y=(-1, 1), ang_vel_z=(-1, 1), gait=GaitClock()
        ),
        observations=tuple(ObservationTerm(name=n, size=k) for n, k in names.items()),
    )
    observed = Observed(
        contract=contract,
        robot=observed.robot,
        last_action=observed.last_action,
        velocity=np.array([0.1, 0.2, 0.3]),
        phases=np.array([0.0, np.pi / 2]),
    )
    wanted = [0.3, 0.1, 0.2, 1.0, 0.0, 0.0, 1.0]
    np.testing.assert_allclose(ObservationBuilder(contract)(observed), wanted, atol=1e-7)


def test_terms_that_the_kind_of_command_lacks_are_refused(make_contract):
    walk = VelocityCommand(lin_vel_x=(-1, 1), lin_vel_y=(-1, 1), ang_vel_z=(-1, 1))
    velocity = {"velocity": walk, "clips": (), "action_offset": "default"}
    for name, changes, follows in (
        ("sin_phase", {}, "a motion"),
        ("motion_anchor_pos_b", velocity, "a commanded velocity"),
        ("cos_phase", velocity, "a commanded velocity"),  # no clock
    ):
        contract = make_contract(observations=(ObservationTerm(name=name, size=3),), **changes)
        with pytest.raises(ContractError, match=f"'{name}', .* follows {follows}"):
            ObservationBuilder(contract)


def test_history_before_the_episode_may_be_zeros(observed, make_contract):
    term = ObservationTerm(name="actions", size=29, history=3, padding="zero")
    build = ObservationBuilder(make_contract(observations=(term,)))
    given = build(replace(observed, last_action=np.ones(29))).reshape(3, 29)[:, 0]
    np.testing.assert_array_equal(given, [0.0, 0.0, 1.0])


def test_unknown_terms_are_refused_with_the_known_ones(make_contract):
    contract = make_contract(observations=(ObservationTerm(name="lidar", size=8),))
    with pytest.raises(ContractError, match=r"'lidar', which this runner cannot.*base_ang_vel"):
        ObservationBuilder(contract)


def test_a_term_of_another_size_is_refused(observed, make_contract):
    contract = make_contract(observations=(ObservationTerm(name="base_lin_vel", size=4),))
    with pytest.raises(ContractError, match="has 3 numbers here, the policy was trained with 4"):
        ObservationBuilder(contract)(observed)
