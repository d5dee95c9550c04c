"""A MuJoCo model as a PhysX 5 articulation, through SAPIEN: tree, inertias, joints, shapes.

The compiled model is the source, not a file, so whatever was changed in it (payload, friction,
armature) is in the articulation too. SAPIEN is imported when an articulation is built.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import mujoco
import numpy as np

from mimiclab.deployment.physx_cfg import PhysxCfg
from mimiclab.errors import EngineError
from mimiclab.maths.rotations import quat_from_rotvec, quat_multiply, quat_rotate

_GEOM, _JOINT = mujoco.mjtGeom, mujoco.mjtJoint
_SHAPES = (
    _GEOM.mjGEOM_SPHERE, _GEOM.mjGEOM_CAPSULE, _GEOM.mjGEOM_CYLINDER, _GEOM.mjGEOM_BOX,
    _GEOM.mjGEOM_MESH,
)  # fmt: skip
_KINDS = {_JOINT.mjJNT_HINGE: "revolute", _JOINT.mjJNT_SLIDE: "prismatic"}
# Axes of a PhysX joint and of a PhysX capsule are x; those of a MuJoCo capsule are z.
_X = np.array([1.0, 0.0, 0.0])
_Z_TO_X = np.array([np.sqrt(0.5), 0.0, np.sqrt(0.5), 0.0])
# So high that it never counts: PhysX limits speeds where MuJoCo does not.
_NO_LIMIT = 1e6
_BITS = 32


@dataclass(frozen=True, kw_only=True)
class Articulation:
    """A robot in a PhysX scene of its own, and where MuJoCo's joints and bodies are in it."""

    scene: Any
    """`sapien.Scene` with the robot and the floor."""
    articulation: Any
    """`PhysxArticulation`."""
    links: tuple[Any, ...]
    """Links of MuJoCo's bodies 1, 2, ..., so that the root is first."""
    order: np.ndarray
    """(J,) Index among MuJoCo's scalar joints of each PhysX coordinate."""

    def to_physx(self, values: np.ndarray) -> np.ndarray:
        """Values of joints (J,) in MuJoCo's order, as PhysX takes them."""
        return np.asarray(values, np.float32)[self.order]

    def to_mujoco(self, values: np.ndarray) -> np.ndarray:
        """Values of coordinates (J,) in the order of PhysX, as MuJoCo's joints; float64."""
        found = np.empty(len(self.order))
        found[self.order] = values
        return found


def import_sapien() -> Any:
    """The module `sapien`.

    Raises:
        EngineError: it is not installed.
    """
    try:
        with warnings.catch_warnings():
            # It looks for a renderer, which nothing here needs.
            warnings.simplefilter("ignore")
            import sapien  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise EngineError(
            "the simulator 'physx' needs SAPIEN, which is not installed: "
            "pip install 'mimiclab[physx]', or choose the simulator 'mujoco'"
        ) from error
    return sapien


def check_convertible(model: mujoco.MjModel) -> None:
    """Refuse a model with parts that a PhysX articulation cannot have.

    Raises:
        EngineError: the message names the parts.
    """
    wrong = []
    roots = np.flatnonzero(model.body_parentid[1:] == 0) + 1
    if len(roots) != 1 or model.body_jntnum[roots[0]] != 1 or model.jnt_type[0] != 0:
        wrong.append("not one tree on a free root joint")
    several = [model.body(i).name for i in np.flatnonzero(model.body_jntnum > 1)]
    if several:
        wrong.append(f"several joints in the bodies {', '.join(several[:3])}")
    balls = [model.joint(i).name for i in np.flatnonzero(model.jnt_type == _JOINT.mjJNT_BALL)]
    if balls:
        wrong.append(f"ball joints {', '.join(balls[:3])}")
    solid = (model.geom_contype | model.geom_conaffinity) > 0
    for i in np.flatnonzero(solid & (model.geom_bodyid > 0)):
        if model.geom_type[i] not in _SHAPES:
            kind = _GEOM(int(model.geom_type[i])).name.removeprefix("mjGEOM_").lower()
            wrong.append(f"collision geom {model.geom(i).name or i} of type {kind}")
    for name, count in (
        ("equality constraints", model.neq), ("tendons", model.ntendon),
        ("contact pairs", model.npair), ("joint springs", np.count_nonzero(model.jnt_stiffness)),
    ):  # fmt: skip
        if count:
            wrong.append(f"{count} {name}")
    if model.nexclude > _BITS:
        wrong.append(f"{model.nexclude} contact exclusions, more than {_BITS}")
    if wrong:
        raise EngineError(
            f"this model cannot be simulated in PhysX, because it has {'; '.join(wrong)}; "
            "choose the simulator 'mujoco'"
        )


def build_articulation(
    model: mujoco.MjModel,
    *,
    floor: int | None = None,
    cfg: PhysxCfg | None = None,
    fixed_root: bool = False,
    gravity: bool = True,
) -> Articulation:
    """The robot of a model in a new scene of PhysX on the CPU; no renderer is opened.

    Masses, centres of mass, inertias, joint axes, limits, armature, dry friction of joints and
    collision filters are those of the model. Contacts and limits are hard, where MuJoCo's are soft.

    Args:
        model: a robot on a free joint, with at most a floor plane beside it.
        floor: the plane's geom; None leaves the robot in empty space.
        cfg: settings of PhysX.
        fixed_root: weld the root to the world, for checks.
        gravity: whether things fall.

    Raises:
        EngineError: SAPIEN is missing, or the model has what PhysX lacks.
    """
    check_convertible(model)
    sapien, cfg = import_sapien(), cfg or PhysxCfg()
    physx = sapien.physx
    physx.set_scene_config(
        gravity=model.opt.gravity if gravity else np.zeros(3),
        bounce_threshold=cfg.bounce_threshold,
        enable_tgs=True,
    )
    # Sleeping links would ignore small torques.
    physx.set_body_config(cfg.position_iterations, cfg.velocity_iterations, sleep_threshold=0.0)
    physx.set_shape_config(contact_offset=cfg.contact_offset, rest_offset=0.0)
    scene = sapien.Scene([physx.PhysxCpuSystem()])
    scene.set_timestep(float(model.opt.timestep))
    # PhysX averages the coefficients of two shapes. Twice the smallest on the floor leaves the
    # least for contacts between links, most of which have no friction in our robots.
    base = 2.0 * _least_friction(model, floor)
    if floor is not None:
        scene.add_entity(_floor_entity(sapien, model, floor, base))
    entities, links = _links(sapien, model, floor, base)
    links[0].joint.type = "fixed" if fixed_root else "undefined"
    for entity in entities:
        scene.add_entity(entity)
    articulation = links[0].articulation
    names = [joint.name for joint in articulation.active_joints]
    known = [model.joint(i).name for i in range(model.njnt) if model.jnt_type[i]]
    order = np.array([known.index(name) for name in names], dtype=int)
    return Articulation(scene=scene, articulation=articulation, links=tuple(links), order=order)


def _links(
    sapien: Any, model: mujoco.MjModel, floor: int | None, base: float
) -> tuple[list[Any], list[Any]]:
    """Entities, which must be kept until the scene has them, and the link in each."""
    entities, links = [], []
    for body in range(1, model.nbody):
        parent = int(model.body_parentid[body])
        link = sapien.physx.PhysxArticulationLinkComponent(links[parent - 1] if parent else None)
        entity = sapien.Entity()
        entity.add_component(link)
        entity.name = link.name = model.body(body).name
        if parent:
            _set_joint(sapien, model, body, link.joint)
        for geom in range(model.ngeom):
            solid = model.geom_contype[geom] or model.geom_conaffinity[geom]
            if model.geom_bodyid[geom] == body and solid:
                friction = 2.0 * contact_friction(model, geom, floor) - base
                link.attach(_shape(sapien, model, geom, max(0.0, friction)))
        link.mass = float(model.body_mass[body])
        link.cmass_local_pose = sapien.Pose(model.body_ipos[body], model.body_iquat[body])
        link.inertia = model.body_inertia[body]
        link.linear_damping = link.angular_damping = 0.0
        link.max_linear_velocity = link.max_angular_velocity = _NO_LIMIT
        entities.append(entity)
        links.append(link)
    return entities, links


def _set_joint(sapien: Any, model: mujoco.MjModel, body: int, joint: Any) -> None:
    """The joint between a body and its parent; welded where the body has none."""
    pos, quat = model.body_pos[body], model.body_quat[body]
    if not model.body_jntnum[body]:
        joint.type = "fixed"
        joint.pose_in_parent, joint.pose_in_child = sapien.Pose(pos, quat), sapien.Pose()
        return
    i = int(model.body_jntadr[body])
    dof = int(model.jnt_dofadr[i])
    limited, limits = bool(model.jnt_limited[i]), model.jnt_range[i]
    joint.name = model.joint(i).name
    kind = _KINDS[_JOINT(int(model.jnt_type[i]))]
    joint.type = kind if limited or kind == "prismatic" else "revolute_unwrapped"
    along = _turn_x_to(model.jnt_axis[i])
    anchor = model.jnt_pos[i]
    # The model's pose of the body is that of the reference angle, PhysX wants that of angle 0.
    start = model.qpos0[model.jnt_qposadr[i]]
    origin, turned = pos + quat_rotate(quat, anchor), quat_multiply(quat, along)
    if kind == "revolute":
        turned = quat_multiply(turned, quat_from_rotvec(-start * _X))
    else:
        origin = origin - start * quat_rotate(turned, _X)
    joint.pose_in_child = sapien.Pose(anchor, along)
    joint.pose_in_parent = sapien.Pose(origin, turned)
    joint.limit = np.array([limits if limited else (-np.inf, np.inf)], np.float32)
    joint.armature = np.array([model.dof_armature[dof]], np.float32)
    joint.max_velocity = _NO_LIMIT
    joint.friction = 0.0
    loss = float(model.dof_frictionloss[dof])
    # A damper of bounded force is dry friction.
    joint.set_drive_properties(0.0, _NO_LIMIT if loss else 0.0, force_limit=loss)


def _turn_x_to(axis: np.ndarray) -> np.ndarray:
    """Shortest rotation from x to a unit vector, wxyz."""
    if axis[0] < -1.0 + 1e-9:
        return np.array([0.0, 0.0, 0.0, 1.0])
    quat = np.append(1.0 + axis[0], np.cross(_X, axis))
    return quat / np.linalg.norm(quat)


def _shape(sapien: Any, model: mujoco.MjModel, geom: int, friction: float) -> Any:
    physx, size, quat = sapien.physx, model.geom_size[geom], model.geom_quat[geom]
    material = physx.PhysxMaterial(friction, friction, 0.0)
    match _GEOM(int(model.geom_type[geom])):
        case _GEOM.mjGEOM_SPHERE:
            shape = physx.PhysxCollisionShapeSphere(float(size[0]), material)
        case _GEOM.mjGEOM_BOX:
            shape = physx.PhysxCollisionShapeBox(size, material)
        case _GEOM.mjGEOM_MESH:
            mesh = int(model.geom_dataid[geom])
            first, count = int(model.mesh_vertadr[mesh]), int(model.mesh_vertnum[mesh])
            vertices = model.mesh_vert[first : first + count]
            # The convex hull, which is what MuJoCo collides too.
            shape = physx.PhysxCollisionShapeConvexMesh(vertices, np.ones(3), material)
        case kind:
            round_ends = kind == _GEOM.mjGEOM_CAPSULE
            maker = physx.PhysxCollisionShapeCapsule
            maker = maker if round_ends else physx.PhysxCollisionShapeCylinder
            shape = maker(float(size[0]), float(size[1]), material)
            quat = quat_multiply(quat, _Z_TO_X)
    shape.local_pose = sapien.Pose(model.geom_pos[geom], quat)
    shape.set_collision_groups(_groups(model, geom))
    return shape


def _groups(model: mujoco.MjModel, geom: int) -> list[int]:
    """SAPIEN's four words: MuJoCo's contype and conaffinity, then which links ignore each other.

    Shapes that share a bit of the third word and the fourth word do not collide: each excluded pair
    of bodies has a bit of its own.
    """
    body, ignored = int(model.geom_bodyid[geom]), 0
    for bit, signature in enumerate(model.exclude_signature):
        if body in (int(signature) >> 16, int(signature) & 0xFFFF):
            ignored |= 1 << bit
    return [int(model.geom_contype[geom]), int(model.geom_conaffinity[geom]), ignored, 0]


def _floor_entity(sapien: Any, model: mujoco.MjModel, floor: int, friction: float) -> Any:
    physx = sapien.physx
    shape = physx.PhysxCollisionShapePlane(physx.PhysxMaterial(friction, friction, 0.0))
    # A PhysX plane faces x.
    up = quat_multiply(model.geom_quat[floor], np.array([np.sqrt(0.5), 0.0, -np.sqrt(0.5), 0.0]))
    shape.local_pose = sapien.Pose(model.geom_pos[floor], up)
    shape.set_collision_groups(_groups(model, floor))
    body, entity = physx.PhysxRigidStaticComponent(), sapien.Entity()
    body.attach(shape)
    entity.add_component(body)
    entity.name = "floor"
    return entity


def contact_friction(model: mujoco.MjModel, geom: int, floor: int | None) -> float:
    """Sliding friction between a geom and the floor by MuJoCo's rules; 0 without a floor.

    The geom of higher priority decides, else the larger coefficient; one-dimensional contacts have
    none. Source: MuJoCo's documentation, contact parameters.
    """
    if floor is None:
        return 0.0
    ours, theirs = model.geom_priority[geom], model.geom_priority[floor]
    deciding = [geom] if ours > theirs else [floor] if theirs > ours else [geom, floor]
    if max(int(model.geom_condim[i]) for i in deciding) < 2:
        return 0.0
    return max(float(model.geom_friction[i, 0]) for i in deciding)


def _least_friction(model: mujoco.MjModel, floor: int | None) -> float:
    """The smallest friction of any of the robot's geoms on the floor."""
    solid = (model.geom_contype | model.geom_conaffinity) > 0
    geoms = np.flatnonzero(solid & (model.geom_bodyid > 0))
    return min((contact_friction(model, int(i), floor) for i in geoms), default=0.0)
