"""A first robot description guessed from a bare MJCF file, to be corrected by its owner."""

import re
from collections import defaultdict
from dataclasses import fields
from pathlib import Path

import mujoco
import numpy as np

from mimiclab.errors import RobotError
from mimiclab.robots.findings import Found, error, warning
from mimiclab.robots.robot import Motor, Robot, mirrored_name
from mimiclab.robots.soles import sole_points

_ASSUMED = {"effort_limit": 50.0, "velocity_limit": 20.0, "armature": 0.01}
_LAST = re.compile(r"()(_left|left|_l)$", re.IGNORECASE)
_FIRST = re.compile(r"^(.*?left_?|l_)()", re.IGNORECASE)
_OTHER = {"left": "right", "Left": "Right", "LEFT": "RIGHT", "l": "r", "L": "R"}


def bare_spec(path: str | Path) -> mujoco.MjSpec:
    """The robot in an MJCF file without actuators, keyframes and the world's own geoms.

    Colliding geoms without a name are called after their body, for descriptions go by names.

    Raises:
        RobotError: the file is missing or MuJoCo cannot read it.
    """
    path = Path(path)
    if not path.is_file():
        raise RobotError(f"no file {path}; give an MJCF file or the name of a robot")
    try:
        spec = mujoco.MjSpec.from_file(str(path))
    except (ValueError, mujoco.FatalError) as problem:
        raise RobotError(f"MuJoCo cannot read {path}: {problem}") from problem
    for thing in [*spec.actuators, *spec.sensors, *spec.keys, *spec.worldbody.geoms]:
        spec.delete(thing)
    for body in spec.bodies:
        for number, geom in enumerate(body.geoms):
            if not geom.name and (geom.contype or geom.conaffinity):
                geom.name = f"{body.name}_geom{number}"
    return spec


def draft_robot(path: str | Path) -> tuple[Robot, Found]:
    """Guess a description: sides by name, feet and hands by geometry, motors by the file.

    Returns:
        The description, and warnings on what was assumed.

    Raises:
        RobotError: the file does not compile, or left and right feet or hands are not to be found.
    """
    try:
        model = bare_spec(path).compile()
        full = mujoco.MjModel.from_xml_path(str(path))
    except ValueError as problem:
        raise RobotError(f"{path} does not compile: {problem}") from problem
    data = mujoco.MjData(model)
    data.qpos[:] = 0.0
    data.qpos[3:4] = 1.0
    mujoco.mj_kinematics(model, data)
    names = [model.body(b).name for b in range(model.nbody)]
    joints = [model.joint(j).name for j in range(1, model.njnt)]
    swap = _sides([*names, *joints])
    leaves = [b for b in range(1, model.nbody) if b not in model.body_parentid[1:]]
    others = {b: mirrored_name(names[b], swap) for b in leaves if data.xpos[b, 1] > 0}
    pairs = [(b, names.index(o)) for b, o in others.items() if o in names and o != names[b]]
    if len(pairs) < 2:
        raise RobotError(
            f"{path}: found {len(pairs)} pairs of left and right limbs by name, expected arms and "
            "legs; name bodies with left_ and right_, or write the description by hand"
        )
    feet = min(pairs, key=lambda pair: data.xpos[pair[0], 2])
    chain = {b: _chain(model, b) for pair in pairs for b in pair}
    legless = [pair for pair in pairs if pair != feet and chain[pair[0]][0] != chain[feet[0]][0]]
    if not legless:
        raise RobotError(f"{path}: found legs but no arms; write the description by hand")
    hands = max(legless, key=lambda pair: len(chain[pair[0]]))
    shared = [b for b in chain[hands[0]] if b in chain[hands[1]]]
    anchor = shared[-1] if shared else 1
    tracked = [1]
    for tip in feet:
        tracked += _pick(names, chain[tip])
    tracked.append(anchor)
    for tip in hands:
        tracked += _pick(names, [b for b in chain[tip] if b not in shared])
    motors, found = _motors(full, joints)
    foot_geoms = [
        model.geom(g).name
        for g in range(model.ngeom)
        if model.geom_bodyid[g] in feet and (model.geom_contype[g] or model.geom_conaffinity[g])
    ]
    if not foot_geoms:
        found.append(error("feet", f"the feet {[names[b] for b in feet]} have no colliding geoms"))
    robot = Robot(
        name=Path(path).stem.lower().replace("-", "_"),
        spec_fn=lambda: bare_spec(path),
        motors=motors,
        default_joint_pos={},
        default_root_height=0.0,
        root_body=names[1],
        anchor_body=names[anchor],
        tracked_bodies=tuple(dict.fromkeys(names[b] for b in tracked)),
        end_effectors=tuple(names[b] for b in (*feet, *hands)),
        feet=(names[feet[0]], names[feet[1]]),
        foot_geoms="|".join(map(re.escape, foot_geoms)),
        mirror_swap=swap,
    )
    if foot_geoms:
        sole = sole_points(robot)[0]
        height = data.xpos[feet[0]] - data.xpos[1] + sole @ data.xmat[feet[0]].reshape(3, 3).T
        object.__setattr__(robot, "default_root_height", round(-float(height[:, 2].min()), 4))
    found.append(
        warning("default_pose", "all joints at 0 was assumed; bend the knees in default_joint_pos")
    )
    return robot, found


def as_python(robot: Robot, path: str | Path) -> str:
    """Source of a module that holds the description."""
    lines = [
        "from mimiclab.robots import Motor, Robot",
        "from mimiclab.robots.draft import bare_spec",
        "",
        f"{robot.name.upper()} = Robot(",
    ]
    skip = {"spec_fn", "collisions_fn", "soft_limit_factor", "urls"}
    for item in fields(robot):
        value = getattr(robot, item.name)
        if item.name == "spec_fn":
            lines.append(f"    spec_fn=lambda: bare_spec({str(path)!r}),")
        elif item.name not in skip:
            lines += _argument(item.name, value)
    return "\n".join([*lines, ")", ""])


def _argument(name: str, value: object) -> list[str]:
    if not isinstance(value, dict) or not value:
        return [f"    {name}={value!r},"]
    shown = {
        key: f"Motor(effort_limit={item.effort_limit}, velocity_limit={item.velocity_limit}, "
        f"armature={item.armature})"
        if isinstance(item, Motor)
        else repr(item)
        for key, item in value.items()
    }
    rows = [f"        {key!r}: {item}," for key, item in shown.items()]
    return [f"    {name}={{", *rows, "    },"]


def _sides(names: list[str]) -> tuple[tuple[str, str], ...]:
    """Leading or trailing parts of names that left and right exchange, longest first."""
    pairs = set()
    for name in names:
        for match in (_LAST.search(name), _FIRST.match(name)):
            if match is None:
                continue
            left = match[1] or match[2]
            side = re.findall("left|l(?=_)|(?<=_)l$", left, re.IGNORECASE)[-1]
            if side not in _OTHER:
                continue
            right = _OTHER[side].join(left.rsplit(side, 1))
            if name[: match.start()] + right + name[match.end() :] in names:
                pairs.add((left, right))
                break
    return tuple(sorted(pairs, key=lambda pair: (-len(pair[0]), pair)))


def _chain(model: mujoco.MjModel, body: int) -> list[int]:
    """Bodies from below the root down to `body`."""
    chain: list[int] = []
    while body > 1:
        chain.insert(0, body)
        body = int(model.body_parentid[body])
    return chain


def _pick(names: list[str], chain: list[int]) -> list[int]:
    """Upper, middle (knee or elbow, by name if so named) and last link of a limb."""
    bends = [b for b in chain if re.search("knee|elbow|shank", names[b], re.IGNORECASE)]
    middle = bends[0] if bends else chain[len(chain) // 2]
    return list(dict.fromkeys([chain[min(1, len(chain) - 1)], middle, chain[-1]]))


def _motors(model: mujoco.MjModel, joints: list[str]) -> tuple[dict[str, Motor], Found]:
    effort = defaultdict(float)
    for a in range(model.nu):
        if model.actuator_trntype[a] == mujoco.mjtTrn.mjTRN_JOINT:
            gear = abs(model.actuator_gear[a, 0])
            limits = model.actuator_forcerange[a]
            if not np.any(limits) and model.actuator_biastype[a] == mujoco.mjtBias.mjBIAS_NONE:
                limits = model.actuator_ctrlrange[a]
            effort[model.joint(model.actuator_trnid[a, 0]).name] = gear * np.abs(limits).max()
    groups: dict[tuple[float, float], list[str]] = defaultdict(list)
    assumed: dict[str, list[str]] = defaultdict(list)
    for name in joints:
        joint = model.joint(name)
        force = np.abs(model.jnt_actfrcrange[joint.id]).max() or effort[name]
        armature = float(model.dof_armature[joint.dofadr[0]])
        if force <= 0:
            assumed["effort_limit"].append(name)
        if armature <= 0:
            assumed["armature"].append(name)
        key = (
            round(float(force), 6) or _ASSUMED["effort_limit"],
            round(armature, 9) or _ASSUMED["armature"],
        )
        groups[key].append(name)
    assumed["velocity_limit"] = list(joints)
    motors = {
        "|".join(map(re.escape, members)): Motor(
            effort_limit=force, velocity_limit=_ASSUMED["velocity_limit"], armature=armature
        )
        for (force, armature), members in groups.items()
    }
    found = [
        warning(
            "motors",
            f"{what} of {len(members)} of {len(joints)} joints is not in the file; "
            f"{_ASSUMED[what]:g} was assumed: put the data sheet's",
        )
        for what, members in assumed.items()
        if members
    ]
    return motors, found
