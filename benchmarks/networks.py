"""Seconds to act and to learn of each actor network, as multiples of the plain MLP's.

    python benchmarks/networks.py [--num-envs 128] [--history 5]

The observation is that of the G1's tracking task; numbers are random, since only sizes count.
"""

import argparse
import time
from dataclasses import replace
from typing import Any

import torch
from rsl_rl.env import VecEnv
from run import RESULTS, machine
from tensordict import TensorDict

from mimiclab.learning.config import TrainCfg, cpu_ppo
from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.runner import Runner

TERMS = {
    "command": 58, "motion_anchor_pos_b": 3, "motion_anchor_ori_b": 6, "base_lin_vel": 3,
    "base_ang_vel": 3, "joint_pos": 29, "joint_vel": 29, "actions": 29,
}  # fmt: skip
NETWORKS = {
    "mlp": NetworkCfg(),
    "lstm": NetworkCfg(kind="recurrent"),
    "gru": NetworkCfg(kind="recurrent", cell="gru"),
    "attention": NetworkCfg(kind="attention"),
    "transformer": NetworkCfg(kind="transformer"),
    "fsq": NetworkCfg(kind="fsq"),
    "vq": NetworkCfg(kind="vq"),
}


class Noise(VecEnv):
    """Random observations and rewards; one environment in fifty ends at each step."""

    num_actions = 29
    max_episode_length = 500

    def __init__(self, num_envs: int, width: int) -> None:
        self.num_envs, self.width, self.device, self.cfg = num_envs, width, "cpu", {}
        self.episode_length_buf = torch.zeros(num_envs, dtype=torch.long)

    @property
    def unwrapped(self) -> "Noise":
        return self

    def get_observations(self) -> TensorDict:
        actor = torch.randn(self.num_envs, self.width)
        return TensorDict({"actor": actor, "critic": actor[:, :286]}, [self.num_envs])

    def reset(self) -> tuple[TensorDict, dict]:
        return self.get_observations(), {}

    def step(self, actions: torch.Tensor) -> tuple[TensorDict, Any, Any, dict[str, Any]]:
        done = (torch.rand(self.num_envs) < 0.02).long()
        return self.get_observations(), torch.rand(self.num_envs), done, {"log": {}}


def measure(network: NetworkCfg, num_envs: int, history: int) -> tuple[int, float, float]:
    """Parameters of the actor; milliseconds of one core to act in all rows, and to update."""
    layout = {
        "observations": {
            "actor": {name: size * history for name, size in TERMS.items()},
            "critic": {"state": 286},
        },
        "history": {"actor": {name: history for name in TERMS}},
        "actions": {"joint_pos": 29},
    }
    cfg = TrainCfg(num_envs=num_envs, ppo=replace(cpu_ppo(), mini_batches=8), network=network)
    runner = Runner(Noise(num_envs, sum(TERMS.values()) * history), cfg, layout=layout)
    runner.learn(iterations=2)
    acts, updates = [], []
    obs = runner._reset()
    for _ in range(4):
        obs, _ = runner._rollout(obs)
        start = time.process_time()
        runner.alg.update()
        updates.append(time.process_time() - start)
        with torch.inference_mode():
            for _ in range(20):
                start = time.process_time()
                runner.alg.actor(obs, stochastic_output=True)
                acts.append(time.process_time() - start)
    parameters = sum(p.numel() for p in runner.alg.actor.parameters())
    return parameters, 1e3 * min(acts), 1e3 * min(updates)


def main() -> None:
    """Print and store a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--num-envs", type=int, default=128)
    parser.add_argument("--history", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = {name: measure(n, args.num_envs, args.history) for name, n in NETWORKS.items()}
    lines = ["# command: python benchmarks/networks.py", machine(), ""]
    lines += ["network      parameters   act, ms   x mlp   update, ms   x mlp"]
    for name, (parameters, act, update) in found.items():
        lines.append(
            f"{name:12} {parameters:10,} {act:9.2f} {act / found['mlp'][1]:7.1f}"
            f" {update:12.0f} {update / found['mlp'][2]:7.1f}"
        )
    print("\n".join(lines))
    (RESULTS / "networks.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
