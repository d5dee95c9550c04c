"""Any humanoid model as a small MJCF text without meshes: exact dynamics, fitted shapes."""

from itertools import combinations
from xml.sax.saxutils import quoteattr

import mujoco
import numpy as np

from mimiclab.errors import RobotError
from mimiclab.robots.robot import mirrored_name
from mimiclab.robots.shapes import Shape, fit_shapes, geom_points

_RAIL_RADIUS = 0.01
_REFLECT = np.diag([1.0, -1.0, 1.0])
_SMALL_KG = 0.35
"""Lighter links, but for hands, are crosses and brackets inside joints: shown, not collided."""
_OVERLAP_SHARE = 0.3
"""Near links that intersect in more than this share of all poses are never tested for contact."""
_NEAR = 3
"""Joints between two links up to which they count as near."""


def compact(
    model: mujoco.MjModel,
    *,
    name: str,
    feet: tuple[str, str],
    swap: tuple[tuple[str, str], ...] = (("left_", "right_"),),
    comment: str = "",
    meshes_suffice: bool = True,
) -> str:
    """A primitives-only MJCF text with the same bodies, inertias, joints and ranges.

    Numbers are those of the compiled model to nine digits. Each link gets capsules or boxes fitted
    to its geoms' hulls, the same on both sides; each foot three rails whose ends outline the sole.
    Geoms are called `<body>_collision`, `<side>_foot<number>_collision` or `<body>_visual`. Near
    links that overlap at rest or in many poses are excluded from contact. Floor, actuators,
    sensors, armature, damping and friction of joints are left to the robot's description.

    Args:
        model: a compiled humanoid with one free root.
        name: model name.
        feet: left and right foot bodies, flat when all joints are at 0.
        swap: parts of names exchanged by left and right.
        comment: maker, source and licence, for the head of the file.
        meshes_suffice: links with meshes are fitted to these alone; False: to their primitives
            too, for files that lack some meshes.

    Raises:
        RobotError: a foot is missing, or a link's shape is flat.
    """
    names = [model.body(b).name for b in range(model.nbody)]
    for foot in feet:
        if foot not in names:
            raise RobotError(f"model {name}: no body {foot!r} to stand on; it has {names[1:]}")
    pose = _zero_pose(model)
    clouds = {b: _body_points(model, b, meshes_suffice) for b in range(1, model.nbody)}
    shapes: dict[int, list[Shape]] = {b: [] for b in clouds}
    for b in range(1, model.nbody):
        other = mirrored_name(names[b], swap)
        twin = names.index(other) if other in names else b
        flip = pose[twin].T @ _REFLECT @ pose[b]
        if twin < b:
            back = pose[b].T @ _REFLECT @ pose[twin]
            shapes[b] = [shape.reflected(back) for shape in shapes[twin]]
            continue
        points = np.concatenate([clouds[b], clouds[twin] @ flip])
        if names[b] in feet:
            shapes[b] = [*_rails(points, pose[b]), *fit_shapes(points, 1)]
        elif len(points):
            shapes[b] = fit_shapes(points, mirror=flip if twin == b else None)
    geoms = {b: _geoms(model, b, names[b], shapes[b], feet) for b in shapes}
    text = _document(model, name, comment, geoms, [])
    return _document(model, name, comment, geoms, _overlaps(mujoco.MjModel.from_xml_string(text)))


def _zero_pose(model: mujoco.MjModel) -> np.ndarray:
    """Orientations of all bodies with joints at 0 (B, 3, 3)."""
    data = mujoco.MjData(model)
    data.qpos[:] = 0.0
    data.qpos[3] = 1.0
    mujoco.mj_kinematics(model, data)
    return data.xmat.reshape(-1, 3, 3).copy()


def _body_points(model: mujoco.MjModel, body: int, meshes_suffice: bool) -> np.ndarray:
    geoms = [g for g in range(model.ngeom) if model.geom_bodyid[g] == body]
    meshes = [g for g in geoms if model.geom_type[g] == mujoco.mjtGeom.mjGEOM_MESH]
    if meshes_suffice and meshes:
        geoms = meshes
    return np.concatenate([np.empty((0, 3)), *(geom_points(model, g) for g in geoms)])


def _rails(points: np.ndarray, orientation: np.ndarray) -> list[Shape]:
    """Three capsules along the sole; their ends lie on its outline."""
    from scipy.spatial import ConvexHull

    local = points @ orientation.T  # x forward, z up
    bottom = local[:, 2].min()
    sole = local[local[:, 2] < bottom + _RAIL_RADIUS][:, :2]
    outline = sole[ConvexHull(sole).vertices]
    middle = 0.5 * (outline[:, 1].min() + outline[:, 1].max())
    half = 0.5 * float(np.ptp(outline[:, 1])) - _RAIL_RADIUS
    rails = []
    for y in (middle + half, middle, middle - half):
        back, front = _chord(outline, y)
        centre = [0.5 * (back + front), y, bottom + _RAIL_RADIUS]
        size = np.array([_RAIL_RADIUS, 0.5 * (front - back) - _RAIL_RADIUS])
        along = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]]).T  # third axis forward
        rails.append(Shape("capsule", orientation.T @ centre, orientation.T @ -along, size))
    return rails


def _chord(outline: np.ndarray, y: float) -> tuple[float, float]:
    """Least and greatest x of a convex outline (N, 2) at height y."""
    ends = []
    for a, b in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if (a[1] - y) * (b[1] - y) <= 0 and a[1] != b[1]:
            ends.append(a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]))
    return min(ends), max(ends)


def _geoms(
    model: mujoco.MjModel, body: int, name: str, shapes: list[Shape], feet: tuple[str, str]
) -> list[str]:
    """Elements of one body's geoms."""
    solid = model.body_mass[body] >= _SMALL_KG or body not in model.body_parentid
    rows = []
    for number, shape in enumerate(shapes, 1):
        if name in feet:
            side = ("left", "right")[feet.index(name)]
            last = number == len(shapes)
            kind = "visual" if last else "foot"
            label = f"{side}_foot_visual" if last else f"{side}_foot{number}_collision"
        else:
            which = str(number) if len(shapes) > 1 else ""
            kind = "collision" if solid else "visual"
            label = f"{name}{which}_{kind}"
        rows.append(f'<geom name={quoteattr(label)} class="{kind}" {_shape(shape)}/>')
    return rows


def _shape(shape: Shape) -> str:
    """Attributes of a fitted shape, rounded to 0.1 mm: it is a likeness, not a measure."""
    if shape.kind == "box":
        quat = np.empty(4)
        mujoco.mju_mat2Quat(quat, shape.rotation.ravel())
        turned = "" if abs(quat[0]) > 1 - 1e-6 else f' quat="{_numbers(quat, 4)}"'
        return f'type="box" size="{_numbers(shape.size, 4)}" pos="{_numbers(shape.pos, 4)}"{turned}'
    if shape.size[1] < 0.1 * shape.size[0]:
        return f'type="sphere" size="{_numbers(shape.size[:1], 4)}" pos="{_numbers(shape.pos, 4)}"'
    end = shape.rotation[:, 2] * shape.size[1]
    ends = np.concatenate([shape.pos - end, shape.pos + end])
    return f'type="capsule" size="{_numbers(shape.size[:1], 4)}" fromto="{_numbers(ends, 4)}"'


def _numbers(values: np.ndarray, decimals: int | None = None) -> str:
    if decimals is not None:
        values = np.round(values, decimals) + 0.0
    return " ".join(f"{value:.9g}" for value in np.atleast_1d(values))


def _document(
    model: mujoco.MjModel,
    name: str,
    comment: str,
    geoms: dict[int, list[str]],
    apart: list[tuple[str, str]],
) -> str:
    lines = [f"<!-- {comment} -->"] if comment else []
    lines += [
        f"<mujoco model={quoteattr(name)}>",
        '  <compiler angle="radian" autolimits="true"/>',
        "  <default>",
        '    <default class="collision"><geom group="2" rgba="0.72 0.73 0.76 1"/></default>',
        '    <default class="foot"><geom group="2" rgba="0.25 0.26 0.29 1"/></default>',
        '    <default class="visual">',
        '      <geom contype="0" conaffinity="0" group="2" rgba="0.4 0.41 0.44 1"/>',
        "    </default>",
        "  </default>",
        "  <worldbody>",
        *_body(model, 1, geoms, "    "),
        "  </worldbody>",
    ]
    if apart:
        rows = [f"<exclude body1={quoteattr(a)} body2={quoteattr(b)}/>" for a, b in apart]
        lines += ["  <contact>", *(f"    {row}" for row in rows), "  </contact>"]
    return "\n".join([*lines, "</mujoco>", ""])


def _body(model: mujoco.MjModel, body: int, geoms: dict[int, list[str]], indent: str) -> list[str]:
    pos, quat = model.body_pos[body], model.body_quat[body]
    place = f' pos="{_numbers(pos)}"' if pos.any() else ""
    place += f' quat="{_numbers(quat)}"' if quat[0] != 1 else ""
    lines = [f"{indent}<body name={quoteattr(model.body(body).name)}{place}>"]
    inner = indent + "  "
    if model.body_mass[body] > 0:
        quat = model.body_iquat[body]
        turned = f'quat="{_numbers(quat)}" ' if quat[0] != 1 else ""
        lines.append(
            f'{inner}<inertial pos="{_numbers(model.body_ipos[body])}" {turned}'
            f'mass="{_numbers(model.body_mass[body])}" '
            f'diaginertia="{_numbers(model.body_inertia[body])}"/>'
        )
    for j in range(model.njnt):
        if model.jnt_bodyid[j] == body:
            lines.append(inner + _joint(model, j))
    lines += [inner + row for row in geoms.get(body, [])]
    for child in range(body + 1, model.nbody):
        if model.body_parentid[child] == body:
            lines += _body(model, child, geoms, inner)
    return [*lines, f"{indent}</body>"]


def _joint(model: mujoco.MjModel, joint: int) -> str:
    name = quoteattr(model.joint(joint).name)
    if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_FREE:
        return f"<freejoint name={name}/>"
    kind = ' type="slide"' if model.jnt_type[joint] == mujoco.mjtJoint.mjJNT_SLIDE else ""
    pos = model.jnt_pos[joint]
    place = f' pos="{_numbers(pos)}"' if pos.any() else ""
    limits = f' range="{_numbers(model.jnt_range[joint])}"' if model.jnt_limited[joint] else ""
    return f'<joint name={name}{kind}{place} axis="{_numbers(model.jnt_axis[joint])}"{limits}/>'


def _overlaps(model: mujoco.MjModel, poses: int = 200) -> list[tuple[str, str]]:
    """Pairs of near bodies that touch with joints at 0, or in many random poses."""
    data = mujoco.MjData(model)
    random = np.random.default_rng(0)
    hits: dict[tuple[int, int], float] = {}
    low, high = np.clip(model.jnt_range[1:], -np.pi, np.pi).T
    for pose in range(poses + 1):
        data.qpos[:3], data.qpos[3:7] = 0.0, [1.0, 0.0, 0.0, 0.0]
        data.qpos[7:] = random.uniform(low, high) if pose else 0.0
        mujoco.mj_kinematics(model, data)
        mujoco.mj_collision(model, data)
        pairs = {
            tuple(sorted(int(model.geom_bodyid[g]) for g in pair))
            for pair in data.contact.geom[data.contact.dist < 0]
        }
        for a, b in pairs:
            hits[a, b] = hits.get((a, b), 0.0) + (1.0 / poses if pose else 1.0)
    return [
        (model.body(a).name, model.body(b).name)
        for a, b in combinations(range(1, model.nbody), 2)
        if hits.get((a, b), 0.0) > _OVERLAP_SHARE and _steps(model, a, b) <= _NEAR
    ]


def _steps(model: mujoco.MjModel, a: int, b: int) -> int:
    """Links to walk along the tree from one body to another."""
    steps = 0
    while a != b:  # parents have lower numbers
        a, b = int(model.body_parentid[max(a, b)]), min(a, b)
        steps += 1
    return steps
