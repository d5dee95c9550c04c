"""PND Adam Lite, 25 joints: motors and gains as MOSAIC uses them."""

from mimiclab.robots.compact_robot import (
    FOOT_GEOMS,
    both_sides,
    compact_collisions,
    compact_spec,
)
from mimiclab.robots.robot import Motor, Robot


def _motor(effort: float, velocity: float, armature: float) -> Motor:
    return Motor(effort_limit=effort, velocity_limit=velocity, armature=armature)


_SWAP = (("_Left", "_Right"), ("Left", "Right"))
_LANDMARKS = {
    "pelvis": ("pelvis", 0.0185, 0.0, -0.0728),
    "chest": ("torso", 0.0, 0.0, 0.272),
    "neck": ("torso", 0.0, 0.0, 0.35),
    "head": ("torso", 0.03, 0.0, 0.47),
    "hip": ("hipRollLeft", 0.044, 0.0, 0.0),
    "knee": ("shinLeft",),
    "ankle": ("toeLeft",),
    "toe": ("toeLeft", 0.12, 0.0, -0.055),
    "shoulder": ("shoulderRollLeft", -0.0335, 0.034, 0.0),
    "elbow": ("elbowLeft", 0.0, 0.0285, 0.0),
    "wrist": ("wristYawLeft", 0.0, 0.0, -0.2),
    "hand": ("wristYawLeft", 0.0, 0.0, -0.27),
}


PND_ADAM_LITE = Robot(
    name="pnd_adam_lite",
    spec_fn=compact_spec("pnd_adam_lite"),
    motors={
        r"(hip|knee)Pitch_.*": _motor(230.0, 15.0, 0.13426),
        r"hipRoll_.*": _motor(160.0, 8.0, 0.2637),
        r"hipYaw_.*": _motor(105.0, 8.0, 0.225),
        r"ankle(Pitch|Roll)_.*": _motor(40.0, 20.0, 2 * 0.0549),
        r"waist(Roll|Pitch|Yaw)": _motor(110.0, 8.0, 2 * 0.225),
        r"shoulder(Pitch|Roll)_.*": _motor(65.0, 8.0, 0.15075),
        r"shoulderYaw_.*": _motor(65.0, 8.0, 0.04075),
        r"elbow_.*": _motor(30.0, 8.0, 0.04075),
        # MOSAIC fixes the wrists; torque from PND's file, speed and armature assumed.
        r"wristYaw_.*": _motor(6.4, 8.0, 0.01),
    },
    default_joint_pos={
        r"hipPitch_.*": -0.586,
        r"hipRoll_Left": -0.085,
        r"hipRoll_Right": 0.085,
        r"hipYaw_Left": -0.322,
        r"hipYaw_Right": 0.322,
        r"kneePitch_.*": 1.288,
        r"anklePitch_.*": -0.789,
        r"ankleRoll_Left": 0.002,
        r"ankleRoll_Right": -0.002,
        r"shoulderRoll_Left": 0.1,
        r"shoulderRoll_Right": -0.1,
        r"elbow_.*": -0.3,
    },
    default_root_height=0.7602,
    root_body="pelvis",
    anchor_body="torso",
    tracked_bodies=(
        "pelvis",
        "hipRollLeft",
        "shinLeft",
        "toeLeft",
        "hipRollRight",
        "shinRight",
        "toeRight",
        "torso",
        "shoulderRollLeft",
        "elbowLeft",
        "wristYawLeft",
        "shoulderRollRight",
        "elbowRight",
        "wristYawRight",
    ),
    end_effectors=("toeLeft", "toeRight", "wristYawLeft", "wristYawRight"),
    feet=("toeLeft", "toeRight"),
    foot_geoms=FOOT_GEOMS,
    mirror_swap=_SWAP,
    collisions_fn=compact_collisions,
    landmarks=both_sides(_LANDMARKS, _SWAP),
    urls=(
        "https://github.com/pndbotics/pnd_mujoco",
        "https://arxiv.org/abs/2602.08594",
    ),
)
