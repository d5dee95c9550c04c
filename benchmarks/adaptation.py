"""What a correction for an interface wins and costs: the laptop recipe with three seeds.

python benchmarks/adaptation.py RUNS [NAME]    about 35 minutes a seed on 2 quiet cores

RUNS is the folder of runs. The pipelines in it are called NAME_1, NAME_2, NAME_3 and go on where
they were stopped, so that a second call only reads them.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from run import RESULTS, machine

SEEDS = (1, 2, 3)
STAGES = ("gmt", "adaptor", "residual")


def main() -> None:
    """Run what is missing; print and store the tables of all seeds."""
    runs, name = Path(sys.argv[1]), (sys.argv[2:] or ["laptop"])[0]
    lines = ["# command: python benchmarks/adaptation.py RUNS", machine(), ""]
    lines.append(f"{'seed':4}  {'policy':10}  {'interface motions':24}  {'original motions':24}")
    kept = {}
    for seed in SEEDS:
        folder = runs / f"{name}_{seed}"
        words = ("pipeline", "mosaic", "--recipe", "laptop", "--seed", str(seed))
        where = ("--name", folder.name, "--runs", str(runs))
        subprocess.run([sys.executable, "-m", "mimiclab.cli.main", *words, *where], check=True)
        rows = json.loads((folder / "results.json").read_text())["rows"]
        kept[seed] = rows
        score = {(row["stage"], row["group"]): row for row in rows}
        for stage in STAGES:
            cells = [
                f"{score[stage, group]['success_rate']:6.1%}  "
                f"{score[stage, group]['mpjpe_root_mm']:5.1f} mm"
                for group in ("adaptor", "gmt")
            ]
            lines.append(f"{seed:<4}  {stage:10}  {cells[0]:24}  {cells[1]:24}")
        before, after = (score[s, "adaptor"]["mpjpe_root_mm"] for s in ("gmt", "residual"))
        best = score["adaptor", "adaptor"]["mpjpe_root_mm"]
        lost = score["gmt", "gmt"]["success_rate"] - score["residual", "gmt"]["success_rate"]
        lines.append(
            f"      error on interface motions: {1 - after / before:.0%} gone; of what the adaptor "
            f"recovers {(before - after) / (before - best):.0%}; lost on the originals: "
            f"{100 * lost:.1f} points"
        )
    print("\n".join(lines))
    (RESULTS / "adaptation.txt").write_text("\n".join(lines) + "\n")
    (RESULTS / "adaptation.json").write_text(json.dumps(kept, indent=1) + "\n")
    picture = RESULTS.parents[1] / "docs" / "images" / "adaptation.png"
    shutil.copy(runs / f"{name}_{SEEDS[0]}" / "forgetting.png", picture)


if __name__ == "__main__":
    main()
