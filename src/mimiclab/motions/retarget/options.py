"""Settings of the whole-clip solver."""

from dataclasses import dataclass

from mimiclab.errors import MotionError


@dataclass(frozen=True, kw_only=True)
class SolveCfg:
    """Weights are in metres of landmark error per unit of what they weigh."""

    pelvis: float = 0.08
    """Of the root's rotation away from hips and chest of the source, m per rad."""
    slide: float = 0.6
    """Of the speed of standing soles, m per m/s."""
    stand: float = 4.0
    """Of the distance of standing soles from the ground, m per m."""
    ground: float = 10.0
    """Of the depth of anything in the ground, m per m."""
    flat: float = 1.0
    """Of the distance of the corners of flat soles, which are free to tilt a little, m per m."""
    edge: float = 0.02
    """Share of the weights of standing soles in the first and the last frame of a contact."""
    lift: float = 4.0
    """Of what a swinging foot lacks of its height, m per m."""
    swing_m: float = 0.02
    """Fast feet are kept this much higher, so that no toe scrapes along, m."""
    swing_speed: tuple[float, float] = (0.4, 1.0)
    """Speeds of the toe between which that begins and is complete, m/s."""
    clearance_m: float = 0.001
    """Anything not standing is kept this far above the ground, m."""
    self_collision: float = 2.0
    """Of how much closer than allowed arms and other parts are, m per m; 0 does without."""
    apart_m: float = 0.005
    """Distance that such parts are allowed, unless they are closer in the default pose, m."""
    joint_acceleration: float = 5e-4
    """m per rad/s^2."""
    root_acceleration: float = 1e-2
    """Of the root's acceleration that the source does not have, m per m/s^2."""
    root_smoothing_s: float = 0.05
    """Standard deviation of the filter on the root of the source, whose bounces are noisy, s."""
    root_turning: float = 2e-3
    """The same for its rotation, m per rad/s^2."""
    velocity: float = 1e-3
    """m per rad/s of joints."""
    posture: float = 0.015
    """Pull to the default pose, which decides what no landmark shows, m per rad."""
    coarse_hz: tuple[float, float] = (5.0, 10.0)
    """Frames a second of the first pass, which hardly feels the ground, and of the second."""
    iterations: tuple[int, int, int] = (12, 3, 8)
    """Most steps of the three passes; the last solves all frames."""
    tolerance: float = 5e-3
    """Stop when the cost falls by less than this share."""
    window_s: float = 40.0
    """Longer clips are solved in windows of at most this, side by side on all cores, s."""
    overlap_s: float = 2.0
    """What neighbouring windows share, less than half of one, s."""

    def __post_init__(self) -> None:
        if not 0.0 < 2.0 * self.overlap_s <= self.window_s:
            raise MotionError(
                f"windows of {self.window_s} s that share {self.overlap_s} s; expected an overlap "
                "above 0 s and at most half a window"
            )


QUICK = SolveCfg(coarse_hz=(4.0, 8.0), iterations=(10, 3, 2))
"""About 1.4 times as fast; standing feet slide and sink more, see `benchmarks/retargeting.py`."""
