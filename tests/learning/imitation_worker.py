"""One process of the multi-process test of imitation; writes what it ended with."""

import sys
from pathlib import Path

import torch
from toy_teachers import class_of, solution, taught, teacher
from toy_tracking import Lines

from mimiclab.learning import distributed
from mimiclab.learning.algorithms.recording import RecordingLoss
from mimiclab.learning.config import PpoCfg, TrainCfg


def main() -> None:
    folder, rank = Path(sys.argv[1]), distributed.ranks().rank
    ppo = PpoCfg(hidden=(16,), init_std=0.5, steps_per_env=8, entropy=0.0)
    for mode in ("hybrid", "distil"):
        cfg = TrainCfg(num_envs=8, ppo=ppo, progress="none", seed=1)
        cfg = taught(cfg, mode, recording="x.h5", recording_batch=16)
        obs = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
        recorded = RecordingLoss(cfg.imitation, obs, solution(obs), seed=rank)
        sink = Lines()
        runner = class_of(cfg, [("", teacher())], [recorded], seed=rank, sinks=[sink])
        runner.sinks = [sink]  # in every process, to compare what they would log
        runner.learn(iterations=6)
        result = {
            "actor": dict(runner.alg.actor.state_dict()),
            "critic": dict(runner.alg.critic.state_dict()),
            "algorithm": runner.alg.state_dict(),
            "losses": sink.lines[-1]["losses"],
            "seen": runner.alg.storage.observations["actor"].clone(),
            "order": recorded._order.clone(),
        }
        torch.save(result, folder / f"{mode}-{rank}.pt")
    distributed.stop()


if __name__ == "__main__":
    main()
