"""From a motion of a person or of another robot to a clip of a robot, in one call."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mimiclab.errors import UnknownNameError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.human.clip import HumanClip
from mimiclab.motions.human.landmarks import LandmarkMotion, landmarks, robot_landmarks
from mimiclab.motions.retarget.contacts import ContactCfg
from mimiclab.motions.retarget.ground import Ground
from mimiclab.motions.retarget.options import QUICK, SolveCfg
from mimiclab.motions.retarget.solver import Solution, solve
from mimiclab.motions.retarget.targets import RetargetProblem, make_problem
from mimiclab.robots import Robot, get_robot

METHODS = ("batch", "quick", "mink")
"""The whole clip as one problem, the same in fewer steps, or frame after frame with mink."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Retargeted:
    """A robot's clip and how it came about."""

    clip: MotionClip
    problem: RetargetProblem
    """Targets that the clip was fitted to."""
    method: str
    iterations: int
    """Linear systems solved; of the baseline, the most in any frame."""
    cost: float
    """Final objective, m^2 summed over frames; NaN for the baseline, which has none."""


def retarget(
    motion: HumanClip | LandmarkMotion | MotionClip,
    robot: str | Robot,
    *,
    method: Literal["batch", "quick", "mink"] = "batch",
    fps: float | None = None,
    ground: Ground | None = None,
    travel_scale: float | None = None,
    align_ground: bool = True,
    skeleton: str | Path | None = None,
    weights: Mapping[str, float] | None = None,
    contact_cfg: ContactCfg | None = None,
    solve_cfg: SolveCfg | None = None,
) -> Retargeted:
    """The motion on the robot: same heading, same directions of limbs, feet planted, inside limits.

    Args:
        motion: of a person, of landmarks, or of a robot (which goes by its own landmarks).
        robot: who shall move; a registry name or a description.
        method: `batch` solves all frames at once, `quick` with fewer steps (feet are held less
            exactly); `mink` one after another, as a baseline.
        fps: frame rate of the clip; the motion's if left out.
        ground: under the source; flat at z = 0 if left out.
        travel_scale: factor of horizontal distances; the ratio of leg lengths if left out.
        align_ground: take the height at which feet stand for the ground.
        skeleton: landmark map of a person's joints; the clip's own if left out.
        weights: of landmarks, see `make_problem`.
        contact_cfg: thresholds of contacts.
        solve_cfg: weights and iterations of `batch` and `quick`, in place of their own.

    Raises:
        UnknownNameError: no such method or robot.
        MotionError: landmarks of pelvis or legs are missing, or an option is out of range.
        RobotError: the robot has no landmarks or no foot geoms.
    """
    if method not in METHODS:
        raise UnknownNameError("retargeting method", method, METHODS)
    robot = get_robot(robot) if isinstance(robot, str) else robot
    if isinstance(motion, HumanClip):
        motion = landmarks(motion, skeleton)
    elif isinstance(motion, MotionClip):
        motion = robot_landmarks(motion)
    problem = make_problem(
        motion,
        robot,
        fps=fps,
        ground=ground,
        travel_scale=travel_scale,
        align_ground=align_ground,
        weights=weights,
        contact_cfg=contact_cfg,
    )
    if method != "mink":
        solution = solve(problem, solve_cfg or (QUICK if method == "quick" else None))
    else:
        from mimiclab.motions.retarget.baseline import solve_mink

        solution = Solution(qpos=solve_mink(problem), iterations=0, cost=float("nan"))
    return Retargeted(
        clip=to_clip(problem, solution),
        problem=problem,
        method=method,
        iterations=solution.iterations,
        cost=solution.cost,
    )


def to_clip(problem: RetargetProblem, solution: Solution) -> MotionClip:
    """The solved coordinates as a clip that keeps the motion's name, source, licence and tags."""
    return MotionClip(
        name=problem.name,
        robot=problem.robot.name,
        fps=problem.fps,
        joint_names=problem.robot.joint_names,
        root_pos=solution.qpos[:, :3],
        root_quat_wxyz=solution.qpos[:, 3:7],
        joint_pos=solution.qpos[:, 7:],
        foot_contacts=problem.contacts,
        source=problem.source,
        licence=problem.licence,
        tags=problem.tags,
    )
