"""A person as a model that every renderer can draw: a capsule for each bone, moved on its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import mujoco
import numpy as np

from mimiclab.motions.human.clip import HumanClip
from mimiclab.robots import Robot
from mimiclab.viewing.placement import to_the_left

DOLL_RGB = (0.93, 0.55, 0.24)
"""People, sRGB."""
_SHORTEST_M = 0.02
"""Bones shorter than this are not drawn: helper joints, finger tips."""
_THICKEST_M = 0.05


@dataclass(frozen=True, eq=False)
class Doll:
    """What stands in for a robot in pictures of a person."""

    robot: Robot
    """Only its model, size and root serve here."""
    qpos: np.ndarray
    """A free pose (7,) for the root and for each bone, at every frame. Shape (T, 7 (1 + bones))."""


def make_doll(clip: HumanClip) -> Doll:
    """Capsules as long as the bones are on average; the root is a small ball at the first joint."""
    joints, parents = clip.joint_pos_w, np.array(clip.parents)
    ends = np.flatnonzero(parents >= 0)
    spans = joints[:, ends] - joints[:, parents[ends]]
    lengths = np.linalg.norm(spans, axis=-1).mean(axis=0)
    drawn = lengths > _SHORTEST_M
    ends, spans, lengths = ends[drawn], spans[:, drawn], lengths[drawn]
    poses = np.zeros((clip.num_frames, 1 + len(ends), 7))
    poses[:, 0, :3] = joints[:, 0]
    poses[:, 0, 3:] = _heading(clip)
    poses[:, 1:, :3] = joints[:, ends] - 0.5 * spans
    poses[:, 1:, 3:] = _quat_from_z(spans)
    names = [clip.joint_names[i] for i in ends]
    standing = float(np.ptp(joints[..., 2], axis=1).max())
    robot = Robot(
        name=f"human {clip.skeleton}".strip(),
        spec_fn=lambda: _add_bones(mujoco.MjSpec(), names, lengths),
        motors={},
        default_joint_pos={},
        default_root_height=0.55 * standing,
        root_body="doll",
        anchor_body="doll",
        tracked_bodies=("doll",),
        end_effectors=(),
        feet=("doll", "doll"),
        foot_geoms="",
    )
    return Doll(robot, poses.reshape(clip.num_frames, -1))


def beside(robot: Robot, qpos: np.ndarray, doll: Doll, gap_m: float = 0.8) -> Doll:
    """A robot and a person of its size in one picture, the person `gap_m` to the robot's left.

    `qpos` (T, 7 + J) and the doll have the same frame rate; the result is as long as the shorter.
    Both begin at the same place, whatever origin the files chose.
    """
    length = min(len(qpos), len(doll.qpos))
    scale = robot.default_root_height / doll.robot.default_root_height
    person = doll.qpos[:length].reshape(length, -1, 7).copy()
    person[..., :2] -= person[0, 0, :2]
    person[..., :3] *= scale
    person[..., :2] += qpos[0, :2]
    person[..., :3] += to_the_left(qpos[0, 3:7], gap_m)
    model = doll.robot.model
    bones = [model.body(i).name for i in range(2, model.nbody)]
    lengths = 2 * scale * model.geom_size[1:, 1]
    both = replace(
        robot,
        spec_fn=lambda: _add_bones(robot.spec_fn(), bones, lengths, prefix="doll/"),
        default_root_height=1.3 * robot.default_root_height,  # the camera steps back for two
    )
    return Doll(both, np.concatenate([qpos[:length], person.reshape(length, -1)], axis=1))


def _add_bones(
    spec: mujoco.MjSpec, names: Sequence[str], lengths: np.ndarray, prefix: str = ""
) -> mujoco.MjSpec:
    color = [*DOLL_RGB, 1.0]
    root = spec.worldbody.add_body(name=f"{prefix}doll")
    root.add_freejoint()
    root.add_geom(type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[_THICKEST_M, 0, 0], rgba=color)
    for name, length in zip(names, lengths, strict=True):
        body = spec.worldbody.add_body(name=prefix + name)
        body.add_freejoint()
        radius = min(_THICKEST_M, 0.22 * float(length))
        size = [radius, float(length) / 2, 0.0]
        body.add_geom(type=mujoco.mjtGeom.mjGEOM_CAPSULE, size=size, rgba=color)
    return spec


def _heading(clip: HumanClip) -> np.ndarray:
    """Where the person faces at each frame, as a turn about z. Shape (T, 4).

    Square to the line between the first pair of joints that differ only in left and right; a
    skeleton without such a pair faces along +x.
    """
    names = {name.lower(): i for i, name in enumerate(clip.joint_names)}
    for name, left in names.items():
        right = names.get(name.replace("left", "right"), left)
        if right == left and name.startswith("l"):
            right = names.get("r" + name[1:], left)
        if right != left:
            across = clip.joint_pos_w[:, left] - clip.joint_pos_w[:, right]
            yaw = np.arctan2(-across[:, 0], across[:, 1])
            return _hemisphere(
                np.stack([np.cos(yaw / 2), 0 * yaw, 0 * yaw, np.sin(yaw / 2)], axis=-1)
            )
    return np.tile([1.0, 0.0, 0.0, 0.0], (clip.num_frames, 1))


def _quat_from_z(direction: np.ndarray) -> np.ndarray:
    """The shortest turn that takes z to `direction` (T, B, 3). Shape (T, B, 4)."""
    unit = direction / np.maximum(np.linalg.norm(direction, axis=-1, keepdims=True), 1e-9)
    x, y, z = np.moveaxis(unit, -1, 0)
    # Straight down there is no shortest turn; any half turn about a horizontal axis will do.
    down = z < -1 + 1e-9
    quat = np.stack([1 + z, np.where(down, 1.0, -y), x, np.zeros_like(x)], axis=-1)
    return _hemisphere(quat / np.linalg.norm(quat, axis=-1, keepdims=True))


def _hemisphere(quat: np.ndarray) -> np.ndarray:
    """Signs chosen so that successive frames lie on one side, for interpolation."""
    turned = np.sign(np.sum(quat[1:] * quat[:-1], axis=-1))
    turned[turned == 0] = 1
    quat[1:] *= np.cumprod(turned, axis=0)[..., None]
    return quat
