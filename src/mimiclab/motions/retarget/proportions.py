"""From one body's proportions to another's: segment directions kept, segment lengths replaced."""

from dataclasses import dataclass

import numpy as np

from mimiclab.errors import RobotError
from mimiclab.maths.rotations import quat_rotate
from mimiclab.motions.forward import forward_kinematics
from mimiclab.robots import Robot
from mimiclab.robots.robot import LANDMARKS

_PARENT = {
    "chest": "pelvis", "neck": "chest", "head": "neck",
    "left_hip": "pelvis", "left_knee": "left_hip", "left_ankle": "left_knee",
    "left_toe": "left_ankle", "left_shoulder": "chest", "left_elbow": "left_shoulder",
    "left_wrist": "left_elbow", "left_hand": "left_wrist",
    "right_hip": "pelvis", "right_knee": "right_hip", "right_ankle": "right_knee",
    "right_toe": "right_ankle", "right_shoulder": "chest", "right_elbow": "right_shoulder",
    "right_wrist": "right_elbow", "right_hand": "right_wrist",
}  # fmt: skip
LEGS = (
    ("left_hip", "left_knee", "left_ankle", "left_toe"),
    ("right_hip", "right_knee", "right_ankle", "right_toe"),
)
"""What a body must have to be retargeted, besides the pelvis."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Stature:
    """A robot's landmarks in its default pose, upright, heading along x, soles at z = 0."""

    names: tuple[str, ...]
    points: np.ndarray
    """Shape (L, 3), m."""
    root: np.ndarray
    """Origin of the root body (3,), m."""

    def of(self, name: str) -> np.ndarray:
        """One landmark (3,), m."""
        return self.points[self.names.index(name)]

    @property
    def leg(self) -> float:
        """Thigh and shank, mean of both sides, m."""
        return leg_length(self.points[None], self.names)

    @property
    def ankle_height(self) -> float:
        """Of the ankles above the soles, mean of both sides, m."""
        return float(np.mean([self.of(leg[2])[2] for leg in LEGS]))

    @property
    def foot_pitch(self) -> float:
        """Of the line from ankle to toe when the sole is flat, rad; negative is down."""
        return float(np.mean([_pitch(self.of(leg[3]) - self.of(leg[2])) for leg in LEGS]))


def stature(robot: Robot) -> Stature:
    """Landmarks of the robot's default pose.

    Raises:
        RobotError: the robot lacks landmarks of pelvis or legs, or geoms under its feet.
    """
    from mimiclab.motions.ground import foot_points

    needed = ("pelvis", *LEGS[0], *LEGS[1])
    absent = [name for name in needed if name not in robot.landmarks]
    if absent:
        raise RobotError(
            f"robot {robot.name} has no landmarks {', '.join(absent)}; add them to `landmarks` of "
            "its description, retargeting needs them"
        )
    qpos = np.concatenate([[0, 0, 0, 1, 0, 0, 0], robot.default_pose])[None]
    pos, quat = forward_kinematics(robot.model, qpos)
    names = tuple(name for name in LANDMARKS if name in robot.landmarks)
    points = np.empty((len(names), 3))
    for row, name in enumerate(names):
        mark = robot.landmarks[name]
        body = robot.body_names.index(mark.body)
        points[row] = pos[0, body] + quat_rotate(quat[0, body], np.array(mark.point))
    soles = [
        (pos[0, p.body] + quat_rotate(quat[0, p.body], p.centres))[:, 2] - p.radii
        for p in foot_points(robot)
    ]
    ground = np.array([0.0, 0.0, min(float(heights.min()) for heights in soles)])
    return Stature(names=names, points=points - ground, root=-ground)


def leg_length(pos: np.ndarray, names: tuple[str, ...]) -> float:
    """Thigh and shank, median over frames (T, L, 3), mean of both sides, m."""

    def length(a: str, b: str) -> float:
        difference = pos[:, names.index(a)] - pos[:, names.index(b)]
        return float(np.median(np.linalg.norm(difference, axis=-1)))

    return 0.5 * sum(length(hip, knee) + length(knee, ankle) for hip, knee, ankle, _ in LEGS)


def limb_tree(names: tuple[str, ...]) -> dict[str, str]:
    """Each landmark's nearest present ancestor; the pelvis has none, parents come first."""
    tree = {}
    for name in names:
        parent = _PARENT.get(name)
        while parent is not None and parent not in names:
            parent = _PARENT.get(parent)
        if parent is not None:
            tree[name] = parent
    return tree


def with_lengths(
    pos: np.ndarray, names: tuple[str, ...], pelvis: np.ndarray, body: Stature
) -> np.ndarray:
    """Landmarks of a body with other segment lengths and the same segment directions.

    Args:
        pos: given landmarks (T, L, 3), m.
        names: their names, all of which `body` has.
        pelvis: where the pelvis shall be (T, 3), m.
        body: whose lengths to use.
    """
    result = np.empty_like(pos)
    result[:, names.index("pelvis")] = pelvis
    for name, parent in limb_tree(names).items():
        i, j = names.index(name), names.index(parent)
        segment = pos[:, i] - pos[:, j]
        length = np.linalg.norm(segment, axis=-1, keepdims=True)
        # A segment that collapses for a moment has no direction to keep.
        length = np.maximum(length, 0.3 * np.median(length) + 1e-9)
        wanted = np.linalg.norm(body.of(name) - body.of(parent))
        result[:, i] = result[:, j] + wanted / length * segment
    return result


def limb_scales(pos: np.ndarray, names: tuple[str, ...], body: Stature) -> dict[str, float]:
    """Length of the body's segment over the given one's, by the landmark at its far end."""
    scales = {}
    for name, parent in limb_tree(names).items():
        given = np.linalg.norm(pos[:, names.index(name)] - pos[:, names.index(parent)], axis=-1)
        wanted = float(np.linalg.norm(body.of(name) - body.of(parent)))
        scales[name] = wanted / max(float(np.median(given)), 1e-9)
    return scales


def pitch_feet(pos: np.ndarray, names: tuple[str, ...], angle: float) -> np.ndarray:
    """Turn ankle-to-toe about each foot's own lateral axis by `angle` (rad, toes up positive).

    Robots and people differ in how far the ankle is above the ball of a flat foot.
    """
    result = pos.copy()
    for _, knee, ankle, toe in LEGS:
        i, j = names.index(ankle), names.index(toe)
        forward = pos[:, j] - pos[:, i]
        lateral = foot_lateral(pos[:, names.index(knee)] - pos[:, i], forward)
        turned = np.cos(angle) * forward - np.sin(angle) * np.cross(lateral, forward)
        result[:, j] = pos[:, i] + turned
    return result


def foot_lateral(shank: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """Unit axis to the left of feet, from ankle-to-knee and ankle-to-toe (T, 3)."""
    lateral = np.cross(shank, forward)
    return lateral / np.maximum(np.linalg.norm(lateral, axis=-1, keepdims=True), 1e-9)


def _pitch(forward: np.ndarray) -> float:
    return float(np.arctan2(forward[2], np.hypot(forward[0], forward[1])))


def stance_pitch(
    pos: np.ndarray, names: tuple[str, ...], flat: np.ndarray, default: float
) -> float:
    """Pitch of ankle-to-toe while feet stand flat, rad; `default` if they never do.

    Args:
        pos: landmarks (T, L, 3).
        names: their names.
        flat: frames in which left and right foot stand on toe and heel (T, 2).
        default: answer without such frames.
    """
    angles = []
    for foot, (_, _, ankle, toe) in enumerate(LEGS):
        forward = (pos[:, names.index(toe)] - pos[:, names.index(ankle)])[flat[:, foot]]
        angles.append(np.arctan2(forward[:, 2], np.hypot(forward[:, 0], forward[:, 1])))
    found = np.concatenate(angles)
    return float(np.median(found)) if found.size else default
