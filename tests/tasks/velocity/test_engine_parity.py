"""The velocity task on both engines: same start, same actions, same experience."""

import math

import pytest
import torch

from mimiclab.simulation import make_env
from mimiclab.tasks.velocity import GroundCfg, VelocityTask, velocity_env_cfg
from mimiclab.tasks.velocity.command import velocity_command

STEPS = 30

warp_devices = [
    "cpu",
    pytest.param(
        "cuda:0",
        marks=[
            pytest.mark.gpu,
            pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
        ],
    ),
]


def experience(engine: str, device: str, ground: GroundCfg) -> dict[str, torch.Tensor]:
    task = VelocityTask(ground=ground)
    cfg = velocity_env_cfg(task, num_envs=2, play=True)
    env = make_env(cfg, engine=engine, device=device)
    env.reset()
    velocity_command(env).hold(torch.tensor([[0.3, 0.1, 0.2], [0.0, 0.0, 0.0]]))
    env.command_manager.compute(dt=0.0)
    seen = {"actor": [], "critic": [], "reward": []}
    generator = torch.Generator().manual_seed(0)
    for _ in range(STEPS):
        action = 0.1 * torch.randn(2, 29, generator=generator)
        observations, reward, terminated, *_ = env.step(action.to(device))
        assert not terminated.any(), "the test wants robots that stay on their feet"
        for name in ("actor", "critic"):
            seen[name].append(observations[name])
        seen["reward"].append(reward)
    env.close()
    return {name: torch.stack(values).cpu() for name, values in seen.items()}


@pytest.mark.parametrize("device", warp_devices)
@pytest.mark.parametrize("kind", ["plane", pytest.param("mixed", marks=pytest.mark.slow)])
def test_policy_sees_and_earns_the_same_on_both_engines(device: str, kind: str):
    ground = GroundCfg(kind=kind, rows=1, columns=2, border_m=2.0)
    native, warp = experience("native", "cpu", ground), experience("warp", device, ground)
    phase = torch.atan2(native["actor"][:, 0, -2], native["actor"][:, 0, 35])
    assert float(phase[0]) == pytest.approx(2 * math.pi * 0.02, abs=1e-4)
    for name, tolerance in {"actor": 0.1, "critic": 0.1, "reward": 3e-3}.items():
        assert torch.allclose(native[name], warp[name], atol=tolerance), name
    joint_angles = slice(37, 66)
    difference = (native["actor"] - warp["actor"])[..., joint_angles].abs().max()
    # Where a capsule meets a height field, Warp makes one contact and MuJoCo up to two.
    assert difference < (3e-3 if kind == "plane" else 2e-2)
