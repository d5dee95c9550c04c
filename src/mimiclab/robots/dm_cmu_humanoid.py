"""The CMU humanoids of dm_control, versions 2020 and 2019, 56 joints, position controlled.

People made of capsules whose joints are those of the CMU motion capture database; the two versions
differ in size, mass, feet and servos. The model files come with dm_control, which is not imported;
the constants are those of its `CMUHumanoidPositionControlledV2020` and, for 2019,
`CMUHumanoidPositionControlled`, but for two choices of ours:

- dm_control's root body has x to the left, y up and z forward. Ours, like every robot's here, has
  x forward, y to the left and z up, so that an upright root has no rotation. `ROOT_FROM_DM_CONTROL`
  turns one into the other where files cross the border; all other bodies' frames are the same.
- The servos' damping is part of the PD law, which the effort limit bounds, instead of the joints'.

The springs that pull every joint to 0 stay in the model.
"""

import importlib.util
from dataclasses import replace
from pathlib import Path

import mujoco
import numpy as np

from mimiclab.errors import MissingModelError
from mimiclab.robots.robot import LandmarkPoint, Motor, Robot

SCALE = 1.2
"""Size of the 2020 model over that of its file, and of the skeleton that AMC files assume."""
ROOT_FROM_DM_CONTROL = np.array([0.5, -0.5, -0.5, -0.5])
"""Orientation wxyz of our root body in dm_control's: `ours = quat_multiply(theirs, this)`."""
_MASS_KG = 70.0
_ARMATURE = 0.01
_VELOCITY_LIMIT = 100.0
"""Rad/s. The models have none; this is above what people reach."""

_SMALL = r"[lr](toes|fingers)rx|[lr]wristry|[lr](hand|thumb)r[xz]"
# Joints: stiffness N m/rad, effort limit N m, damping N m s/rad.
_SERVOS_2020 = {
    r"[lr]femurrx": (300.0, 300.0, 15.0),
    r"[lr]femurr[yz]": (200.0, 200.0, 10.0),
    r"[lr]tibiarx": (160.0, 160.0, 8.0),
    r"[lr]footrx": (120.0, 120.0, 6.0),
    r"[lr]footrz": (50.0, 50.0, 3.0),
    r"(lowerback|upperback|thorax)rx": (300.0, 300.0, 15.0),
    r"lowerbackry": (180.0, 180.0, 20.0),
    r"lowerbackrz": (200.0, 200.0, 20.0),
    r"(upperback|thorax)ry": (80.0, 80.0, 8.0),
    r"(upperback|thorax)rz": (200.0, 200.0, 12.0),
    r"lowerneckr[xyz]": (120.0, 120.0, 20.0),
    r"upperneckr[xyz]": (60.0, 60.0, 10.0),
    r"headr[xyz]": (40.0, 40.0, 2.0),
    r"[lr]clavicler[yz]": (80.0, 80.0, 20.0),
    r"[lr]humerusr[xyz]": (120.0, 120.0, 6.0),
    r"[lr]radiusrx": (90.0, 90.0, 5.0),
    _SMALL: (20.0, 20.0, 1.0),
}
_SERVOS_2019 = {
    r"[lr]femurrx": (120.0, 120.0, 2.0),
    r"[lr]femurr[yz]": (80.0, 80.0, 2.0),
    r"[lr]tibiarx": (80.0, 80.0, 1.0),
    r"[lr]footr[xz]": (50.0, 50.0, 2.0),
    r"lowerbackr[xyz]": (150.0, 120.0, 5.0),
    r"upperbackr[xyz]": (80.0, 80.0, 5.0),
    r"thoraxr[xyz]": (100.0, 80.0, 5.0),
    r"(lowerneck|upperneck|head)r[xyz]": (20.0, 20.0, 2.0),
    r"[lr]clavicler[yz]": (20.0, 20.0, 5.0),
    r"[lr](humerusr[xyz]|radiusrx)": (60.0, 60.0, 1.0),
    _SMALL: (20.0, 20.0, 1.0),
}


def _servo(stiffness: float, effort_limit: float, damping: float) -> Motor:
    omega = np.sqrt(stiffness / _ARMATURE)
    return Motor(
        effort_limit=effort_limit,
        velocity_limit=_VELOCITY_LIMIT,
        armature=_ARMATURE,
        natural_frequency_hz=omega / (2.0 * np.pi),
        damping_ratio=damping / (2.0 * _ARMATURE * omega),
    )


def _file(version: int) -> Path:
    # Finding a package does not import it: dm_control takes half a second and looks for a display.
    package = importlib.util.find_spec("dm_control")
    if package is None or not package.submodule_search_locations:
        raise MissingModelError(
            "the CMU humanoid's model comes with dm_control, which is not installed; "
            "pip install mimiclab[cmu]"
        )
    folder = Path(package.submodule_search_locations[0])
    path = folder / "locomotion" / "walkers" / "assets" / f"humanoid_CMU_V{version}.xml"
    if not path.is_file():
        raise MissingModelError(
            f"the CMU humanoid: this dm_control has no {path}; "
            "pip install mimiclab[cmu] brings the version that has"
        )
    return path


def _spec_2019() -> mujoco.MjSpec:
    """dm_control's file without servos, cameras of the world and damping; the root in our axes."""
    spec = mujoco.MjSpec.from_file(str(_file(2019)))
    spec.compiler.degree = False  # the file leaves it to dm_control, which means radians
    return _bare(spec)


def _spec_2020() -> mujoco.MjSpec:
    """As 2019; and with a face, larger, and of a given mass."""
    spec = mujoco.MjSpec.from_file(str(_file(2020)))
    _add_face(spec)
    for body in spec.bodies:
        body.pos = SCALE * body.pos
        for part in [*body.geoms, *body.sites]:
            part.pos, part.size = SCALE * part.pos, SCALE * part.size
        for part in [*body.joints, *body.cameras]:
            part.pos = SCALE * part.pos
    spec = _bare(spec)
    mass = spec.compile().body("root").subtreemass[0]
    for geom in spec.geoms:
        geom.density *= _MASS_KG / mass
    return spec


def _bare(spec: mujoco.MjSpec) -> mujoco.MjSpec:
    for part in [*spec.actuators, *spec.worldbody.cameras, *spec.worldbody.lights]:
        spec.delete(part)
    spec.njmax = spec.nconmax = -1  # the scene's affair
    for joint in spec.joints:
        joint.damping = np.zeros_like(joint.damping)
    root = spec.body("root")
    frame = root.add_frame(quat=[0.5, 0.5, 0.5, 0.5])
    for part in [*root.bodies, *root.geoms, *root.sites, *root.cameras]:
        part.set_frame(frame)
    root.add_freejoint(name="root")
    return spec


def _add_face(spec: mujoco.MjSpec) -> None:
    """A body in front of the head that shows where it looks; motion files count it as one more."""
    head = spec.body("head")
    face = head.add_body(name="face", pos=[0.0, 0.039, 0.11])
    face.add_geom(
        name="nose",
        type=mujoco.mjtGeom.mjGEOM_CAPSULE,
        size=[0.02, 0.01, 0.0],
        quat=[1.0, 0.7, 0.0, 0.0],
        mass=0.0,
        contype=0,
        conaffinity=0,
        group=1,
    )


def _collisions_2019() -> tuple:
    """The feet's friction decides, as in 2020's file; against a usual floor it is the same."""
    from mjlab.utils.spec_config import CollisionCfg

    feet = CollisionCfg(
        geom_names_expr=(_FOOT_GEOMS,),
        contype=1,
        conaffinity=1,
        condim=3,
        priority=1,
        friction=(1.0, 0.005, 0.0001),
        disable_other_geoms=False,
    )
    return (feet,)


def _landmarks(pelvis: tuple, chest: tuple) -> dict[str, LandmarkPoint]:
    points = {
        "pelvis": LandmarkPoint("root", pelvis),
        "chest": LandmarkPoint("thorax", chest),
        "neck": LandmarkPoint("upperneck"),
        "head": LandmarkPoint("head"),
    }
    joints = {
        "hip": "femur", "knee": "tibia", "ankle": "foot", "toe": "toes",
        "shoulder": "humerus", "elbow": "radius", "wrist": "wrist", "hand": "fingers",
    }  # fmt: skip
    for side in ("left", "right"):
        points |= {
            f"{side}_{joint}": LandmarkPoint(f"{side[0]}{body}") for joint, body in joints.items()
        }
    return points


_FOOT_GEOMS = r"[lr](foot(_ch)?|toes[0-2])"
_ARM = ("clavicle", "humerus", "radius", "wrist", "hand", "fingers", "thumb")
_LEG = ("hipjoint", "femur", "tibia", "foot", "toes")
_TRUNK = ("lowerback", "upperback", "thorax", "lowerneck", "upperneck", "head", "face")

DM_CMU_HUMANOID = Robot(
    name="dm_cmu_humanoid",
    spec_fn=_spec_2020,
    motors={joints: _servo(*numbers) for joints, numbers in _SERVOS_2020.items()},
    default_joint_pos={
        # At zero the legs are spread by 20 degrees, the toes point down and the arms sideways.
        "lfemurrz": -0.35,
        "rfemurrz": 0.35,
        "[lr]femurrx": -0.15,
        "[lr]tibiarx": 0.3,
        "[lr]footrx": -0.33,
        "lclaviclerz": 0.03,
        "rclaviclerz": -0.03,
        "lhumerusrz": 0.95,
        "rhumerusrz": -0.95,
        "[lr]humerusrx": -0.3,
        "[lr]radiusrx": 0.4,
        "lwristry": 0.3,
        "rwristry": -0.3,
        "[lr]fingersrx": 0.15,
        "[lr]thumbrx": 0.1,
    },
    default_root_height=1.1168,
    root_body="root",
    anchor_body="thorax",
    tracked_bodies=(
        "root",
        *(f"{side}{part}" for side in "lr" for part in _LEG),
        *_TRUNK,
        *(f"{side}{part}" for side in "lr" for part in _ARM),
    ),
    end_effectors=tuple(
        f"{side}{part}" for side in "lr" for part in ("foot", "toes", "hand", "fingers", "thumb")
    ),
    feet=("lfoot", "rfoot"),
    foot_geoms=_FOOT_GEOMS,
    # The points are in the root's axes, and in the thorax's: x to the left, y up, z forward.
    landmarks=_landmarks(pelvis=(0.0593, 0.0, -0.1102), chest=(0.0, 0.2447, 0.0185)),
    # `lowerback` and `root` begin with these letters too, so the parts are spelt out.
    mirror_swap=tuple((f"l{part}", f"r{part}") for part in (*_LEG, *_ARM)),
    mirror_tolerance_m=8e-3,
    urls=(
        "https://github.com/google-deepmind/dm_control/tree/main/dm_control/locomotion",
        "https://arxiv.org/abs/2208.07363",
    ),
)

DM_CMU_HUMANOID_2019 = replace(
    DM_CMU_HUMANOID,
    name="dm_cmu_humanoid_2019",
    spec_fn=_spec_2019,
    motors={joints: _servo(*numbers) for joints, numbers in _SERVOS_2019.items()},
    default_root_height=0.9348,
    tracked_bodies=tuple(name for name in DM_CMU_HUMANOID.tracked_bodies if name != "face"),
    collisions_fn=_collisions_2019,
    landmarks=_landmarks(pelvis=(0.0494, 0.0, -0.0918), chest=(0.0, 0.1905, 0.0154)),
)
