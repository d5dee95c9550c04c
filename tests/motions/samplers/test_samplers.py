"""Samplers on a stand-in library: only names and durations matter to them."""

from types import SimpleNamespace

import pytest
import torch

from mimiclab.errors import CheckpointError, UnknownNameError
from mimiclab.motions.samplers import SAMPLER_KINDS, SamplerCfg, UniformSampler

TWO_LEVEL_KINDS = ["two-level", "mosaic-paper", "mosaic-shipped"]
ADAPTIVE_KINDS = [k for k in SAMPLER_KINDS if k not in ("uniform", "start", "mosaic-shipped")]


def library(*durations: float, weights: tuple[float, ...] | None = None):
    return SimpleNamespace(
        clip_names=tuple(f"clip{i}" for i in range(len(durations))),
        durations_s=torch.tensor(durations, dtype=torch.float64),
        clip_weights=torch.tensor(weights or [1.0] * len(durations), dtype=torch.float64),
        device=torch.device("cpu"),
    )


def fall(sampler, clip: int, start: float, end: float, times: int = 1, failed: bool = True):
    ones = torch.ones(times, dtype=torch.float64)
    sampler.record(
        torch.full((times,), clip), start * ones, end * ones, torch.full((times,), failed)
    )


@pytest.mark.parametrize("kind", SAMPLER_KINDS)
def test_samples_lie_on_control_steps_inside_their_clips(kind):
    torch.manual_seed(0)
    sampler = SamplerCfg(kind=kind).build(library(0.5, 3.37, 0.0), step_s=0.02)
    clip, time = sampler.sample(torch.arange(2000))
    durations = torch.tensor([0.5, 3.37, 0.0], dtype=torch.float64)
    assert (time >= 0).all() and (time <= (durations[clip] - 0.02).clamp(min=0) + 1e-9).all()
    torch.testing.assert_close(time / 0.02, (time / 0.02).round())
    assert sampler.probabilities().sum() == pytest.approx(1.0)


def test_uniform_is_uniform_over_time_across_clips():
    torch.manual_seed(0)
    sampler = SamplerCfg(kind="uniform").build(library(1.0, 3.0))
    clip, time = sampler.sample(torch.arange(40_000))
    assert (clip == 1).double().mean().item() == pytest.approx(0.75, abs=0.01)
    histogram = torch.histc(time[clip == 1], bins=3, min=0, max=3) / (clip == 1).sum()
    torch.testing.assert_close(
        histogram, torch.full((3,), 1 / 3, dtype=torch.float64), atol=0.02, rtol=0
    )


def test_start_at_zero_goes_round_the_clips():
    sampler = SamplerCfg(kind="start").build(library(1.0, 2.0, 3.0))
    assert sampler.sample(torch.arange(2))[0].tolist() == [0, 1]
    clip, time = sampler.sample(torch.arange(4))
    assert clip.tolist() == [2, 0, 1, 2] and (time == 0).all()


@pytest.mark.parametrize("kind", ADAPTIVE_KINDS)
def test_without_data_every_preset_is_uniform(kind):
    sampler = SamplerCfg(kind=kind).build(library(4.0))
    p = sampler.probabilities()
    torch.testing.assert_close(p, torch.full_like(p, 1 / p.numel()))
    assert sampler.metrics()["entropy"] == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ADAPTIVE_KINDS)
def test_failures_attract_starts(kind):
    sampler = SamplerCfg(kind=kind).build(library(6.0))
    for _ in range(50):
        fall(sampler, 0, 3.2, 3.6, times=5)
        for second in range(6):
            fall(sampler, 0, second + 0.1, second + 0.4, times=5, failed=False)
        sampler.step()
    p = sampler.probabilities()[0]
    # Upstream's seven bins of six seconds put 3.6 s in its fifth; it looks no bin ahead.
    assert int(p.argmax()) == (4 if kind in ("beyondmimic-upstream", "mosaic-paper") else 3)
    assert sampler.metrics()["entropy"] < 1.0


def test_look_ahead_starts_before_the_fall():
    sampler = SamplerCfg(kind="adaptive").build(library(6.0))
    for second in range(6):
        fall(sampler, 0, second, second + 0.999, failed=second == 4)
    p = sampler.probabilities()[0]
    assert p[4] > p[3] > p[2] > p[1]


def test_default_by_hand():
    # Two bins, one failure in bin 0 over 1 s, none in bin 1 over 1 s, prior 0.1 s at 0.5 per s.
    sampler = SamplerCfg(kind="adaptive", kernel_size=1).build(library(2.0))
    fall(sampler, 0, 0.0, 0.5)
    fall(sampler, 0, 0.5, 1.5, failed=False)
    fall(sampler, 0, 1.5, 2.0, failed=False)
    rate = torch.tensor([1.05 / 1.1, 0.05 / 1.1], dtype=torch.float64)
    expected = 0.9 * rate / rate.sum() + 0.1 * 0.5
    torch.testing.assert_close(sampler.probabilities()[0], expected)


def test_paper_preset_by_hand():
    sampler = SamplerCfg(kind="beyondmimic-paper", ema=0.5).build(library(3.0))
    fall(sampler, 0, 0.5, 2.5)  # counts where it started
    fall(sampler, 0, 0.6, 2.9, failed=False)
    sampler.step()
    f = [0.25, 0.0, 0.0]  # EMA 0.5 of the rate 1/2
    smooth = torch.tensor([f[0] / (1 + 0.8 + 0.64), 0.0, 0.0], dtype=torch.float64)
    expected = 0.9 * smooth / smooth.sum() + 0.1 / 3
    torch.testing.assert_close(sampler.probabilities()[0], expected)


def test_upstream_preset_by_hand():
    sampler = SamplerCfg(kind="beyondmimic-upstream").build(library(2.5))
    fall(sampler, 0, 0.0, 2.4, times=7)
    sampler.step()
    f = torch.tensor([0.0, 0.0, 7 * 0.001], dtype=torch.float64) + 0.1 / 3
    torch.testing.assert_close(sampler.probabilities()[0], f / f.sum())


def test_fork_preset_draws_clips_uniformly_and_waits_for_100_episodes():
    sampler = SamplerCfg(kind="beyondmimic-fork").build(library(1.0, 9.0))
    before = sampler.probabilities()
    torch.testing.assert_close(before.sum(1), torch.tensor([0.5, 0.5], dtype=torch.float64))
    fall(sampler, 1, 2.5, 3.0, times=99)
    sampler.step()
    torch.testing.assert_close(sampler.probabilities(), before)
    fall(sampler, 1, 2.5, 3.0)
    sampler.step()
    p = sampler.probabilities()
    torch.testing.assert_close(p.sum(1), torch.tensor([0.5, 0.5], dtype=torch.float64))
    assert p[1].argmax() == 2


def simulate(kind: str, num_envs: int, steps: int = 200) -> torch.Tensor:
    """Each environment falls once in bin 3 for every fall-free pass over the other bins."""
    sampler = SamplerCfg(kind=kind).build(library(10.0))
    for _ in range(steps):
        fall(sampler, 0, 3.0, 3.5, times=num_envs)
        fall(sampler, 0, 0.0, 10.0, times=num_envs, failed=False)
        sampler.step()
    return sampler.probabilities()


@pytest.mark.parametrize("kind", ["adaptive", "beyondmimic-paper"])
def test_probabilities_do_not_depend_on_the_number_of_environments(kind):
    torch.testing.assert_close(simulate(kind, 1), simulate(kind, 10_000, steps=200))


def test_uniform_share_survives_many_environments_in_ours_but_not_upstream():
    assert float(simulate("adaptive", 10_000).min()) >= 0.1 / 10 - 1e-9
    one, many = simulate("beyondmimic-upstream", 1), simulate("beyondmimic-upstream", 10_000)
    assert float(many.min()) < 1e-3 * float(one.min())


def test_a_bin_visited_often_does_not_look_harder():
    sampler = SamplerCfg(kind="adaptive", kernel_size=1).build(library(2.0))
    for times, second in ((1000, 0), (10, 1)):  # the same rate of failure in both bins
        fall(sampler, 0, second, second + 0.5, times=times)
        fall(sampler, 0, second, second + 0.999, times=times, failed=False)
    p = sampler.probabilities()[0]
    assert float(p[0]) == pytest.approx(float(p[1]), rel=0.1)


def test_statistics_for_each_clip():
    sampler = SamplerCfg().build(library(2.0, 5.0))
    fall(sampler, 1, 0.0, 1.5)
    fall(sampler, 1, 0.0, 2.0, failed=False)
    statistics = sampler.clip_statistics()
    assert statistics["episodes"].tolist() == [0, 2]
    assert statistics["failures"].tolist() == [0, 1]
    assert statistics["seconds"].tolist() == [0, 3.5]
    assert statistics["failure_rate"].shape == (2, 5)


@pytest.mark.parametrize("kind", SAMPLER_KINDS)
def test_state_round_trip(kind):
    sampler = SamplerCfg(kind=kind).build(library(3.0, 5.0))
    for _ in range(30):
        fall(sampler, 1, 2.0, 2.5, times=4)
        fall(sampler, 0, 0.0, 3.0, times=2, failed=False)
        sampler.step()
    other = SamplerCfg(kind=kind).build(library(3.0, 5.0))
    other.load_state_dict(sampler.state_dict())
    torch.testing.assert_close(other.probabilities(), sampler.probabilities())
    fall(sampler, 0, 1.0, 1.5)
    fall(other, 0, 1.0, 1.5)
    sampler.step()
    other.step()
    torch.testing.assert_close(other.probabilities(), sampler.probabilities())


def test_state_of_other_clips_or_another_sampler_is_refused():
    state = SamplerCfg().build(library(3.0)).state_dict()
    with pytest.raises(CheckpointError, match="now 2"):
        SamplerCfg().build(library(3.0, 4.0)).load_state_dict(state)
    with pytest.raises(CheckpointError, match="same sampler and bins"):
        SamplerCfg(bin_s=0.5).build(library(3.0)).load_state_dict(state)


def test_unknown_sampler_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'uniform'"):
        SamplerCfg(kind="unifrom").build(library(1.0))  # pyright: ignore[reportArgumentType]


def test_temperature_sharpens():
    def top(temperature):
        sampler = SamplerCfg(temperature=temperature).build(library(5.0))
        fall(sampler, 0, 2.0, 2.5)
        fall(sampler, 0, 0.0, 4.9, times=3, failed=False)
        return sampler.metrics()["top1_prob"]

    assert top(0.01) > top(0.1) > top(10.0)


@pytest.mark.parametrize("kind", [k for k in SAMPLER_KINDS if k != "start"])
def test_weights_of_clips_multiply_their_share(kind):
    # Three clips of equal length, weights 1, 2 and 5, before anything is known of failures.
    sampler = SamplerCfg(kind=kind).build(library(6.0, 6.0, 6.0, weights=(1.0, 2.0, 5.0)))
    share = sampler.probabilities().sum(1)
    torch.testing.assert_close(share, torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64) / 8.0)
    torch.manual_seed(1)
    drawn = torch.bincount(sampler.sample(torch.arange(20_000))[0], minlength=3) / 20_000
    assert (drawn - share).abs().max() < 0.015  # four standard deviations


@pytest.mark.parametrize("kind", ADAPTIVE_KINDS)
def test_weights_count_beside_failures(kind):
    # The same falls in both clips: what is left to tell them apart is the weight.
    sampler = SamplerCfg(kind=kind).build(library(4.0, 4.0, weights=(1.0, 3.0)))
    for clip in (0, 1):
        fall(sampler, clip, 0.5, 2.5, times=200)
    sampler.step()
    share = sampler.probabilities().sum(1)
    assert float(share[1] / share[0]) == pytest.approx(3.0, rel=1e-9)


def test_statistics_of_a_big_library_are_looked_at_every_few_steps(monkeypatch):
    """Six bins where two may be computed in a step: new probabilities every third step."""
    import mimiclab.motions.samplers.adaptive as module

    monkeypatch.setattr(module, "_BINS_FOR_A_STEP", 2)
    durations = torch.tensor([3.0, 3.0], dtype=torch.float64)
    sampler = module.AdaptiveSampler(("a", "b"), durations, 0.02)
    before = sampler.probabilities()
    one, zero = torch.ones(1, dtype=torch.long), torch.zeros(1, dtype=torch.float64)
    seen = []
    for _ in range(4):
        sampler.record(one, zero, zero + 1.5, one.bool())
        sampler.step()
        seen.append(sampler.probabilities())
    assert [p is before for p in seen] == [True, True, False, False]
    assert seen[2] is seen[3] and float(seen[2][1].sum()) > 0.55
    assert sampler.sample(torch.arange(1000))[0].float().mean() > 0.53  # draws follow the new ones


def test_bins_without_probability_are_never_drawn():
    """Padding at the end of the table, and in its middle; 100,000 draws."""
    durations = torch.tensor([5.0, 1.0, 3.0, 1.0], dtype=torch.float64)
    sampler = UniformSampler(("a", "b", "c", "d"), durations, 0.02)
    clip, time_s = sampler.sample(torch.arange(100_000))
    assert bool((time_s <= durations[clip] - 0.02 + 1e-9).all())
    share = torch.bincount(clip, minlength=4) / 100_000
    torch.testing.assert_close(share, (durations / 10).float(), atol=0.01, rtol=0)
