"""One robot in plain MuJoCo, built from a policy's contract: model, floor, motors, time steps."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

import mujoco
import numpy as np

from mimiclab.deployment.contract import GeomContact, PolicyContract
from mimiclab.errors import ContractError
from mimiclab.maths.rotations import quat_rotate_inverse

FLOOR = "floor"
"""Name of the floor geom."""


@dataclass(frozen=True, kw_only=True)
class RobotState:
    """What a policy may know of the robot, and what metrics need. World frame, wxyz, SI units."""

    joint_pos: np.ndarray
    """(J,)."""
    joint_vel: np.ndarray
    """(J,)."""
    body_pos_w: np.ndarray
    """Tracked bodies, (B, 3); the root is first."""
    body_quat_w: np.ndarray
    """(B, 4)."""
    body_lin_vel_w: np.ndarray
    """Of link origins, (B, 3)."""
    body_ang_vel_w: np.ndarray
    """(B, 3)."""


def contact_settings(model: mujoco.MjModel, prefix: str = "") -> tuple[GeomContact, ...]:
    """Contact settings of every named geom that can collide; `prefix` is cut from the names."""
    found = []
    for i in range(model.ngeom):
        geom = model.geom(i)
        collides = model.geom_contype[i] or model.geom_conaffinity[i]
        if not geom.name.startswith(prefix) or not geom.name or not collides:
            continue
        found.append(
            GeomContact(
                name=geom.name.removeprefix(prefix),
                contype=int(model.geom_contype[i]),
                conaffinity=int(model.geom_conaffinity[i]),
                condim=int(model.geom_condim[i]),
                priority=int(model.geom_priority[i]),
                friction=tuple(model.geom_friction[i].tolist()),
                solref=tuple(model.geom_solref[i].tolist()),
                solimp=tuple(model.geom_solimp[i].tolist()),
                margin=float(model.geom_margin[i]),
                gap=float(model.geom_gap[i]),
            )
        )
    return tuple(found)


OPTIONS = (
    "integrator", "cone", "jacobian", "solver", "iterations", "tolerance", "ls_iterations",
    "ls_tolerance", "ccd_iterations", "impratio", "disableflags", "enableflags",
)  # fmt: skip
"""Solver settings that a contract carries, by their names in MuJoCo's `mjOption`."""


def solver_options(model: mujoco.MjModel) -> dict[str, int | float]:
    """The settings `OPTIONS` of a model, as plain numbers."""
    values = {name: getattr(model.opt, name) for name in OPTIONS}
    return {k: float(v) if isinstance(v, float) else int(v) for k, v in values.items()}


def build_model(
    contract: PolicyContract, payload_kg: Mapping[str, float] | None = None
) -> mujoco.MjModel:
    """The contract's robot on a floor, with one position actuator for each joint.

    Actuator i drives joint i of the contract; targets beyond joint limits are allowed, as in
    training, because only the force is limited.

    Args:
        contract: what to build.
        payload_kg: point masses to add at the centres of mass of some bodies, kg by body.

    Raises:
        ContractError: the robot here is not the one trained on, or lacks a named geom.
    """
    robot = contract.robot_model()
    spec = robot.spec_fn()
    spec.worldbody.add_geom(
        name=FLOOR,
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=(0, 0, 0.01),
        friction=contract.physics.floor_friction,
        **{
            key: value
            for key, value in (
                ("solref", contract.physics.floor_solref),
                ("solimp", contract.physics.floor_solimp),
            )
            if value is not None
        },
    )
    geoms = {geom.name: geom for geom in spec.geoms if geom.name}
    listed = {contact.name for contact in contract.physics.contacts}
    if listed - set(geoms):
        raise ContractError(
            f"robot {robot.name} here lacks the collision geoms "
            f"{', '.join(sorted(listed - set(geoms))[:5])} of the contract; install the robot "
            "model of the training"
        )
    for contact in contract.physics.contacts:
        geom = geoms[contact.name]
        for key in ("contype", "conaffinity", "condim", "priority", "margin", "gap"):
            setattr(geom, key, getattr(contact, key))
        geom.friction[:] = contact.friction
        geom.solref[:] = contact.solref
        geom.solimp[:] = contact.solimp
    for i, name in enumerate(contract.joint_names):
        spec.joint(name).armature = contract.armature[i]
        spec.add_actuator(
            name=name,
            target=name,
            trntype=mujoco.mjtTrn.mjTRN_JOINT,
            gaintype=mujoco.mjtGain.mjGAIN_FIXED,
            biastype=mujoco.mjtBias.mjBIAS_AFFINE,
            gainprm=[contract.stiffness[i]] + [0.0] * 9,
            biasprm=[0.0, -contract.stiffness[i], -contract.damping[i]] + [0.0] * 7,
            ctrllimited=False,
            forcelimited=True,
            forcerange=[-contract.effort_limit[i], contract.effort_limit[i]],
        )
    model = spec.compile()
    model.opt.timestep = contract.physics.dt_s
    for name, value in contract.physics.options.items():
        if name not in OPTIONS:
            raise ContractError(
                f"contract: unknown solver option {name!r}; known: {', '.join(OPTIONS)}"
            )
        setattr(model.opt, name, value)
    for name, mass in (payload_kg or {}).items():
        model.body(name).mass += mass
    if payload_kg:
        mujoco.mj_setConst(model, mujoco.MjData(model))
    return model


class RobotSimulator:
    """Steps the robot by joint targets and reads its state."""

    def __init__(
        self,
        contract: PolicyContract,
        model: mujoco.MjModel | None = None,
        *,
        delay_steps: int = 0,
    ) -> None:
        """Make a simulation of one robot.

        Args:
            contract: rates, gains and names.
            model: what `build_model` made of the contract; made here if left out.
            delay_steps: physics steps by which joint targets reach the motors late.

        Raises:
            ContractError: as `build_model`.
        """
        self.contract = contract
        self.model = build_model(contract) if model is None else model
        self.data = mujoco.MjData(self.model)
        joints = [self.model.joint(name) for name in contract.joint_names]
        self._qpos = np.array([joint.qposadr[0] for joint in joints])
        self._qvel = np.array([joint.dofadr[0] for joint in joints])
        self._bodies = np.array([self.model.body(name).id for name in contract.body_names])
        self._root = int(self.model.jnt_bodyid[0])
        self._late: deque[np.ndarray] = deque(maxlen=delay_steps + 1)

    def place(
        self,
        *,
        root_pos_w: np.ndarray,
        root_quat_w: np.ndarray,
        joint_pos: np.ndarray,
        root_lin_vel_w: np.ndarray | None = None,
        root_ang_vel_w: np.ndarray | None = None,
        joint_vel: np.ndarray | None = None,
    ) -> None:
        """Put the robot into a state, velocities zero where not given, and forget all history."""
        mujoco.mj_resetData(self.model, self.data)
        qpos, qvel = self.data.qpos, self.data.qvel
        qpos[:3], qpos[3:7], qpos[self._qpos] = root_pos_w, root_quat_w, joint_pos
        if root_lin_vel_w is not None:
            qvel[:3] = root_lin_vel_w
        if root_ang_vel_w is not None:
            # A free joint's angular velocity is in the body's own frame.
            qvel[3:6] = quat_rotate_inverse(np.asarray(root_quat_w), np.asarray(root_ang_vel_w))
        if joint_vel is not None:
            qvel[self._qvel] = joint_vel
        self.data.ctrl[:] = joint_pos
        # Motors whose targets come late hold this pose until the first one arrives.
        self._late.extend([np.array(joint_pos, np.float64)] * (self._late.maxlen or 1))
        mujoco.mj_forward(self.model, self.data)

    def push(self, delta_lin_vel_w: np.ndarray, delta_ang_vel_w: np.ndarray) -> None:
        """Add to the root's velocities (world frame, m/s and rad/s): a sudden shove."""
        self.data.qvel[:3] += delta_lin_vel_w
        quat = self.data.qpos[3:7].copy()
        self.data.qvel[3:6] += quat_rotate_inverse(quat, np.asarray(delta_ang_vel_w))
        self._follow()

    def set_force(self, body: str, force_w: np.ndarray) -> None:
        """Pull at a body's centre of mass by a force (3,), N, world frame, until told otherwise."""
        self.data.xfrc_applied[self.model.body(body).id, :3] = force_w

    def lift_to_floor(self) -> None:
        """Move the robot up or down until its lowest collision geom touches the floor."""
        floor = self.model.geom(FLOOR).id
        nearest = min(
            mujoco.mj_geomDistance(self.model, self.data, floor, i, 10.0, None)
            for i in range(self.model.ngeom)
            if i != floor and (self.model.geom_contype[i] or self.model.geom_conaffinity[i])
        )
        self.data.qpos[2] -= nearest
        mujoco.mj_forward(self.model, self.data)

    def step(self, joint_targets: np.ndarray) -> None:
        """One control step: hold position targets (J,) rad for `decimation` physics steps."""
        targets = []
        for _ in range(self.contract.physics.decimation):
            self._late.append(np.array(joint_targets, np.float64))
            targets.append(self._late[0])
        self._advance(targets)

    def _advance(self, joint_targets: list[np.ndarray]) -> None:
        """Physics steps with the targets (J,) that reach the motors in each."""
        for target in joint_targets:
            self.data.ctrl[:] = target
            mujoco.mj_step(self.model, self.data)
        self._follow()

    def _follow(self) -> None:
        """Put bodies where joints and root are; mj_step leaves them one integration behind."""
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_comVel(self.model, self.data)

    @property
    def version(self) -> str:
        """What steps the physics, for reports."""
        return f"mujoco {mujoco.__version__}"

    @property
    def qpos(self) -> np.ndarray:
        """A copy of the generalised position: root pose wxyz, then joints."""
        return self.data.qpos.copy()

    @property
    def finite(self) -> bool:
        """Whether the simulation is still sane; MuJoCo resets itself when it diverges."""
        bad = (mujoco.mjtWarning.mjWARN_BADQPOS, mujoco.mjtWarning.mjWARN_BADQVEL,
               mujoco.mjtWarning.mjWARN_BADQACC)  # fmt: skip
        diverged = any(self.data.warning[int(kind)].number for kind in bad)
        return not diverged and bool(np.isfinite(self.data.qpos).all())

    def state(self) -> RobotState:
        """Joints and tracked bodies now."""
        data, bodies = self.data, self._bodies
        velocity = np.empty((len(bodies), 6))
        for row, body in zip(velocity, bodies, strict=True):
            mujoco.mj_objectVelocity(
                self.model, data, mujoco.mjtObj.mjOBJ_XBODY, body, row, flg_local=0
            )
        return RobotState(
            joint_pos=data.qpos[self._qpos],
            joint_vel=data.qvel[self._qvel],
            body_pos_w=data.xpos[bodies],
            body_quat_w=data.xquat[bodies],
            body_lin_vel_w=velocity[:, 3:],
            body_ang_vel_w=velocity[:, :3],
        )
