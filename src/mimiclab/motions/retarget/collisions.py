"""Arms kept out of trunk, legs and each other, and legs out of each other: capsules of bodies."""

from dataclasses import dataclass

import numpy as np

from mimiclab.maths.rotations import quat_to_matrix
from mimiclab.motions.ground import body_points
from mimiclab.motions.retarget.composite import cross
from mimiclab.motions.skeleton import Pose, Skeleton
from mimiclab.robots import Robot

_SLACK_M = 0.01
"""Pairs that are close in the default pose may come this much closer."""


@dataclass(frozen=True, eq=False)
class PairRows:
    """One pair of bodies in the frames in which it is too close."""

    frames: np.ndarray
    """Indices (F,)."""
    sign: np.ndarray
    """Per coordinate (6 + J,): 1 where it moves the second body alone, -1 the first, else 0."""
    wrench: np.ndarray
    """Along the shortest way from first to second (F, 6)."""
    gap: np.ndarray
    """How much closer than allowed, m (F,)."""


@dataclass(frozen=True, eq=False)
class _Capsules:
    """One around each body that has collision geoms, in the body's frame."""

    body: np.ndarray
    """(C,)."""
    ends: np.ndarray
    """(C, 2, 3), m."""
    radius: np.ndarray
    """(C,), m."""


class SelfCollisions:
    """Pairs of bodies that could meet, and how close they may come.

    A capsule around a body is larger than the body. So what is closer in the default pose than
    `margin` allows may stay as close as there: the capsules there are known to be too large.
    """

    def __init__(self, robot: Robot, skeleton: Skeleton, margin: float) -> None:
        self.capsules = _capsules(robot)
        self.pairs = _pairs(robot, skeleton, self.capsules)
        first, second = self.capsules.body[self.pairs].T
        moves = skeleton.moves[second] - skeleton.moves[first]
        self.sign = np.concatenate([np.zeros((len(self.pairs), 6)), moves], axis=1)
        upright = quat_to_matrix(np.array([[1.0, 0.0, 0.0, 0.0]]))
        rest = skeleton.pose(np.zeros((1, 3)), upright, robot.default_pose[None])
        every = np.arange(len(self.pairs))
        distance = self._distances(rest, np.zeros_like(every), every)[0]
        self.allowed = np.minimum(margin, distance - _SLACK_M)
        self.centre = self.capsules.ends.mean(axis=1)
        half = 0.5 * np.linalg.norm(np.diff(self.capsules.ends, axis=1)[:, 0], axis=1)
        bound = (half + self.capsules.radius)[self.pairs].sum(axis=1)
        self.reach = np.maximum(bound + self.allowed, 0.0)

    def evaluate(self, pose: Pose) -> list[PairRows]:
        """Pairs closer than they may be."""
        if not len(self.pairs):
            return []
        frames, pairs = self._near(pose)
        distance, on_first, on_second = self._distances(pose, frames, pairs)
        gap = self.allowed[pairs] - distance
        close = np.flatnonzero(gap > 0)
        if not close.size:
            return []
        close = close[np.argsort(pairs[close], kind="stable")]
        kinds, starts = np.unique(pairs[close], return_index=True)
        rows = []
        for pair, some in zip(kinds, np.split(close, starts[1:]), strict=True):
            way = on_second[some] - on_first[some]
            length = np.linalg.norm(way, axis=1, keepdims=True)
            # Axes that cross have no shortest way; such frames wait for their neighbours' pull.
            normal = np.where(length > 1e-6, way / np.maximum(length, 1e-9), 0.0)
            arm = 0.5 * (on_first[some] + on_second[some]) - pose.root_pos[frames[some]]
            wrench = np.concatenate([cross(arm, normal), normal], axis=1)
            rows.append(PairRows(frames[some], self.sign[pair], wrench, gap[some]))
        return rows

    def _near(self, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
        """Frames and pairs whose bounding spheres touch."""
        capsules = self.capsules
        each = zip(capsules.body, self.centre, strict=True)
        place = np.stack([_points(pose, body, centre) for body, centre in each])
        first, second = self.pairs.T
        apart = place[first] - place[second]
        squared = np.einsum("pti,pti->pt", apart, apart)
        pairs, frames = np.nonzero(squared < self.reach[:, None] ** 2)
        return frames, pairs

    def _distances(
        self, pose: Pose, frames: np.ndarray, pairs: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Between surfaces of some pairs (N,), and the nearest points of their axes (N, 3)."""
        ends = []
        for side in range(2):
            capsule = self.pairs[pairs, side]
            body = self.capsules.body[capsule]
            turned = self.capsules.ends[capsule] @ np.swapaxes(pose.body_rot[frames, body], 1, 2)
            ends += [*np.moveaxis(turned + pose.body_pos[frames, body, None], 1, 0)]
        a, b = nearest_points(*ends)
        radii = self.capsules.radius[self.pairs[pairs]].sum(axis=1)
        return np.linalg.norm(b - a, axis=-1) - radii, a, b


def _points(pose: Pose, body: int, point: np.ndarray) -> np.ndarray:
    return pose.body_pos[:, body] + pose.body_rot[:, body] @ point


def nearest_points(
    p0: np.ndarray, p1: np.ndarray, q0: np.ndarray, q1: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Nearest points of the segments p0-p1 and q0-q1, all (..., 3).

    Source: Ericson, Real-Time Collision Detection, 2005, section 5.1.9.
    """
    u, v, w = p1 - p0, q1 - q0, p0 - q0
    uu, vv = (u * u).sum(-1), (v * v).sum(-1)
    uv, uw, vw = (u * v).sum(-1), (u * w).sum(-1), (v * w).sum(-1)
    uu, vv = np.maximum(uu, 1e-12), np.maximum(vv, 1e-12)
    area = uu * vv - uv * uv
    s = np.where(area > 1e-12, (uv * vw - uw * vv) / np.maximum(area, 1e-12), 0.0).clip(0.0, 1.0)
    t = (uv * s + vw) / vv
    kept = t.clip(0.0, 1.0)
    s = np.where(kept == t, s, ((uv * kept - uw) / uu).clip(0.0, 1.0))
    return p0 + s[..., None] * u, q0 + kept[..., None] * v


def _capsules(robot: Robot) -> _Capsules:
    body, ends, radius = [], [], []
    for points in body_points(robot):
        centre = points.centres.mean(axis=0)
        away = points.centres - centre
        axis = np.linalg.svd(away)[2][0] if len(away) > 1 else np.array([0.0, 0.0, 1.0])
        along = away @ axis
        across = np.linalg.norm(away - along[:, None] * axis, axis=1)
        thick = float((across + points.radii).max())
        # Ends so far out that the round caps cover the outermost spheres, and no further.
        low = min(float((along - points.radii).min()) + thick, 0.0)
        high = max(float((along + points.radii).max()) - thick, 0.0)
        body.append(points.body)
        ends.append(centre + np.outer([low, high], axis))
        radius.append(thick)
    return _Capsules(np.array(body, int), np.array(ends).reshape(-1, 2, 3), np.array(radius))


def _pairs(robot: Robot, skeleton: Skeleton, capsules: _Capsules) -> np.ndarray:
    """Indices of capsules that could meet (P, 2)."""

    def beyond(landmark: str) -> set[int]:
        """The landmark's body and all that it carries."""
        mark = robot.landmarks.get(landmark)
        if mark is None:
            return set()
        found = {robot.body_names.index(mark.body)}
        for child, parent in enumerate(skeleton.parent):
            if parent in found:
                found.add(child)
        return found

    arms = [beyond(f"{side}_elbow") for side in ("left", "right")]
    whole_arms = beyond("left_shoulder") | beyond("right_shoulder")
    legs = [beyond(f"{side}_hip") for side in ("left", "right")]
    shanks = [beyond(f"{side}_knee") for side in ("left", "right")]
    trunk = set(range(len(robot.body_names))) - whole_arms - arms[0] - arms[1] - legs[0] - legs[1]
    groups = [
        (arms[0], arms[1]),
        (arms[0] | arms[1], trunk | legs[0] | legs[1]),
        (shanks[0], shanks[1]),
    ]
    at = {int(b): i for i, b in enumerate(capsules.body)}
    pairs = [(at[a], at[b]) for x, y in groups for a in x for b in y if a in at and b in at]
    return np.array(pairs, int).reshape(-1, 2)
