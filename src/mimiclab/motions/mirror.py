"""A clip reflected in the sagittal plane: left becomes right."""

from dataclasses import replace

from mimiclab.errors import MotionError, RobotError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.scene import ObjectTrack
from mimiclab.robots import get_robot
from mimiclab.robots.mirror import mirror_positions, mirror_quats

MIRRORED = "_mirrored"
"""What the name of a mirror image ends in."""


def mirror_clip(clip: MotionClip) -> MotionClip:
    """The mirror image of a clip, its name ending in `_mirrored`.

    The plane of reflection is y = 0. Boxes are their own mirror images, and objects of unknown
    shape are taken to be.

    Raises:
        MotionError: the terrain or an object is a mesh, whose mirror image is another mesh.
        RobotError: the robot is not symmetric, or the clip's joints are not the robot's.
    """
    robot = get_robot(clip.robot)
    if clip.joint_names != robot.joint_names:
        raise RobotError(
            f"motion {clip.name!r} has {len(clip.joint_names)} joints that are not those of "
            f"{robot.name} in model order; read it with `read_motion`, which puts them in order"
        )
    if clip.terrain:
        raise MotionError(
            f"motion {clip.name!r} stands on the mesh {clip.terrain!r}, which would have to be "
            "mirrored too; mirror the clip without it, replace(clip, terrain=''), and give it the "
            "mirrored mesh"
        )
    contacts = clip.foot_contacts
    return replace(
        clip,
        name=f"{clip.name}{MIRRORED}",
        root_pos=mirror_positions(clip.root_pos),
        root_quat_wxyz=mirror_quats(clip.root_quat_wxyz),
        joint_pos=robot.mirror.joints(clip.joint_pos),
        foot_contacts=None if contacts is None else contacts[:, ::-1],
        objects=tuple(_mirror_object(item, clip.name) for item in clip.objects),
    )


def _mirror_object(item: ObjectTrack, clip_name: str) -> ObjectTrack:
    if item.mesh:
        raise MotionError(
            f"motion {clip_name!r}: the mesh {item.mesh!r} of object {item.name!r} would have to "
            "be mirrored too; drop the mesh (mesh='') if the object is symmetric"
        )
    return replace(
        item, pos_w=mirror_positions(item.pos_w), quat_wxyz_w=mirror_quats(item.quat_wxyz_w)
    )
