"""MOSAIC's learners: the published numbers, and settings that training accepts."""

import pytest

from mimiclab.errors import UnknownNameError
from mimiclab.learning.mosaic import mosaic_train, mosaic_train_of_id
from mimiclab.learning.teachers.cfg import TeacherCfg
from mimiclab.tasks.tracking.mosaic import MOSAIC_IDS

EXPERT = (TeacherCfg(path="expert"),)


def test_ppo_is_the_published_one():
    cfg = mosaic_train()
    ppo = cfg.ppo
    assert ppo.hidden == (1024, 1024, 512, 256)
    assert (ppo.steps_per_env, ppo.epochs, ppo.mini_batches) == (24, 5, 4)
    assert (ppo.discount, ppo.gae_lambda, ppo.entropy) == pytest.approx((0.99, 0.95, 0.005))
    assert (cfg.num_envs, cfg.iterations, cfg.save_interval, cfg.seed) == (8192, 200_000, 1000, 42)
    slow = mosaic_train_of_id("General-Tracking-Flat-G1-Low-Freq-v0").ppo
    assert (slow.steps_per_env, slow.discount) == (12, pytest.approx(0.9801))
    assert slow.gae_lambda == pytest.approx(0.9025)


@pytest.mark.parametrize(
    ("runner", "mode", "teacher", "recording"),
    # Weights of both losses: start, decay, minimum.
    [
        ("expert-hybrid", "hybrid", (1.0, 0.995, 0.1), (0.3, 0.995, 0.01)),
        ("hybrid", "hybrid", (1.0, 0.9995, 1.0), (0.1, 0.99, 0.1)),
        ("pure-distill", "distil", (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
        ("rl-continue", "hybrid", (1.0, 0.995, 0.1), (1.0, 0.995, 1.0)),
        ("residual", "hybrid", (1.0, 0.995, 0.1), (1.0, 0.99, 1.0)),
        ("multi-teacher-residual", "distil", (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
        ("distillation", "distil", (1.0, 1.0, 1.0), (1.0, 1.0, 1.0)),
    ],
)
def test_schedules_of_imitation(runner, mode, teacher, recording):
    cfg = mosaic_train(runner, teachers=EXPERT, student="student", base="gmt")
    imitation = cfg.imitation
    assert imitation.mode == mode
    assert (imitation.weight, imitation.decay, imitation.weight_min) == teacher
    assert recording == (
        imitation.recording_weight,
        imitation.recording_decay,
        imitation.recording_weight_min,
    )
    imitation.check()
    cfg.warm_start.check(imitation)


def test_special_settings_of_runners():
    residual = mosaic_train("residual", teachers=EXPERT, base="gmt")
    assert (residual.ppo.init_std, residual.ppo.entropy) == (0.8, 0.001)
    assert (residual.residual.hidden, residual.residual.gain) == ((512, 256, 128), 0.01)
    assert residual.residual.base == residual.warm_start.critic == "gmt"
    assert residual.iterations == 50_000
    assert mosaic_train("rl-continue", teachers=EXPERT, student="s").warm_start.std == 0.5
    assert mosaic_train("distillation", teachers=EXPERT).imitation.unroll == 15
    assert mosaic_train("multi-teacher-residual", teachers=EXPERT).iterations == 2001
    # Nobody to imitate: plain PPO, as MOSAIC's without paths.
    assert mosaic_train("expert-hybrid").imitation.mode == "none"
    with pytest.raises(UnknownNameError, match="MOSAIC runner"):
        mosaic_train("grpo")  # pyright: ignore[reportArgumentType]


def test_every_id_has_a_learner():
    for name in MOSAIC_IDS:
        cfg = mosaic_train_of_id(name, teachers=EXPERT if "istill" in name else ())
        assert cfg.ppo.hidden[0] == 1024
