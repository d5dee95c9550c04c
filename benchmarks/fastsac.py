"""What FastSAC costs: gradient steps beside their matrix products, and collecting beside PPO's.

    python benchmarks/fastsac.py updates [--preset cpu|tracking|locomotion] [--device cuda]
    python benchmarks/fastsac.py collecting [--num-envs 256] [--steps 48]

`updates` times gradient steps on random numbers of the size of the G1's tasks, and the matrix
products alone that such a step needs, of the same shapes and precision: the floor. `collecting`
steps the tracking task under both learners without learning: seconds in the environment (FastSAC's
observes twice where time ends an episode) and around it.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import torch

from mimiclab.cli.train import cpu_task
from mimiclab.learning import env_state
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.fastsac.algorithm import FastSac
from mimiclab.learning.fastsac.build import build_networks
from mimiclab.learning.fastsac.cfg import SacCfg, cpu_sac, locomotion_sac, tracking_sac
from mimiclab.learning.fastsac.replay import Replay
from mimiclab.learning.runner import Runner
from mimiclab.learning.train import make_training_env
from mimiclab.motions.library.open import open_motions

PRESETS = {
    "cpu": (cpu_sac(), {"actor": 160, "critic": 286}),
    "tracking": (tracking_sac(), {"actor": 154, "critic": 286}),
    # Mirrored pairs are twice the samples; a batch of twice the size costs the same.
    "locomotion": (
        replace(locomotion_sac(), symmetry=False, batch=16384),
        {"actor": 100, "critic": 103},
    ),
}
ACTIONS = 29


def shapes(inputs: int, hidden: tuple[int, ...], outputs: int) -> list[tuple[int, int]]:
    """Layers of a network."""
    return list(pairwise((inputs, *hidden, outputs)))


def products(
    cfg: SacCfg, sizes: dict[str, int], device: str
) -> list[tuple[float, Callable[[], object]]]:
    """Matrix products of one gradient step of the critics, with its share of an actor step.

    A layer is one product forward, one for its weights' gradient and one for its inputs'.

    Returns:
        How often each is done, and the product.
    """
    critic = shapes(sizes["critic"] + ACTIONS, cfg.critic_hidden, cfg.atoms)
    actor = shapes(sizes["actor"], cfg.actor_hidden, 2 * ACTIONS)
    share = 1.0 / cfg.actor_every
    # Forward; weights; inputs. Target and next action are forward alone, the actor's step goes back
    # through the critics to the actions without their weights.
    counts = [(2 * (2 + share), 2.0, 2 * (1 + share), critic), (1 + share, share, share, actor)]
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32

    def one(m: int, k: int, n: int) -> Callable[[], object]:
        a = torch.randn(m, k, device=device, dtype=dtype)
        b = torch.randn(k, n, device=device, dtype=dtype)
        return lambda: a @ b

    found = []
    for forward, weights, inputs, layers in counts:
        for k, n in layers:
            found.append((forward, one(cfg.batch, k, n)))
            found.append((weights, one(k, cfg.batch, n)))
            found.append((inputs, one(cfg.batch, n, k)))
    return found


def seconds(work: Callable[[], object], device: str, repeats: int) -> float:
    """Mean seconds of a call: of the process's CPU on a CPU, of the clock elsewhere."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    for _ in range(3):
        work()
    if device != "cpu":
        torch.cuda.synchronize()
    start = clock()
    for _ in range(repeats):
        work()
    if device != "cpu":
        torch.cuda.synchronize()
    return (clock() - start) / repeats


def updates(preset: str, device: str, repeats: int, changes: dict[str, int]) -> None:
    """Print the cost of gradient steps."""
    cfg, sizes = PRESETS[preset]
    cfg = replace(cfg, replay_steps=64, **changes)
    groups = {"actor": ["actor"], "critic": ["critic"]}
    examples = {name: torch.zeros(1, size) for name, size in sizes.items()}
    actor, critic = build_networks(cfg, examples, groups, ACTIONS)
    replay = Replay(sizes, 256, ACTIONS, cfg.replay_steps, device)
    for ring in (*replay.obs.values(), *replay.next_obs.values(), replay.actions, replay.reward):
        ring.normal_()
    replay.size = cfg.replay_steps
    learner = FastSac(actor.to(device), critic.to(device), replay, cfg, device=device)
    learner.actor.fold_in(replay.newest(8))  # type: ignore
    learner.critic.fold_in(replay.newest(8))
    step = seconds(learner._gradient_step, device, repeats)
    floor = 0.0
    for count, product in products(cfg, sizes, device):
        floor += count * seconds(product, device, repeats)
    print(
        f"{preset} on {device}: batch {cfg.batch}, critics {cfg.critic_hidden}, {cfg.atoms} atoms, "
        f"n-step {cfg.n_step}\n"
        f"  gradient step {1e3 * step:.2f} ms, {1 / step:.1f} updates/s, "
        f"{cfg.batch / step:,.0f} samples/s\n"
        f"  its matrix products alone {1e3 * floor:.2f} ms, {1 / floor:.1f} updates/s "
        f"({floor / step:.0%} of the step)"
    )


def collecting(num_envs: int, steps: int) -> None:
    """Print the cost of control steps under both learners."""
    task = cpu_task()
    library = open_motions("builtin:squat", robot=task.robot, fps=float(task.control_hz))
    for algorithm in ("ppo", "fastsac"):
        cfg = TrainCfg(num_envs=num_envs, algorithm=algorithm, sac=cpu_sac())
        cfg.ppo.steps_per_env = cfg.sac.steps_per_env
        env = make_training_env(task, library, cfg, "cpu", seed=0)
        layout = env_state.layout_of(env, robot=task.robot)
        runner = Runner(env, cfg, layout=layout, rollout_threads=1)
        if isinstance(runner.alg, FastSac):
            runner.alg.cfg.updates = 0
        obs = runner._reset()
        inside = around = 0.0
        for _ in range(max(1, steps // runner.alg.steps_per_env)):
            start = time.perf_counter()
            obs, spent = runner._rollout(obs)
            inside += spent["env_s"]
            around += time.perf_counter() - start - spent["env_s"] - spent["update_s"]
            if algorithm == "ppo":
                runner.alg.storage.clear()  # type: ignore
        print(
            f"{algorithm:8} {num_envs} envs: environment {1e3 * inside / steps:.2f} ms a control "
            f"step, around it {1e3 * around / steps:.2f} ms"
        )
        env.close()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("updates", "collecting"))
    parser.add_argument("--preset", choices=PRESETS, default="cpu")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--n-step", type=int)
    parser.add_argument("--num-envs", type=int, default=256)
    parser.add_argument("--steps", type=int, default=48)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.what == "collecting":
        collecting(args.num_envs, args.steps)
        return
    given = {"batch": args.batch, "n_step": args.n_step}
    changes = {name: value for name, value in given.items() if value is not None}
    updates(args.preset, args.device, args.repeats, changes)


if __name__ == "__main__":
    main()
