"""Retargeting of five motions of LAFAN1 to the G1: our solver, mink, and Unitree's own clips.

python benchmarks/retargeting.py FOLDER    about two minutes on 2 cores

FOLDER holds `bvh/lafan1` (people) and `motions/lafan1_g1_csv` (Unitree's retargeting of the same
motions). Both are CC BY-NC-ND 4.0 and not in this repository; only numbers about them are.
All three are judged against the same targets: the person's landmarks in the robot's proportions.
Unitree's clips travel other distances, so that errors are also given with the pelvis moved to its
target and turned by one constant angle.
"""

import argparse
import json
import os
import time
from pathlib import Path

# Both methods work on small matrices, for which threads of the BLAS cost more than they bring.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from run import RESULTS, machine

from mimiclab.maths.metrics import body_position_error_mm
from mimiclab.motions.check.quality import motion_quality
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats import read_motion
from mimiclab.motions.human.formats import read_human
from mimiclab.motions.human.landmarks import LandmarkMotion, landmarks, robot_landmarks
from mimiclab.motions.retarget.baseline import solve_mink
from mimiclab.motions.retarget.options import QUICK
from mimiclab.motions.retarget.retarget import to_clip
from mimiclab.motions.retarget.solver import Solution, solve
from mimiclab.motions.retarget.targets import RetargetProblem, make_problem
from mimiclab.robots import get_robot

PAIRS = {
    "walk1_subject1": (0, 1800),
    "run1_subject5": (0, 1800),
    "dance1_subject1": (0, 1800),
    "jumps1_subject1": (0, 1800),
    "fallAndGetUp3_subject1": (150, 1950),
}
"""Clips, and the frames of the robot's that the person's file holds."""
REPEATS = 3
COLUMNS = {
    "frames_per_s": "frames/s",
    "frames_per_cpu_s": "a core",
    "landmark_error_mean_mm": "error mm",
    "pose_error_mean_mm": "pose mm",
    "skate_m_s": "skate m/s",
    "planted_skate_m_s": "planted m/s",
    "penetration_mean_mm": "depth mm",
    "penetration_max_mm": "deepest mm",
    "float_share": "float",
    "joint_limit_hits": "limit hits",
    "joint_jerk_mean": "jerk rad/s3",
    "end_effector_jerk_mean": "jerk m/s3",
    "flips": "flips",
    "first_step_ratio": "first step",
}


def pose_error(target: np.ndarray, given: np.ndarray, pelvis: int) -> float:
    """Mean landmark error after moving pelvises together and one turn about the vertical, mm."""
    target, given = target - target[:, pelvis, None], given - given[:, pelvis, None]
    a, b = given[..., :2].reshape(-1, 2), target[..., :2].reshape(-1, 2)
    angle = np.arctan2((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum(), (a * b).sum())
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    given = np.concatenate([given[..., :2] @ turn.T, given[..., 2:]], axis=-1)
    return float(body_position_error_mm(target, given).mean())


def judge(clip: MotionClip, problem: RetargetProblem) -> dict[str, float]:
    """All numbers of one clip; `planted` skate counts the person's contacts, not the robot's."""
    targets = LandmarkMotion(
        name=problem.name,
        fps=problem.fps,
        names=problem.landmark_names,
        pos_w=problem.target_pos,
    )
    numbers = dict(motion_quality(clip, targets).metrics)
    planted = motion_quality(clip, contacts=problem.contacts).metrics
    placed = robot_landmarks(clip)
    columns = [placed.names.index(name) for name in targets.names]
    numbers["pose_error_mean_mm"] = pose_error(
        targets.pos_w, placed.pos_w[:, columns], targets.names.index("pelvis")
    )
    numbers["planted_skate_m_s"] = planted["skate_m_s"]
    return numbers


METHODS = {
    "batch": lambda problem: solve(problem).qpos,
    "quick": lambda problem: solve(problem, QUICK).qpos,
    "mink": solve_mink,
}


def race(problem: RetargetProblem, repeats: int) -> dict[str, tuple[np.ndarray, float, float]]:
    """Of each method: result, and least wall-clock and processor times of several runs, s.

    The methods take turns, so that whatever else the machine does slows both alike.
    """
    found: dict[str, tuple[np.ndarray, float, float]] = {}
    for _ in range(repeats):
        for name, work in METHODS.items():
            wall, processor = time.perf_counter(), time.process_time()
            qpos = work(problem)
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            if name in found:
                wall, processor = min(wall, found[name][1]), min(processor, found[name][2])
            found[name] = (qpos, wall, processor)
    return found


def main() -> None:
    """Run all pairs and store the table and the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    robot = get_robot("unitree_g1")
    rows = []
    for name, (start, stop) in PAIRS.items():
        person = read_human(options.folder / f"bvh/lafan1/{name}_f{start}-{stop - 1}.bvh")
        problem = make_problem(landmarks(person), robot)
        given = read_motion(
            options.folder / f"motions/lafan1_g1_csv/{name}.csv",
            robot=robot.name,
            fps=30.0,
            frame_range=(start, stop),
        )
        clips = {"given": (given, {})}
        for method, (qpos, wall, processor) in race(problem, options.repeats).items():
            rates = {"frames_per_s": len(qpos) / wall, "frames_per_cpu_s": len(qpos) / processor}
            solution = Solution(qpos=qpos, iterations=0, cost=0.0)
            clips[method] = (to_clip(problem, solution), rates)
        for method in (*METHODS, "given"):
            clip, rates = clips[method]
            rows.append({"clip": name, "method": method} | rates | judge(clip, problem))
            print(line(rows[-1]), flush=True)
    means = [mean(rows, method) for method in (*METHODS, "given")]
    batch, quick, mink = (row["frames_per_s"] for row in means[:3])
    ratios = f"frames/s over mink (harmonic means over the clips): batch {batch / mink:.1f}, "
    ratios += f"quick {quick / mink:.1f}"
    header = f"{'clip':24}{'method':8}" + "".join(f"{text:>13}" for text in COLUMNS.values())
    text = "\n".join(
        [
            f"# command: OMP_NUM_THREADS={os.environ['OMP_NUM_THREADS']} "
            f"python benchmarks/retargeting.py FOLDER --repeats {options.repeats}",
            machine(),
            "# LAFAN1 (CC BY-NC-ND 4.0) and its motions are not in this repository.",
            "",
            header,
            *(line(row) for row in rows + means),
            "",
            ratios,
            "",
        ]
    )
    print(header, *(line(row) for row in means), ratios, sep="\n")
    options.output.mkdir(exist_ok=True)
    (options.output / "retargeting.txt").write_text(text)
    document = {"schema": 1, "repeats": options.repeats, "rows": rows, "means": means}
    (options.output / "retargeting.json").write_text(json.dumps(document, indent=1) + "\n")


def mean(rows: list[dict], method: str) -> dict:
    """Means over the clips; of the rates the harmonic one, as the clips are equally long."""
    own = [row for row in rows if row["method"] == method]
    means = {key: float(np.mean([row[key] for row in own])) for key in own[0] if key in COLUMNS}
    for key in ("frames_per_s", "frames_per_cpu_s"):
        if key in means:
            means[key] = 1.0 / float(np.mean([1.0 / row[key] for row in own]))
    return {"clip": "mean", "method": method} | means


def line(row: dict) -> str:
    """One row of the table."""
    cells = [f"{row[key]:.3g}" if key in row else "-" for key in COLUMNS]
    cells = [f"{float(c):.0f}" if "e+" in c else c for c in cells]
    return f"{row['clip']:24}{row['method']:8}" + "".join(f"{cell:>13}" for cell in cells)


if __name__ == "__main__":
    main()
