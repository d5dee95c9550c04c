"""Makes the toy problem importable, here and in the processes that tests start."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.fastsac.cfg import SacCfg


@pytest.fixture
def toy_cfg() -> TrainCfg:
    """Settings with which the toy problem is learnt in a second or two."""
    ppo = PpoCfg(hidden=(32, 32), init_std=0.5, steps_per_env=16, entropy=0.0)
    return TrainCfg(num_envs=32, iterations=60, ppo=ppo, progress="none", save_interval=1000)


@pytest.fixture
def toy_sac() -> TrainCfg:
    """FastSAC settings with which the toy problem is learnt in a few seconds."""
    sac = SacCfg(
        actor_hidden=(32, 32),
        critic_hidden=(32, 32),
        atoms=51,
        value_range=(0.0, 30.0),
        discount=0.95,
        tau=0.05,
        batch=128,
        updates=1,
        actor_every=2,
        learning_rate=3e-3,
        critic_learning_rate=3e-3,
        alpha_learning_rate=3e-3,
        replay_steps=200,
        steps_per_env=16,
    )
    return TrainCfg(
        num_envs=32,
        iterations=45,
        algorithm="fastsac",
        sac=sac,
        progress="none",
        save_interval=1000,
    )
