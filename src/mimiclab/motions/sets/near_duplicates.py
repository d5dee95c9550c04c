"""Clips that are nearly the same: copies under other names, resampled, shifted, turned, mirrored.

Each clip becomes one point of a space in which distance means "radians per joint"; neighbours are
found with a k-d tree on the directions in which the points differ most. Leaving out directions only
shortens distances, so no near pair is lost by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from mimiclab.maths.rotations import quat_rotate_inverse
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.kinematics import angular_velocity, central_difference
from mimiclab.motions.mirror import mirror_clip

NEAR_RAD = 0.05
"""Clips closer than this are called nearly the same, rad."""
_MOMENTS = 32
_SPEED = 0.25
"""Radians that a m/s or a rad/s of the root counts for."""
_DIRECTIONS, _NEIGHBOURS = 12, 32


def descriptor(clip: MotionClip) -> np.ndarray:
    """A clip as a point; equal for equal motions wherever they start and at any frame rate.

    At 32 moments spread evenly over the clip: joint angles, root height, direction of gravity,
    speed ahead and to the side and turning speed; and the logarithm of the duration. Scaled so that
    the distance of two clips of equal length is the root mean square difference of their joints,
    in rad, plus what the root differs by. Shape (32 (J + 7) + 1,).
    """
    quat = clip.root_quat_wxyz
    down = quat_rotate_inverse(quat, np.array([0.0, 0.0, -1.0]))
    velocity = central_difference(clip.root_pos, clip.fps)
    w, x, y, z = quat.T
    heading = np.arctan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    ahead = velocity[:, 0] * np.cos(heading) + velocity[:, 1] * np.sin(heading)
    aside = velocity[:, 1] * np.cos(heading) - velocity[:, 0] * np.sin(heading)
    turn = angular_velocity(quat, clip.fps)[:, 2]
    speeds = _SPEED * np.stack([ahead, aside, turn], axis=1)
    features = np.concatenate([clip.joint_pos, clip.root_pos[:, 2:], down, speeds], axis=1)
    phase = np.linspace(0.0, clip.num_frames - 1.0, _MOMENTS)
    low = np.minimum(np.floor(phase).astype(int), max(clip.num_frames - 2, 0))
    high = np.minimum(low + 1, clip.num_frames - 1)
    moments = features[low] + (phase - low)[:, None] * (features[high] - features[low])
    scaled = moments.ravel() / np.sqrt(_MOMENTS * clip.joint_pos.shape[1])
    return np.append(scaled, np.log(max(clip.duration_s, 1.0 / clip.fps)))


def mirrored_descriptor(clip: MotionClip) -> np.ndarray:
    """That of the mirror image; objects and terrain around it do not count.

    Raises:
        RobotError: the robot is not symmetric.
    """
    return descriptor(mirror_clip(replace(clip, objects=(), terrain="")))


@dataclass(frozen=True, kw_only=True)
class NearDuplicates:
    """Clips by their place in the list that was searched."""

    groups: list[list[int]]
    """Clips that are nearly the same, two or more together."""
    mirrored: list[tuple[int, int, float]]
    """Pairs of which one is nearly the mirror image of the other, and how far from it, rad."""


def find_near_duplicates(
    points: np.ndarray | Sequence[np.ndarray],
    mirrored: np.ndarray | Sequence[np.ndarray],
    near_rad: float = NEAR_RAD,
) -> NearDuplicates:
    """Search the descriptors of clips and of their mirror images, both (C, D).

    Of more than 32 clips around one, the nearest 32 by the main directions are compared; a crowd of
    copies is linked by its members' neighbours.
    """
    points, images = np.asarray(points), np.asarray(mirrored)
    count = len(points)
    if count < 2:
        return NearDuplicates(groups=[], mirrored=[])
    centre = points.mean(axis=0)
    basis = _main_directions(points - centre)
    tree = KDTree((points - centre) @ basis)
    same = _near_pairs(tree, points, points, basis, centre, near_rad)
    groups = []
    if same:
        one, other, _ = zip(*same, strict=True)
        links = coo_array((np.ones(len(one)), (one, other)), shape=(count, count))
        labels = connected_components(links, directed=False)[1]
        order = np.argsort(labels, kind="stable")
        parts = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
        groups = sorted(part.tolist() for part in parts if len(part) > 1)
    unknown = ~np.isfinite(images).all(axis=1, keepdims=True)
    asked = np.where(unknown, 1e9, images)  # far from everything
    found = _near_pairs(tree, points, asked, basis, centre, near_rad)
    pairs = {(min(i, j), max(i, j)): far for i, j, far in found}
    return NearDuplicates(groups=groups, mirrored=[(i, j, pairs[i, j]) for i, j in sorted(pairs)])


def _main_directions(centred: np.ndarray) -> np.ndarray:
    """Orthonormal directions of greatest spread. Shape (D, up to 12)."""
    # Thousands of points span what a sample of them does, near enough: any directions are right.
    sample = centred[:: max(1, len(centred) // 2000)]
    return np.linalg.svd(sample, full_matrices=False)[2][:_DIRECTIONS].T


def _near_pairs(
    tree: KDTree,
    points: np.ndarray,
    asked: np.ndarray,
    basis: np.ndarray,
    centre: np.ndarray,
    near: float,
) -> list[tuple[int, int, float]]:
    """Each of `asked`, a point near it with another number, and their distance."""
    _, found = tree.query(
        (asked - centre) @ basis,
        k=min(_NEIGHBOURS, len(points)),
        distance_upper_bound=np.nextafter(near, np.inf),
    )
    found = found.reshape(len(asked), -1)
    rows, columns = np.nonzero(found < len(points))
    others = found[rows, columns]
    different = rows != others
    rows, others = rows[different], others[different]
    far = np.linalg.norm(asked[rows] - points[others], axis=1)
    close = far <= near
    return [
        (int(i), int(j), float(d))
        for i, j, d in zip(rows[close], others[close], far[close], strict=True)
    ]
