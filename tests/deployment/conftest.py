"""A hand-made policy for the G1: the real contract around a random network and a short motion."""

from functools import partial

import numpy as np
import pytest
import torch

from mimiclab.deployment.contract import (
    BakedClip,
    ObservationTerm,
    Physics,
    PolicyContract,
    Provenance,
)
from mimiclab.deployment.export import export_policy
from mimiclab.deployment.policy import REFERENCE_OUTPUTS
from mimiclab.deployment.reference import Reference, clip_reference
from mimiclab.motions.clip import MotionClip

FRAMES = 101


def _contract(robot, **changes) -> PolicyContract:
    joints = robot.num_joints
    sizes = {
        "command": 2 * joints, "motion_anchor_pos_b": 3, "motion_anchor_ori_b": 6,
        "base_lin_vel": 3, "base_ang_vel": 3, "joint_pos": joints, "joint_vel": joints,
        "actions": joints,
    }  # fmt: skip
    values = {
        "robot": robot.name,
        "model_hash": robot.model_hash,
        "joint_names": robot.joint_names,
        "default_joint_pos": tuple(robot.default_pose.tolist()),
        "stiffness": tuple(robot.stiffness.tolist()),
        "damping": tuple(robot.damping.tolist()),
        "effort_limit": tuple(robot.effort_limit.tolist()),
        "armature": tuple(robot.armature.tolist()),
        "action_scale": tuple(robot.action_scale.tolist()),
        "action_offset": "reference",
        "observations": tuple(ObservationTerm(name=n, size=s) for n, s in sizes.items()),
        "physics": Physics(dt_s=0.005, control_dt_s=0.02, options={"integrator": 3}),
        "anchor_body": robot.anchor_body,
        "body_names": robot.tracked_bodies,
        "end_effectors": robot.end_effectors,
        "motion_names": ("dip",),
        "clips": (BakedClip(name="dip", start=0, frames=FRAMES, fps=50.0),),
        "task": {"robot": robot.name, "horizon_s": [], "residual_action": True},
        "provenance": Provenance(run="hand-made", iteration=7),
    }
    return PolicyContract(**{**values, **changes})


@pytest.fixture(scope="session")
def make_contract(g1):
    """Makes the G1's contract with some fields changed."""
    return partial(_contract, g1)


@pytest.fixture(scope="session")
def contract(make_contract) -> PolicyContract:
    return make_contract()


@pytest.fixture(scope="session")
def dip(g1) -> MotionClip:
    """Two seconds of standing while the arms swing, turned and moved away from the origin."""
    t = np.arange(FRAMES) / 50.0
    joints = np.tile(g1.default_pose, (FRAMES, 1))
    joints[:, g1.joint_names.index("left_elbow_joint")] += 0.3 * np.sin(2 * np.pi * t / 2.0)
    joints[:, g1.joint_names.index("right_elbow_joint")] += 0.3 * np.sin(2 * np.pi * t / 2.0)
    return MotionClip(
        name="dip",
        robot=g1.name,
        fps=50.0,
        joint_names=g1.joint_names,
        root_pos=np.tile([3.0, -2.0, 0.763], (FRAMES, 1)),
        root_quat_wxyz=np.tile([np.cos(0.6), 0.0, 0.0, np.sin(0.6)], (FRAMES, 1)),
        joint_pos=joints,
    )


@pytest.fixture(scope="session")
def reference(dip, contract) -> Reference:
    return clip_reference(dip, contract)


class Normaliser(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        self.register_buffer("mean", torch.randn(size, generator=generator))
        self.register_buffer("std", 0.5 + torch.rand(size, generator=generator))

    def forward(self, x):
        return (x - self.mean) / (self.std + 1e-2)


@pytest.fixture(scope="session")
def network(contract) -> torch.nn.Module:
    """A random network with a normaliser, shaped like the trained ones."""
    torch.manual_seed(3)
    return torch.nn.Sequential(
        Normaliser(contract.observation_size),
        torch.nn.Linear(contract.observation_size, 64),
        torch.nn.ELU(),
        torch.nn.Linear(64, len(contract.joint_names)),
    )


class Zero(torch.nn.Module):
    """No action: with the reference as offset, PD tracking of the reference."""

    def __init__(self, joints):
        super().__init__()
        self.joints = joints

    def forward(self, obs):
        return 0.0 * obs[:, : self.joints]


@pytest.fixture(scope="session")
def baked(reference) -> dict:
    """The reference as the exporter takes it."""
    return {name: torch.from_numpy(getattr(reference, name)) for name in REFERENCE_OUTPUTS}


@pytest.fixture(scope="session")
def policy_file(tmp_path_factory, contract, network, baked):
    path = tmp_path_factory.mktemp("policy") / "policy.onnx"
    return export_policy(network, contract, path, reference=baked)


@pytest.fixture(scope="session")
def zero_file(tmp_path_factory, contract, baked):
    path = tmp_path_factory.mktemp("zero") / "zero.onnx"
    return export_policy(Zero(len(contract.joint_names)), contract, path, reference=baked)


@pytest.fixture(scope="session")
def stiff_file(tmp_path_factory, make_contract, baked):
    """The zero policy on a robot whose motors are stiff and strong enough to stand by PD alone."""
    contract = make_contract()
    strong = make_contract(
        stiffness=tuple(10 * k for k in contract.stiffness),
        damping=tuple(5 * k for k in contract.damping),
        effort_limit=tuple(10 * k for k in contract.effort_limit),
    )
    path = tmp_path_factory.mktemp("stiff") / "stiff.onnx"
    return export_policy(Zero(len(contract.joint_names)), strong, path, reference=baked)
