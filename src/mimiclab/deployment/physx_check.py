"""Is the PhysX articulation the same machine as the MuJoCo model? Numbers of both, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

import mujoco
import numpy as np

from mimiclab.deployment.physx_model import Articulation, build_articulation, import_sapien
from mimiclab.maths.rotations import quat_to_matrix

_FALL_STEPS = 20
_RESPONSE_TORQUE = 5.0
_RESPONSE_MARGIN = 0.2
"""Random poses keep this share of each range away from its ends, where limits would push back."""


@dataclass(frozen=True, kw_only=True)
class ConversionCheck:
    """One quantity, compared over all bodies or joints."""

    name: str
    unit: str
    worst: float
    """Largest absolute difference, or relative where the unit is `share`."""
    tolerance: float
    where: str
    """Body or joint of the largest difference."""

    @property
    def ok(self) -> bool:
        """Whether the difference is within the tolerance."""
        return self.worst <= self.tolerance


def check_conversion(
    model: mujoco.MjModel, default_joint_pos: np.ndarray, feet: Sequence[str], *, seed: int = 0
) -> list[ConversionCheck]:
    """Compare a model with the articulation made of it; PhysX computes with 32 bits.

    Args:
        model: the robot, with or without floor and motors; gravity as it is set there.
        default_joint_pos: a pose (J,), rad, joints in the model's order.
        feet: bodies whose height is compared in that pose.
        seed: of the random pose and torques of the dynamic checks.

    Raises:
        EngineError: SAPIEN is missing, or the model has what PhysX lacks.
    """
    pair = _Pair(model, np.asarray(default_joint_pos, np.float64))
    rng = np.random.default_rng(seed)
    return [
        *_inertias(pair),
        *_joints(pair),
        _feet_height(pair, feet),
        _gravity_torques(pair, rng),
        _free_fall(pair),
        _response(pair, rng),
    ]


class _Pair:
    """The model with its data, and articulations made of it."""

    def __init__(self, model: mujoco.MjModel, pose: np.ndarray) -> None:
        self.model, self.data, self.pose = model, mujoco.MjData(model), pose
        self.robot = build_articulation(model)
        joints = np.flatnonzero(model.jnt_type != mujoco.mjtJoint.mjJNT_FREE)
        self.joints = [model.joint(int(i)).name for i in joints]
        self.qpos, self.dofs = model.jnt_qposadr[joints], model.jnt_dofadr[joints]
        self.range = np.where(
            model.jnt_limited[joints, None] > 0, model.jnt_range[joints], (-np.inf, np.inf)
        )
        self.bodies = [model.body(i).name for i in range(1, model.nbody)]

    def set_pose(self, robot: Articulation, pose: np.ndarray) -> None:
        """Both at rest, upright at the origin."""
        self.data.qpos[:7], self.data.qpos[self.qpos] = (0, 0, 0, 1, 0, 0, 0), pose
        self.data.qvel[:] = 0.0
        mujoco.mj_forward(self.model, self.data)
        articulation = robot.articulation
        articulation.root_pose = import_sapien().Pose()
        articulation.qpos = robot.to_physx(pose)
        articulation.qvel = articulation.qf = np.zeros(len(pose), np.float32)
        articulation.root_linear_velocity = articulation.root_angular_velocity = np.zeros(3)

    def random_pose(self, rng: np.random.Generator) -> np.ndarray:
        """Joint angles well inside their limits; within a radian where there are none."""
        low, high = np.clip(self.range, -1.0, 1.0).T
        low, high = (np.where(np.isfinite(end), end, short) for end, short in
                     zip(self.range.T, (low, high), strict=True))  # fmt: skip
        share = rng.uniform(_RESPONSE_MARGIN, 1 - _RESPONSE_MARGIN, len(low))
        return low + share * (high - low)


def _inertias(pair: _Pair) -> list[ConversionCheck]:
    model, links = pair.model, pair.robot.links
    masses = np.array([link.mass for link in links])
    ours = model.body_mass[1:]
    centres = np.array([link.cmass_local_pose.p for link in links])
    tensors = np.array([_tensor(link.inertia, link.cmass_local_pose.q) for link in links])
    ours_tensors = np.array(
        [_tensor(model.body_inertia[i], model.body_iquat[i]) for i in range(1, model.nbody)]
    )
    size = np.abs(ours_tensors).max(axis=(1, 2))
    off = np.abs(tensors - ours_tensors).max(axis=(1, 2)) / np.maximum(size, 1e-12)
    total = abs(float(masses.sum() - ours.sum()))
    return [
        ConversionCheck(
            name="total mass", unit="kg", worst=total, tolerance=1e-4, where="whole robot"
        ),
        _worst("mass of a body", "kg", np.abs(masses - ours), 1e-5, pair.bodies),
        _worst("centre of mass", "m", _rows(centres - model.body_ipos[1:]), 1e-6, pair.bodies),
        _worst("inertia tensor", "share", off, 1e-4, pair.bodies),
    ]


def _joints(pair: _Pair) -> list[ConversionCheck]:
    robot, model = pair.robot, pair.model
    joints = robot.articulation.active_joints
    limits = np.zeros((len(joints), 2))
    limits[robot.order] = [np.ravel(joint.limits) for joint in joints]
    known = np.isfinite(pair.range)
    apart = np.where(known, np.abs(np.where(known, limits - pair.range, 0.0)), 0.0)
    # An end that is limited on one side only would differ by infinity.
    apart = np.where(np.isfinite(limits) == known, apart, np.inf).max(axis=1)
    armature = np.abs(robot.to_mujoco(np.array([float(np.ravel(j.armature)[0]) for j in joints])))
    ours = model.dof_armature[pair.dofs]
    return [
        _worst("joint limits", "rad", apart, 1e-5, pair.joints),
        _worst("armature", "kg m^2", np.abs(armature - ours), 1e-6, pair.joints),
    ]


def _feet_height(pair: _Pair, feet: Sequence[str]) -> ConversionCheck:
    """Height of the feet below the root in the given pose."""
    pair.set_pose(pair.robot, pair.pose)
    heights = {link.name: float(link.entity.pose.p[2]) for link in pair.robot.links}
    apart = [abs(heights[name] - pair.data.body(name).xpos[2]) for name in feet]
    return _worst("height of the feet", "m", np.array(apart), 1e-5, list(feet))


def _gravity_torques(pair: _Pair, rng: np.random.Generator) -> ConversionCheck:
    """Torques that hold a pose against gravity while the root is held."""
    robot = build_articulation(pair.model, fixed_root=True)
    pose = pair.random_pose(rng)
    pair.set_pose(robot, pose)
    found = robot.to_mujoco(robot.articulation.compute_passive_force(True, False))
    apart = np.abs(found - pair.data.qfrc_bias[pair.dofs])
    return _worst("torque against gravity", "N m", apart, 2e-3, pair.joints)


def _free_fall(pair: _Pair) -> ConversionCheck:
    """The robot falls as a stone does: speed of every body after some steps."""
    robot, dt = pair.robot, float(pair.model.opt.timestep)
    pair.set_pose(robot, pair.pose)
    for _ in range(_FALL_STEPS):
        robot.scene.step()
    expected = _FALL_STEPS * dt * pair.model.opt.gravity
    speeds = np.array([link.linear_velocity for link in robot.links])
    apart = _rows(speeds - expected) / max(1e-9, float(np.linalg.norm(expected)))
    return _worst("free fall", "share", apart, 1e-3, pair.bodies)


def _response(pair: _Pair, rng: np.random.Generator) -> ConversionCheck:
    """Joint accelerations of one step under random torques, from rest and without gravity.

    They show the whole mass matrix, floating root and armature included. Each joint's difference is
    a share of what the largest torque alone would do to it.
    """
    robot, dt = build_articulation(pair.model, gravity=False), float(pair.model.opt.timestep)
    pose = pair.random_pose(rng)
    torque = rng.uniform(-_RESPONSE_TORQUE, _RESPONSE_TORQUE, len(pose))
    pair.set_pose(robot, pose)
    robot.articulation.qf = robot.to_physx(torque)
    robot.scene.step()
    found = robot.to_mujoco(robot.articulation.qvel) / dt
    inverse = np.zeros((pair.model.nv, pair.model.nv))
    mujoco.mj_solveM(pair.model, pair.data, inverse, np.eye(pair.model.nv))
    inverse = inverse[np.ix_(pair.dofs, pair.dofs)]
    apart = np.abs(found - inverse @ torque) / (_RESPONSE_TORQUE * np.diag(inverse))
    return _worst("response of one step", "share", apart, 2e-3, pair.joints)


def _tensor(moments: np.ndarray, quat: np.ndarray) -> np.ndarray:
    turn = quat_to_matrix(np.asarray(quat, np.float64))
    return turn @ np.diag(np.asarray(moments, np.float64)) @ turn.T


def _rows(values: np.ndarray) -> np.ndarray:
    return np.linalg.norm(values, axis=-1)


def _worst(
    name: str, unit: str, apart: np.ndarray, tolerance: float, names: Sequence[str]
) -> ConversionCheck:
    i = int(np.argmax(apart))
    return ConversionCheck(
        name=name, unit=unit, worst=float(apart[i]), tolerance=tolerance, where=names[i]
    )
