"""Unitree H1_2 without hands, 27 joints: motors and gains as MOSAIC uses them."""

from dataclasses import replace

from mimiclab.robots.compact_robot import (
    FOOT_GEOMS,
    both_sides,
    compact_collisions,
    compact_spec,
)
from mimiclab.robots.robot import Motor, Robot

_SPEED = 100.0
"""rad/s: MOSAIC sets no speed limit to speak of."""
_M107_15 = Motor(effort_limit=200.0, velocity_limit=_SPEED, armature=0.063259741)
_M107_24 = Motor(effort_limit=300.0, velocity_limit=_SPEED, armature=0.160478022)
_N7520_22 = Motor(effort_limit=100.0, velocity_limit=_SPEED, armature=0.025101925)
# Ankles: two motors in parallel, half the natural frequency, the damping left as it was.
_ANKLE = Motor(
    effort_limit=75.0,
    velocity_limit=_SPEED,
    armature=2 * 0.01017752,
    natural_frequency_hz=5.0,
    damping_ratio=4.0,
)
# Wrists: a hundredth of the stiffness that the rule gives one motor, the damping left as it was.
_WRIST = Motor(
    effort_limit=25.0,
    velocity_limit=_SPEED,
    armature=0.003609725,
    natural_frequency_hz=1.0,
    damping_ratio=20.0,
)
_WRIST_PAIR = replace(
    _WRIST, armature=2 * _WRIST.armature, natural_frequency_hz=0.5**0.5, damping_ratio=20 * 2**0.5
)


_LANDMARKS = {
    "pelvis": ("pelvis", 0.0, 0.0, -0.1632),
    "chest": ("torso_link", 0.0, 0.0, 0.4336),
    "neck": ("torso_link", 0.0, 0.0, 0.52),
    "head": ("torso_link", 0.04, 0.0, 0.66),
    "hip": ("left_hip_pitch_link",),
    "knee": ("left_knee_link",),
    "ankle": ("left_ankle_roll_link",),
    "toe": ("left_ankle_roll_link", 0.12, 0.0, -0.035),
    "shoulder": ("left_shoulder_roll_link", -0.0342, 0.0, 0.0),
    "elbow": ("left_elbow_link",),
    "wrist": ("left_wrist_yaw_link",),
    "hand": ("left_wrist_yaw_link", 0.08, 0.0, 0.0),
}


UNITREE_H1_2 = Robot(
    name="unitree_h1_2",
    spec_fn=compact_spec("unitree_h1_2"),
    motors={
        r".*_hip_yaw_joint|torso_joint": _M107_15,
        r".*_hip_(roll|pitch)_joint|.*_knee_joint": _M107_24,
        r".*_ankle_(pitch|roll)_joint": _ANKLE,
        r".*_shoulder_(pitch|roll|yaw)_joint|.*_elbow_joint": _N7520_22,
        r".*_wrist_roll_joint": _WRIST,
        r".*_wrist_(pitch|yaw)_joint": _WRIST_PAIR,
    },
    default_joint_pos={
        r".*_hip_pitch_joint": -0.16,
        r".*_knee_joint": 0.36,
        r".*_ankle_pitch_joint": -0.2,  # MOSAIC: -0.15, which lifts the toes by 12 mm
        r".*_shoulder_pitch_joint": 0.4,
        r".*_elbow_joint": 0.3,
    },
    default_root_height=1.0151,
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
    foot_geoms=FOOT_GEOMS,
    collisions_fn=compact_collisions,
    landmarks=both_sides(_LANDMARKS, (("left_", "right_"),)),
    urls=(
        "https://github.com/unitreerobotics/unitree_mujoco/tree/main/unitree_robots/h1_2",
        "https://arxiv.org/abs/2602.08594",
    ),
)
