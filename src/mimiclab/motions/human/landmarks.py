"""Landmarks over time: the common ground of people and robots that retargeting works on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mimiclab.errors import MotionError, MotionFileError, RobotError
from mimiclab.maths.rotations import quat_rotate
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.forward import forward_kinematics
from mimiclab.motions.human.clip import HumanClip
from mimiclab.motions.human.skeletons import (
    CORE,
    SkeletonMap,
    load_skeleton,
    nearest_skeleton,
    skeleton_names,
)
from mimiclab.motions.kinematics import clip_qpos
from mimiclab.robots import get_robot
from mimiclab.robots.robot import LANDMARKS


@dataclass(frozen=True, kw_only=True, eq=False)
class LandmarkMotion:
    """World positions of landmarks, m, z up. The array is float64 and read-only.

    Raises:
        MotionError: unknown or repeated names, wrong shape, non-finite value, bad fps.
    """

    name: str
    fps: float
    names: tuple[str, ...]
    """Some of `LANDMARKS`, in their order."""
    pos_w: np.ndarray
    """Shape (T, L, 3), m."""
    source: str = ""
    licence: str = ""
    tags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"landmarks of {self.name!r}"
        if self.names != tuple(name for name in LANDMARKS if name in self.names):
            raise MotionError(
                f"{where}: names are {', '.join(self.names)}; expected some of "
                f"{', '.join(LANDMARKS)}, in that order"
            )
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise MotionError(f"{where}: fps is {self.fps}, expected a positive number")
        pos = np.array(self.pos_w, np.float64)
        if pos.ndim != 3 or pos.shape[1:] != (len(self.names), 3) or not pos.size:
            raise MotionError(
                f"{where}: pos_w has shape {pos.shape}, expected (T, {len(self.names)}, 3)"
            )
        if not np.isfinite(pos).all():
            raise MotionError(f"{where}: pos_w has NaN or infinite values")
        pos.flags.writeable = False
        object.__setattr__(self, "pos_w", pos)

    @property
    def num_frames(self) -> int:
        """Number of frames T."""
        return len(self.pos_w)

    def of(self, name: str) -> np.ndarray:
        """World positions of one landmark, m. Shape (T, 3).

        Raises:
            MotionError: this motion lacks it.
        """
        if name not in self.names:
            raise MotionError(
                f"landmarks of {self.name!r} lack {name!r}; there are {', '.join(self.names)}"
            )
        return self.pos_w[:, self.names.index(name)]


def landmarks(clip: HumanClip, skeleton: str | Path | SkeletonMap | None = None) -> LandmarkMotion:
    """Landmarks of a person by the map of the skeleton.

    Args:
        clip: the person's motion.
        skeleton: a shipped map's name, a path to one's own, or a map; the clip's if left out.

    Raises:
        MotionFileError: no map fits the joints; the message tells how to write one.
        MotionError: the map needs joints or orientations that the clip does not have.
        UnknownNameError: no shipped map has this name.
    """
    found = skeleton_of(clip, skeleton)
    columns = found.columns(clip.joint_names)
    names, points = [], []
    for landmark in LANDMARKS:
        point = found.points.get(landmark)
        if point is None or any(joint not in columns for joint, _ in point.weights):
            continue
        where = np.zeros((clip.num_frames, 3))
        for joint, weight in point.weights:
            where += weight * clip.joint_pos_w[:, columns[joint]]
        if any(point.offset):
            if clip.joint_quat_wxyz_w is None:
                raise MotionError(
                    f"human motion {clip.name!r}: skeleton {found.name!r} has {landmark} at an "
                    "offset in a joint's frame, but the file holds positions only; use a point "
                    "between joints ({from, to, share}) instead"
                )
            turn = clip.joint_quat_wxyz_w[:, columns[point.weights[0][0]]]
            where += quat_rotate(turn, np.broadcast_to(point.offset, where.shape))
        names.append(landmark)
        points.append(where)
    return LandmarkMotion(
        name=clip.name,
        fps=clip.fps,
        names=tuple(names),
        pos_w=np.stack(points, axis=1),
        source=clip.source,
        licence=clip.licence,
        tags=clip.tags,
    )


def skeleton_of(clip: HumanClip, skeleton: str | Path | SkeletonMap | None = None) -> SkeletonMap:
    """The map to use for a clip, checked to fit its joints. Errors as of `landmarks`."""
    if skeleton is None:
        if not clip.skeleton:
            raise MotionFileError(unknown_skeleton(clip.name, clip.joint_names))
        skeleton = clip.skeleton
    found = skeleton if isinstance(skeleton, SkeletonMap) else load_skeleton(skeleton)
    absent = sorted(found.required_joints - found.columns(clip.joint_names).keys())
    if absent:
        raise MotionError(
            f"human motion {clip.name!r}: skeleton {found.name!r} needs the joints "
            f"{', '.join(absent)}, the file has {', '.join(clip.joint_names)}; choose another of "
            f"{', '.join(skeleton_names())}, or correct the map"
        )
    return found


def unknown_skeleton(name: str, joint_names: tuple[str, ...]) -> str:
    """What to tell about joints that no shipped map fits: how to write one."""
    nearest, absent = nearest_skeleton(joint_names)
    example = "\n".join(f"  {landmark}: <joint>" for landmark in CORE)
    return (
        f"human motion {name!r}: no landmark map fits its joints: {', '.join(joint_names)}.\n"
        f"The nearest, {nearest.name!r}, misses {', '.join(absent)}. Write a map, for example "
        f"skeleton.yaml, and name it with skeleton='skeleton.yaml' (on the command line "
        f"--skeleton skeleton.yaml):\nname: mine\nlandmarks:\n"
        f"  pelvis: [<left hip joint>, <right hip joint>]\n{example}\n"
        f"  # and as many as there are of {', '.join(n for n in LANDMARKS if n not in CORE)}"
    )


def robot_landmarks(clip: MotionClip) -> LandmarkMotion:
    """Landmarks of a robot's motion by forward kinematics, to retarget it to another robot.

    Raises:
        RobotError: the robot has no landmarks, or the clip's joints are not the robot's.
    """
    robot = get_robot(clip.robot)
    if not robot.landmarks:
        raise RobotError(
            f"robot {robot.name!r} has no landmarks; add `landmarks` to its description"
        )
    pos, quat = forward_kinematics(robot.model, clip_qpos(clip, robot))
    names = tuple(name for name in LANDMARKS if name in robot.landmarks)
    points = np.empty((clip.num_frames, len(names), 3))
    for column, name in enumerate(names):
        point = robot.landmarks[name]
        body = robot.body_names.index(point.body)
        arm = np.broadcast_to(np.array(point.point, np.float64), (clip.num_frames, 3))
        points[:, column] = pos[:, body] + quat_rotate(quat[:, body], arm)
    return LandmarkMotion(
        name=clip.name,
        fps=clip.fps,
        names=names,
        pos_w=points,
        source=clip.source,
        licence=clip.licence,
        tags=clip.tags,
    )
