"""One process of the multi-process test: trains the toy problem and writes what it ended with."""

import sys
from pathlib import Path

import torch
from tensordict import TensorDict
from toy_tracking import LAYOUT, ToyTracking

from mimiclab.learning import distributed
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.networks.mlp import NormalisedMlp
from mimiclab.learning.runner import Runner

_SEEN: list[torch.Tensor] = []
_FOLD_IN = NormalisedMlp.fold_in


def watch(self: NormalisedMlp, obs: TensorDict) -> None:
    """Remember the observations that the statistics are made of."""
    if self.obs_groups == ["actor"]:
        _SEEN.append(obs["actor"].flatten(0, 1).clone())
    _FOLD_IN(self, obs)


def train(folder: Path, name: str, updates: int, *, resume: bool, sharded: bool) -> None:
    """Train in `folder` and write `name`-RANK.pt."""
    _SEEN.clear()
    place = distributed.ranks()
    ppo = PpoCfg(hidden=(32, 32), init_std=0.5, steps_per_env=16, entropy=0.0)
    cfg = TrainCfg(num_envs=16, ppo=ppo, progress="none", seed=1)
    env = ToyTracking(cfg.num_envs, seed=cfg.seed + place.rank)
    seed = torch.initial_seed()
    runner = Runner(env, cfg, layout=LAYOUT, folder=folder, sharded=sharded)
    if resume:
        runner.restore(folder / "checkpoints" / "last.pt")
    start = runner.iteration
    before = env.sampler.failures.clone()
    runner.learn(iterations=start + updates)
    result = {
        "start": start,
        "seed": seed,
        "seen": torch.cat(_SEEN),
        "actor": dict(runner.alg.actor.state_dict()),
        "critic": dict(runner.alg.critic.state_dict()),
        "learning_rate": runner.alg.learning_rate,
        "sampler_before": before,
        "sampler": env.sampler.failures,
        "length": runner.best["value"] if runner.best else 0.0,
        "env_steps": runner.env_steps,
    }
    torch.save(result, folder / f"{name}-{place.rank}.pt")


def main() -> None:
    NormalisedMlp.fold_in = watch
    folder = Path(sys.argv[1])
    train(folder / "same", "first", 60, resume=False, sharded=False)
    train(folder / "same", "resumed", 3, resume=True, sharded=False)
    train(folder / "sharded", "first", 4, resume=False, sharded=True)
    train(folder / "sharded", "resumed", 2, resume=True, sharded=True)
    distributed.stop()


if __name__ == "__main__":
    main()
