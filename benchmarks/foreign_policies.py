"""Policies that Holosoma released, in our simulator: do they walk and dance as published?

python benchmarks/foreign_policies.py FOLDER    about five minutes on 2 cores

FOLDER holds the unpacked wheel `holosoma_inference` (0.1.3 was used), or its `models`. Expected
values are those measured in plain MuJoCo with Holosoma's own robot models and floor.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from run import RESULTS, machine

from mimiclab.deployment.commands import ScriptedCommands
from mimiclab.deployment.foreign_clip import foreign_reference
from mimiclab.deployment.foreign_policy import ForeignPolicy
from mimiclab.deployment.sim2sim import EpisodeCfg, Sim2Sim
from mimiclab.deployment.walking import WalkCfg, Walker

COMMANDS = {
    "stand": (0.0, 0.0, 0.0),
    "vx 0.5": (0.5, 0.0, 0.0),
    "vx 1.0": (1.0, 0.0, 0.0),
    "vx -0.5": (-0.5, 0.0, 0.0),
    "vy 0.5": (0.0, 0.5, 0.0),
    "yaw 0.8": (0.0, 0.0, 0.8),
}
EXPECTED = {
    "fastsac_g1_29dof": (0.0, 0.41, 0.73, -0.40, 0.24, 0.73),
    "ppo_g1_29dof": (0.0, 0.38, 0.54, -0.33, 0.22, 0.75),
    "fastsac_t1_29dof": (0.0, 0.42, 0.74, -0.38, 0.25, 0.68),
    "ppo_t1_29dof": (0.0, 0.41, 0.60, -0.41, 0.24, 0.78),
}
TOLERANCE = 0.1
DANCES = {
    "fastsac_g1_29dof_dancing": ("1", {"joints": 0.126, "torso": 0.105}),
    "ppo_g1_29dof_dancing": ("", {"joints": 0.104, "torso": 0.059}),
}
WRONG_SCALES = {
    "fastsac_g1_29dof_dancing": ("0.25", "effort"),
    "ppo_g1_29dof_dancing": ("1", "0.25"),
}


def main(folder: Path) -> int:
    """Run all, print and store the table; 1 if anything is not as published."""
    files = {path.stem: path for path in folder.rglob("*.onnx")}
    missing = sorted({*EXPECTED, *DANCES} - set(files))
    if missing:
        print(f"{folder} lacks {', '.join(f'{name}.onnx' for name in missing)}", file=sys.stderr)
        return 2
    walking = [walk(files[name], name, "published physics") for name in EXPECTED]
    walking += [walk(files[VARIED], VARIED, label) for label in VARIANTS if VARIANTS[label]]
    dancing = [dance(files[name], scale, name) for name, (scale, _) in DANCES.items()]
    wrong = [
        dance(files[name], scale, name) for name, scales in WRONG_SCALES.items() for scale in scales
    ]
    good = all(row["as_published"] for row in walking if row["variant"] == "published physics")
    good &= all(row["completed"] for row in dancing)
    text = "\n".join(
        [
            "# command: python benchmarks/foreign_policies.py FOLDER",
            machine(),
            "",
            *walking_lines(walking),
            "",
            *dancing_lines(dancing, wrong),
            "",
            f"as published within {TOLERANCE} m/s and rad/s, all dances whole: {good}",
            "",
        ]
    )
    print(text)
    (RESULTS / "foreign_policies.txt").write_text(text)
    values = {"schema": 1, "walking": walking, "dancing": dancing, "wrong_scales": wrong}
    (RESULTS / "foreign_policies.json").write_text(json.dumps(values, indent=1) + "\n")
    return 0 if good else 1


VARIANTS = {
    "published physics": {},
    "usual floor": {
        "floor_friction": (1.0, 0.005, 0.0001), "floor_solref": None, "floor_solimp": None,
    },
    "implicit servos": {"options": {"integrator": 3}},
    "self collisions": {"contacts": ()},
    "500 Hz": {"dt_s": 0.002},
}  # fmt: skip
"""What is changed in the contract's physics."""
VARIED = "fastsac_g1_29dof"
"""The policy that walks in all of them."""


def walk(path: Path, name: str, variant: str) -> dict:
    """Mean velocity along the commanded axis for every command, 10 s each, without noise."""
    policy = ForeignPolicy(path, "holosoma-loco")
    contract = policy.contract
    policy.contract = replace(contract, physics=replace(contract.physics, **VARIANTS[variant]))
    walker = Walker(policy)
    found, survived = [], []
    for command in COMMANDS.values():
        episode = walker.run(ScriptedCommands.in_turn([command], 10.0), WalkCfg(seconds=10.0))
        axis = max(range(3), key=lambda i, c=command: abs(c[i]))
        found.append(episode.metrics["segments"][0]["achieved"][axis])
        survived.append(episode.survived_s)
        print(name, variant, command, round(found[-1], 3), episode.reason, flush=True)
    gaps = [abs(a - b) for a, b in zip(found, EXPECTED[name], strict=True)]
    return {
        "policy": name,
        "variant": variant,
        "achieved": found,
        "expected": EXPECTED[name],
        "survived_s": survived,
        "largest_gap": max(gaps),
        "as_published": max(gaps) <= TOLERANCE and min(survived) >= 10.0 - 1e-6,
    }


def dance(path: Path, scale: str, name: str) -> dict:
    """The clip inside the file from its first frame, whole, with Holosoma's terminations."""
    policy = ForeignPolicy(path, "holosoma-wbt", action_scale=scale)
    reference = foreign_reference(policy)
    episode = Sim2Sim(policy, reference).run(EpisodeCfg(initial_noise=0.0))
    print(name, scale, episode.steps, episode.reason, flush=True)
    return {
        "policy": name,
        "action_scale": scale or "from the file",
        "steps": episode.steps,
        "of": reference.num_frames - 1,
        "completed": episode.completed,
        "ended_by": episode.reason,
        "joint_error_rad": episode.metrics["joint_position_error"],
        "torso_error_rad": episode.metrics["anchor_orientation_error"],
        "torso_drift_mean_m": episode.metrics["anchor_position_error"],
    }


def walking_lines(rows: list[dict]) -> list[str]:
    """A table, the published values below each policy's."""
    heads = "".join(f"{label:>9}" for label in COMMANDS)
    lines = [f"{'policy':18} {'physics':18}{heads}  survived  largest gap"]
    for row in rows:
        numbers = "".join(f"{value:9.2f}" for value in row["achieved"])
        lines.append(
            f"{row['policy']:18} {row['variant']:18}{numbers}  {min(row['survived_s']):6.1f} s"
            f"  {row['largest_gap']:.3f}"
        )
        if not VARIANTS[row["variant"]]:
            numbers = "".join(f"{value:9.2f}" for value in row["expected"])
            lines.append(f"{'':18} {'(reference)':18}{numbers}")
    return lines


def dancing_lines(rows: list[dict], wrong: list[dict]) -> list[str]:
    """Both dances, then with scales that are not theirs."""
    lines = [
        f"{'policy':26} {'scale':>13} {'steps':>12}  {'ended by':12} {'joints':>8} {'torso':>8}"
        f" {'drift':>8}"
    ]
    for row in (*rows, *wrong):
        lines.append(
            f"{row['policy']:26} {row['action_scale']:>13} {row['steps']:5d} of {row['of']}"
            f"  {row['ended_by']:12} {row['joint_error_rad']:8.3f} {row['torso_error_rad']:8.3f}"
            f" {row['torso_drift_mean_m']:8.2f}"
        )
        if row["completed"] and row["policy"] in DANCES:
            known = DANCES[row["policy"]][1]
            lines.append(
                f"{'':26} {'(reference)':>13} {'':12}  {'':12} {known['joints']:8.3f}"
                f" {known['torso']:8.3f}"
            )
    return [*lines, "", "errors: means over the steps, rad; drift: mean distance of the torso, m"]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
