"""One policy for built-in and real motions on a CPU: three seeds, beside untrained weights.

python benchmarks/generalist.py DATA    about an hour on 2 cores

DATA holds the folders of open motions `asap_g1_npz`, `kimodo_g1_csv` and `twist2_g1_npz`. They are
repaired first by `mimiclab motion repair`: the clips float, drift, or begin with wrong frames.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from run import RESULTS, machine

SEEDS = (1, 2, 3)
UPDATES = 500
BUILT_IN = ["stand", "squat", "bow", "wave", "weight_shift", "march", "kick", "hop"]
REAL = {
    "asap_g1_npz": ("squat_level2", "shoot_level2", "kick_level2", "step_forward_back_level2"),
    "kimodo_g1_csv": ("output_wave", "output_high5", "output_dance", "output_jumpjack"),
    "twist2_g1_npz": ("yanjie_walk_002", "yanjie_walk_008"),
}


def mimiclab(*words: str) -> None:
    """Run the command line."""
    subprocess.run([sys.executable, "-m", "mimiclab.cli.main", *words], check=True)


def real_clips(data: Path, out: Path) -> list[str]:
    """Paths of the repaired clips."""
    found = []
    for folder, names in REAL.items():
        order = ("--root-quat-order", "wxyz") if folder == "kimodo_g1_csv" else ()
        files = [str(next((data / folder).glob(f"{name}.*"))) for name in names]
        mimiclab("motion", "repair", *files, "--output", str(out / folder), *order)
        found += [str(path) for path in sorted((out / folder).rglob("*.npz"))]
    return found


def scores(path: Path) -> dict[str, dict[str, float]]:
    """Mean of each metric for each group."""
    groups = json.loads(path.read_text())["summary_by_group"]
    return {
        group: {name: found["mean"] for name, found in summary.items()}
        for group, summary in groups.items()
    }


def main() -> None:
    """Train and score each seed; print and store one line for each group."""
    data = Path(sys.argv[1])
    lines = ["# command: python benchmarks/generalist.py DATA", machine(), ""]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        groups = {
            "built-in": ",".join(f"builtin:{name}" for name in BUILT_IN),
            "real": ",".join(real_clips(data, folder / "clips")),
        }
        clips = [f"--group={name}={motions}" for name, motions in groups.items()]
        for seed in SEEDS:
            name = f"seed{seed}"
            mimiclab(
                *("train", "tracking", "--preset", "cpu", *clips),
                *("--iterations", str(UPDATES), "--seed", str(seed), "--logger", "none"),
                *("--runs", scratch, "--name", name, "--progress", "lines"),
            )
            for what, option in (("untrained", ["--untrained"]), ("trained", [])):
                report = folder / f"{name}-{what}.json"
                mimiclab("evaluate", str(folder / name), *option, *clips, "--json", str(report))
                for group, means in scores(report).items():
                    lines.append(
                        f"seed {seed}  {what:9}  {group:9}"
                        f"success {means['success_rate']:6.1%}  "
                        f"completed {means['completion']:6.1%}  "
                        f"root-relative MPJPE {means['mpjpe_root_mm']:5.1f} mm"
                    )
    text = "\n".join(lines) + "\n"
    print(text)
    (RESULTS / "generalist.txt").write_text(text)


if __name__ == "__main__":
    main()
