"""Unitree H1, 19 joints: gains of Unitree's own training configuration, limits of its URDF."""

from mimiclab.robots.compact_robot import (
    FOOT_GEOMS,
    both_sides,
    compact_collisions,
    compact_spec,
)
from mimiclab.robots.robot import Motor, Robot

_ARMATURE = 0.1
"""kg m^2, for every joint, as in MuJoCo Menagerie: Unitree gives none for this robot."""


def _motor(stiffness: float, damping: float, effort: float, velocity: float) -> Motor:
    return Motor.with_gains(
        stiffness, damping, effort_limit=effort, velocity_limit=velocity, armature=_ARMATURE
    )


_LANDMARKS = {
    "pelvis": ("pelvis", 0.0395, 0.0, -0.1742),
    "chest": ("torso_link", 0.0, 0.0, 0.439),
    "neck": ("torso_link", 0.0, 0.0, 0.52),
    "head": ("torso_link", 0.04, 0.0, 0.66),
    "hip": ("left_hip_pitch_link",),
    "knee": ("left_knee_link",),
    "ankle": ("left_ankle_link",),
    "toe": ("left_ankle_link", 0.12, 0.0, -0.06),
    "shoulder": ("left_shoulder_roll_link",),
    "elbow": ("left_elbow_link",),
    "wrist": ("left_elbow_link", 0.22, 0.0, -0.015),
    "hand": ("left_elbow_link", 0.29, 0.0, -0.015),
}


UNITREE_H1 = Robot(
    name="unitree_h1",
    spec_fn=compact_spec("unitree_h1"),
    motors={
        r".*_hip_(yaw|roll|pitch)": _motor(150.0, 2.0, 200.0, 23.0),
        r".*_knee": _motor(200.0, 4.0, 300.0, 14.0),
        r".*_ankle": _motor(40.0, 2.0, 40.0, 9.0),
        r"torso": _motor(300.0, 6.0, 200.0, 23.0),
        r".*_shoulder_(pitch|roll)": _motor(150.0, 2.0, 40.0, 9.0),
        r".*_shoulder_yaw": _motor(150.0, 2.0, 18.0, 20.0),
        r".*_elbow": _motor(100.0, 2.0, 18.0, 20.0),
    },
    default_joint_pos={r".*_hip_pitch": -0.1, r".*_knee": 0.3, r".*_ankle": -0.2},
    default_root_height=1.0342,
    root_body="pelvis",
    anchor_body="torso_link",
    tracked_bodies=(
        "pelvis",
        "left_hip_roll_link",
        "left_knee_link",
        "left_ankle_link",
        "right_hip_roll_link",
        "right_knee_link",
        "right_ankle_link",
        "torso_link",
        "left_shoulder_roll_link",
        "left_shoulder_yaw_link",
        "left_elbow_link",
        "right_shoulder_roll_link",
        "right_shoulder_yaw_link",
        "right_elbow_link",
    ),
    end_effectors=("left_ankle_link", "right_ankle_link", "left_elbow_link", "right_elbow_link"),
    feet=("left_ankle_link", "right_ankle_link"),
    foot_geoms=FOOT_GEOMS,
    collisions_fn=compact_collisions,
    landmarks=both_sides(_LANDMARKS, (("left_", "right_"),)),
    urls=(
        "https://github.com/google-deepmind/mujoco_menagerie/tree/main/unitree_h1",
        "https://github.com/unitreerobotics/unitree_ros/tree/master/robots/h1_description",
        "https://github.com/unitreerobotics/unitree_rl_gym",
    ),
)
