"""Booster T1 with wrists, 29 joints: gains as Holosoma uses them."""

from dataclasses import replace

from mimiclab.robots.booster_t1 import (
    BOOSTER_T1,
    T1_LANDMARKS,
    T1_MIRROR_SWAP,
    T1_MOTORS,
    T1_WRIST_MOTORS,
)
from mimiclab.robots.compact_robot import both_sides, compact_spec

_LANDMARKS = T1_LANDMARKS | {
    "elbow": ("AL4",),
    "wrist": ("AL6",),
    "hand": ("left_hand_link", 0.0, 0.08, 0.0),
}

BOOSTER_T1_29 = replace(
    BOOSTER_T1,
    name="booster_t1_29",
    spec_fn=compact_spec("booster_t1_29"),
    motors=T1_MOTORS | T1_WRIST_MOTORS,
    landmarks=both_sides(_LANDMARKS, T1_MIRROR_SWAP),
    urls=("https://github.com/amazon-far/holosoma",),
)
