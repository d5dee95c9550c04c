"""Shares of motion groups, in every sampler that draws."""

from types import SimpleNamespace

import pytest
import torch

from mimiclab.errors import MimiclabError, UnknownNameError
from mimiclab.learning.serialise import from_plain, to_plain
from mimiclab.motions.sampler_cfg import SAMPLER_KINDS, ClipLevelCfg, SamplerCfg

F64 = torch.float64
KINDS = [kind for kind in SAMPLER_KINDS if kind != "start"]
TWO_LEVEL = ("two-level", "mosaic-paper", "mosaic-shipped")
RATIOS = {"long": 0.2, "short": 0.3, "tiny": 0.5}


def library(group: tuple[int, ...] = (0, 0, 0, 1, 1, 2)) -> SimpleNamespace:
    """Three long clips with weights, two short ones, one of a moment."""
    return SimpleNamespace(
        clip_names=tuple("abcdef"),
        durations_s=torch.tensor([60.0, 45.0, 30.0, 5.0, 3.0, 1.0], dtype=F64),
        clip_weights=torch.tensor([4.0, 1.0, 9.0, 1.0, 0.5, 1.0], dtype=F64),
        clip_group=torch.tensor(group),
        group_names=("long", "short", "tiny"),
        device=torch.device("cpu"),
    )


def sampler_of(kind: str, ratios: dict[str, float] = RATIOS):
    often = ClipLevelCfg(reassign_s=0.02, warm_up_s=0.0, ramp_s=0.0)
    clips = often if kind in TWO_LEVEL else ClipLevelCfg()
    cfg = SamplerCfg(kind=kind, group_ratios=ratios, clips=clips)  # pyright: ignore
    return cfg.build(library())  # pyright: ignore[reportArgumentType]


def fall_often(sampler) -> None:
    """Clips a and f fail, the others do not."""
    clip = torch.arange(6).repeat(50)
    zero = torch.zeros(300, dtype=F64)
    sampler.record(clip, zero, zero + 0.9, (clip == 0) | (clip == 5))
    sampler.step()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("failing", [False, True])
def test_each_group_has_its_ratio_whatever_is_in_it(kind: str, failing: bool):
    torch.manual_seed(0)
    sampler = sampler_of(kind)
    if failing:
        fall_often(sampler)
    share = sampler.probabilities().sum(1)
    by_group = torch.stack([share[:3].sum(), share[3:5].sum(), share[5]])
    torch.testing.assert_close(by_group, torch.tensor([0.2, 0.3, 0.5], dtype=F64))
    # 10,000 environments at once; 4 standard deviations of a fair draw are 0.02.
    clip, _ = sampler.sample(torch.arange(10_000))
    drawn = torch.bincount(library().clip_group[clip], minlength=3) / 10_000
    exact = kind in TWO_LEVEL
    torch.testing.assert_close(
        drawn, torch.tensor([0.2, 0.3, 0.5]), atol=1.1e-4 if exact else 0.02, rtol=0
    )


@pytest.mark.parametrize("kind", KINDS)
def test_one_environment_gets_the_ratios_in_time(kind: str):
    torch.manual_seed(0)
    sampler, one, seen = sampler_of(kind), torch.zeros(1, dtype=torch.long), torch.zeros(3)
    for _ in range(3000):
        clip, _ = sampler.sample(one)
        seen[library().clip_group[clip]] += 1
        sampler.step()
    torch.testing.assert_close(seen / 3000, torch.tensor([0.2, 0.3, 0.5]), atol=0.037, rtol=0)


def test_inside_a_group_proportions_are_those_without_ratios():
    """Also the uniform tenth of adaptive sampling is a tenth of each group."""
    whole, plain = sampler_of("uniform", {}).probabilities(), sampler_of("adaptive", {})
    grouped = sampler_of("adaptive")
    for sampler in (plain, grouped):
        fall_often(sampler)
    adaptive, got = plain.probabilities() - 0.1 * whole, grouped.probabilities()
    for group, ratio in ((slice(0, 3), 0.2), (slice(3, 5), 0.3), (slice(5, 6), 0.5)):
        parts = [table[group] / table[group].sum() for table in (adaptive, whole)]
        torch.testing.assert_close(got[group], ratio * (0.9 * parts[0] + 0.1 * parts[1]))
    uniform = sampler_of("uniform").probabilities()
    torch.testing.assert_close(uniform[:3] / 0.2, whole[:3] / whole[:3].sum())


def test_a_ratio_of_zero_leaves_a_group_out():
    for kind in KINDS:
        sampler = sampler_of(kind, {"long": 0.0, "short": 1.0, "tiny": 0.0})
        clip, _ = sampler.sample(torch.arange(500))
        assert set(clip.tolist()) == {3, 4}


def test_wrong_ratios_are_refused():
    def build(ratios: dict[str, float], group: tuple[int, ...] = (0, 0, 0, 1, 1, 2)) -> None:
        SamplerCfg(group_ratios=ratios).build(library(group))  # pyright: ignore

    with pytest.raises(
        UnknownNameError, match=r"unknown motion group 'shrot': did you mean .*short"
    ):
        build({"long": 0.5, "shrot": 0.25, "tiny": 0.25})
    with pytest.raises(MimiclabError, match=r"short -0\.1"):
        build({"long": 0.6, "short": -0.1, "tiny": 0.5})
    with pytest.raises(MimiclabError, match=r"long 0\.5 \+ short 0\.3 \+ tiny 0\.1 = 0\.9"):
        build({"long": 0.5, "short": 0.3, "tiny": 0.1})
    with pytest.raises(MimiclabError, match="'short', 'tiny' have no ratio"):
        build({"long": 1.0})
    with pytest.raises(MimiclabError, match=r"0\.5 to the motion group 'tiny', of which no clip"):
        build(RATIOS, (0, 0, 0, 1, 1, 1))
    with pytest.raises(MimiclabError, match="'start' has no group_ratios"):
        SamplerCfg(kind="start", group_ratios=RATIOS).build(library())  # pyright: ignore
    with pytest.raises(MimiclabError, match="'uniform' has no ema"):
        SamplerCfg(kind="uniform", ema=0.1).build(library())  # pyright: ignore


def test_thirds_need_not_sum_to_the_last_digit():
    sampler = sampler_of("uniform", {"long": 0.3333333, "short": 0.3333333, "tiny": 0.3333333})
    assert float(sampler.probabilities().sum()) == pytest.approx(1.0, abs=1e-12)


def test_settings_survive_a_run_folder():
    cfg = SamplerCfg(
        kind="two-level", group_ratios={"a": 1, "b": 0}, clips=ClipLevelCfg(reassign_s=5)
    )
    again = from_plain(SamplerCfg, to_plain(cfg))
    assert again == cfg and isinstance(again.group_ratios["a"], float)
