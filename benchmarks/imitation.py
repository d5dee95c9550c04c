"""Speed of learning from a teacher beside PPO alone: env steps a second of whole updates.

    python benchmarks/imitation.py [--envs 128] [--rounds 6] [--device cpu]

The same task, network and number of environments; updates of the kinds alternate, so that other
load on the machine meets all of them. The teacher is an MLP of the student's size that sees clean
observations of its own task.
"""

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import torch
from run import RESULTS, machine

from mimiclab.learning import env_state
from mimiclab.learning.algorithms.cfg import ImitationCfg
from mimiclab.learning.build_imitation import build_imitation, plan_teaching
from mimiclab.learning.config import TrainCfg, cpu_preset
from mimiclab.learning.runner import Runner
from mimiclab.learning.teachers.cfg import TeacherCfg
from mimiclab.learning.teachers.routing import STUDENT_GROUPS
from mimiclab.learning.train import make_training_env, train, update_threads
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.simulation.threads import available_cores
from mimiclab.tasks.tracking import TrackingTask

TASK = TrackingTask(residual_action=True)
TEACHER = replace(TASK, noise=False)


def prepare(cfg: TrainCfg, library: MotionLibrary, device: str) -> tuple[Runner, object]:
    """A runner after its first two updates, and the observations it goes on from."""
    plan = plan_teaching(cfg, TASK, library, device)
    env = make_training_env(TASK, library, cfg, device, 0, views=plan.views, extra=plan.extra)
    layout = env_state.layout_of(env, robot=TASK.robot)
    runner = Runner(
        env,
        cfg,
        layout=env_state.layout_of(env, robot=TASK.robot, groups=STUDENT_GROUPS),
        imitation=build_imitation(cfg, plan, layout, device=device, seed=0),
        device=device,
        rollout_threads=1 if device == "cpu" else None,
        update_threads=update_threads(cfg, available_cores()) if device == "cpu" else None,
    )
    obs = runner._reset()
    for _ in range(2):
        obs, _ = runner._rollout(obs)
        update(runner)
    return runner, obs


def update(runner: Runner) -> None:
    """Learn from the rollout, as the loop does."""
    runner._use_threads(runner.update_threads)
    runner.alg.update()


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--envs", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    cfg = replace(cpu_preset(), num_envs=args.envs, device=args.device, progress="none")
    if args.device != "cpu":
        cfg = replace(TrainCfg(), num_envs=args.envs, device=args.device, progress="none")
    library = MotionLibrary.from_clips([builtin_motion("walk")], robot=TASK.robot, fps=50)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "teacher"
        train(TEACHER, library, replace(cfg, iterations=1, logger="none"), path)
        teachers = (TeacherCfg(path=str(path)),)
        distil = ImitationCfg(mode="distil", teachers=teachers)
        modes = {
            "ppo": ImitationCfg(),
            "hybrid": ImitationCfg(mode="hybrid", teachers=teachers),
            "distil": distil,
            "distil, critic off": replace(distil, train_critic=False),
        }
        runs = {
            name: prepare(replace(cfg, imitation=imitation), library, args.device)
            for name, imitation in modes.items()
        }
    seconds: dict[str, list[list[float]]] = {name: [] for name in runs}
    for _ in range(args.rounds):
        for name, (runner, obs) in runs.items():
            times = [clocks(args.device)]
            obs, _ = runner._rollout(obs)
            times.append(clocks(args.device))
            update(runner)
            times.append(clocks(args.device))
            parts = [[b - a for a, b in zip(*pair, strict=True)] for pair in (times[:2], times[1:])]
            seconds[name].append([*parts[0], *parts[1]])
            runs[name] = runner, obs
    steps = args.envs * cfg.ppo.steps_per_env
    lines = [f"# command: python benchmarks/imitation.py --envs {args.envs}", machine()]
    lines += [f"# load average at the end: {os.getloadavg()[0]:.1f}", ""]
    for name, rows in seconds.items():
        # Of each round against PPO's of that round: other programs slow down both.
        pairs = list(zip(rows, seconds["ppo"], strict=True))
        wall = median((p[0] + p[2]) / (x[0] + x[2]) for x, p in pairs)
        cpu = median((x[1] + x[3]) / (p[1] + p[3]) for x, p in pairs)
        rollouts, updates = (median(x[i] / p[i] for x, p in pairs) for i in (1, 3))
        pace = steps / median(x[0] + x[2] for x in rows)
        lines.append(
            f"{name:20s} {pace:8,.0f} steps/s = {wall:.2f} x PPO's   processor time "
            f"{cpu:.2f} x (rollouts {rollouts:.2f} x, updates {updates:.2f} x)"
        )
    print("\n".join(lines))
    (RESULTS / "imitation.txt").write_text("\n".join(lines) + "\n")


def clocks(device: str) -> tuple[float, float]:
    """Wall-clock and processor time, s."""
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter(), time.process_time()


if __name__ == "__main__":
    main()
