"""Settings: BeyondMimic's numbers, presets, and the round trip through JSON."""

import json
from dataclasses import dataclass, field

import pytest

from mimiclab.errors import CheckpointError, MimiclabError, UnknownNameError
from mimiclab.learning.build import rsl_rl_config
from mimiclab.learning.config import PpoCfg, TrainCfg, cpu_preset, train_preset
from mimiclab.learning.networks.cfg import ResidualCfg
from mimiclab.learning.serialise import from_plain, to_plain
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg


def test_defaults_are_those_of_beyondmimic() -> None:
    given = rsl_rl_config(TrainCfg(), {})
    algorithm = given["algorithm"]
    published = {
        "num_learning_epochs": 5, "num_mini_batches": 4, "learning_rate": 1e-3,
        "schedule": "adaptive", "desired_kl": 0.01, "clip_param": 0.2, "entropy_coef": 0.005,
        "value_loss_coef": 1.0, "use_clipped_value_loss": True, "gamma": 0.99, "lam": 0.95,
        "max_grad_norm": 1.0,
    }  # fmt: skip
    assert {key: algorithm[key] for key in published} == published
    assert given["num_steps_per_env"] == 24
    assert given["actor"]["hidden_dims"] == given["critic"]["hidden_dims"] == [512, 256, 128]
    assert given["actor"]["activation"] == "elu"
    assert given["actor"]["distribution_cfg"]["init_std"] == 1.0
    assert given["actor"]["normalise_until"] == 10**8
    cfg = TrainCfg()
    assert (cfg.num_envs, cfg.iterations, cfg.save_interval) == (4096, 30_000, 500)


def test_each_call_gives_rsl_rl_a_fresh_dictionary() -> None:
    cfg = TrainCfg()
    rsl_rl_config(cfg, {})["actor"].pop("class_name")
    assert "class_name" in rsl_rl_config(cfg, {})["actor"]


def test_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="'cpu'"):
        train_preset("cpv")


def test_settings_survive_json() -> None:
    cfg = cpu_preset()
    cfg.minutes = 4
    again = from_plain(TrainCfg, json.loads(json.dumps(to_plain(cfg))))
    assert again == cfg
    assert isinstance(again.ppo.hidden, tuple)
    assert isinstance(again.minutes, float)


def test_an_unknown_setting_is_refused_by_name() -> None:
    with pytest.raises(CheckpointError, match=r"learning_rat \(did you mean learning_rate"):
        from_plain(TrainCfg, {"ppo": {"learning_rat": 1}}, "train")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"num_envs": "many"}, "train.num_envs is 'many', expected a whole number"),
        ({"num_envs": 8.5}, "train.num_envs is 8.5, expected a whole number"),
        ({"minutes": "5"}, "train.minutes is '5', expected a number"),
        ({"ppo": {"clip": True}}, "train.ppo.clip is True, expected a number"),
        ({"ppo": {"clip_value": 1}}, "train.ppo.clip_value is 1, expected true or false"),
        ({"ppo": {"hidden": 32}}, "train.ppo.hidden is 32, expected a list"),
        ({"ppo": {"hidden": ["a"]}}, "train.ppo.hidden is 'a', expected a whole number"),
        ({"logger": "non"}, "train.logger is 'non', expected one of tensorboard, wandb, none"),
        ({"device": 1}, "train.device is 1, expected text"),
        ({"ppo": None}, "train.ppo: expected an object"),
    ],
)
def test_values_of_another_kind_are_refused(data: dict, told: str) -> None:
    with pytest.raises(CheckpointError, match=told):
        from_plain(TrainCfg, data, "train")


def test_fixed_numbers_of_values_are_kept() -> None:
    with pytest.raises(CheckpointError, match=r"delay_s is \[0.1\], expected 2 values"):
        from_plain(InterfaceCfg, {"delay_s": [0.1]}, "interface")
    assert from_plain(InterfaceCfg, {"delay_s": [0, 1]}).delay_s == (0.0, 1.0)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (TrainCfg(num_envs=0), "--num-envs is 0"),
        (TrainCfg(ppo=PpoCfg(hidden=())), r"--ppo.hidden is \(\)"),
        (TrainCfg(ppo=PpoCfg(mini_batches=0)), "--ppo.mini-batches is 0"),
        (TrainCfg(ppo=PpoCfg(learning_rate=-1.0)), "--ppo.learning-rate is -1.0"),
        (
            TrainCfg(num_envs=8, ppo=PpoCfg(mini_batches=97)),
            r"8 environments x 24 steps are 192 samples, too few for 97 mini-batches",
        ),
        (TrainCfg(residual=ResidualCfg(base="a", hidden=())), r"--residual.hidden is \(\)"),
        (TrainCfg(residual=ResidualCfg(base="a", bound=-1.0)), "--residual.bound is -1.0"),
        (TrainCfg(residual=ResidualCfg(gate=True)), "without --residual.base would do nothing"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: TrainCfg, told: str) -> None:
    with pytest.raises(MimiclabError, match=told):
        settings.check()


def test_settings_that_just_work_are_not_refused() -> None:
    TrainCfg(num_envs=8, ppo=PpoCfg(mini_batches=96)).check()
    TrainCfg(residual=ResidualCfg(base="a", gate=True)).check()


@dataclass(kw_only=True)
class _Nested:
    pairs: tuple[tuple[str, float], ...] = ()
    table: dict[str, PpoCfg] = field(default_factory=dict)
    either: int | str | None = None


def test_nested_kinds_survive() -> None:
    value = _Nested(pairs=(("a", 1.0), ("b", 2.0)), table={"x": PpoCfg(hidden=(4,))}, either="z")
    assert from_plain(_Nested, json.loads(json.dumps(to_plain(value)))) == value
