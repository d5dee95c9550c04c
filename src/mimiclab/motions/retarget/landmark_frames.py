"""Landmarks made ready: at another frame rate, with pelvis and toes where a map lacks them."""

from dataclasses import replace

import numpy as np

from mimiclab.errors import MotionError
from mimiclab.motions.human.landmarks import LandmarkMotion
from mimiclab.motions.retarget.proportions import LEGS, leg_length
from mimiclab.robots.robot import LANDMARKS


def resample_landmarks(motion: LandmarkMotion, fps: float) -> LandmarkMotion:
    """Linear in time, at k / fps strictly below the duration like `kinematics.resample`.

    Raises:
        MotionError: fps is not positive.
    """
    if not (np.isfinite(fps) and fps > 0):
        raise MotionError(f"cannot resample {motion.name!r} to {fps} fps; give a positive number")
    if fps == motion.fps:
        return motion
    duration = (motion.num_frames - 1) / motion.fps
    count = max(1, int(np.ceil(round(duration * fps, 9))))
    phase = np.arange(count) * (motion.fps / fps)
    low = np.clip(np.floor(phase).astype(int), 0, max(motion.num_frames - 2, 0))
    high = np.minimum(low + 1, motion.num_frames - 1)
    blend = np.clip(phase - low, 0.0, 1.0)[:, None, None]
    pos = motion.pos_w[low] + blend * (motion.pos_w[high] - motion.pos_w[low])
    return replace(motion, fps=float(fps), pos_w=pos)


def complete(motion: LandmarkMotion) -> LandmarkMotion:
    """The same with a pelvis midway between the hips and toes ahead of the ankles, if it had none.

    Raises:
        MotionError: hips, knees or ankles are missing.
    """
    absent = [n for leg in LEGS for n in leg[:3] if n not in motion.names]
    if absent:
        raise MotionError(
            f"landmarks of {motion.name!r} lack {', '.join(absent)}, which retargeting needs; add "
            "them to the skeleton's map"
        )
    points = {name: motion.of(name) for name in motion.names}
    if "pelvis" not in points:
        points["pelvis"] = 0.5 * (points["left_hip"] + points["right_hip"])
    leg = leg_length(motion.pos_w, motion.names)
    across = points["left_hip"] - points["right_hip"]
    ahead = np.cross(across, [0.0, 0.0, 1.0])
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    for _, _, ankle, toe in LEGS:
        if toe not in points:
            points[toe] = points[ankle] + leg * (0.16 * ahead - np.array([0.0, 0.0, 0.08]))
    names = tuple(name for name in LANDMARKS if name in points)
    if names == motion.names:
        return motion
    return replace(motion, names=names, pos_w=np.stack([points[n] for n in names], axis=1))
