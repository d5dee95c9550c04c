"""A policy file in closed loop with plain MuJoCo, one control step at a time."""

from collections.abc import Sequence

import numpy as np

from mimiclab.deployment.observations import ObservationBuilder, Observed
from mimiclab.deployment.policy import OnnxPolicy
from mimiclab.deployment.reference import Reference
from mimiclab.deployment.sim2sim import align
from mimiclab.deployment.simulator import RobotSimulator
from mimiclab.deployment.terminations import crossed_limit
from mimiclab.maths.metrics import tracking_errors


class PolicyShow:
    """The robot under its policy, and the reference that it follows.

    Unlike an evaluation, crossing a limit does not end the show: it is told, and the policy goes
    on, as it would on hardware.
    """

    closed_loop = True

    def __init__(self, policy: OnnxPolicy, references: Sequence[Reference], title: str) -> None:
        """Run `policy` on `references`; see `RobotSimulator` for what is refused."""
        self.contract = policy.contract
        self.robot = self.contract.robot_model()
        self.step_s = self.contract.physics.control_dt_s
        self.title = title
        self.clip_names = tuple(reference.name for reference in references)
        self._policy = policy
        self._references = tuple(references)
        self._simulator = RobotSimulator(self.contract)
        self._observe = ObservationBuilder(self.contract)
        self.choose(0)

    @property
    def clip(self) -> int:
        """Number of the chosen clip."""
        return self._clip

    @property
    def frame(self) -> int:
        """Frame of the reference."""
        return self._frame

    @property
    def num_frames(self) -> int:
        """Frames of the chosen clip."""
        return self._references[self._clip].num_frames

    @property
    def qpos(self) -> np.ndarray:
        """The simulated robot now. Shape (7 + J,)."""
        return self._simulator.qpos

    @property
    def reference_qpos(self) -> np.ndarray:
        """The reference now. Shape (7 + J,)."""
        return self._reference.frames(self._frame).qpos()

    @property
    def errors(self) -> dict[str, float]:
        """Tracking errors of this moment, by the names of `mimiclab.maths.metrics`."""
        return dict(self._errors)

    @property
    def at_end(self) -> bool:
        """At the last frame, or the simulation has broken."""
        return self._frame >= self.num_frames - 1 or self.crossed == "unstable"

    def choose(self, clip: int) -> None:
        """Switch to a clip and start at its first frame."""
        self._clip = clip
        self.seek(0)

    def seek(self, frame: int) -> None:
        """Start the policy anew in the reference's state at `frame`."""
        self._frame = int(np.clip(frame, 0, max(self.num_frames - 2, 0)))
        first = self._references[self._clip].frames(self._frame)
        self._simulator.place(
            root_pos_w=first.body_pos_w[0],
            root_quat_w=first.body_quat_w[0],
            joint_pos=first.joint_pos,
            root_lin_vel_w=first.body_lin_vel_w[0],
            root_ang_vel_w=first.body_ang_vel_w[0],
            joint_vel=first.joint_vel,
        )
        state = self._simulator.state()
        self._reference = align(self._references[self._clip], self._frame, self.contract, state)
        self._observe.reset()
        self._policy.reset()
        self._action = np.zeros(len(self.contract.joint_names))
        self._errors: dict[str, float] = {}
        self.crossed = ""
        """`unstable`, or the first limit of the contract that the robot has crossed."""

    def advance(self) -> bool:
        """Observe, act, step; False at the clip's end or when the simulation broke."""
        if self.at_end:
            return False
        contract, ahead = self.contract, self._frame + self.contract.reference_lead_steps
        observed = Observed(
            contract=contract,
            robot=self._simulator.state(),
            reference=self._reference,
            frame=ahead,
            last_action=self._action,
        )
        self._action = np.asarray(self._policy.act(self._observe(observed)), np.float64)
        residual = contract.action_offset == "reference"
        offset = self._reference.frames(ahead).joint_pos if residual else contract.default_joint_pos
        self._simulator.step(np.asarray(offset) + np.array(contract.action_scale) * self._action)
        self._frame += 1
        if not self._simulator.finite:
            self.crossed = "unstable"
            return False
        target, robot = self._reference.frames(self._frame), self._simulator.state()
        found = tracking_errors(target, robot, anchor=contract.anchor_index)
        self._errors = {name: float(value) for name, value in found.items()}
        self.crossed = self.crossed or crossed_limit(contract, target, robot)
        return not self.at_end

    def push(self, velocity_w: np.ndarray) -> None:
        """Add `velocity_w` (3,), m/s, to the root's velocity."""
        self._simulator.push(np.asarray(velocity_w, float), np.zeros(3))
