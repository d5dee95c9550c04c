"""How velocity tasks are learnt: Holosoma's settings for a GPU, and ones for a few CPU cores."""

from typing import Literal

from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.fastsac.cfg import cpu_sac, locomotion_sac

_CONTROL_STEPS = 50_000
"""Control steps of a FastSAC training on a GPU."""


def velocity_train(
    algorithm: Literal["ppo", "fastsac"] = "ppo", preset: Literal["cpu", "gpu"] = "gpu"
) -> TrainCfg:
    """The settings of a training. Source of those for a GPU: Holosoma.

    Its optimiser is AdamW with a weight decay of 0.001, ours Adam; its learning rate of PPO
    begins at 1e-5 and adapts, as ours does.
    """
    if algorithm == "fastsac":
        sac = locomotion_sac() if preset == "gpu" else cpu_sac()
        return TrainCfg(
            algorithm="fastsac",
            num_envs=4096 if preset == "gpu" else 64,
            iterations=_CONTROL_STEPS // sac.steps_per_env,
            sac=sac,
            save_interval=100,
        )
    if preset == "cpu":
        return TrainCfg(num_envs=128, iterations=5_000, ppo=_cpu_ppo(), save_interval=100)
    ppo = PpoCfg(
        hidden=(512, 256, 128),
        init_std=0.8,
        epochs=8,
        learning_rate=1e-5,
        entropy=0.01,
        normalise=False,
        mirror_samples=True,
        mirror_loss=1.0,
    )
    return TrainCfg(num_envs=4096, iterations=25_000, ppo=ppo, save_interval=100)


def _cpu_ppo() -> PpoCfg:
    return PpoCfg(
        hidden=(256, 128, 64),
        init_std=0.5,
        output_gain=0.01,
        epochs=8,
        mini_batches=8,
        desired_kl=0.02,
        discount=0.98,
        entropy=0.002,
        critic_learning_rate=1e-3,
    )
