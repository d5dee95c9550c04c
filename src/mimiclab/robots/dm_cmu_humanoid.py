"""The CMU humanoid of dm_control, version 2020, 56 joints, position controlled.

A person of 70 kg made of capsules whose joints are those of the CMU motion capture database. The
model file comes with dm_control, which is not imported; the constants are those of dm_control's
`CMUHumanoidPositionControlledV2020`, but for two choices of ours:

- dm_control's root body has x to the left, y up and z forward. Ours, like every robot's here, has
  x forward, y to the left and z up, so that an upright root has no rotation. `ROOT_FROM_DM_CONTROL`
  turns one into the other where files cross the border; all other bodies' frames are the same.
- The servos' damping is part of the PD law, which the effort limit bounds, instead of the joints'.

The springs that pull every joint to 0 stay in the model.
"""

import importlib.util
from pathlib import Path

import mujoco
import numpy as np

from mimiclab.errors import RobotError
from mimiclab.robots.robot import LandmarkPoint, Motor, Robot

SCALE = 1.2
"""Size of this model over that of the file, and of the skeleton that AMC files assume."""
ROOT_FROM_DM_CONTROL = np.array([0.5, -0.5, -0.5, -0.5])
"""Orientation wxyz of our root body in dm_control's: `ours = quat_multiply(theirs, this)`."""
_MASS_KG = 70.0
_ARMATURE = 0.01
_VELOCITY_LIMIT = 100.0
"""Rad/s. The model has none; this is above what people reach."""

# Joints: stiffness N m/rad, which is also the effort limit N m, and damping N m s/rad.
_SERVOS = {
    r"[lr]femurrx": (300.0, 15.0),
    r"[lr]femurr[yz]": (200.0, 10.0),
    r"[lr]tibiarx": (160.0, 8.0),
    r"[lr]footrx": (120.0, 6.0),
    r"[lr]footrz": (50.0, 3.0),
    r"[lr](toes|fingers)rx|[lr]wristry|[lr](hand|thumb)r[xz]": (20.0, 1.0),
    r"(lowerback|upperback|thorax)rx": (300.0, 15.0),
    r"lowerbackry": (180.0, 20.0),
    r"lowerbackrz": (200.0, 20.0),
    r"(upperback|thorax)ry": (80.0, 8.0),
    r"(upperback|thorax)rz": (200.0, 12.0),
    r"lowerneckr[xyz]": (120.0, 20.0),
    r"upperneckr[xyz]": (60.0, 10.0),
    r"headr[xyz]": (40.0, 2.0),
    r"[lr]clavicler[yz]": (80.0, 20.0),
    r"[lr]humerusr[xyz]": (120.0, 6.0),
    r"[lr]radiusrx": (90.0, 5.0),
}


def _servo(stiffness: float, damping: float) -> Motor:
    omega = np.sqrt(stiffness / _ARMATURE)
    return Motor(
        effort_limit=stiffness,
        velocity_limit=_VELOCITY_LIMIT,
        armature=_ARMATURE,
        natural_frequency_hz=omega / (2.0 * np.pi),
        damping_ratio=damping / (2.0 * _ARMATURE * omega),
    )


def _file() -> Path:
    # Finding a package does not import it: dm_control takes half a second and looks for a display.
    package = importlib.util.find_spec("dm_control")
    if package is None or not package.submodule_search_locations:
        raise RobotError(
            "robot dm_cmu_humanoid: its model comes with dm_control, which is not installed; "
            "pip install mimiclab[cmu]"
        )
    folder = Path(package.submodule_search_locations[0])
    path = folder / "locomotion" / "walkers" / "assets" / "humanoid_CMU_V2020.xml"
    if not path.is_file():
        raise RobotError(
            f"robot dm_cmu_humanoid: this dm_control has no {path}; "
            "pip install mimiclab[cmu] brings the version that has"
        )
    return path


def _spec() -> mujoco.MjSpec:
    spec = mujoco.MjSpec.from_file(str(_file()))
    for actuator in list(spec.actuators):
        spec.delete(actuator)
    for thing in [*spec.worldbody.cameras, *spec.worldbody.lights]:
        spec.delete(thing)
    _add_face(spec)
    for body in spec.bodies:
        body.pos = SCALE * body.pos
        for part in [*body.geoms, *body.sites]:
            part.pos, part.size = SCALE * part.pos, SCALE * part.size
        for part in [*body.joints, *body.cameras]:
            part.pos = SCALE * part.pos
    for joint in spec.joints:
        joint.damping = np.zeros_like(joint.damping)
    root = spec.body("root")
    frame = root.add_frame(quat=[0.5, 0.5, 0.5, 0.5])
    for part in [*root.bodies, *root.geoms, *root.sites, *root.cameras]:
        part.set_frame(frame)
    root.add_freejoint(name="root")
    mass = spec.compile().body("root").subtreemass[0]
    for geom in spec.geoms:
        geom.density *= _MASS_KG / mass
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


def _landmarks() -> dict[str, LandmarkPoint]:
    # Only the root has our axes: in the bodies above it y is up and z forward, see above.
    points = {
        "pelvis": LandmarkPoint("root", (0.0593, 0.0, -0.1102)),
        "chest": LandmarkPoint("thorax", (0.0, 0.2447, 0.0185)),
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


_ARM = ("clavicle", "humerus", "radius", "wrist", "hand", "fingers", "thumb")
_LEG = ("hipjoint", "femur", "tibia", "foot", "toes")
_TRUNK = ("lowerback", "upperback", "thorax", "lowerneck", "upperneck", "head", "face")

DM_CMU_HUMANOID = Robot(
    name="dm_cmu_humanoid",
    spec_fn=_spec,
    motors={joints: _servo(*gains) for joints, gains in _SERVOS.items()},
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
        *(f"l{part}" for part in _LEG),
        *(f"r{part}" for part in _LEG),
        *_TRUNK,
        *(f"l{part}" for part in _ARM),
        *(f"r{part}" for part in _ARM),
    ),
    end_effectors=tuple(
        f"{side}{part}" for side in "lr" for part in ("foot", "toes", "hand", "fingers", "thumb")
    ),
    feet=("lfoot", "rfoot"),
    foot_geoms=r"[lr](foot(_ch)?|toes[0-2])",
    landmarks=_landmarks(),
    # `lowerback` and `root` begin with these letters too, so the parts are spelt out.
    mirror_swap=tuple((f"l{part}", f"r{part}") for part in (*_LEG, *_ARM)),
    mirror_tolerance_m=8e-3,
    urls=(
        "https://github.com/google-deepmind/dm_control/tree/main/dm_control/locomotion",
        "https://arxiv.org/abs/2208.07363",
    ),
)
