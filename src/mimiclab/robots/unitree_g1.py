"""Unitree G1, 29 joints: mjlab's model, motor constants as published with BeyondMimic."""

import importlib.util
from pathlib import Path

import mujoco

from mimiclab.robots.robot import LandmarkPoint, Motor, Robot


def _planetary_inertia(rotor: tuple[float, float, float], gears: tuple[float, float]) -> float:
    """Inertia of a two-stage planetary drive seen at the output, kg m^2."""
    first, second = gears
    return rotor[0] * (first * second) ** 2 + rotor[1] * second**2 + rotor[2]


_ARMATURE_5020 = _planetary_inertia((1.39e-5, 1.7e-6, 1.69e-5), (1 + 46 / 18, 1 + 56 / 16))
_ARMATURE_7520_14 = _planetary_inertia((4.89e-5, 9.8e-6, 5.33e-5), (4.5, 1 + 48 / 22))
_ARMATURE_7520_22 = _planetary_inertia((4.89e-5, 1.09e-5, 7.38e-5), (4.5, 5.0))
_ARMATURE_4010 = _planetary_inertia((6.8e-6, 0.0, 0.0), (5.0, 5.0))

_MOTOR_5020 = Motor(effort_limit=25.0, velocity_limit=37.0, armature=_ARMATURE_5020)
_MOTOR_7520_14 = Motor(effort_limit=88.0, velocity_limit=32.0, armature=_ARMATURE_7520_14)
_MOTOR_7520_22 = Motor(effort_limit=139.0, velocity_limit=20.0, armature=_ARMATURE_7520_22)
_MOTOR_4010 = Motor(effort_limit=5.0, velocity_limit=22.0, armature=_ARMATURE_4010)
# Ankles and waist pitch/roll are parallel linkages of two motors.
_MOTOR_2X5020 = Motor(effort_limit=50.0, velocity_limit=37.0, armature=2 * _ARMATURE_5020)


def _spec() -> mujoco.MjSpec:
    # The file is found without importing mjlab, which would bring torch into deployment.
    package = importlib.util.find_spec("mjlab")
    assert package is not None and package.origin is not None, "mjlab is a requirement"
    root = Path(package.origin).parent
    return mujoco.MjSpec.from_file(
        str(root / "asset_zoo" / "robots" / "unitree_g1" / "xmls" / "g1.xml")
    )


def _collisions() -> tuple:
    from mjlab.asset_zoo.robots.unitree_g1.g1_constants import FULL_COLLISION

    return (FULL_COLLISION,)


def _landmarks() -> dict[str, LandmarkPoint]:
    points = {
        "pelvis": LandmarkPoint("pelvis", (0.0, 0.0, -0.1332)),
        "chest": LandmarkPoint("torso_link", (0.004, 0.0, 0.234)),
        "neck": LandmarkPoint("torso_link", (0.004, 0.0, 0.30)),
        "head": LandmarkPoint("torso_link", (0.004, 0.0, 0.42)),
    }
    for side in ("left", "right"):
        points |= {
            f"{side}_hip": LandmarkPoint(f"{side}_hip_roll_link"),
            f"{side}_knee": LandmarkPoint(f"{side}_knee_link"),
            f"{side}_ankle": LandmarkPoint(f"{side}_ankle_roll_link"),
            f"{side}_toe": LandmarkPoint(f"{side}_ankle_roll_link", (0.10, 0.0, -0.03)),
            f"{side}_shoulder": LandmarkPoint(f"{side}_shoulder_roll_link"),
            f"{side}_elbow": LandmarkPoint(f"{side}_elbow_link"),
            f"{side}_wrist": LandmarkPoint(f"{side}_wrist_yaw_link"),
            f"{side}_hand": LandmarkPoint(f"{side}_wrist_yaw_link", (0.08, 0.0, 0.0)),
        }
    return points


UNITREE_G1 = Robot(
    name="unitree_g1",
    spec_fn=_spec,
    motors={
        r".*_(elbow|shoulder_pitch|shoulder_roll|shoulder_yaw|wrist_roll)_joint": _MOTOR_5020,
        r".*_hip_(pitch|yaw)_joint|waist_yaw_joint": _MOTOR_7520_14,
        r".*_(hip_roll|knee)_joint": _MOTOR_7520_22,
        r".*_wrist_(pitch|yaw)_joint": _MOTOR_4010,
        r".*_ankle_(pitch|roll)_joint|waist_(pitch|roll)_joint": _MOTOR_2X5020,
    },
    default_joint_pos={
        r".*_hip_pitch_joint": -0.312,
        r".*_knee_joint": 0.669,
        r".*_ankle_pitch_joint": -0.363,
        r".*_elbow_joint": 0.6,
        r".*_shoulder_pitch_joint": 0.2,
        r"left_shoulder_roll_joint": 0.2,
        r"right_shoulder_roll_joint": -0.2,
    },
    default_root_height=0.76,
    root_body="pelvis",
    anchor_body="torso_link",
    tracked_bodies=(
        "pelvis",
        "left_hip_roll_link",
        "left_knee_link",
        "left_ankle_roll_link",
        "right_hip_roll_link",
        "right_knee_link",
        "right_ankle_roll_link",
        "torso_link",
        "left_shoulder_roll_link",
        "left_elbow_link",
        "left_wrist_yaw_link",
        "right_shoulder_roll_link",
        "right_elbow_link",
        "right_wrist_yaw_link",
    ),
    end_effectors=(
        "left_ankle_roll_link",
        "right_ankle_roll_link",
        "left_wrist_yaw_link",
        "right_wrist_yaw_link",
    ),
    feet=("left_ankle_roll_link", "right_ankle_roll_link"),
    foot_geoms=r"(left|right)_foot[1-7]_collision",
    spawn_height=0.80,
    fall_bodies=(r"pelvis", r".*_(shoulder|hip)_.*"),
    varied_masses=(r"pelvis", r".*_(hip|knee)_.*"),
    collisions_fn=_collisions,
    landmarks=_landmarks(),
    urls=("https://arxiv.org/abs/2508.08241",),
)
