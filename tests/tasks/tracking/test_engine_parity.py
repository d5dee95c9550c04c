"""The tracking task itself, on both engines: same start, same actions, same experience."""

import pytest
import torch

from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.simulation import make_env
from mimiclab.tasks.tracking import TrackingTask, tracking_env_cfg

STEPS = 50

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


def experience(engine: str, device: str) -> dict[str, torch.Tensor]:
    task = TrackingTask(residual_action=True, noise=False, pushes=False, randomisation=False)
    clip = builtin_motion("squat")
    library = MotionLibrary.from_clips([clip], robot=task.robot, fps=50, device=device)
    env = make_env(tracking_env_cfg(task, library, num_envs=2), engine=engine, device=device)
    command = env.command_manager.get_term("motion")
    # Not at 0 s, where soles touch the ground to the last bit: whether that is a contact in the
    # first physics step depends on rounding.
    observations = command.start(torch.zeros(2, dtype=torch.long), torch.tensor([0.6, 1.0]))
    generator = torch.Generator().manual_seed(0)
    seen = {"actor": [observations["actor"]], "critic": [observations["critic"]], "reward": []}
    for _ in range(STEPS):
        action = 0.2 * torch.randn(2, 29, generator=generator)
        observations, reward, terminated, *_ = env.step(action.to(device))
        assert not terminated.any(), "the test wants robots that stay on their feet"
        for name in ("actor", "critic"):
            seen[name].append(observations[name])
        seen["reward"].append(reward)
    env.close()
    return {name: torch.stack(values).cpu() for name, values in seen.items()}


@pytest.mark.parametrize("device", warp_devices)
def test_policy_sees_and_earns_the_same_on_both_engines(device: str):
    native, warp = experience("native", "cpu"), experience("warp", device)
    # Feet that roll over their edges amplify float32 rounding; velocities show it first.
    for name, tolerance in {"actor": 0.1, "critic": 0.1, "reward": 2e-3}.items():
        assert torch.allclose(native[name], warp[name], atol=tolerance), name
    joint_angles = slice(73, 102)  # of the actor's observation
    difference = (native["actor"] - warp["actor"])[..., joint_angles].abs().max()
    assert difference < 2e-3
    assert native["reward"].min() > 0
