"""Booster K1, 22 joints: motors and gains as Booster trains it."""

from mimiclab.robots.compact_robot import (
    FOOT_GEOMS,
    both_sides,
    compact_collisions,
    compact_spec,
)
from mimiclab.robots.robot import Motor, Robot


def _motor(gains: tuple[float, float], effort: float, velocity: float, armature: float) -> Motor:
    return Motor.with_gains(*gains, effort_limit=effort, velocity_limit=velocity, armature=armature)


_SWAP = (("ALeft_", "ARight_"), ("Left_", "Right_"), ("left_", "right_"))
_LANDMARKS = {
    "pelvis": ("Trunk", 0.0, 0.0, -0.103),
    "chest": ("Trunk", 0.0025, 0.0, 0.171),
    "neck": ("Trunk", 0.0056, 0.0, 0.2149),
    "head": ("Head_2", 0.01, 0.0, 0.08),
    "hip": ("Left_Hip_Roll",),
    "knee": ("Left_Shank",),
    "ankle": ("left_foot_link",),
    "toe": ("left_foot_link", 0.07, 0.0, -0.03),
    "shoulder": ("Left_Arm_2",),
    # The hinge that bends the arm is the hand link's; `Elbow_Pitch` turns the upper arm.
    "elbow": ("left_hand_link",),
    "wrist": ("left_hand_link", 0.0, 0.12, 0.0),
    "hand": ("left_hand_link", 0.0, 0.17, 0.0),
}


BOOSTER_K1 = Robot(
    name="booster_k1",
    spec_fn=compact_spec("booster_k1"),
    motors={
        r".*_Hip_Pitch": _motor((80.0, 2.0), 30.0, 8.0, 0.0478125),
        r".*_Hip_Roll": _motor((80.0, 2.0), 35.0, 12.9, 0.0339552),
        r".*_Hip_Yaw": _motor((80.0, 2.0), 20.0, 18.0, 0.0282528),
        r".*_Knee_Pitch": _motor((80.0, 2.0), 40.0, 12.5, 0.095625),
        r".*_Ankle_(Pitch|Roll)": _motor((30.0, 2.0), 20.0, 18.0, 0.0565056),
        r".*_(Shoulder_Pitch|Shoulder_Roll|Elbow_Pitch|Elbow_Yaw)": _motor(
            (4.0, 1.0), 14.0, 18.0, 0.001
        ),
        r"AAHead_yaw|Head_pitch": _motor((4.0, 1.0), 6.0, 20.0, 0.002),
    },
    default_joint_pos={
        r"Left_Shoulder_Roll": -1.3,
        r"Right_Shoulder_Roll": 1.3,
        r".*_Hip_Pitch": -0.2,
        r".*_Knee_Pitch": 0.4,
        r".*_Ankle_Pitch": -0.2,  # Booster: -0.25, which lowers the toes by 8 mm
    },
    default_root_height=0.5456,
    root_body="Trunk",
    anchor_body="Trunk",
    tracked_bodies=(
        "Trunk",
        "Left_Hip_Roll",
        "Left_Shank",
        "left_foot_link",
        "Right_Hip_Roll",
        "Right_Shank",
        "right_foot_link",
        "Head_2",
        "Left_Arm_2",
        "Left_Arm_3",
        "left_hand_link",
        "Right_Arm_2",
        "Right_Arm_3",
        "right_hand_link",
    ),
    end_effectors=("left_foot_link", "right_foot_link", "left_hand_link", "right_hand_link"),
    feet=("left_foot_link", "right_foot_link"),
    foot_geoms=FOOT_GEOMS,
    spawn_height=0.56,  # 0.68 elsewhere, which drops it by 13 cm
    fall_bodies=(r"Trunk", r"Head_[12]", r".*_Arm_[123]", r".*_Hip_.*"),
    mirror_swap=_SWAP,
    collisions_fn=compact_collisions,
    landmarks=both_sides(_LANDMARKS, _SWAP),
    urls=(
        "https://github.com/BoosterRobotics/booster_assets",
        "https://github.com/BoosterRobotics/booster_train",
    ),
)
