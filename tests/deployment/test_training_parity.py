"""The file in plain MuJoCo against its training environment: the same numbers seen and done."""

import numpy as np
import pytest
import torch

from mimiclab.deployment.describe import describe_task
from mimiclab.deployment.export import bake_clips, export_policy
from mimiclab.deployment.policy import OnnxPolicy
from mimiclab.deployment.reference import baked_reference
from mimiclab.deployment.sim2sim import EpisodeCfg, Sim2Sim
from mimiclab.evaluation.arena import TrackingArena
from mimiclab.evaluation.protocol import Protocol
from mimiclab.evaluation.rollout import snapshot
from mimiclab.maths.metrics import tracking_errors
from mimiclab.motions.library import MotionLibrary
from mimiclab.tasks.tracking import TrackingTask
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg
from mimiclab.tasks.tracking.mosaic import mosaic_task

STEPS = 40


class Gentle(torch.nn.Module):
    """Small deterministic actions that depend on every observation."""

    def __init__(self, observations, joints):
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        weight = torch.randn(joints, observations, generator=generator) / observations**0.5
        self.linear = torch.nn.Linear(observations, joints)
        self.linear.weight.data.copy_(weight)
        self.linear.bias.data.zero_()

    def forward(self, obs):
        return 0.2 * torch.tanh(self.linear(obs))


VARIANTS = {
    "base": TrackingTask(),
    "residual": TrackingTask(residual_action=True, action_scale=0.5),
    "blind": TrackingTask(state_estimation=False, motion_id=True),
    "future": TrackingTask(horizon_s=(0.02, 0.1, 0.33), residual_action=True),
    "generalist": mosaic_task(actuator_delay_s=(0.0, 0.02)),  # tested on a plane, without delay
    "slow": TrackingTask(control_hz=25, residual_action=True),
    # MOSAIC's three policies, then its longer command layouts.
    "student": TrackingTask(state_estimation=False, history=5),
    "estimating": TrackingTask(history=5),
    "expert": TrackingTask(state_estimation=False, privileged=True, reference_velocity=True),
    "window": TrackingTask(
        history=2, command_frames=4, command_velocity=False, reference_gravity=True
    ),
    "late": TrackingTask(
        history=5,
        command_frames=2,
        horizon_s=(0.33,),
        reference_gravity=True,
        residual_action=True,
        interface=InterfaceCfg(delay_s=(0.07, 0.07), joint_bias_rad=0.05, smoothing=0.3, seed=4),
    ),
}


@pytest.fixture(scope="module")
def clips(dip):
    from dataclasses import replace

    return [replace(dip, name="other", joint_pos=dip.joint_pos * 0.9), dip]


@pytest.mark.parametrize("name", VARIANTS)
def test_observations_states_and_metrics_agree(name, clips, tmp_path, g1):
    task = VARIANTS[name]
    library = MotionLibrary.from_clips(clips, robot=g1, fps=task.control_hz)
    baked, arrays = bake_clips(library, library.clip_names, task.step_s)
    contract = describe_task(task, library, clips=baked)
    network = Gentle(contract.observation_size, g1.num_joints)
    path = export_policy(network, contract, tmp_path / "p.onnx", reference=arrays)
    policy = OnnxPolicy(path)

    seen: list[np.ndarray] = []
    act = policy.act
    policy.act = lambda obs: (seen.append(obs), act(obs))[1]  # type: ignore[method-assign]
    runner = Sim2Sim(policy, baked_reference(policy, "dip"))
    seconds = STEPS / 50
    episode = runner.run(
        EpisodeCfg(initial_noise=0.0, seconds=seconds, terminate=False, interface=task.interface)
    )
    seen_here = np.array(seen)

    protocol = Protocol(initial_noise=0.0, terminate=False, interface="own")
    arena = TrackingArena(task, library, protocol, num_envs=1, engine="native", device="cpu")
    clip, time_s = torch.tensor([1]), torch.tensor([0.0], dtype=torch.float64)
    arena.start(torch.tensor([0]), clip, time_s, seed=torch.tensor([0]))
    trained, errors, previous = [], [], None
    for _ in range(len(seen_here)):
        target = snapshot(arena.target())
        trained.append(arena.observations()[0].numpy().copy())
        arena.step(torch.from_numpy(act(trained[-1][None])))
        robot = snapshot(arena.robot())
        found = tracking_errors(
            target, robot, anchor=arena.anchor, previous=previous, dt_s=arena.dt_s
        )
        errors.append({key: float(value[0]) for key, value in found.items()})
        previous = (target, robot)
    arena.close()

    # The same physics, contacts included; only the readings are single precision in training.
    np.testing.assert_allclose(seen_here, trained, atol=1e-4)
    for key in ("mpjpe_global_mm", "orientation_error", "velocity_error", "joint_position_error"):
        mean = np.mean([row[key] for row in errors])
        assert episode.metrics[key] == pytest.approx(mean, rel=1e-3), key


def test_the_contract_of_the_task(clips, g1):
    library = MotionLibrary.from_clips(clips, robot=g1, fps=50)
    contract = describe_task(TrackingTask(), library)
    assert contract.observation_size == 160
    assert [t.name for t in contract.observations] == [
        "command", "motion_anchor_pos_b", "motion_anchor_ori_b", "base_lin_vel", "base_ang_vel",
        "joint_pos", "joint_vel", "actions",
    ]  # fmt: skip
    assert contract.action_offset == "default" and contract.motion_names == ("other", "dip")
    np.testing.assert_allclose(contract.action_scale, g1.action_scale, rtol=1e-6)
    limits = contract.terminations
    assert (limits.anchor_height_m, limits.anchor_tilt) == (0.25, 0.8)
    assert limits.end_effector_height_m == 0.25
    half = describe_task(TrackingTask(action_scale=0.5), library)
    np.testing.assert_allclose(half.action_scale, 0.5 * g1.action_scale, rtol=1e-6)
