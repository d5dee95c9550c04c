"""The quality of a motion: limits, jumps, feet against flat ground, and what the file claimed.

Errors mean that the clip or its file is wrong; warnings, that a policy will find it hard or that
it needs another ground; notes only inform.
"""

from dataclasses import dataclass, field

import numpy as np

from mimiclab.motions.check.derived import derived_findings
from mimiclab.motions.check.finding import CheckLimits, Finding, Severity, frames_of
from mimiclab.motions.check.ground import ground_findings
from mimiclab.motions.check.jumps import joint_jumps, joint_spikes, root_jumps, root_speeds
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats.base import MotionFile, StoredArrays
from mimiclab.motions.kinematics import BodyMotion, body_motion
from mimiclab.robots import Robot, get_robot

SCHEMA = 1


@dataclass(kw_only=True)
class CheckReport:
    """Everything found in one clip."""

    path: str
    robot: str
    fps: float
    num_frames: int
    findings: list[Finding] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """Time from first to last frame, s."""
        return (self.num_frames - 1) / self.fps

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings and notes are allowed."""
        return all(finding.severity != "error" for finding in self.findings)

    def to_json(self) -> dict:
        """One entry of `clips` in the output of `mimiclab motion check --json`."""
        return {
            "path": self.path,
            "robot": self.robot,
            "fps": self.fps,
            "frames": self.num_frames,
            "duration_s": self.duration_s,
            "ok": self.ok,
            "findings": [finding.to_json() for finding in self.findings],
            "metrics": self.metrics,
        }


def check_file(
    file: MotionFile, robot: Robot | None = None, limits: CheckLimits | None = None
) -> CheckReport:
    """Check a motion file: its clip, and the derived arrays stored beside it."""
    report = check_clip(file.clip, robot, limits, stored=file.stored)
    report.path = str(file.path)
    for remark in file.remarks:
        _add(report, "reading", "note", remark)
    deviation = file.quat_norm_deviation
    report.metrics["quat_norm_deviation_max"] = deviation
    allowed = (limits or CheckLimits()).quat_norm
    if deviation > allowed:
        report.findings.insert(
            0,
            Finding(
                code="quaternion_norm",
                severity="warning",
                message=f"root quaternions are up to {deviation:.2g} from unit length; they were "
                "normalised on reading",
            ),
        )
    return report


def check_clip(
    clip: MotionClip,
    robot: Robot | None = None,
    limits: CheckLimits | None = None,
    *,
    stored: StoredArrays | None = None,
) -> CheckReport:
    """Check a clip on flat ground at z = 0, and stored derived arrays against its kinematics.

    Raises:
        RobotError: the clip's joints are not the robot's.
    """
    robot = robot or get_robot(clip.robot)
    limits = limits or CheckLimits()
    motion = body_motion(clip, robot)
    report = CheckReport(path=clip.name, robot=clip.robot, fps=clip.fps, num_frames=clip.num_frames)
    _check_time(report, limits)
    _check_joint_limits(report, motion, robot, limits)
    _check_speed(report, motion, robot)
    _check_jumps(report, clip, motion, limits)
    _check_first_frame(report, motion, robot, limits)
    for findings, metrics in (
        ground_findings(motion, robot, limits),
        ([], {}) if stored is None else derived_findings(stored, motion, robot),
    ):
        report.findings += findings
        report.metrics |= metrics
    return report


def _add(
    report: CheckReport,
    code: str,
    severity: Severity,
    message: str,
    where: np.ndarray | None = None,
) -> None:
    frames = () if where is None else frames_of(where)
    report.findings.append(Finding(code=code, severity=severity, message=message, frames=frames))


def _check_time(report: CheckReport, limits: CheckLimits) -> None:
    low, high = limits.fps
    if not low <= report.fps <= high:
        _add(
            report,
            "fps",
            "warning",
            f"{report.fps:g} frames per second is unusual (expected {low:g} to {high:g}); a wrong "
            "rate plays the motion at the wrong speed",
        )
    if report.duration_s < limits.min_duration_s:
        _add(
            report,
            "short",
            "warning",
            f"{report.num_frames} frames last {report.duration_s:.2f} s, shorter than "
            f"{limits.min_duration_s:g} s; reference horizons may not fit into it",
        )


def _check_joint_limits(
    report: CheckReport, motion: BodyMotion, robot: Robot, limits: CheckLimits
) -> None:
    low, high = robot.joint_limits.T
    excess = np.maximum(np.maximum(low - motion.joint_pos, motion.joint_pos - high), 0.0)
    worst, worst_at = excess.max(axis=0), excess.max(axis=1)
    report.metrics["joint_limit_excess_max_rad"] = float(worst.max())
    over = worst_at > limits.joint_limit_rad
    report.metrics["joint_limit_frames"] = int(over.sum())
    if over.any():
        names = [
            f"{robot.joint_names[j]} by {worst[j]:.3f}"
            for j in np.argsort(-worst)[:3]
            if worst[j] > limits.joint_limit_rad
        ]
        count = int((worst > limits.joint_limit_rad).sum())
        _add(
            report,
            "joint_limit",
            "error" if worst.max() > limits.joint_limit_error_rad else "warning",
            f"{count} joints exceed their limits in {over.sum()} frames, most of all "
            f"{', '.join(names)} rad; convert with --joint-limits clamp to hold them inside",
            over,
        )


def _check_speed(report: CheckReport, motion: BodyMotion, robot: Robot) -> None:
    share = np.abs(motion.joint_vel) / robot.velocity_limit
    over = share.max(axis=1) > 1.0
    j = int(share.max(axis=0).argmax())
    report.metrics["joint_speed_max_rad_s"] = float(np.abs(motion.joint_vel).max())
    report.metrics["velocity_limit_ratio_max"] = float(share.max())
    report.metrics["velocity_limit_frames"] = int(over.sum())
    if over.any():
        _add(
            report,
            "velocity_limit",
            "warning",
            f"joints are faster than their motors in {over.sum()} frames, most of all "
            f"{robot.joint_names[j]}: {np.abs(motion.joint_vel[:, j]).max():.1f} of "
            f"{robot.velocity_limit[j]:g} rad/s",
            over,
        )


def _check_jumps(
    report: CheckReport, clip: MotionClip, motion: BodyMotion, limits: CheckLimits
) -> None:
    if motion.num_frames < 2:
        return
    steps = np.abs(np.diff(motion.joint_pos, axis=0))
    report.metrics["joint_step_max_rad"] = float(steps.max())
    jumps = joint_jumps(motion.joint_pos, limits)
    spikes = joint_spikes(motion.joint_pos, limits)
    if jumps:
        worst = max(jumps, key=lambda jump: abs(jump.size))
        _add(
            report,
            "joint_jump",
            "warning",
            f"{len({jump.before for jump in jumps})} one-frame jumps, the largest "
            f"{abs(worst.size):.2f} rad in {motion.joint_names[worst.joint]} after frame "
            f"{worst.before}; `mimiclab motion repair` spreads them",
            np.isin(np.arange(motion.num_frames), [jump.before for jump in jumps]),
        )
    if spikes:
        worst = max(spikes, key=lambda spike: spike.size)
        wrong = [f for spike in spikes for f in range(spike.first, spike.last + 1)]
        _add(
            report,
            "joint_spike",
            "warning",
            f"{len(spikes)} times a joint jumps away and back, the furthest by {worst.size:.2f} "
            f"rad in {motion.joint_names[worst.joint]} at frame {worst.first}; "
            "`mimiclab motion repair` interpolates them",
            np.isin(np.arange(motion.num_frames), wrong),
        )
    speed, turning = root_speeds(clip)
    report.metrics["root_speed_max_m_s"] = float(speed.max())
    report.metrics["root_turn_max_rad_s"] = float(turning.max())
    over = np.isin(np.arange(motion.num_frames), root_jumps(clip, limits))
    if over.any():
        beyond = speed.max() > limits.root_speed or turning.max() > limits.root_turn
        _add(
            report,
            "root_jump",
            "error" if beyond else "warning",
            f"the root jumps {over.sum()} times, first after frame {int(over.argmax())}: up to "
            f"{speed.max():.1f} m/s and {turning.max():.1f} rad/s; cut the clip there or repair it",
            over,
        )


def _check_first_frame(
    report: CheckReport, motion: BodyMotion, robot: Robot, limits: CheckLimits
) -> None:
    _, x, y, _ = motion.body_quat_wxyz_w[0, 0]
    tilt = float(np.arccos(np.clip(1.0 - 2.0 * (x * x + y * y), -1.0, 1.0)))
    distance = np.abs(motion.joint_pos[0] - robot.default_pose)
    report.metrics["first_tilt_rad"] = tilt
    report.metrics["first_root_height_m"] = float(motion.body_pos_w[0, 0, 2])
    report.metrics["first_joint_distance_max_rad"] = float(distance.max())
    report.metrics["first_joint_speed_max_rad_s"] = float(np.abs(motion.joint_vel[0]).max())
    if tilt > limits.first_tilt_rad:
        _add(
            report,
            "first_frame",
            "note",
            f"the first frame is tilted by {tilt:.2f} rad from upright; a robot that starts "
            "standing cannot begin here",
            np.arange(motion.num_frames) == 0,
        )
