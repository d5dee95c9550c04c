"""Assignment of environments to clips, and starts within them, on a stand-in library."""

import time
from types import SimpleNamespace

import pytest
import torch

from mimiclab.errors import CheckpointError, MimiclabError
from mimiclab.motions.sampler_cfg import ClipLevelCfg, SamplerCfg
from mimiclab.motions.samplers.two_level import TwoLevelSampler

F64 = torch.float64
SECOND = 1.0
"""A control step of a second, so that hundreds of seconds pass quickly."""


def build(
    clips: int = 10, *, kind: str = "two-level", step_s: float = SECOND, duration: float = 8.0,
    groups: tuple[int, ...] = (), ratios: dict[str, float] | None = None, **level: object,
) -> TwoLevelSampler:  # fmt: skip
    names = tuple(ratios or {"default": 1.0})
    library = SimpleNamespace(
        clip_names=tuple(f"clip{i}" for i in range(clips)),
        durations_s=torch.full((clips,), duration, dtype=F64),
        clip_weights=torch.ones(clips, dtype=F64),
        clip_group=torch.tensor(groups or (0,) * clips),
        group_names=names,
        device=torch.device("cpu"),
    )
    cfg = SamplerCfg(kind=kind, clips=ClipLevelCfg(**level), group_ratios=ratios or {})  # pyright: ignore
    sampler = cfg.build(library, step_s=step_s)  # pyright: ignore[reportArgumentType]
    assert isinstance(sampler, TwoLevelSampler)
    return sampler


def practise(
    sampler: TwoLevelSampler, envs: int, steps: int, hard: set[int], every: int = 4
) -> torch.Tensor:
    """Episodes of `every` steps, which fail on the hard clips; the clips of the last episodes."""
    ids, failing = torch.arange(envs), torch.tensor([c in hard for c in range(100)])
    clip, start = sampler.sample(ids)
    for step in range(1, steps + 1):
        if step % every == 0:
            sampler.record(clip, start, start + 1.0, failing[clip])
            clip, start = sampler.sample(ids)
        sampler.step()
    return clip


def shares(clip: torch.Tensor, clips: int = 10) -> torch.Tensor:
    return torch.bincount(clip, minlength=clips) / len(clip)


def test_environments_keep_their_clip_until_their_first_reset_after_a_re_assignment():
    torch.manual_seed(0)
    sampler = build(100, reassign_s=10.0)
    ids = torch.arange(64)
    first, _ = sampler.sample(ids)
    assert len(first.unique()) == 64  # more clips than environments: none twice
    for _ in range(9):
        sampler.step()
        assert torch.equal(sampler.sample(ids)[0], first)
    sampler.step()
    half, rest = ids[:32], ids[32:]
    moved, _ = sampler.sample(half)
    assert (moved != first[:32]).double().mean() > 0.8
    assert torch.equal(sampler.env_clip[rest], first[32:])  # they have not been reset yet
    assert torch.equal(sampler.sample(half)[0], moved)
    assert (sampler.sample(rest)[0] != first[32:]).double().mean() > 0.8
    assert float(sampler.assigned.sum()) == 128  # counted when taken over, once


def test_probabilities_of_clips_by_hand():
    """MOSAIC's formula after warm-up and ramp: rates 1/2, 1, 0, 0, capped at 2 * 3/8."""
    sampler = build(4, kind="mosaic-paper", warm_up_s=0.0, ramp_s=0.0)
    sampler.record(
        torch.tensor([0, 0, 1, 2]), torch.zeros(4, dtype=F64), torch.ones(4, dtype=F64),
        torch.tensor([True, False, True, False]),
    )  # fmt: skip
    sampler.assigned += torch.tensor([3.0, 0.0, 0.0, 8.0])
    failing = [0.5 / 1.25, 0.75 / 1.25, 0.0, 0.0]
    novel = [part / (1 / 2 + 1 + 1 + 1 / 3) for part in (1 / 2, 1, 1, 1 / 3)]
    expected = [0.5 * f + 0.3 * n + 0.2 / 4 for f, n in zip(failing, novel, strict=True)]
    p = sampler.clip_probabilities()
    torch.testing.assert_close(p, torch.tensor(expected, dtype=F64))
    torch.testing.assert_close(sampler.probabilities().sum(1), p)


def test_ours_pulls_rates_to_the_mean_by_one_episode():
    sampler = build(3, step_s=1e-9)
    sampler.record(
        torch.tensor([0, 1, 1, 1]), torch.zeros(4, dtype=F64), torch.ones(4, dtype=F64),
        torch.tensor([True, False, False, False]),
    )  # fmt: skip
    # Mean rate 1/4: (1 + 1/4) / 2, (0 + 1/4) / 4, 1/4.
    expected = torch.tensor([0.625, 0.0625, 0.25], dtype=F64)
    torch.testing.assert_close(sampler.clip_rate(), expected)


def test_a_hard_clip_gets_more_environments_after_the_warm_up():
    torch.manual_seed(0)
    sampler = build()
    early = shares(practise(sampler, 200, 90, hard={3}))
    assert float(early[3]) == pytest.approx(0.1, abs=0.011)
    late = shares(practise(sampler, 200, 310, hard={3}))
    assert sampler.control_steps == 400
    # The failure part is 0.5 and nearly all of clip 3, which also has a tenth of the uniform part.
    assert 0.4 < float(late[3]) < 0.6
    assert float(late.min()) > 0.02  # and none is left out


def test_what_was_hard_long_ago_fades_in_ours_only():
    def after(kind: str) -> float:
        torch.manual_seed(1)
        sampler = build(kind=kind, warm_up_s=0.0, ramp_s=0.0)
        practise(sampler, 100, 1000, hard={3})
        practise(sampler, 100, 3000, hard={5})
        p = sampler.clip_probabilities()
        return float(p[3] / p[5])

    assert after("two-level") < 0.15
    assert after("mosaic-paper") > 0.3


def test_what_mosaic_ships_never_adapts():
    torch.manual_seed(0)
    sampler = build(kind="mosaic-shipped")
    first, _ = sampler.sample(torch.arange(50))
    last = practise(sampler, 50, 500, hard={3})
    assert torch.equal(first, last)
    inside = sampler.inside(torch.arange(10))
    torch.testing.assert_close(inside, torch.full_like(inside, 1 / 9))  # 8 s: floor(8) + 1 bins
    torch.testing.assert_close(sampler.clip_probabilities(), torch.full((10,), 0.1, dtype=F64))


def test_within_a_clip_failures_attract_starts_and_other_clips_do_not_matter():
    torch.manual_seed(0)
    sampler = build(2, duration=6.0, step_s=0.02)
    one, zero = torch.ones(50, dtype=torch.long), torch.zeros(50, dtype=F64)
    sampler.record(one, zero, zero + 4.5, one.bool())
    sampler.record(one, zero, zero + 6.0, ~one.bool())
    sampler.record(0 * one, zero, zero + 6.0, ~one.bool())
    clip, start = sampler.sample(torch.arange(20_000))
    bins = torch.bincount(start[clip == 1].long(), minlength=6) / (clip == 1).sum()
    torch.testing.assert_close(bins, sampler.inside()[1].float(), atol=0.015, rtol=0)
    assert int(bins.argmax()) == 4
    even = torch.bincount(start[clip == 0].long(), minlength=6) / (clip == 0).sum()
    torch.testing.assert_close(even, torch.full((6,), 1 / 6), atol=0.015, rtol=0)


def test_an_active_pool_holds_its_clips_and_changes_them():
    torch.manual_seed(0)
    sampler = build(12, max_active_clips=3, reassign_s=5.0)
    ids, seen = torch.arange(30), set()
    for _ in range(60):
        clip, _ = sampler.sample(ids)
        assert len(clip.unique()) == 3
        seen.update(clip.tolist())
        for _ in range(5):
            sampler.step()
    assert len(seen) == 12
    assert sampler.metrics()["clips_tried"] == 1.0


def test_the_mean_share_of_a_clip_is_its_probability_whatever_the_pool():
    """Clip 0 has more than a third of the probability: with 3 places it is in every pool."""
    torch.manual_seed(0)
    sampler = build(8, max_active_clips=3)
    p = torch.tensor([0.4, 0.2, 0.1, 0.1, 0.08, 0.06, 0.04, 0.02], dtype=F64)
    pools = torch.stack([sampler._active(p) for _ in range(4000)])
    torch.testing.assert_close(pools.sum(1), torch.ones(4000, dtype=F64))
    assert bool(((pools > 0).sum(1) == 3).all()) and bool((pools[:, 0] > 0).all())
    torch.testing.assert_close(pools.mean(0), p, atol=0.015, rtol=0)


def test_with_an_active_pool_groups_have_their_ratios_exactly():
    torch.manual_seed(0)
    ratios = {"a": 0.25, "b": 0.75}
    sampler = build(10, groups=(0,) * 7 + (1,) * 3, ratios=ratios, max_active_clips=4)
    clip, _ = sampler.sample(torch.arange(1000))
    assert int((clip < 7).sum()) == 250
    assert len(clip.unique()) == 4
    with pytest.raises(MimiclabError, match="max_active_clips is 1, but 2 motion groups"):
        build(10, groups=(0,) * 7 + (1,) * 3, ratios=ratios, max_active_clips=1)


def test_state_goes_on_where_it_was():
    torch.manual_seed(0)
    sampler = build(20)
    practise(sampler, 16, 137, hard={2})
    state = sampler.state_dict()
    other = build(20)
    other.load_state_dict(state)
    ends = []
    for each in (sampler, other):
        torch.manual_seed(5)
        ends.append(practise(each, 16, 60, hard={2}))
    assert torch.equal(*ends)
    assert sampler.metrics() == other.metrics()
    more = build(20)
    more.load_state_dict(state)
    clip, _ = more.sample(torch.arange(24))  # eight environments more than before
    assert torch.equal(clip[:16], torch.where(state["env_next"] < 0, state["env_clip"],
                                              state["env_next"]))  # fmt: skip
    with pytest.raises(CheckpointError, match="now 3"):
        build(3).load_state_dict(state)


def test_environments_may_come_in_any_order():
    sampler = build(5)
    late, _ = sampler.sample(torch.tensor([7, 2]))
    everyone, _ = sampler.sample(torch.arange(8))
    assert everyone[[7, 2]].tolist() == late.tolist()
    assert len(sampler.sample(torch.arange(0))[0]) == 0


def test_settings_that_make_no_sense_are_refused():
    for level, problem in (
        ({"reassign_s": 0.0}, "reassign_s is 0.0, expected more than 0"),
        ({"warm_up_s": -1.0}, "warm_up_s is -1.0, expected 0 or more"),
        ({"max_active_clips": 0}, "max_active_clips is 0"),
        ({"failure_share": -0.1}, "failure_share is -0.1"),
    ):
        with pytest.raises(MimiclabError, match=problem):
            build(**level)  # pyright: ignore[reportArgumentType]
    with pytest.raises(MimiclabError, match=r"'adaptive' has no clips\.reassign_s"):
        build(kind="adaptive", reassign_s=1.0)


def test_metrics_tell_of_both_levels():
    sampler = build(4, warm_up_s=0.0, ramp_s=0.0)
    sampler.sample(torch.arange(2))
    before = sampler.metrics()
    assert before["clip_prob_mean"] == pytest.approx(0.25)
    practise(sampler, 40, 100, hard={0})
    now, p = sampler.metrics(), sampler.clip_probabilities()
    assert now["clip_prob_max"] == float(p[0]) > 0.4 and now["clip_prob_min"] == float(p.min())
    assert now["clip_prob_std"] == pytest.approx(float((p - 0.25).square().mean().sqrt()))
    assert now["entropy_clips"] < before["entropy_clips"] <= 1.0
    assert {"entropy", "top1_prob", "top1_bin"} <= set(now)


def test_a_hundred_thousand_bins_cost_little():
    """10,000 clips of 10 s: starts look only at the bins of their own clips (0.2 ms of 60)."""
    sampler = build(10_000, duration=10.0)
    ids, some = torch.arange(4096), torch.arange(16)
    sampler.sample(ids)
    best = []
    for _ in range(5):
        began = time.perf_counter()
        sampler.sample(some)
        best.append(time.perf_counter() - began)
    assert min(best) < 0.06
