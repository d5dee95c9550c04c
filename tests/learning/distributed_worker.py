"""One process of the multi-process test: trains the toy problem and writes what it ended with."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from tensordict import TensorDict
from toy_tracking import LAYOUT, ToyTracking

from mimiclab.learning import distributed
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.networks.mlp import NormalisedMlp
from mimiclab.learning.runner import Runner
from mimiclab.learning.shard_cfg import ShardCfg
from mimiclab.learning.train import train as train_task
from mimiclab.learning.waiting import Waiting
from mimiclab.motions.library.open import open_groups
from mimiclab.motions.sampler_cfg import ClipLevelCfg, SamplerCfg
from mimiclab.tasks.tracking import TrackingTask

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


def train_groups(folder: Path) -> None:
    """Real motions in two groups, divided by stride, and starts on two levels."""
    groups = {"few": "builtin:stand", "many": "builtin:walk,builtin:squat,builtin:wave,builtin:bow"}
    sampler = SamplerCfg(
        kind="two-level",
        group_ratios={"few": 0.25, "many": 0.75},
        clips=ClipLevelCfg(reassign_s=0.1, warm_up_s=0.0, ramp_s=0.0),
    )
    cfg = TrainCfg(
        num_envs=8,
        iterations=3,
        device="cpu",
        ppo=PpoCfg(hidden=(16,), init_std=0.2, steps_per_env=8, mini_batches=1, epochs=1),
        shard=ShardCfg(strategy="stride"),
        logger="none",
        progress="none",
    )
    ended: dict[str, Any] = {}
    save_all = Runner.save_all

    def note(self: Runner) -> None:
        command = self.env.unwrapped.command_manager.get_term("motion")  # pyright: ignore
        ended.update(
            actor=dict(self.alg.actor.state_dict()),
            sharded=self.sharded,
            clips=command.library.clip_names,
            group_names=command.library.group_names,
            sampler=command.sampler.state_dict(),
        )
        save_all(self)

    Runner.save_all = note
    library = open_groups(groups, robot="unitree_g1", fps=50.0)
    train_task(TrackingTask(sampler=sampler, residual_action=True), library, cfg, folder / "run")
    Runner.save_all = save_all
    torch.save(ended, folder / f"groups-{distributed.ranks().rank}.pt")


def wait(folder: Path) -> None:
    """Process 1 comes 0.4 s late to a sum."""
    with Waiting() as waiting:
        distributed.wait_for_all()
        waiting.report()
        if distributed.ranks().rank == 1:
            time.sleep(0.4)
        distributed.sum_tensor(torch.ones(3))
        report = waiting.report()
    torch.save(report, folder / f"waiting-{distributed.ranks().rank}.pt")


def pooled_sampler(ranks: tuple[int, ...]) -> Any:
    """A sampler on two levels that saw the episodes of these processes on four clips."""
    clips = ClipLevelCfg(novelty_share=0.0, warm_up_s=0.0, ramp_s=0.0)
    library = SimpleNamespace(
        clip_names=tuple("abcd"),
        durations_s=torch.full((4,), 5.0, dtype=torch.float64),
        clip_weights=torch.ones(4, dtype=torch.float64),
        device=torch.device("cpu"),
    )
    sampler = SamplerCfg(kind="mosaic-paper", clips=clips).build(library)  # pyright: ignore
    sampler.sample(torch.arange(6))
    for rank in ranks:
        clip = torch.tensor([0, 1, 1, 2, 3] if rank else [0, 0, 0, 2, 2])
        zero = torch.zeros(5, dtype=torch.float64)
        failed = torch.tensor([True, False, rank > 0, False, rank == 0])
        sampler.record(clip, zero, zero + 1.0 + clip, failed)
    sampler.step()
    return sampler


def share_statistics(folder: Path) -> None:
    """What `average_over_processes` does with the sampler of equal clips."""
    rank = distributed.ranks().rank
    torch.manual_seed(rank)
    sampler = pooled_sampler((rank,))
    own = sampler.env_clip.clone()
    sampler.load_state_dict(distributed.mean_state(sampler.state_dict()))
    kept = torch.equal(own, sampler.env_clip)
    result = {"clips": sampler.clip_probabilities(), "kept": kept, "assigned": sampler.assigned}
    torch.save(result, folder / f"statistics-{rank}.pt")


def main() -> None:
    NormalisedMlp.fold_in = watch
    folder = Path(sys.argv[1])
    train(folder / "same", "first", 60, resume=False, sharded=False)
    train(folder / "same", "resumed", 3, resume=True, sharded=False)
    train(folder / "sharded", "first", 4, resume=False, sharded=True)
    train(folder / "sharded", "resumed", 2, resume=True, sharded=True)
    share_statistics(folder)
    wait(folder)
    train_groups(folder / "groups")
    distributed.stop()


if __name__ == "__main__":
    main()
