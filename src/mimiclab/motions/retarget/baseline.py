"""The usual way to retarget: inverse kinematics of one frame after another, with mink.

As in General Motion Retargeting (GMR, arXiv 2510.02252): differential inverse kinematics with
daqp's quadratic programs, joint limits as constraints, each frame started from the last and
repeated until the weighted error hardly falls. Frames know nothing of each other otherwise: no
smoothness, no contacts, no ground. It serves as a reference for `solve`.
"""

from dataclasses import dataclass

import mujoco
import numpy as np

from mimiclab.errors import MotionError
from mimiclab.motions.retarget.start import first_guess
from mimiclab.motions.retarget.targets import RetargetProblem


@dataclass(frozen=True, kw_only=True)
class MinkCfg:
    """GMR's settings, but for the first frame, which starts from the default pose."""

    damping: float = 0.5
    """Of every degree of freedom (Levenberg-Marquardt)."""
    posture: float = 0.015
    """Pull to the default pose, as in `SolveCfg`, m per rad."""
    iterations: int = 10
    """Most repetitions for a frame, after the first solution."""
    first_iterations: int = 200
    """The same for the first frame, so that the clip does not start unsettled."""
    least_progress: float = 1e-3
    """Stop when the weighted error falls by less than this, m."""
    cost: float = 10.0
    """Of a landmark of weight 1 a metre away; GMR's weights are between 0 and 100."""


def solve_mink(problem: RetargetProblem, cfg: MinkCfg | None = None) -> np.ndarray:
    """Root position in m, root quaternion wxyz and joints in rad for each frame: (T, 7 + J).

    Raises:
        MotionError: a frame's quadratic program has no solution.
    """
    import mink

    cfg = cfg or MinkCfg()
    model = _model_with_sites(problem)
    configuration = mink.Configuration(model)
    tasks = [
        mink.FrameTask(
            frame_name=name,
            frame_type="site",
            position_cost=cfg.cost * weight,
            orientation_cost=0.0,
            lm_damping=1.0,
        )
        for name, weight in zip(problem.landmark_names, problem.weights, strict=True)
    ]
    position, quat, joints = first_guess(problem, np.array([0]))
    start = np.concatenate([position[0], quat[0], joints[0]])
    posture = mink.PostureTask(model, cost=cfg.cost * cfg.posture)
    posture.set_target(start)
    limits = [mink.ConfigurationLimit(model)]
    configuration.update(start)
    step = model.opt.timestep

    def error() -> float:
        apart = np.stack([task.compute_error(configuration)[:3] for task in tasks])
        return float(np.linalg.norm(problem.weights[:, None] * apart))

    qpos = np.empty((problem.num_frames, model.nq))
    for frame, targets in enumerate(problem.target_pos):
        for task, target in zip(tasks, targets, strict=True):
            task.set_target(mink.SE3.from_translation(target))
        before = error()
        for _ in range(1 + (cfg.iterations if frame else cfg.first_iterations)):
            try:
                speed = mink.solve_ik(
                    configuration, [*tasks, posture], step, "daqp", cfg.damping, limits=limits
                )
            except mink.NoSolutionFound as failure:
                raise MotionError(
                    f"motion {problem.name!r}: mink finds no solution in frame {frame}; use the "
                    "method batch"
                ) from failure
            configuration.integrate_inplace(speed, step)
            after = error()
            if before - after < cfg.least_progress:
                break
            before = after
        qpos[frame] = configuration.q
    return qpos


def _model_with_sites(problem: RetargetProblem) -> mujoco.MjModel:
    """The robot with a site at each landmark, which mink can track."""
    spec = problem.robot.spec_fn()
    for name in problem.landmark_names:
        point = problem.robot.landmarks[name]
        spec.body(point.body).add_site(name=name, pos=list(point.point))
    return spec.compile()
