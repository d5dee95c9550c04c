"""Repairs of the ground: a plane that is tilted, and a height that is not zero."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter1d

from mimiclab.maths.rotations import (
    quat_from_rotvec,
    quat_multiply,
    quat_rotate,
    quat_rotate_inverse,
)
from mimiclab.motions.check.feet import Support, centre_of_mass, falling, stretches, support
from mimiclab.motions.check.finding import CheckLimits
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.ground import foot_points, lowest_point
from mimiclab.motions.kinematics import BodyMotion, body_motion, forward_kinematics
from mimiclab.motions.repair.change import Change
from mimiclab.robots import Robot

_OFFSET_M = 0.01
"""Smaller errors of the whole ground's height are left alone, m."""
_REST = 0.05
"""A single shift is enough where no more than this share of the frames float or sink after it."""
_TERRAIN_M = 0.30
"""Supports that differ by more stand on something, m."""
_SMOOTH_S = 0.05
_TOP_S = 0.05
_TILT_RAD = 0.01
"""Smaller tilts are left alone, rad."""
_TILT_MAX_RAD = 0.26
"""Steeper grounds are slopes that someone meant, rad (15 degrees)."""
_FLAT_M = 0.01
"""Contacts that stray further from one plane, rms, are on no plane, m."""
_PLACES, _EXTENT_M = 8, 0.3
"""A slope is believed along directions in which this many contacts spread, rms, this far, m."""
_STILL = 0.25
"""A sole slower than this, in any direction, may be standing, m/s."""


def ground_beside(clip: MotionClip, kind: str) -> list[Change]:
    """That a clip brings its own ground, so that flat ground must not be assumed."""
    if not (clip.terrain or clip.objects):
        return []
    return [
        Change(
            kind=kind,
            amount=0.0,
            unit="m",
            message="not judged: the clip has terrain or objects of its own",
            applied=False,
        )
    ]


@dataclass(frozen=True, eq=False)
class GroundPlane:
    """A plane through the contacts of the feet: z = height + slope . (xy - centre)."""

    centre: np.ndarray
    """Mean of the contacts, m. Shape (2,)."""
    height: float
    slope: np.ndarray
    """Only the part that is larger than its uncertainty. Shape (2,)."""
    residual: float
    """Rms distance of the contacts from the plane, m."""
    sole_slope: np.ndarray
    """Slope of the soles themselves while they rest, the median of the contacts. Shape (2,)."""

    @property
    def tilt(self) -> float:
        """Angle to the horizontal, rad."""
        return float(np.arctan(np.linalg.norm(self.slope)))

    @property
    def soles_agree(self) -> bool:
        """Whether the soles lie along the plane: what a tilted world has and a drift has not."""
        along = float(self.slope @ self.sole_slope)
        return 0.5 < along / max(float(self.slope @ self.slope), 1e-12) < 1.5


def ground_plane(motion: BodyMotion, robot: Robot) -> GroundPlane | None:
    """The plane on which the feet stand; None where too few places are touched.

    Each stretch in which a sole rests counts as one place. The fit gives little weight to
    contacts far from the plane (feet held still in the air), and directions in which the places
    do not spread far enough to tell a slope from a drift or from noise are taken as level.
    """
    places, counts, tipped = [], [], []
    for points, up in zip(foot_points(robot), _sole_normals(robot), strict=True):
        foot = lowest_point(motion, points)
        normal = quat_rotate(motion.body_quat_wxyz_w[:, points.body], up)
        still = np.hypot(foot.slide_speed, foot.rise_speed) < _STILL
        body = motion.body_pos_w[:, points.body]
        for start, stop in stretches(still):
            part = slice(start, stop)
            places.append([*body[part, :2].mean(axis=0), foot.height[part].mean()])
            tipped.append(np.median(-normal[part, :2] / normal[part, 2:], axis=0))
            counts.append(stop - start)
    if len(places) < _PLACES:
        return None
    points_w, weights = np.array(places), np.sqrt(np.array(counts, float))
    centre = points_w[:, :2].mean(axis=0)
    design = np.column_stack([np.ones(len(places)), points_w[:, :2] - centre])
    solution = np.zeros(3)
    error = np.ones(len(places))
    for _ in range(30):  # least absolute distances, by reweighting
        root = np.sqrt(weights / np.maximum(np.abs(error), 0.002))[:, None]
        solution = np.linalg.lstsq(design * root, points_w[:, 2] * root[:, 0], rcond=None)[0]
        error = points_w[:, 2] - design @ solution
    near = np.abs(error) < 3.0 * max(float(np.median(np.abs(error))), 0.003)
    if near.sum() < max(_PLACES, 0.5 * len(places)):
        return None
    residual = float(np.sqrt((error[near] ** 2).mean()))
    spread, axes = np.linalg.eigh(np.atleast_2d(np.cov((points_w[near, :2]).T, bias=True)))
    along = axes.T @ solution[1:]
    doubt = max(residual, 0.003) / np.sqrt(np.maximum(spread, 1e-12) * near.sum())
    sure = (np.abs(along) > 4.0 * doubt) & (np.sqrt(spread) > _EXTENT_M)
    slope = axes @ np.where(sure, along, 0.0)
    soles = np.median(np.array(tipped)[near], axis=0)
    return GroundPlane(centre, float(solution[0]), slope, residual, soles)


def _sole_normals(robot: Robot) -> list[np.ndarray]:
    """Upward normals of the soles in the feet's frames: vertical in the default pose. (3,) each."""
    upright = np.concatenate([[0, 0, 1, 1, 0, 0, 0], robot.default_pose])[None]
    _, quat = forward_kinematics(robot.model, upright)
    feet = [robot.body_names.index(name) for name in robot.feet]
    return [quat_rotate_inverse(quat[0, foot], np.array([0.0, 0.0, 1.0])) for foot in feet]


def straighten_ground(
    clip: MotionClip, robot: Robot, _: CheckLimits
) -> tuple[MotionClip, list[Change]]:
    """Turn the clip about a horizontal axis so that the ground under its feet is level."""
    if clip.terrain or clip.objects:
        return clip, ground_beside(clip, "tilt")
    plane = ground_plane(body_motion(clip, robot), robot)
    if plane is None or plane.tilt < _TILT_RAD or not plane.soles_agree:
        return clip, []
    degrees = np.degrees(plane.tilt)
    reason = ""
    if plane.tilt > _TILT_MAX_RAD:
        reason = "too steep for a mistake"
    elif plane.residual > _FLAT_M:
        reason = f"the feet stray {plane.residual * 100:.1f} cm from any plane"
    if reason:
        return clip, [
            Change(
                kind="tilt",
                amount=plane.tilt,
                unit="rad",
                message=f"ground rises by {degrees:.1f} degrees, left alone: {reason}; if the "
                "motion was made on terrain, give the clip its terrain",
                applied=False,
            )
        ]
    normal = np.array([-plane.slope[0], -plane.slope[1], 1.0])
    normal /= np.linalg.norm(normal)
    axis = np.cross(normal, [0.0, 0.0, 1.0])
    turn = quat_from_rotvec(axis / np.linalg.norm(axis) * plane.tilt)
    pivot = np.array([*plane.centre, plane.height])
    mended = replace(
        clip,
        root_pos=pivot + quat_rotate(turn, clip.root_pos - pivot),
        root_quat_wxyz=quat_multiply(turn, clip.root_quat_wxyz),
    )
    change = Change(
        kind="tilt",
        amount=plane.tilt,
        unit="rad",
        message=f"turned by {degrees:.2f} degrees to level the ground under the feet "
        f"(they keep to it within {plane.residual * 1000:.0f} mm)",
    )
    return mended, [change]


def level_ground(
    clip: MotionClip, robot: Robot, limits: CheckLimits
) -> tuple[MotionClip, list[Change]]:
    """Move the clip up or down so that what supports the robot is at height 0.

    One shift for the whole clip where its supports agree. Clips whose height drifts, as those
    from video do, are levelled by a smooth curve through the supports; jumps keep their shape.
    """
    if clip.terrain or clip.objects:
        return clip, ground_beside(clip, "float")
    motion = body_motion(clip, robot)
    lowest = support(motion, robot)
    com = centre_of_mass(motion, robot)[:, 2]
    carried = ~_jumps(lowest, com, clip.fps)
    if not (carried & lowest.still).any():
        return clip, []
    middle = float(np.median(lowest.height[carried & lowest.still]))
    shift = middle if abs(middle) >= _OFFSET_M else 0.0
    height = lowest.height - shift
    airborne = height > limits.float_m
    floats = (airborne & ~falling(com, clip.fps, airborne)).mean() > _REST
    # Bodies lying a little in the ground are no drift; a shift that pushes feet into it shows one.
    sinks = shift > 0 and (height[carried] < -limits.float_m).mean() > _REST
    if floats or sinks:
        low, high = np.percentile(lowest.height[carried], [5, 95])
        if high - low > _TERRAIN_M:
            return clip, [
                Change(
                    kind="float",
                    amount=float(high - low),
                    unit="m",
                    message=f"supports lie up to {(high - low) * 100:.0f} cm apart in height, left "
                    "alone: the motion needs its terrain",
                    applied=False,
                )
            ]
        return _follow(clip, lowest, carried)
    if not shift:
        return clip, []
    return _shifted(clip, np.full(clip.num_frames, shift)), [
        Change(
            kind="float",
            amount=abs(shift),
            unit="m",
            message=f"moved {'down' if shift > 0 else 'up'} by {abs(shift) * 100:.1f} cm",
        )
    ]


def _follow(
    clip: MotionClip, lowest: Support, carried: np.ndarray
) -> tuple[MotionClip, list[Change]]:
    """Take a drifting ground height out, frame by frame."""
    frames, known = np.arange(clip.num_frames), np.flatnonzero(carried)
    ground = np.interp(frames, known, lowest.height[known])
    ground = gaussian_filter1d(ground, _SMOOTH_S * clip.fps, mode="nearest")
    return _shifted(clip, ground), [
        Change(
            kind="float",
            amount=float(np.abs(ground).max()),
            unit="m",
            message=f"drifting ground levelled: height changed by {-ground.max() * 100:+.1f} to "
            f"{-ground.min() * 100:+.1f} cm (mean {-ground.mean() * 100:+.1f} cm)",
        )
    ]


def _jumps(lowest: Support, com: np.ndarray, fps: float) -> np.ndarray:
    """Frames of jumps over ground of unknown height: moving supports, falling body. (T,)."""
    moving = ~lowest.still
    for start, stop in stretches(lowest.still):
        # The top of a jump is still too, but only for a moment.
        moving[start:stop] |= stop - start <= np.ceil(_TOP_S * fps)
    flying = np.zeros(len(moving), bool)
    for start, stop in stretches(moving):
        ends = lowest.height[[max(start - 1, 0), min(stop, len(moving) - 1)]]
        chord = np.linspace(ends[0], ends[1], stop - start + 2)[1:-1]
        flying[start:stop] = lowest.height[start:stop] > chord + 0.03
    return falling(com, fps, flying)


def _shifted(clip: MotionClip, ground: np.ndarray) -> MotionClip:
    return replace(
        clip, root_pos=np.column_stack([clip.root_pos[:, :2], clip.root_pos[:, 2] - ground])
    )
