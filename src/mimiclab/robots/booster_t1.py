"""Booster T1, 23 joints, and what it shares with the 29-joint T1: gains as Holosoma uses them."""

from mimiclab.robots.compact_robot import (
    FOOT_GEOMS,
    both_sides,
    compact_collisions,
    compact_spec,
)
from mimiclab.robots.robot import Motor, Robot

_ARMATURE = 0.01
"""kg m^2, for every joint, as in Holosoma's model."""


def _motor(stiffness: float, damping: float, effort: float, velocity: float) -> Motor:
    return Motor.with_gains(
        stiffness, damping, effort_limit=effort, velocity_limit=velocity, armature=_ARMATURE
    )


T1_MOTORS = {
    r"AAHead_yaw|Head_pitch": _motor(5.0, 0.5, 7.0, 12.56),
    r".*_(Shoulder_Pitch|Shoulder_Roll|Elbow_Pitch|Elbow_Yaw)": _motor(20.0, 0.5, 18.0, 18.84),
    r"Waist": _motor(200.0, 5.0, 30.0, 10.88),
    r".*_Hip_Pitch": _motor(200.0, 5.0, 45.0, 12.5),
    r".*_Hip_(Roll|Yaw)": _motor(200.0, 5.0, 30.0, 10.9),
    r".*_Knee_Pitch": _motor(200.0, 5.0, 60.0, 11.7),
    r".*_Ankle_Pitch": _motor(50.0, 3.0, 12.0, 18.8),
    r".*_Ankle_Roll": _motor(50.0, 3.0, 12.0, 12.4),
}
T1_WRIST_MOTORS = {r".*_(Wrist_Pitch|Wrist_Yaw|Hand_Roll)": _motor(20.0, 0.5, 18.0, 18.84)}
T1_DEFAULT_JOINT_POS = {
    r".*_Shoulder_Pitch": 0.2,
    r"Left_Shoulder_Roll": -1.35,
    r"Right_Shoulder_Roll": 1.35,
    r"Left_Elbow_Yaw": -0.5,
    r"Right_Elbow_Yaw": 0.5,
    r".*_Hip_Pitch": -0.2,
    r".*_Knee_Pitch": 0.4,
    r".*_Ankle_Pitch": -0.2,  # Holosoma: -0.25, which lowers the toes by 11 mm
}
T1_ROOT_HEIGHT = 0.6669
T1_TRACKED_BODIES = (
    "Trunk",
    "Hip_Roll_Left",
    "Shank_Left",
    "left_foot_link",
    "Hip_Roll_Right",
    "Shank_Right",
    "right_foot_link",
    "Waist",
    "AL2",
    "AL3",
    "left_hand_link",
    "AR2",
    "AR3",
    "right_hand_link",
)
T1_END_EFFECTORS = ("left_foot_link", "right_foot_link", "left_hand_link", "right_hand_link")
T1_MIRROR_SWAP = (
    ("AL", "AR"),
    ("Left_", "Right_"),
    ("left_", "right_"),
    ("_Left", "_Right"),
)


T1_LANDMARKS = {
    "pelvis": ("Waist", 0.0, 0.0, -0.02),
    "chest": ("Trunk", 0.0575, 0.0, 0.219),
    "neck": ("Trunk", 0.0625, 0.0, 0.27),
    "head": ("H2", 0.01, 0.0, 0.1),
    "hip": ("Hip_Roll_Left",),
    "knee": ("Shank_Left",),
    "ankle": ("left_foot_link",),
    "toe": ("left_foot_link", 0.08, 0.0, -0.021),
    "shoulder": ("AL2",),
    # The hinge that bends the arm is the hand link's; `Elbow_Pitch` turns the upper arm.
    "elbow": ("left_hand_link",),
    "wrist": ("left_hand_link", 0.0, 0.15, 0.0),
    "hand": ("left_hand_link", 0.0, 0.2, 0.0),
}


BOOSTER_T1 = Robot(
    name="booster_t1",
    spec_fn=compact_spec("booster_t1"),
    motors=T1_MOTORS,
    default_joint_pos=T1_DEFAULT_JOINT_POS,
    default_root_height=T1_ROOT_HEIGHT,
    root_body="Trunk",
    anchor_body="Trunk",
    tracked_bodies=T1_TRACKED_BODIES,
    end_effectors=T1_END_EFFECTORS,
    feet=("left_foot_link", "right_foot_link"),
    foot_geoms=FOOT_GEOMS,
    spawn_height=0.68,
    # Trunk, waist, head, shoulders and hips.
    fall_bodies=(r"Trunk", r"Waist", r"H[12]", r"A[LR][12]", r"Hip_.*"),
    mirror_swap=T1_MIRROR_SWAP,
    collisions_fn=compact_collisions,
    landmarks=both_sides(T1_LANDMARKS, T1_MIRROR_SWAP),
    urls=(
        "https://github.com/google-deepmind/mujoco_menagerie/tree/main/booster_t1",
        "https://github.com/amazon-far/holosoma",
    ),
)
