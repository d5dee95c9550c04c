"""Feet and bodies against flat ground at z = 0: penetration, floating, flight, skating."""

import numpy as np

from mimiclab.motions.check.feet import foot_contact, stretches
from mimiclab.motions.check.finding import CheckLimits, Finding, Severity, frames_of
from mimiclab.motions.ground import body_points, lowest_height
from mimiclab.motions.kinematics import BodyMotion
from mimiclab.robots import Robot


def ground_findings(
    motion: BodyMotion, robot: Robot, limits: CheckLimits
) -> tuple[list[Finding], dict[str, float]]:
    """Findings and metrics about contact with flat ground.

    Clips made on terrain get warnings here, never errors: the clip does not know its ground.
    """
    findings: list[Finding] = []

    def add(code: str, message: str, where: np.ndarray | None = None) -> None:
        severity: Severity = "warning"
        frames = () if where is None else frames_of(where)
        findings.append(Finding(code=code, severity=severity, message=message, frames=frames))

    feet = foot_contact(motion, robot, limits)
    lower = feet.height.min(axis=1)
    bodies = np.stack([lowest_height(motion, points) for points in body_points(robot)])
    lowest = bodies.min(axis=0)
    metrics = {
        "foot_lowest_m": float(lower.min()),
        "foot_height_p05_m": float(np.percentile(lower, 5)),
        "body_lowest_m": float(lowest.min()),
    }

    deep = lower < -limits.penetration_m
    metrics["foot_penetration_frames"] = int(deep.sum())
    if deep.any():
        add(
            "foot_penetration",
            f"a foot is up to {-lower.min() * 100:.1f} cm below flat ground in {deep.sum()} frames",
            deep,
        )
    sunk = lowest < -limits.body_penetration_m
    if sunk.any() and lowest.min() < lower.min():
        body = robot.body_names[body_points(robot)[int(bodies.min(axis=1).argmin())].body]
        add(
            "body_penetration",
            f"{body} is up to {-lowest.min() * 100:.1f} cm below flat ground; bodies are too deep "
            f"in {sunk.sum()} frames",
            sunk,
        )

    flying, longest = _flights(lowest > limits.float_m, motion.fps, limits.flight_s)
    metrics["flight_longest_s"] = longest
    if lowest.min() > limits.float_m:
        add(
            "float",
            f"nothing comes closer to flat ground than {lowest.min() * 100:.1f} cm; shift the clip "
            "down, or give it the terrain it was made on",
        )
    elif flying.any():
        add(
            "flight",
            f"nothing touches flat ground for up to {longest:.1f} s; the clip floats there, or "
            "needs the terrain it was made on",
            flying,
        )

    standing, slide = feet.standing, feet.slide_speed
    skating = standing & (slide > limits.skate_speed)
    share = float(skating.sum() / max(standing.sum(), 1))
    metrics["foot_contact_share"] = float(standing.any(axis=1).mean())
    metrics["foot_skate_share"] = share
    metrics["foot_skate_mean_m_s"] = float(slide[standing].mean()) if standing.any() else 0.0
    if share > limits.skate_share:
        add(
            "foot_skate",
            f"standing feet slide faster than {limits.skate_speed:g} m/s in {share:.0%} of their "
            f"frames (mean {metrics['foot_skate_mean_m_s']:.2f} m/s)",
            skating[:, 0] | skating[:, 1],
        )
    return findings, metrics


def _flights(high: np.ndarray, fps: float, allowed_s: float) -> tuple[np.ndarray, float]:
    """Frames in stretches longer than allowed, and the longest stretch in s. Shape (T,)."""
    flying = np.zeros(len(high), bool)
    for start, stop in stretches(high):
        flying[start:stop] = (stop - start) / fps > allowed_s
    return flying, max((stop - start for start, stop in stretches(high)), default=0) / fps
