"""Policy files as other projects release them, made from a network in our layout.

What a file holds is written down here from the projects' descriptions, independently of the code
that reads it: `ISAAC_TO_MODEL` is MOSAIC's published list.
"""

import json
import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

ISAAC_TO_MODEL = [
    0, 3, 6, 9, 13, 17, 1, 4, 7, 10, 14, 18, 2, 5, 8, 11, 15, 19, 21, 23, 25, 27, 12, 16, 20, 22,
    24, 26, 28,
]  # fmt: skip
"""Our joint vector is a breadth-first one at these places (G1, 29 joints)."""
MODEL_TO_ISAAC = [ISAAC_TO_MODEL.index(i) for i in range(29)]
"""For each breadth-first joint, its number in our order."""
FULL = (
    "command", "motion_anchor_pos_b", "motion_anchor_ori_b", "base_lin_vel", "base_ang_vel",
    "joint_pos", "joint_vel", "actions",
)  # fmt: skip
WITHOUT_ESTIMATION = tuple(
    n for n in FULL if n not in ("motion_anchor_pos_b", "base_lin_vel")
)  # fmt: skip
SIZES = {
    "command": 58, "motion_anchor_pos_b": 3, "motion_anchor_ori_b": 6, "base_lin_vel": 3,
    "base_ang_vel": 3, "joint_pos": 29, "joint_vel": 29, "actions": 29,
}  # fmt: skip


class Network(nn.Module):
    """In our layout: normaliser and MLP, on terms in our order."""

    def __init__(self, terms, history):
        super().__init__()
        width = history * sum(SIZES[name] for name in terms)
        generator = torch.Generator().manual_seed(width)
        self.register_buffer("mean", 0.1 * torch.randn(width, generator=generator))
        self.register_buffer("std", 0.5 + torch.rand(width, generator=generator))
        torch.manual_seed(width)
        self.mlp = nn.Sequential(nn.Linear(width, 32), nn.ELU(), nn.Linear(32, 29))
        self.terms, self.history, self.width = terms, history, width

    def forward(self, obs):
        return self.mlp((obs - self.mean) / (self.std + 1e-2))


class Foreign(nn.Module):
    """The same policy in another project's conventions."""

    def __init__(self, network, order, to_model, pose, scale, ours):
        """`order`: terms; `to_model`: our joints among theirs; `pose`, `scale`: theirs, in our
        joint order; `ours`: our pose and scale."""
        super().__init__()
        self.network, self.order, self.to_model = network, order, to_model
        self.to_theirs = [to_model.index(i) for i in range(29)]
        pose, scale, our_pose, our_scale = (
            torch.as_tensor(x, dtype=torch.float32) for x in (pose, scale, *ours)
        )
        self.shift = pose - our_pose
        self.ratio, self.offset = scale / our_scale, (pose - our_pose) / our_scale

    def forward(self, obs):
        h, parts = self.network.history, {}
        start = 0
        for name in self.order:
            x = obs[:, start : start + h * SIZES[name]].reshape(-1, h, SIZES[name])
            start += h * SIZES[name]
            if name == "command":
                x = torch.cat([x[..., self.to_model], x[..., [29 + i for i in self.to_model]]], -1)
            elif name in ("joint_pos", "joint_vel", "actions"):
                x = x[..., self.to_model]
            if name == "joint_pos":
                x = x + self.shift  # q - q0_ours = (q - q0_theirs) + q0_theirs - q0_ours
            elif name == "actions":
                x = x * self.ratio + self.offset
            parts[name] = x.flatten(1)
        ours = self.network(torch.cat([parts[name] for name in self.network.terms], -1))
        return ((ours - self.offset) / self.ratio)[:, self.to_theirs]


class Baked(nn.Module):
    """With a baked motion beside it, as BeyondMimic's and Holosoma's files have."""

    def __init__(self, policy, frames=40):
        super().__init__()
        self.policy, self.last = policy, frames - 1
        self.register_buffer("motion", torch.randn(frames, 29))

    def forward(self, obs, time_step):
        return self.policy(obs), self.motion[
            torch.clamp(time_step.long().squeeze(-1), max=self.last)
        ]


def write(policy, path: Path, metadata, *, opset=11) -> Path:
    """Export with a static batch of one."""
    width = (policy.policy if isinstance(policy, Baked) else policy).network.width
    arguments, names, outputs = [torch.zeros(1, width)], ["obs"], ["actions"]
    if isinstance(policy, Baked):
        arguments, names = [*arguments, torch.zeros(1, 1)], [*names, "time_step"]
        outputs = [*outputs, "joint_pos"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            policy.eval(), tuple(arguments), str(path), opset_version=opset, dynamo=False,
            input_names=names, output_names=outputs,
        )  # fmt: skip
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, metadata)
    onnx.save(model, str(path))
    return path


def rounded(values) -> str:
    return ",".join(f"{value:.3f}" for value in values)


def isaac_metadata(robot, terms, history, **changes) -> dict[str, str]:
    """Keys of MOSAIC's and BeyondMimic's exporters."""

    def theirs(values):
        return rounded(values[i] for i in MODEL_TO_ISAAC)

    return {
        "run_path": "none",
        "joint_names": ",".join(robot.joint_names[i] for i in MODEL_TO_ISAAC),
        "joint_stiffness": theirs(robot.stiffness),
        "joint_damping": theirs(robot.damping),
        "default_joint_pos": theirs(robot.default_pose),
        "command_names": "motion",
        "observation_names": ",".join(terms),
        "observation_history_lengths": ",".join([str(history)] * len(terms)),
        "action_scale": theirs(robot.action_scale),
        "anchor_body_name": "torso_link",
        "body_names": ",".join(robot.tracked_bodies),
    } | changes


def holosoma_metadata(robot, **changes) -> dict[str, str]:
    """Keys of Holosoma's exporter."""
    return {
        "dof_names": json.dumps(robot.joint_names),
        "kp": json.dumps(robot.stiffness.tolist()),
        "kd": json.dumps(robot.damping.tolist()),
        "command_ranges": "null",
        "robot_urdf": "<robot/>",
    } | changes
