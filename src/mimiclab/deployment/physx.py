"""A policy's robot in PhysX 5 on the CPU: the engine family of Isaac, without Isaac or a GPU."""

import mujoco
import numpy as np

from mimiclab.deployment.contract import PolicyContract
from mimiclab.deployment.physx_cfg import PhysxCfg
from mimiclab.deployment.physx_model import build_articulation, import_sapien
from mimiclab.deployment.simulator import FLOOR, RobotSimulator
from mimiclab.errors import EngineError
from mimiclab.maths.rotations import quat_rotate, quat_rotate_inverse

_STABLE = 4.0


class PhysxSimulator(RobotSimulator):
    """Steps the robot in PhysX; MuJoCo only describes it.

    Rates, gains, effort limits, armature and payload are those of `RobotSimulator`. The PD law is
    a torque, computed anew in each physics step and clipped to the effort limits, or one of PhysX's
    drives; see `PhysxCfg.motors`. After each control step MuJoCo's forward kinematics turn joints
    and root of PhysX into `state()`.
    """

    def __init__(
        self,
        contract: PolicyContract,
        model: mujoco.MjModel | None = None,
        *,
        delay_steps: int = 0,
        cfg: PhysxCfg | None = None,
    ) -> None:
        """Build the articulation of `model`, by default the contract's.

        Raises:
            ContractError: as `build_model`.
            EngineError: SAPIEN is missing, the model has what PhysX lacks, or its motors are too
                stiff for explicit torques at this time step.
        """
        import_sapien()  # a missing package is told before a large model is compiled
        super().__init__(contract, model, delay_steps=delay_steps)
        cfg = cfg or PhysxCfg()
        self._robot = build_articulation(self.model, floor=self.model.geom(FLOOR).id, cfg=cfg)
        self._articulation = self._robot.articulation
        # PhysX's own coordinates are in its own order; so are these.
        names = [self.model.joint(i).name for i in range(1, self.model.njnt)]
        self._order = np.array([contract.joint_names.index(names[i]) for i in self._robot.order])
        self._kp, self._kd, self._effort, self._passive = (
            np.asarray(values, np.float32)[self._order]
            for values in (
                contract.stiffness, contract.damping, contract.effort_limit,
                self.model.dof_damping[self._qvel],
            )
        )  # fmt: skip
        self._driven = cfg.motors == "implicit"
        if self._driven:
            self._make_drives()
        else:
            self._check_stable()

    def place(self, **state: np.ndarray | None) -> None:
        """Put the robot into a state; the arguments are those of `RobotSimulator.place`."""
        super().place(**state)  # pyright: ignore[reportArgumentType]
        self._write()

    def push(self, delta_lin_vel_w: np.ndarray, delta_ang_vel_w: np.ndarray) -> None:
        """Add to the root's velocities (world frame, m/s and rad/s): a sudden shove."""
        super().push(delta_lin_vel_w, delta_ang_vel_w)
        self._write()

    def lift_to_floor(self) -> None:
        """Move the robot up or down until its lowest collision geom touches the floor."""
        super().lift_to_floor()
        self._write()

    def _advance(self, joint_targets: list[np.ndarray]) -> None:
        articulation, scene = self._articulation, self._robot.scene
        forces = self.data.xfrc_applied
        pushed = np.flatnonzero(forces.any(axis=1))
        for target in joint_targets:
            goal, speed = target[self._order].astype(np.float32), articulation.qvel
            if self._driven:
                for joint, angle in zip(articulation.active_joints, goal, strict=True):
                    joint.set_drive_target(float(angle))
                torque = np.zeros_like(goal)
            else:
                torque = self._kp * (goal - articulation.qpos) - self._kd * speed
            limited = np.clip(torque, -self._effort, self._effort)
            articulation.qf = limited - self._passive * speed
            for body in pushed:
                self._robot.links[body - 1].add_force_torque(forces[body, :3], forces[body, 3:])
            scene.step()
        self._read()

    @property
    def version(self) -> str:
        """What steps the physics, for reports."""
        sapien = import_sapien()
        return f"PhysX {sapien.physx.version()} of sapien {sapien.__version__}"

    @property
    def finite(self) -> bool:
        """Whether the simulation is still sane."""
        return bool(np.isfinite(self.data.qpos).all() and np.isfinite(self.data.qvel).all())

    def _make_drives(self) -> None:
        if self.model.dof_frictionloss.any():
            raise EngineError(
                "PhysX's drives stand for the dry friction of joints, which this robot has, so "
                "they cannot be its motors too; choose explicit motors"
            )
        joints = self._articulation.active_joints
        for joint, kp, kd, most in zip(joints, self._kp, self._kd, self._effort, strict=True):
            joint.set_drive_properties(float(kp), float(kd), force_limit=float(most))

    def _check_stable(self) -> None:
        """Refuse gains for which explicit torques swing up, seen in the default pose in the air.

        Semi-implicit Euler steps of a mass on spring and damper are stable for
        dt^2 k/m + 2 dt d/m < 4 (Jury's criterion).
        """
        data = mujoco.MjData(self.model)
        data.qpos[self._qpos] = self.contract.default_joint_pos
        mujoco.mj_forward(self.model, data)
        inverse = np.zeros((self.model.nv, self.model.nv))
        mujoco.mj_solveM(self.model, data, inverse, np.eye(self.model.nv))
        dt = self.contract.physics.dt_s
        kp, kd = np.array(self.contract.stiffness), np.array(self.contract.damping)
        steps = inverse[np.ix_(self._qvel, self._qvel)] * (dt * dt * kp + 2.0 * dt * kd)
        values, vectors = np.linalg.eig(steps)
        worst = int(np.argmax(np.real(values)))
        if np.real(values)[worst] >= _STABLE:
            joint = self.contract.joint_names[int(np.argmax(np.abs(vectors[:, worst])))]
            raise EngineError(
                f"explicit motors with the gains of this policy are unstable in steps of {dt:g} s, "
                f"above all at joint {joint!r}; use PhysX's own drives (--physx.motors implicit)"
            )

    def _write(self) -> None:
        """PhysX takes over MuJoCo's state."""
        data, articulation = self.data, self._articulation
        pos, quat = data.qpos[:3], data.qpos[3:7]
        articulation.root_pose = import_sapien().Pose(pos, quat)
        articulation.qpos = data.qpos[self._qpos][self._order].astype(np.float32)
        spin = quat_rotate(quat, data.qvel[3:6])
        # The linear velocity of a link is that of its centre of mass in PhysX.
        offset = quat_rotate(quat, self.model.body_ipos[self._root])
        articulation.root_linear_velocity = data.qvel[:3] + np.cross(spin, offset)
        articulation.root_angular_velocity = spin
        # Last, because this is when PhysX computes the velocities of all links.
        articulation.qvel = data.qvel[self._qvel][self._order].astype(np.float32)
        articulation.qf = np.zeros(len(self._order), np.float32)

    def _read(self) -> None:
        """MuJoCo's state becomes that of PhysX, and its bodies follow."""
        data, articulation = self.data, self._articulation
        pose = articulation.root_pose
        quat = np.asarray(pose.q, np.float64)
        quat /= np.linalg.norm(quat)
        spin = np.asarray(articulation.root_angular_velocity, np.float64)
        offset = quat_rotate(quat, self.model.body_ipos[self._root])
        data.qpos[:3], data.qpos[3:7] = pose.p, quat
        data.qpos[self._qpos[self._order]] = articulation.qpos
        data.qvel[:3] = articulation.root_linear_velocity - np.cross(spin, offset)
        data.qvel[3:6] = quat_rotate_inverse(quat, spin)
        data.qvel[self._qvel[self._order]] = articulation.qvel
        data.time += self.contract.physics.control_dt_s
        self._follow()
