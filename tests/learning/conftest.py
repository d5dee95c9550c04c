"""Makes the toy problem importable, here and in the processes that tests start."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from mimiclab.learning.config import PpoCfg, TrainCfg


@pytest.fixture
def toy_cfg() -> TrainCfg:
    """Settings with which the toy problem is learnt in a second or two."""
    ppo = PpoCfg(hidden=(32, 32), init_std=0.5, steps_per_env=16, entropy=0.0)
    return TrainCfg(num_envs=32, iterations=60, ppo=ppo, progress="none", save_interval=1000)
