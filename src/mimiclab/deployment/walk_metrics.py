"""How well a robot walked: achieved velocities, effort and smoothness."""

from typing import Any

import numpy as np

from mimiclab.deployment.simulator import RobotState

_SETTLING = 1.0 / 3.0
"""Share of each command's duration that is left out of mean velocities (Holosoma's reference)."""


_COLUMNS = ("commands", "achieved", "torques", "joint_vel", "targets")


class WalkTrace:
    """What happened at each control step."""

    def __init__(self) -> None:
        self._rows: dict[str, Any] = {name: [] for name in _COLUMNS}

    @classmethod
    def of(cls, **columns: np.ndarray) -> "WalkTrace":
        """A walk that is over, from arrays by name; see `array`."""
        trace = cls()
        trace._rows = {name: columns[name] for name in _COLUMNS}
        return trace

    def __len__(self) -> int:
        return len(self._rows["commands"])

    def add(
        self,
        command: np.ndarray,
        achieved: np.ndarray,
        torques: np.ndarray,
        robot: RobotState,
        targets: np.ndarray,
    ) -> None:
        """The command of a step, and velocities, torques, joints and joint targets after it."""
        values = (command, achieved, torques, robot.joint_vel, targets)
        for rows, value in zip(self._rows.values(), values, strict=True):
            rows.append(np.array(value, np.float64))

    def array(self, name: str) -> np.ndarray:
        """All steps of commands, achieved (T, 3), torques, joint_vel or targets (T, J)."""
        return np.asarray(self._rows[name], np.float64)


def walk_metrics(trace: WalkTrace, step_s: float) -> dict[str, Any]:
    """Numbers of a walk; empty without any step.

    Returns:
        `segments`: for each stretch of one command, `command` and `achieved` (forward, left, turn;
        mean over its last two thirds, root frame); `lin_vel_error` m/s and `ang_vel_error` rad/s:
        means over the segments of the distance between both; `lin_vel_rms`, `ang_vel_rms`: the
        same at each step, root of the mean square; `torque_rms` N m; `power` W: mean of summed
        absolute mechanical power; `target_rate_rms` rad: change of joint targets from step to
        step; `joint_acc_rms` rad/s^2.
    """
    if not len(trace):
        return {}
    commands, achieved = trace.array("commands"), trace.array("achieved")
    torques, speeds = trace.array("torques"), trace.array("joint_vel")
    segments, settled = [], np.zeros(len(trace), bool)
    changes = np.flatnonzero(np.any(np.diff(commands, axis=0) != 0, axis=1)) + 1
    for part in np.split(np.arange(len(trace)), changes):
        late = part[int(len(part) * _SETTLING) :]
        settled[late] = True
        mean = achieved[late].mean(axis=0)
        segments.append({"command": commands[part[0]].tolist(), "achieved": mean.tolist()})
    gaps = np.array([np.subtract(s["achieved"], s["command"]) for s in segments])
    error = (achieved - commands)[settled]
    return {
        "segments": segments,
        "lin_vel_error": float(np.hypot(gaps[:, 0], gaps[:, 1]).mean()),
        "ang_vel_error": float(np.abs(gaps[:, 2]).mean()),
        "lin_vel_rms": _rms(np.hypot(error[:, 0], error[:, 1])),
        "ang_vel_rms": _rms(error[:, 2]),
        "torque_rms": _rms(torques),
        "power": float(np.abs(torques * speeds).sum(axis=1).mean()),
        "target_rate_rms": _rms(np.diff(trace.array("targets"), axis=0)),
        "joint_acc_rms": _rms(np.diff(speeds, axis=0) / step_s),
    }


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else 0.0
