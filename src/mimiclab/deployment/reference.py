"""The motion to follow, one frame for each control step, from the policy file or from a clip."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mimiclab.deployment.contract import PolicyContract
from mimiclab.deployment.policy import REFERENCE_OUTPUTS, OnnxPolicy
from mimiclab.errors import ContractError, UnknownNameError
from mimiclab.maths.rotations import (
    quat_conjugate,
    quat_multiply,
    quat_normalize,
    quat_rotate,
    quat_yaw,
)
from mimiclab.motions.clip import MotionClip
from mimiclab.robots import get_robot

# Rows asked of the graph at once; bounds the memory of long clips.
_CHUNK = 4096
# A time closer than this to a frame, in frames, is that frame.
_ON_GRID = 1e-3


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Joints and tracked bodies of a motion at the policy's rate. T frames, world frame.

    Velocities are those of link origins and world-frame rotations; quaternions (w, x, y, z).
    """

    name: str
    dt_s: float
    """Time between frames, s: the control step."""
    joint_pos: np.ndarray
    """(T, J) rad."""
    joint_vel: np.ndarray
    """(T, J) rad/s."""
    body_pos_w: np.ndarray
    """(T, B, 3) m."""
    body_quat_w: np.ndarray
    """(T, B, 4)."""
    body_lin_vel_w: np.ndarray
    """(T, B, 3) m/s."""
    body_ang_vel_w: np.ndarray
    """(T, B, 3) rad/s."""
    clip_index: int = 0
    """Number of the clip among those trained on, for the one-hot motion term."""

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.joint_pos)

    def frames(self, index: int | np.ndarray) -> "Reference":
        """Frames by number; those past either end give the last or first. Drops or keeps axis T."""
        clamped = np.clip(index, 0, self.num_frames - 1)
        return replace(self, **{key: getattr(self, key)[clamped] for key in REFERENCE_OUTPUTS})

    def ahead(self, frame: int, offsets_s: Sequence[float]) -> "Reference":
        """References at times after a frame, interpolated; past the end the last one is held.

        Axis T becomes the H offsets. Interpolation is linear, orientations normalised, as in the
        motion library of training.
        """
        at = np.clip(frame + np.asarray(offsets_s) / self.dt_s, 0, self.num_frames - 1)
        at = np.where(np.abs(at - np.round(at)) < _ON_GRID, np.round(at), at)
        low = np.floor(at).astype(int)
        before, after, share = self.frames(low), self.frames(low + 1), at - low
        mixed = {}
        for key in REFERENCE_OUTPUTS:
            a, b = getattr(before, key), getattr(after, key)
            weight = share.reshape(-1, *[1] * (a.ndim - 1))
            if key == "body_quat_w":
                b = np.where(np.sum(a * b, axis=-1, keepdims=True) < 0, -b, b)
            mixed[key] = a + weight * (b - a)
        mixed["body_quat_w"] = quat_normalize(mixed["body_quat_w"])
        return replace(self, **mixed)

    def at_rest(self) -> "Reference":
        """The same poses with all velocities zero: what holding the last frame should mean."""
        still = ("joint_vel", "body_lin_vel_w", "body_ang_vel_w")
        return replace(self, **{key: np.zeros_like(getattr(self, key)) for key in still})

    def held(self) -> "Reference":
        """The motion with its last pose, at rest, as one more frame: what is shown from then on."""
        last = self.frames(np.array([self.num_frames - 1])).at_rest()
        return replace(
            self,
            **{
                key: np.concatenate([getattr(self, key), getattr(last, key)])
                for key in REFERENCE_OUTPUTS
            },
        )

    def moved(self, turn_wxyz: np.ndarray, from_xy: np.ndarray, to_xy: np.ndarray) -> "Reference":
        """Turn rigidly about the vertical through `from_xy`, then move that point to `to_xy`.

        Args:
            turn_wxyz: rotation about the vertical (4,).
            from_xy: point of the reference, m (2,).
            to_xy: where that point goes, m (2,).
        """
        source, target = np.append(from_xy, 0.0), np.append(to_xy, 0.0)
        return replace(
            self,
            body_pos_w=quat_rotate(turn_wxyz, self.body_pos_w - source) + target,
            body_quat_w=quat_multiply(turn_wxyz, self.body_quat_w),
            body_lin_vel_w=quat_rotate(turn_wxyz, self.body_lin_vel_w),
            body_ang_vel_w=quat_rotate(turn_wxyz, self.body_ang_vel_w),
        )

    def aligned(self, frame: int, body: int, pos_w: np.ndarray, quat_w: np.ndarray) -> "Reference":
        """Rigidly moved so that `body` at `frame` has the xy and heading of (pos_w, quat_w).

        Height and tilt are kept. Source: BeyondMimic's controller, which aligns height as well.
        """
        here = self.frames(frame)
        turn = quat_yaw(quat_multiply(quat_w, quat_conjugate(here.body_quat_w[body])))
        return self.moved(turn, here.body_pos_w[body, :2], pos_w[:2])

    def qpos(self) -> np.ndarray:
        """Root pose and joints, as MuJoCo orders them. Shape (T, 7 + J)."""
        return np.concatenate(
            [self.body_pos_w[..., 0, :], self.body_quat_w[..., 0, :], self.joint_pos], axis=-1
        )

    def to_clip(self, contract: PolicyContract) -> MotionClip:
        """The motion as generalised coordinates, whose truth the bodies follow from."""
        return MotionClip(
            name=self.name,
            robot=contract.robot,
            fps=1.0 / self.dt_s,
            joint_names=contract.joint_names,
            root_pos=self.body_pos_w[:, 0],
            root_quat_wxyz=self.body_quat_w[:, 0],
            joint_pos=self.joint_pos,
            source="baked into a policy file",
        )


def baked_reference(policy: OnnxPolicy, clip: str | int = 0) -> Reference:
    """Read one clip back from the policy's graph.

    Raises:
        ContractError: a policy-only file, or a clip number that is not in it.
        UnknownNameError: a clip name that is not in it.
    """
    contract = policy.contract
    names = [entry.name for entry in contract.clips]
    if not names:
        policy.reference_frames(np.zeros(1))  # refuses, and says what to do
    if isinstance(clip, str):
        if clip not in names:
            raise UnknownNameError("clip of the policy", clip, names)
        clip = names.index(clip)
    if not 0 <= clip < len(names):
        raise ContractError(f"clip {clip} is not in the policy, which holds 0..{len(names) - 1}")
    entry = contract.clips[clip]
    control_dt = contract.physics.control_dt_s
    if abs(entry.fps * control_dt - 1.0) > 1e-6:
        raise ContractError(
            f"{policy.path.name}: clip {entry.name!r} is baked at {entry.fps} fps, but the policy "
            f"steps at {1 / control_dt:g} Hz; export the policy again"
        )
    numbers = np.arange(entry.start, entry.start + entry.frames)
    parts = [
        policy.reference_frames(numbers[i : i + _CHUNK]) for i in range(0, len(numbers), _CHUNK)
    ]
    arrays = {
        key: np.concatenate([part[key] for part in parts]).astype(np.float64)
        for key in REFERENCE_OUTPUTS
    }
    return Reference(
        name=entry.name,
        dt_s=control_dt,
        clip_index=_trained_index(contract, entry.name),
        **arrays,
    )


def clip_reference(clip: MotionClip, contract: PolicyContract) -> Reference:
    """A clip as the policy sees it: resampled to its rate, bodies by forward kinematics.

    Raises:
        ContractError: a clip of another robot.
    """
    from mimiclab.motions.kinematics import body_motion, resample

    if clip.robot != contract.robot:
        raise ContractError(
            f"motion {clip.name!r} is for robot {clip.robot!r}, the policy for "
            f"{contract.robot!r}; retarget the motion or choose another policy"
        )
    motion = body_motion(
        resample(clip, 1.0 / contract.physics.control_dt_s), get_robot(contract.robot)
    ).select(contract.body_names)
    return Reference(
        name=clip.name,
        dt_s=contract.physics.control_dt_s,
        joint_pos=motion.joint_pos,
        joint_vel=motion.joint_vel,
        body_pos_w=motion.body_pos_w,
        body_quat_w=motion.body_quat_wxyz_w,
        body_lin_vel_w=motion.body_lin_vel_w,
        body_ang_vel_w=motion.body_ang_vel_w,
        clip_index=_trained_index(contract, clip.name),
    )


def _trained_index(contract: PolicyContract, name: str) -> int:
    return contract.motion_names.index(name) if name in contract.motion_names else 0
