"""Left-right symmetry of a robot: which joint becomes which, and with what sign.

Reflection in the sagittal plane (x forward, z up) turns y into -y. Joint order is the model's.
"""

import re
from dataclasses import dataclass

import mujoco
import numpy as np

from mimiclab.errors import RobotError
from mimiclab.robots.robot import Robot

_REFLECT = np.array([1.0, -1.0, 1.0])


@dataclass(frozen=True)
class MirrorMap:
    """`mirrored = signs * joints[..., joint_ids]`, and `mirrored = bodies[body_ids]`."""

    joint_ids: np.ndarray
    """Joint on the other side, for each joint (J,); a central joint has its own index."""
    joint_signs: np.ndarray
    """1 or -1 for each joint (J,)."""
    body_ids: np.ndarray
    """Body on the other side, for each body (B,), the world left out."""

    def joints(self, values: np.ndarray) -> np.ndarray:
        """Mirror joint angles, speeds or torques (..., J)."""
        return self.joint_signs * np.asarray(values)[..., self.joint_ids]


def mirror_positions(values: np.ndarray) -> np.ndarray:
    """Mirror points or linear velocities (..., 3)."""
    return np.asarray(values) * _REFLECT


def mirror_quats(quats: np.ndarray) -> np.ndarray:
    """Mirror orientations (..., 4), w first."""
    return np.asarray(quats) * np.array([1.0, -1.0, 1.0, -1.0])


def derive_mirror(robot: Robot) -> MirrorMap:
    """Pair joints and bodies by name and find the signs from the joint axes.

    With all joints at 0 a robot must be its own mirror image. A turn by an angle about an axis a
    becomes a turn by the same angle about (-a_x, a_y, -a_z); if that is the axis of the joint on
    the other side the sign is 1, if it is the opposite -1.

    Raises:
        RobotError: a name without a counterpart, unlike joints, or a body out of place.
    """
    model, data = _zero_pose(robot)
    bodies, joints = robot.body_names, robot.joint_names
    body_ids = np.array([_partner(robot, name, bodies, "body") for name in bodies])
    joint_ids = np.array([_partner(robot, name, joints, "joint") for name in joints])
    places = data.xpos[1:] - data.xpos[1]
    off = np.linalg.norm(places * _REFLECT - places[body_ids], axis=1)
    if off.max() > robot.mirror_tolerance_m:
        worst = int(off.argmax())
        raise RobotError(
            f"robot {robot.name}: with all joints at 0, {bodies[worst]!r} and its counterpart "
            f"{bodies[body_ids[worst]]!r} are {1e3 * off[worst]:.1f} mm from being mirror images, "
            f"expected below {1e3 * robot.mirror_tolerance_m:g} mm; correct the model, or "
            "`mirror_swap` if the pairing is wrong"
        )
    signs = np.ones(len(joints))
    axes = np.array([data.xaxis[model.joint(name).id] for name in joints])
    kinds = [model.jnt_type[model.joint(name).id] for name in joints]
    for j, other in enumerate(joint_ids):
        slide = kinds[j] == mujoco.mjtJoint.mjJNT_SLIDE
        image = axes[j] * _REFLECT * (1.0 if slide else -1.0)
        cosine = image @ axes[other]
        if kinds[j] != kinds[other] or abs(cosine) < 0.999:
            raise RobotError(
                f"robot {robot.name}: joints {joints[j]!r} and {joints[other]!r} do not mirror "
                f"each other: axis {np.round(axes[j], 3)} becomes {np.round(image, 3)}, but the "
                f"other's is {np.round(axes[other], 3)}; correct the model or `mirror_swap`"
            )
        signs[j] = np.sign(cosine)
    return MirrorMap(joint_ids, signs, body_ids)


def mirror_error(robot: Robot, mirror: MirrorMap, poses: int = 20, seed: int = 0) -> float:
    """Largest distance between mirrored bodies and bodies of mirrored joints, m.

    Tries random joint angles inside the limits by the model's own kinematics.
    """
    model, data = _zero_pose(robot)
    addresses = [model.joint(name).qposadr[0] for name in robot.joint_names]
    low, high = np.clip(robot.joint_limits, -np.pi, np.pi).T
    random = np.random.default_rng(seed)
    worst = 0.0
    for _ in range(poses):
        angles = random.uniform(low, high)
        places = []
        for values in (angles, mirror.joints(angles)):
            data.qpos[addresses] = values
            mujoco.mj_kinematics(model, data)
            places.append(data.xpos[1:] - data.xpos[1])
        gap = places[0] * _REFLECT - places[1][mirror.body_ids]
        worst = max(worst, float(np.linalg.norm(gap, axis=1).max()))
    return worst


def _zero_pose(robot: Robot) -> tuple[mujoco.MjModel, mujoco.MjData]:
    model = robot.model
    data = mujoco.MjData(model)
    data.qpos[:] = 0.0
    data.qpos[3] = 1.0
    mujoco.mj_kinematics(model, data)
    return model, data


def _partner(robot: Robot, name: str, names: tuple[str, ...], kind: str) -> int:
    other = robot.mirrored_name(name)
    if other not in names:
        near = [n for n in names if re.sub("left|right|[lLrR]_", "", n) in other]
        raise RobotError(
            f"robot {robot.name}: {kind} {name!r} should have the counterpart {other!r}, which the "
            f"model lacks{' (it has ' + ', '.join(near[:3]) + ')' if near else ''}; "
            "set `mirror_swap` to the parts of names that left and right exchange"
        )
    return names.index(other)
