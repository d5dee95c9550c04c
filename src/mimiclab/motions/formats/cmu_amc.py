"""AMC of the CMU motion capture database as motion of dm_control's CMU humanoids.

The humanoid's joints are the angles of these files, so nothing is retargeted: the numbers are those
of dm_control's `parse_amc.convert`, in the robot's own axes. The files assume a skeleton of one
size; the humanoid of 2020 is 1.2 times as large, and so are the root's ways, that feet stay on the
ground. 120 frames/s, as in all of the database. For people, and other robots: `motions.human`.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from mimiclab.errors import MotionFileError, RobotError
from mimiclab.maths.rotations import quat_conjugate, quat_multiply
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats.base import Content, MotionFile, MotionFormat, ReadOptions
from mimiclab.motions.kinematics import clip_qpos
from mimiclab.robots import get_robot
from mimiclab.robots.dm_cmu_humanoid import ROOT_FROM_DM_CONTROL, SCALE

_FPS = 120.0
_UNIT_M = 0.056444
"""Inches over 0.45, rounded as dm_control does."""
AMC_ROBOTS = {"dm_cmu_humanoid": SCALE, "dm_cmu_humanoid_2019": 1.0}
"""Robots whose joints these are, and their size over that of the files' skeleton."""
_BONES = {
    "root": "", "lowerback": "xyz", "upperback": "xyz", "thorax": "xyz", "lowerneck": "xyz",
    "upperneck": "xyz", "head": "xyz",
    "rclavicle": "yz", "rhumerus": "xyz", "rradius": "x", "rwrist": "y", "rhand": "xz",
    "rfingers": "x", "rthumb": "xz",
    "lclavicle": "yz", "lhumerus": "xyz", "lradius": "x", "lwrist": "y", "lhand": "xz",
    "lfingers": "x", "lthumb": "xz",
    "rfemur": "xyz", "rtibia": "x", "rfoot": "xz", "rtoes": "x",
    "lfemur": "xyz", "ltibia": "x", "lfoot": "xz", "ltoes": "x",
}  # fmt: skip
"""Bones of a frame in order, and the axes they turn about; the root has three places and turns."""
_JOINTS = tuple(f"{bone}r{axis}" for bone, axes in _BONES.items() for axis in axes)
_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
_OURS_FROM_DM_CONTROL = quat_conjugate(ROOT_FROM_DM_CONTROL)


def _recognise(content: Content, robot: str | None) -> bool:
    head = (content.text or "")[:4096].upper()
    return ":FULLY-SPECIFIED" in head or (content.text or "").startswith("#!OML")


def _read(content: Content, options: ReadOptions) -> MotionFile:
    """Read root and joints.

    Raises:
        RobotError: another robot, or none, was declared.
        MotionFileError: not in degrees, or a frame that is not as CMU's are.
    """
    if options.robot not in AMC_ROBOTS:
        raise RobotError(
            f"{content.path}: an AMC holds a person's motion, which fits "
            f"{' and '.join(AMC_ROBOTS)} as it is; declare one of them, or make it "
            f"{options.robot or 'another robot'}'s with `mimiclab motion retarget`"
        )
    robot = get_robot(options.robot)
    values = np.array(list(_frames(content)))
    if not len(values):
        raise MotionFileError(f"{content.path}: the file has no frames; it is truncated")
    joints = np.radians(values[:, 6:])
    turn = Rotation.from_euler("ZYX", values[:, 5:2:-1], degrees=True)
    quat = (Rotation.from_matrix(_Z_UP) * turn).as_quat(scalar_first=True)
    clip = MotionClip(
        name=content.path.stem,
        robot=robot.name,
        fps=_FPS if options.fps is None else options.fps,
        joint_names=robot.joint_names,
        root_pos=AMC_ROBOTS[robot.name] * _UNIT_M * values[:, :3] @ _Z_UP.T,
        root_quat_wxyz=quat_multiply(quat, np.broadcast_to(ROOT_FROM_DM_CONTROL, quat.shape)),
        joint_pos=joints[:, [_JOINTS.index(name) for name in robot.joint_names]],
        source=content.path.name,
    )
    return MotionFile(path=content.path, format=FORMAT.name, clip=clip)


def _frames(content: Content) -> Iterator[np.ndarray]:
    """The 62 numbers of each frame; dm_control's own parser would take any order for this one."""
    expected: Iterator[tuple[str, str]] = iter(())
    bone, axes, count, numbers, degrees = "", "", 0, [], False
    for row, line in enumerate(_lines(content.text or ""), 1):
        words = line.split()
        if not words or words[0][0] == "#":
            continue
        if words[0][0] == ":":
            degrees = degrees or words[0].upper() == ":DEGREES"
            continue
        bone, axes = next(expected, ("", ""))
        if not bone:
            if words != [str(count + 1)]:
                raise _wrong(content, row, f"has {line[:40]!r}, expected frame {count + 1}")
            if count:
                yield np.array(numbers)
            count, numbers, expected = count + 1, [], iter(_BONES.items())
            continue
        size = len(axes) or 6
        try:
            found = [float(word) for word in words[1:]]
        except ValueError:
            found = []
        if words[0] != bone or len(found) != size or not np.isfinite(found).all():
            raise _wrong(content, row, f"has {line[:60]!r}, expected {bone!r} and {size} numbers")
        numbers += found
    if count and not degrees:
        raise MotionFileError(f"{content.path}: does not say :DEGREES, as all files of CMU do")
    if next(expected, None) is not None:
        raise MotionFileError(f"{content.path}: ends within frame {count}; it is truncated")
    if count:
        yield np.array(numbers)


def _lines(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):  # a list of all lines would take several times the text's memory
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield text[start:end]
        start = end + 1


def _wrong(content: Content, row: int, problem: str) -> MotionFileError:
    return MotionFileError(
        f"{content.path}: line {row} {problem}; only files with the {len(_BONES)} bones of the CMU "
        "database in its order fit the CMU humanoid, others are retargeted"
    )


def _write(clip: MotionClip, path: Path) -> None:
    """Raises RobotError for other robots, MotionFileError for other rates than 120 frames/s."""
    if clip.robot not in AMC_ROBOTS:
        raise RobotError(
            f"motion {clip.name!r} is of robot {clip.robot!r}; AMC holds "
            f"{' and '.join(AMC_ROBOTS)} only, so retarget it first"
        )
    if abs(clip.fps - _FPS) > 1e-6 * _FPS:
        raise MotionFileError(
            f"{path}: AMC has no frame rate and readers take it for 120 frames/s, but the motion "
            f"has {clip.fps:g}; resample it (--output-fps 120)"
        )
    qpos = clip_qpos(clip)
    quat = quat_multiply(qpos[:, 3:7], np.broadcast_to(_OURS_FROM_DM_CONTROL, qpos[:, 3:7].shape))
    turn = Rotation.from_matrix(_Z_UP).inv() * Rotation.from_quat(quat, scalar_first=True)
    place = qpos[:, :3] @ _Z_UP / (AMC_ROBOTS[clip.robot] * _UNIT_M)
    names = get_robot(clip.robot).joint_names
    joints = np.degrees(qpos[:, 7:])[:, [names.index(name) for name in _JOINTS]]
    values = np.hstack([place, turn.as_euler("ZYX", degrees=True)[:, ::-1], joints])
    with path.open("w", encoding="ascii") as file:
        file.write(":FULLY-SPECIFIED\n:DEGREES\n")
        for number, frame in enumerate(values, 1):
            file.write(f"{number}\n")
            start = 0
            for bone, axes in _BONES.items():
                stop = start + (len(axes) or 6)
                file.write(f"{bone} {' '.join(repr(float(v)) for v in frame[start:stop])}\n")
                start = stop


FORMAT = MotionFormat(
    name="cmu_amc",
    suffix=".amc",
    summary="AMC of the CMU database, for the CMU humanoids only, whose joints these are",
    recognise=_recognise,
    read=_read,
    write=_write,
)
