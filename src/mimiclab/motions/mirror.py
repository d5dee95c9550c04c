"""A clip reflected in the sagittal plane: left becomes right."""

from dataclasses import replace

from mimiclab.errors import RobotError
from mimiclab.motions.clip import MotionClip
from mimiclab.robots import get_robot
from mimiclab.robots.mirror import mirror_positions, mirror_quats


def mirror_clip(clip: MotionClip) -> MotionClip:
    """The mirror image of a clip, its name ending in `_mirrored`.

    Raises:
        RobotError: the robot is not symmetric, or the clip's joints are not the robot's.
    """
    robot = get_robot(clip.robot)
    if clip.joint_names != robot.joint_names:
        raise RobotError(
            f"motion {clip.name!r} has {len(clip.joint_names)} joints that are not those of "
            f"{robot.name} in model order; read it with `read_motion`, which puts them in order"
        )
    return replace(
        clip,
        name=f"{clip.name}_mirrored",
        root_pos=mirror_positions(clip.root_pos),
        root_quat_wxyz=mirror_quats(clip.root_quat_wxyz),
        joint_pos=robot.mirror.joints(clip.joint_pos),
    )
