"""ProtoMotions' clips: `.motion` and packed `.pt` libraries of torch, or the same arrays as npz.

A clip is a dict of tensors: `dof_pos` (T, J) in model order, `rigid_body_pos` (T, B, 3) and
`rigid_body_rot` (T, B, 4) xyzw of all bodies of its model, the root first, `fps`; and perhaps
`dof_vel`, `rigid_body_vel`, `rigid_body_ang_vel`, `rigid_body_contacts` (T, B), `root_pos`,
`root_rot` xyzw, `joint_names`. A library (`gts`, `grs`, `dps`, ...) holds many, see `members`.
Bodies have no names and are more than ours (its G1 has 33), so each of the robot's is looked for
where kinematics puts it, which tells a wrong joint order, and which of them are the feet.
`scene.json` beside an npz names boxes (`size_xyz_full`, `pos`, `quat_wxyz`) and the ground.

Layout: github.com/NVlabs/ProtoMotions (components/motion_lib, simulator_state).
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mimiclab.errors import MotionError, MotionFileError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats.agreement import match_unnamed_bodies
from mimiclab.motions.formats.base import (
    Content,
    MotionFile,
    MotionFormat,
    ReadOptions,
    StoredArrays,
    motion_file,
)
from mimiclab.motions.formats.names import JointColumns, count_joints, match_joints
from mimiclab.motions.scene import ObjectTrack, still_object

_KEYS = {
    "fps", "dof_pos", "dof_vel", "dof_forces", "rigid_body_pos", "rigid_body_rot", "rigid_body_vel",
    "rigid_body_ang_vel", "rigid_body_contacts", "rigid_body_contact_forces",
    "local_rigid_body_rot", "root_pos", "root_rot", "joint_names",
}  # fmt: skip
_SCENE = "scene.json"
_MAX_SCENE_BYTES = 2**20


def _recognise(content: Content, robot: str | None) -> bool:
    return {"dof_pos", "rigid_body_pos", "rigid_body_rot"} <= content.keys


def _read(content: Content, options: ReadOptions) -> MotionFile:
    """Read root, joints, contacts of the feet and the scene beside the file.

    Raises:
        MotionFileError: missing or unknown keys, wrong shapes, no robot declared for joints without
            names, bodies that are not where the joints put them, a scene that is none.
        RobotError: joints of another robot than declared.
    """
    content.refuse_unknown(_KEYS, options.ignore_keys)
    path, dof_pos = content.path, content.array("dof_pos", "J")
    if "joint_names" in content.keys:
        names = content.names("joint_names", dof_pos.shape[1])
        joints = match_joints(path, names, options.robot)
    else:
        joints = count_joints(path, dof_pos.shape[1], options.robot)
    body_pos = content.array("rigid_body_pos", "B", 3)
    body_quat = content.array("rigid_body_rot", body_pos.shape[1], 4)[..., [3, 0, 1, 2]]
    root_pos, root_quat = _root(content, body_pos, body_quat)
    file = motion_file(
        content,
        FORMAT.name,
        joints,
        root_pos=root_pos,
        root_quat_wxyz=root_quat,
        joint_pos=dof_pos,
        fps=content.fps(options.fps),
    )
    places = match_unnamed_bodies(path, file.clip, body_pos, body_quat)
    objects, ground = _scene(path, file.clip)
    clip = replace(
        file.clip,
        foot_contacts=_contacts(content, joints, places, body_pos.shape[1]),
        objects=objects,
        terrain=options.terrain or ground,
    )
    speeds = content.optional("dof_vel", dof_pos.shape[1])
    stored = StoredArrays(
        body_names=joints.robot.body_names,
        joint_vel=None if speeds is None else joints.take(speeds),
        body_pos_w=body_pos[:, places],
        body_quat_wxyz_w=body_quat[:, places],
        body_lin_vel_w=_bodies(content, "rigid_body_vel", body_pos.shape[1], places),
        body_ang_vel_w=_bodies(content, "rigid_body_ang_vel", body_pos.shape[1], places),
    )
    return replace(file, clip=clip, stored=stored)


def _root(
    content: Content, body_pos: np.ndarray, body_quat: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The first body's pose, with which a root stored beside it must agree."""
    if body_pos.shape[1] < 1:
        raise MotionFileError(f"{content.path}: 'rigid_body_pos' has no bodies, expected the root")
    pos, quat = body_pos[:, 0], body_quat[:, 0]
    for key, stored, size in (("root_pos", pos, 3), ("root_rot", quat[:, [1, 2, 3, 0]], 4)):
        given = content.optional(key, size)
        if given is not None and not (
            given.shape == stored.shape and np.allclose(given, stored, atol=1e-4)
        ):
            raise MotionFileError(
                f"{content.path}: {key!r} is not the pose of the first body; the file is damaged"
            )
    return pos, quat


def _bodies(content: Content, key: str, count: int, places: tuple[int, ...]) -> np.ndarray | None:
    found = content.optional(key, count, 3)
    return None if found is None else found[:, places]


def _contacts(
    content: Content, joints: JointColumns, places: tuple[int, ...], count: int
) -> np.ndarray | None:
    flags = content.flags("rigid_body_contacts", count)
    if flags is None or not flags.any():
        return None  # its own loader takes labels that are all zero for none
    robot = joints.robot
    return flags[:, [places[robot.body_names.index(foot)] for foot in robot.feet]]


def _scene(path: Path, clip: MotionClip) -> tuple[tuple[ObjectTrack, ...], str]:
    """Boxes and the ground's name in `scene.json`; flat ground at z = 0 has none."""
    file = path.parent / _SCENE
    if not file.is_file():
        return (), ""
    try:
        if file.stat().st_size > _MAX_SCENE_BYTES:
            raise ValueError(f"{file.stat().st_size} bytes")
        scene: Any = json.loads(file.read_text(encoding="utf-8"))
        boxes = tuple(
            still_object(
                f"box_{i}",
                [float(x) for x in box["pos"]],
                [float(x) for x in box.get("quat_wxyz", (1.0, 0.0, 0.0, 0.0))],
                frames=clip.num_frames,
                size=tuple(float(edge) for edge in box["size_xyz_full"]),  # pyright: ignore
            )
            for i, box in enumerate(scene.get("boxes", ()))
        )
        ground = str(scene.get("ground", "z=0"))
    except (
        OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError,
        MotionError,
    ) as error:  # fmt: skip
        raise MotionFileError(
            f"{file}: not a scene of boxes with size_xyz_full, pos and quat_wxyz ({error!s:.100})"
        ) from error
    return boxes, "" if ground.replace(" ", "") == "z=0" else ground


FORMAT = MotionFormat(
    name="protomotions",
    suffix=".motion",
    summary="ProtoMotions .motion, packed .pt or npz: dof_pos, rigid_body_pos, rigid_body_rot xyzw",
    recognise=_recognise,
    read=_read,
    suffixes=(".pt", ".npz"),
    carries=frozenset({"foot_contacts", "objects"}),
)
