"""The published numbers."""

from mimiclab.learning.config import PRESETS
from mimiclab.learning.fastsac.cfg import SacCfg, locomotion_sac, tracking_sac


def test_locomotion_has_the_published_numbers() -> None:
    published = {
        "actor_hidden": (512, 256, 128), "critic_hidden": (768, 384, 192), "atoms": 101,
        "value_range": (-20.0, 20.0), "discount": 0.97, "n_step": 1, "tau": 0.125, "batch": 8192,
        "updates": 8, "actor_every": 4, "learning_rate": 3e-4, "critic_learning_rate": 3e-4,
        "alpha_learning_rate": 3e-4, "betas": (0.9, 0.95), "weight_decay": 0.001, "alpha": 0.001,
        "tune_alpha": True, "target_entropy_ratio": 0.0, "log_std_range": (-5.0, 0.0),
        "replay_steps": 1024, "learning_starts": 10, "max_grad_norm": 0.0, "symmetry": True,
    }  # fmt: skip
    given = locomotion_sac()
    assert {name: getattr(given, name) for name in published} == published


def test_tracking_differs_as_published() -> None:
    changed = {
        name: value
        for name, value in vars(tracking_sac()).items()
        if value != getattr(SacCfg(), name)
    }
    assert changed == {
        "discount": 0.99, "tau": 0.05, "updates": 4, "actor_every": 2, "atoms": 501,
        "target_entropy_ratio": 0.5,
    }  # fmt: skip


def test_presets_make_sense() -> None:
    for preset in PRESETS.values():
        cfg = preset()
        cfg.algorithm = "fastsac"
        cfg.check()
