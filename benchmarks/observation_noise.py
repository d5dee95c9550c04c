"""What the published observation noise costs a beginner: the same training with and without it.

python benchmarks/observation_noise.py    about five minutes on 2 cores
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from run import RESULTS, machine

TRAIN = (
    "train tracking --preset cpu --motion builtin:squat --iterations 120 --seed 1 "
    "--curriculum.no-enabled --no-pushes --reset-noise 0.1 --logger none --progress none"
)
VARIANTS = {"noise": "--noise", "no noise": "--no-noise"}


def mimiclab(words: list[str], folder: str) -> None:
    """Run the command line in a folder."""
    subprocess.run([sys.executable, "-m", "mimiclab.cli.main", *words], cwd=folder, check=True)


def main() -> None:
    """Train both, print and store how often each fails and how it scores."""
    lines = [machine(), ""]
    with tempfile.TemporaryDirectory() as folder:
        for name, flag in VARIANTS.items():
            command = f"{TRAIN} {flag} --name {flag.strip('-')}"
            lines.append(f"# command: mimiclab {command}")
            mimiclab(command.split(), folder)
            run = Path(folder) / "runs" / flag.strip("-")
            log = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
            for part in (0.25, 0.5, 0.75, 1.0):
                window = log[int(len(log) * part) - 10 : int(len(log) * part)]
                failures = 1e3 * sum(x["failure_rate_per_step"] for x in window) / len(window)
                lines.append(
                    f"{name:9} {window[-1]['env_steps'] / 1e3:4.0f} k steps  "
                    f"{failures:5.1f} failures in 1,000 control steps (mean of 10 updates)"
                )
            scores = Path(folder) / "scores.json"
            mimiclab(["evaluate", str(run), "--seeds", "20", "--json", str(scores)], folder)
            whole = json.loads(scores.read_text())["summary_by_start"]["zero"]
            lines.append(
                f"{name:9} whole clips, 20 seeds, no noise: "
                f"success {whole['success_rate']['mean']:.0%}, "
                f"completed {whole['completion']['mean']:.0%}\n"
            )
    text = "\n".join(lines)
    print(text)
    (RESULTS / "observation_noise.txt").write_text(text)


if __name__ == "__main__":
    main()
