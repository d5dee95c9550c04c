"""What the mjlab and the Isaac (BeyondMimic, MOSAIC) npz share: equal keys, no names, two orders.

Both store `fps`, `joint_pos`, `joint_vel` (T, J), `body_pos_w`, `body_lin_vel_w`, `body_ang_vel_w`
(T, B, 3) and `body_quat_w` wxyz (T, B, 4), but mjlab's axes follow MuJoCo (depth first) and Isaac's
run breadth first. Loading one as the other silently tracks the wrong limbs, so the order is found
by kinematics: joints in the right order put the bodies where the file says they are.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from mimiclab.errors import MotionFileError
from mimiclab.maths.rotations import quat_angle
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats.agreement import probe_frames
from mimiclab.motions.formats.base import (
    Content,
    MotionFile,
    MotionFormat,
    ReadOptions,
    derived_arrays,
    motion_file,
    stored_arrays,
    whole_fps,
)
from mimiclab.motions.formats.names import JointColumns
from mimiclab.motions.formats.npz import write_npz
from mimiclab.motions.forward import forward_kinematics
from mimiclab.motions.kinematics import body_motion
from mimiclab.robots import Robot, available_robots, get_robot, robot_names

KEYS = {
    "fps",
    "joint_pos",
    "joint_vel",
    "body_pos_w",
    "body_quat_w",
    "body_lin_vel_w",
    "body_ang_vel_w",
}
ORDERS = ("mujoco", "isaac")
_TOLERANCE = 0.03
"""Mean disagreement that still counts as the same robot, m plus rad: G1 variants differ by 1 cm."""
_MARGIN = 5.0
"""How many times worse the second-best order must be."""
_SAME = 1e-4
"""Orders whose errors differ by less give the same poses, so that either may be taken, m + rad."""


@lru_cache
def axis_names(robot_name: str, order: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Joint names and body names of a robot in `mujoco` or `isaac` (breadth-first) order."""
    robot = get_robot(robot_name)
    if order == "mujoco":
        return robot.joint_names, robot.body_names
    model = robot.model
    queue, bodies, joints = [1], [], []
    while queue:
        body = queue.pop(0)
        bodies.append(model.body(body).name)
        first, count = model.body_jntadr[body], model.body_jntnum[body]
        joints += [model.joint(j).name for j in range(first, first + count)]
        queue += [b for b in range(2, model.nbody) if model.body_parentid[b] == body]
    return tuple(j for j in joints if j in robot.joint_names), tuple(bodies)


@dataclass(frozen=True)
class OrderFit:
    """How well one reading of the axes agrees with the kinematics of the robot."""

    joints: str
    bodies: str
    error: float
    """Mean over frames and bodies of position error (m) plus orientation error (rad)."""

    def __str__(self) -> str:
        return f"joints {self.joints} with bodies {self.bodies}: {self.error:.3g}"


def recognise_as(content: Content, robot: str | None, order: str) -> bool:
    """Whether a file with these keys belongs to the format of this order.

    Without a robot, or where no order fits, the Isaac format takes it and explains on reading.
    """
    if not {"joint_pos", "body_pos_w", "body_quat_w"} <= content.keys:
        return False
    if content.keys & {"joint_names", "root_quat_wxyz"}:
        return False
    is_mujoco = False
    if robot is not None:
        try:
            best = order_fits(content, get_robot(robot))[0]
            is_mujoco = best.error <= _TOLERANCE and (best.joints, best.bodies) == ("mujoco",) * 2
        except MotionFileError:
            is_mujoco = False
    return is_mujoco == (order == "mujoco")


def order_fits(content: Content, robot: Robot) -> list[OrderFit]:
    """All readings of the joint and body axes, best first.

    Raises:
        MotionFileError: the arrays have other sizes than the robot.
    """
    if ("fits", robot.name) in content.notes:
        return content.notes["fits", robot.name]
    shapes = {key: (content.arrays or {})[key].shape for key in ("joint_pos", "body_pos_w")}
    joints, bodies = robot.num_joints, len(robot.body_names)
    if shapes["joint_pos"][1:] != (joints,) or shapes["body_pos_w"][1:] != (bodies, 3):
        fitting = [
            known.name
            for known in available_robots()
            if shapes["joint_pos"][1:] == (known.num_joints,)
        ]
        raise MotionFileError(
            f"{content.path}: joint_pos {shapes['joint_pos']} and body_pos_w "
            f"{shapes['body_pos_w']} do not fit robot {robot.name!r}, expected (T, {joints}) and "
            f"(T, {bodies}, 3): all joints and all bodies. Robots with that many joints: "
            f"{', '.join(fitting) or 'none that we know'}"
        )
    frames = shapes["joint_pos"][0]
    probe = probe_frames(frames)
    joint_pos = content.array("joint_pos", joints)[probe]
    pos = content.array("body_pos_w", bodies, 3)[probe]
    quat = content.array("body_quat_w", bodies, 4)[probe]
    quat = quat / np.maximum(np.linalg.norm(quat, axis=-1, keepdims=True), 1e-12)
    fits = []
    for joint_order in ORDERS:
        names = axis_names(robot.name, joint_order)[0]
        columns = [names.index(name) for name in robot.joint_names]
        qpos = np.concatenate([pos[:, 0], quat[:, 0], joint_pos[:, columns]], axis=1)
        true_pos, true_quat = forward_kinematics(robot.model, qpos)
        for body_order in ORDERS:
            names = axis_names(robot.name, body_order)[1]
            columns = [robot.body_names.index(name) for name in names]
            error = np.linalg.norm(true_pos[:, columns] - pos, axis=-1)
            error += quat_angle(true_quat[:, columns], quat)
            fits.append(OrderFit(joint_order, body_order, float(error.mean())))
    # NaN sorts last, so that a damaged file never counts as a fit.
    fits.sort(key=lambda fit: np.inf if np.isnan(fit.error) else fit.error)
    # Of equally good ones (all joints at 0, say) one with both axes in the same order comes first.
    limit = fits[0].error + _SAME
    fits.sort(key=lambda fit: (not fit.error <= limit, fit.joints != fit.bodies))
    content.notes["fits", robot.name] = fits
    return fits


def read_as(content: Content, options: ReadOptions, format_name: str, order: str) -> MotionFile:
    """Read a file of this family, whose axes must be in `order` as far as kinematics can tell.

    Raises:
        MotionFileError: no robot declared, unknown keys, wrong shapes, an order that fits nothing,
            more than one, or another one than the format's.
    """
    path = content.path
    content.refuse_unknown(KEYS, options.ignore_keys)
    if options.robot is None:
        raise MotionFileError(
            f"{path}: this npz names neither robot nor joints; declare the robot with robot=... "
            f"(on the command line --robot), one of {', '.join(robot_names())}"
        )
    robot = get_robot(options.robot)
    fit = _decided(path, order_fits(content, robot), robot)
    if (fit.joints, fit.bodies) != (order, order):
        raise MotionFileError(
            f"{path}: its axes are in another order than {format_name} has: by kinematics, "
            f"joints are in {fit.joints} and bodies in {fit.bodies} order. Leave the format out "
            "to have it detected, or correct the program that wrote the file"
        )
    joint_names, body_names = axis_names(robot.name, order)
    joints = JointColumns(robot=robot, columns=tuple(map(joint_names.index, robot.joint_names)))
    joint_vel = content.optional("joint_vel", len(joint_names))
    return motion_file(
        content,
        format_name,
        joints,
        root_pos=content.array("body_pos_w", len(body_names), 3)[:, 0],
        root_quat_wxyz=content.array("body_quat_w", len(body_names), 4)[:, 0],
        joint_pos=content.array("joint_pos", len(joint_names)),
        fps=content.fps(options.fps),
        stored=stored_arrays(
            content,
            body_names,
            joint_vel=None if joint_vel is None else joints.take(joint_vel),
        ),
        terrain=options.terrain,
    )


def _decided(path: object, fits: list[OrderFit], robot: Robot) -> OrderFit:
    best = fits[0]
    # Joint orders that give the same poses are no rivals; bodies must be told apart.
    rivals = [fit for fit in fits if fit.bodies != best.bodies or fit.error > best.error + _SAME]
    listing = "; ".join(map(str, fits))
    if not best.error <= _TOLERANCE:
        raise MotionFileError(
            f"{path}: no known order puts robot {robot.name!r} where body_pos_w says it is (mean "
            f"error in m + rad: {listing}; expected at most {_TOLERANCE}). Is it another robot or "
            "another simulator? Convert it from root pose and named joints instead"
        )
    if min(fit.error for fit in rivals) < _MARGIN * best.error:
        raise MotionFileError(
            f"{path}: more than one order fits robot {robot.name!r} (mean error in m + rad: "
            f"{listing}); its bodies disagree too much with this robot's model to decide. "
            "Convert it from root pose and named joints instead"
        )
    return best


def arrays_in_order(clip: MotionClip, order: str) -> dict[str, np.ndarray]:
    """The arrays of a file of this family: float32, link-origin velocities, fps of shape (1,)."""
    motion = body_motion(clip)
    joint_names, body_names = axis_names(clip.robot, order)
    columns = [motion.joint_names.index(name) for name in joint_names]
    return {
        "fps": whole_fps(clip.fps),
        "joint_pos": motion.joint_pos[:, columns].astype(np.float32),
        "joint_vel": motion.joint_vel[:, columns].astype(np.float32),
        **derived_arrays(motion.select(body_names)),
    }


def unnamed_format(name: str, order: str, summary: str) -> MotionFormat:
    """A format of this layout whose joints and bodies stand in `order`, `isaac` or `mujoco`."""

    def write(clip: MotionClip, path: Path) -> None:
        write_npz(path, arrays_in_order(clip, order))

    return MotionFormat(
        name=name,
        suffix=".npz",
        summary=summary,
        recognise=lambda content, robot: recognise_as(content, robot, order),
        read=lambda content, options: read_as(content, options, name, order),
        write=write,
    )
