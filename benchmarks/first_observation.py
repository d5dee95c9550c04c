"""Seconds from `make_env` to the first observation, 256 environments, in a fresh process.

python benchmarks/first_observation.py
"""

import time

from run import RESULTS, machine

from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.sources import load_motions
from mimiclab.simulation import make_env
from mimiclab.tasks.tracking import TrackingTask, tracking_env_cfg


def main() -> None:
    """Measure once, print and store."""
    library = MotionLibrary.from_clips(
        load_motions("builtin:squat", robot="unitree_g1"), robot="unitree_g1", fps=50
    )
    cfg = tracking_env_cfg(TrackingTask(), library, num_envs=256)
    start = time.perf_counter()
    make_env(cfg, engine="native").reset()
    text = (
        "# command: python benchmarks/first_observation.py\n"
        f"{machine()}\n\n{time.perf_counter() - start:.2f} s, 256 environments, native engine\n"
    )
    print(text)
    (RESULTS / "first_observation.txt").write_text(text)


if __name__ == "__main__":
    main()
