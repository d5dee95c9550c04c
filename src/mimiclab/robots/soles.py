"""Where a robot's feet touch flat ground: contact points of the foot geoms, in the foot's frame."""

import re

import mujoco
import numpy as np

from mimiclab.errors import RobotError
from mimiclab.maths.rotations import quat_rotate, quat_rotate_inverse
from mimiclab.robots.robot import Robot

_BOX_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)


def sole_points(robot: Robot) -> tuple[np.ndarray, np.ndarray]:
    """Lowest points of the left and right foot's collision geoms, in the foot body's frame, m.

    A foot is taken to be flat in the default pose with the root upright: some models spread their
    legs when all joints are at 0. Each array is (K, 3); K differs between robots.

    Raises:
        RobotError: a foot has no geom that matches `robot.foot_geoms`, or one of unknown shape.
    """
    model = robot.model
    data = mujoco.MjData(model)
    data.qpos[:] = 0.0
    data.qpos[3] = 1.0
    for name, angle in zip(robot.joint_names, robot.default_pose, strict=True):
        data.qpos[model.joint(name).qposadr[0]] = angle
    mujoco.mj_kinematics(model, data)
    left, right = (_points(robot, model, data, foot) for foot in robot.feet)
    return left, right


def _points(robot: Robot, model: mujoco.MjModel, data: mujoco.MjData, foot: str) -> np.ndarray:
    body = model.body(foot).id
    down = quat_rotate_inverse(data.xquat[body], np.array([0.0, 0.0, -1.0]))
    names = [model.geom(g).name for g in range(model.ngeom) if model.geom_bodyid[g] == body]
    found = [name for name in names if re.fullmatch(robot.foot_geoms, name)]
    if not found:
        raise RobotError(
            f"robot {robot.name}: no geom of body {foot!r} matches foot_geoms "
            f"{robot.foot_geoms!r}; it has {', '.join(filter(None, names)) or 'no named geom'}"
        )
    parts = []
    for name in found:
        geom = model.geom(name)
        kind, size = geom.type[0], geom.size
        if kind == mujoco.mjtGeom.mjGEOM_SPHERE:
            local, radius = np.zeros((1, 3)), size[0]
        elif kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
            local, radius = np.array([[0, 0, -size[1]], [0, 0, size[1]]]), size[0]
        elif kind == mujoco.mjtGeom.mjGEOM_BOX:
            local, radius = _BOX_CORNERS * size, 0.0
        elif kind == mujoco.mjtGeom.mjGEOM_MESH:
            mesh = geom.dataid[0]
            first = model.mesh_vertadr[mesh]
            local, radius = model.mesh_vert[first : first + model.mesh_vertnum[mesh]], 0.0
        else:
            raise RobotError(
                f"robot {robot.name}: foot geom {name!r} is of type {mujoco.mjtGeom(kind).name}; "
                "expected sphere, capsule, box or mesh"
            )
        parts.append(geom.pos + quat_rotate(geom.quat, np.asarray(local, float)) + radius * down)
    points = np.concatenate(parts)
    height = points @ down
    # Upper corners of boxes and meshes are no sole.
    return points[height > height.max() - 0.02]
