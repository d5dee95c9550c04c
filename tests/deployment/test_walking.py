"""Velocity commands and the closed loop that follows them."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from foreign_onnx import matrix, write_loco

from mimiclab.deployment.commands import KEYS, LiveCommand, ScriptedCommands
from mimiclab.deployment.foreign_policy import ForeignPolicy
from mimiclab.deployment.policy import OnnxPolicy
from mimiclab.deployment.simulator import RobotState
from mimiclab.deployment.velocity_command import VelocityCommand
from mimiclab.deployment.walk_metrics import WalkTrace, walk_metrics
from mimiclab.deployment.walking import WalkCfg, Walker
from mimiclab.errors import ContractError
from mimiclab.robots import get_robot

STAND = ScriptedCommands.in_turn([(0, 0, 0)], 1.0)


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    """A T1 whose policy always answers with the default pose."""
    path = tmp_path_factory.mktemp("walk") / "stand.onnx"
    t1 = get_robot("booster_t1_29")
    return Walker(ForeignPolicy(write_loco(path, t1, np.zeros((29, 100)))))


def test_a_stiff_robot_stands_a_while_and_a_folding_one_falls(standing, tmp_path):
    walk = standing.run(STAND, WalkCfg(seconds=0.5))
    assert walk.completed and walk.reason == "time_limit" and walk.steps == 25
    assert walk.survived_s == pytest.approx(0.5)
    assert walk.qpos.shape == (26, 36) and walk.achieved.shape == (25, 3)
    assert walk.qpos[-1, 2] > 0.6
    # Hips thrown back: it falls, and the trunk or an arm meets the floor.
    t1 = get_robot("booster_t1_29")
    bias = np.where([n.endswith("Hip_Pitch") for n in t1.joint_names], -4.0, 0.0)
    path = write_loco(tmp_path / "fold.onnx", t1, np.zeros((29, 100)), bias)
    fallen = Walker(ForeignPolicy(path)).run(STAND, WalkCfg(seconds=5.0))
    assert not fallen.completed and fallen.reason == "contact"
    assert fallen.survived_s == pytest.approx((fallen.steps - 1) * 0.02) and fallen.steps < 250
    on = Walker(ForeignPolicy(path)).run(STAND, WalkCfg(seconds=3.0, terminate=False))
    assert on.completed and on.steps == 150


def test_velocities_are_in_the_root_frame(standing):
    """Turned by 90 degrees and pushed along world y, the robot goes forward."""
    standing.reset()
    simulator = standing.simulator
    simulator.place(
        root_pos_w=np.array([0.0, 0.0, 1.5]),
        root_quat_w=np.array([np.sqrt(0.5), 0.0, 0.0, np.sqrt(0.5)]),
        joint_pos=np.array(standing.contract.default_joint_pos),
        root_lin_vel_w=np.array([-0.2, 0.7, 0.1]),
        root_ang_vel_w=np.array([0.0, 0.0, 0.4]),
    )
    standing.robot = simulator.state()
    np.testing.assert_allclose(standing.velocity, [0.7, 0.2, 0.4], atol=1e-9)


def test_scripts_hold_each_command_for_its_time(standing):
    script = ScriptedCommands.in_turn([(0, 0, 0), (0.5, 0, 0), (0, 0, -0.3)], 0.2)
    assert [tuple(script.at(t)) for t in (0.0, 0.19, 0.2, 0.59, 9.0)] == [
        (0, 0, 0), (0, 0, 0), (0.5, 0, 0), (0, 0, -0.3), (0, 0, -0.3),
    ]  # fmt: skip
    walk = standing.run(script, WalkCfg(seconds=0.6))
    assert [s["command"] for s in walk.metrics["segments"]] == [
        [0.0, 0.0, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, -0.3],
    ]  # fmt: skip
    for starts in ((), (0.1,), (0.0, 0.0)):
        with pytest.raises(ContractError, match="one rising time for each"):
            ScriptedCommands(starts_s=starts, commands=((0, 0, 0),) * len(starts))


def test_keys_steer_to_the_sides_they_say():
    """w is forward, a is left, q turns left; ranges hold; z stops."""
    live = LiveCommand(VelocityCommand(lin_vel_x=(-1, 1), lin_vel_y=(0, 0.15), ang_vel_z=(-1, 1)))
    effects = {"w": [0.1, 0, 0], "s": [-0.1, 0, 0], "a": [0, 0.1, 0], "q": [0, 0, 0.1]}
    for key, effect in (effects | {"e": [0, 0, -0.1], "d": [0, 0, 0]}).items():
        assert live.press("z") and live.press(key)
        np.testing.assert_allclose(live.at(0.0), effect, atol=1e-12)
    live.press("a"), live.press("a")
    assert live.at(0.0)[1] == pytest.approx(0.15)
    assert not live.press("x") and set(KEYS) == set("wsadqe")
    live.set([5.0, 0.0, -5.0])
    np.testing.assert_array_equal(live.at(1.0), [1.0, 0.0, -1.0])
    with pytest.raises(ContractError, match="expected three numbers"):
        live.set([np.inf, 0.0, 0.0])


def test_metrics_by_hand():
    """Three steps of one command, of which the first is left out of means, then one of another."""
    trace, nothing = WalkTrace(), np.zeros((1, 3))
    steps = [
        ([1, 0, 0], [9.0, 0, 0], 0.0), ([1, 0, 0], [0.7, 0, 0], 2.0),
        ([1, 0, 0], [0.9, 0, 0.2], 4.0), ([0, 0, 1], [0, 0, 0.5], 4.0),
    ]  # fmt: skip
    for command, achieved, speed in steps:
        robot = RobotState(
            joint_pos=np.zeros(2), joint_vel=np.full(2, speed), body_pos_w=nothing,
            body_quat_w=np.zeros((1, 4)), body_lin_vel_w=nothing, body_ang_vel_w=nothing,
        )  # fmt: skip
        trace.add(np.array(command), np.array(achieved), np.full(2, -3.0), robot, np.full(2, speed))
    found = walk_metrics(trace, 0.5)
    np.testing.assert_allclose(found["segments"][0]["achieved"], [0.8, 0.0, 0.1])
    assert found["lin_vel_error"] == pytest.approx((0.2 + 0.0) / 2)
    assert found["ang_vel_error"] == pytest.approx((0.1 + 0.5) / 2)
    assert found["lin_vel_rms"] == pytest.approx(np.sqrt((0.3**2 + 0.1**2 + 0.0) / 3))
    assert found["torque_rms"] == pytest.approx(3.0)
    assert found["power"] == pytest.approx(2 * 3 * (0 + 2 + 4 + 4) / 4)
    assert found["target_rate_rms"] == pytest.approx(np.sqrt((4 + 4 + 0) / 3))
    assert found["joint_acc_rms"] == pytest.approx(np.sqrt((16 + 16 + 0) / 3))
    assert walk_metrics(WalkTrace(), 0.02) == {}


def test_seeds_repeat_pushes_and_first_states(tmp_path):
    t1 = get_robot("booster_t1_29")
    walker = Walker(ForeignPolicy(write_loco(tmp_path / "p.onnx", t1, matrix(29, 100))))
    cfg = WalkCfg(seed=3, seconds=1.5, initial_noise=0.2, pushes=True, terminate=False)
    first, again = walker.run(STAND, cfg), walker.run(STAND, cfg)
    np.testing.assert_array_equal(first.qpos, again.qpos)
    other = walker.run(STAND, WalkCfg(seed=4, seconds=0.1, initial_noise=0.2, terminate=False))
    assert np.abs(other.qpos[0] - first.qpos[0]).max() > 1e-3


def test_what_cannot_be_walked_is_refused(standing, policy_file):
    with pytest.raises(ContractError, match="outside what the policy was trained with"):
        standing.run(ScriptedCommands.in_turn([(1.5, 0, 0)], 1.0))
    with pytest.raises(ContractError, match="seconds is 0"):
        standing.run(STAND, WalkCfg(seconds=0.0))
    with pytest.raises(ContractError, match="follows a motion"):
        Walker(OnnxPolicy(policy_file))
