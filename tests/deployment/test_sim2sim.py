import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from mimiclab.deployment.contract import ObservationTerm
from mimiclab.deployment.export import export_policy
from mimiclab.deployment.policy import OnnxPolicy
from mimiclab.deployment.reference import baked_reference
from mimiclab.deployment.sim2sim import EpisodeCfg, Sim2Sim
from mimiclab.deployment.simulator import RobotState
from mimiclab.deployment.terminations import crossed_limit
from mimiclab.errors import ContractError
from mimiclab.maths.rotations import quat_from_rotvec


@pytest.fixture(scope="session")
def standing(stiff_file) -> Sim2Sim:
    policy = OnnxPolicy(stiff_file)
    return Sim2Sim(policy, baked_reference(policy))


@pytest.fixture(scope="session")
def falling(zero_file) -> Sim2Sim:
    policy = OnnxPolicy(zero_file)
    return Sim2Sim(policy, baked_reference(policy))


def test_a_standing_robot_completes_the_clip(standing):
    episode = standing.run(EpisodeCfg(initial_noise=0.0))
    assert (episode.completed, episode.reason, episode.steps) == (True, "clip_end", 100)
    assert episode.survived_s == pytest.approx(2.0)
    assert episode.metrics["completion"] == 1.0
    assert episode.metrics["joint_position_error"] < 0.02
    assert episode.metrics["mpjpe_global_mm"] < 60
    assert episode.qpos.shape == episode.reference_qpos.shape == (101, 36)
    # Both begin at the same place, wherever the clip was recorded.
    np.testing.assert_allclose(episode.qpos[0], episode.reference_qpos[0], atol=1e-6)


def test_a_falling_robot_is_stopped_by_the_contracts_limits(falling):
    episode = falling.run(EpisodeCfg(initial_noise=0.0))
    assert not episode.completed and episode.reason == "ee_body_pos"
    assert episode.metrics["completion"] == pytest.approx((episode.steps - 1) / 100)
    free = falling.run(EpisodeCfg(initial_noise=0.0, terminate=False))
    assert free.completed and free.metrics["mpjpe_global_mm"] > episode.metrics["mpjpe_global_mm"]
    assert free.qpos[-1, 2] < 0.5  # on the floor by then


def test_same_seed_same_episode(standing):
    first, again = standing.run(EpisodeCfg(seed=4)), standing.run(EpisodeCfg(seed=4))
    other = standing.run(EpisodeCfg(seed=5))
    np.testing.assert_array_equal(first.qpos, again.qpos)
    assert first.to_dict() == again.to_dict()
    assert not np.array_equal(first.qpos[0], other.qpos[0])


def test_the_clip_is_moved_to_the_robot(standing):
    """From the default pose at the origin: the clip, recorded elsewhere and turned, comes there."""
    episode = standing.run(EpisodeCfg(start="default", initial_noise=0.0))
    np.testing.assert_allclose(episode.reference_qpos[0, :2], [0, 0], atol=0.05)
    heading = 2 * np.arctan2(episode.reference_qpos[:, 6], episode.reference_qpos[:, 3])
    np.testing.assert_allclose(heading, 0, atol=1e-3)
    assert episode.completed


def test_start_step_and_seconds(standing):
    late = standing.run(EpisodeCfg(start_step=60, initial_noise=0.0))
    assert (late.steps, late.reason) == (40, "clip_end")
    short = standing.run(EpisodeCfg(seconds=0.5, initial_noise=0.0))
    assert (short.steps, short.reason, short.completed) == (25, "time_limit", True)
    with pytest.raises(ContractError, match="choose 0 to 99"):
        standing.run(EpisodeCfg(start_step=100))
    with pytest.raises(ContractError, match="positive"):
        standing.run(EpisodeCfg(seconds=0.0))


@pytest.mark.parametrize("at_end", ["hold", "repeat"])
def test_after_the_clip(standing, at_end):
    episode = standing.run(EpisodeCfg(at_end=at_end, seconds=4.5, initial_noise=0.0))
    assert (episode.steps, episode.reason) == (225, "time_limit")
    joints = episode.reference_qpos[:, 7:]
    if at_end == "hold":
        np.testing.assert_array_equal(joints[100:], np.tile(joints[100], (126, 1)))
    else:
        np.testing.assert_allclose(joints[101:200], joints[1:100], atol=1e-9)
    with pytest.raises(ContractError, match="give --seconds"):
        standing.run(EpisodeCfg(at_end=at_end))


def test_pushes_disturb(standing):
    cfg = EpisodeCfg(seed=2, terminate=False, at_end="hold", seconds=4.0)
    calm, shoved = standing.run(cfg), standing.run(replace(cfg, pushes=True))
    np.testing.assert_array_equal(calm.qpos[:50], shoved.qpos[:50])
    assert not np.allclose(calm.qpos[-1], shoved.qpos[-1])


def state_of(frame) -> RobotState:
    names = RobotState.__dataclass_fields__
    return RobotState(**{name: np.array(getattr(frame, name)) for name in names})


@pytest.mark.parametrize(
    ("lift", "reason"), [(0.24, ""), (0.26, "anchor_pos"), (-0.26, "anchor_pos")]
)
def test_anchor_height_limit(contract, reference, lift, reason):
    robot = state_of(reference.frames(3))
    robot.body_pos_w[..., 2] += lift
    assert crossed_limit(contract, reference.frames(3), robot) == reason


@pytest.mark.parametrize(("tilt", "reason"), [(1.30, ""), (1.45, "anchor_ori")])
def test_anchor_tilt_limit(contract, reference, tilt, reason):
    """1 - cos(tilt) passes 0.8 at 1.369 rad; heading does not count."""
    limits = replace(contract.terminations, end_effector_height_m=None)
    contract = replace(contract, terminations=limits)
    robot = state_of(reference.frames(3))
    robot.body_quat_w[contract.anchor_index] = quat_from_rotvec(np.array([tilt, 0.0, 0.0]))
    assert crossed_limit(contract, reference.frames(3), robot) == reason
    robot.body_quat_w[contract.anchor_index] = quat_from_rotvec(np.array([0.0, 0.0, 3.0]))
    assert crossed_limit(contract, reference.frames(3), robot) == ""


def test_end_effector_limit_ignores_drift_and_other_bodies(contract, reference):
    robot = state_of(reference.frames(3))
    robot.body_pos_w[..., :2] += 5.0
    assert crossed_limit(contract, reference.frames(3), robot) == ""
    robot.body_pos_w[contract.body_names.index("left_knee_link"), 2] += 1.0
    assert crossed_limit(contract, reference.frames(3), robot) == ""
    robot.body_pos_w[contract.body_names.index("left_wrist_yaw_link"), 2] += 0.26
    assert crossed_limit(contract, reference.frames(3), robot) == "ee_body_pos"
    off = replace(contract, terminations=replace(contract.terminations, end_effector_height_m=None))
    assert crossed_limit(off, reference.frames(3), robot) == ""


def test_unknown_observations_are_refused(tmp_path, make_contract, baked):
    import torch

    contract = make_contract(observations=(ObservationTerm(name="lidar", size=29),))
    path = export_policy(torch.nn.Identity(), contract, tmp_path / "p.onnx", reference=baked)
    policy = OnnxPolicy(path)
    with pytest.raises(ContractError, match="'lidar'"):
        Sim2Sim(policy, baked_reference(policy))


def test_running_a_policy_never_imports_torch(stiff_file):
    code = """
import json, sys
from mimiclab.deployment.policy import OnnxPolicy
from mimiclab.deployment.reference import baked_reference
from mimiclab.deployment.sim2sim import EpisodeCfg, Sim2Sim
policy = OnnxPolicy(sys.argv[1])
episode = Sim2Sim(policy, baked_reference(policy)).run(EpisodeCfg(seconds=0.2))
loaded = {"torch", "mjlab", "warp", "onnx", "onnxscript"} & set(sys.modules)
print(json.dumps([episode.steps, sorted(loaded)]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(stiff_file)], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [10, []]
