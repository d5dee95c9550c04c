"""The ring: sums of rewards against a plain walk through the history, and its seam."""

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mimiclab.learning.fastsac.replay import Replay

ENVS = 3


@dataclass
class Step:
    """One control step of one environment, as it happened."""

    obs: float
    action: float
    reward: float
    following: float
    failed: bool
    ended: bool


def play(steps: int, size: int, seed: int, cuts: tuple[int, ...] = ()):
    """A ring and the whole history; episodes end at random, by failure or by time."""
    generator = torch.Generator().manual_seed(seed)
    ring = Replay({"actor": 1, "critic": 2}, ENVS, 1, size, "cpu")
    history: list[list[Step]] = [[] for _ in range(ENVS)]
    obs = torch.arange(ENVS) * 1000.0
    for time in range(steps):
        if time in cuts:
            ring.cut()
            for past in history:
                if past:
                    past[-1].ended = True
            obs = obs + 100.0
        action, reward = torch.rand(2, ENVS, generator=generator)
        ended = torch.rand(ENVS, generator=generator) < 0.25
        failed = ended & (torch.rand(ENVS, generator=generator) < 0.5)
        following = obs + 1.0
        both = [{"actor": x[:, None], "critic": torch.stack([x, -x], -1)} for x in (obs, following)]
        ring.add(both[0], action[:, None], reward, both[1], failed, ended)
        for env in range(ENVS):
            history[env].append(
                Step(
                    float(obs[env]), float(action[env]), float(reward[env]),
                    float(following[env]), bool(failed[env]), bool(ended[env]),
                )
            )  # fmt: skip
        obs = torch.where(ended, following + 50.0, following)  # a new episode starts elsewhere
    return ring, history


def walk(past: list[Step], at: int, n: int, gamma: float) -> tuple[float, float, float]:
    """Reward, discount and following observation, step by step."""
    total, factor, here = 0.0, 1.0, at
    for k in range(n):
        total += factor * past[at + k].reward
        factor *= gamma
        here = at + k
        if past[here].ended or here + 1 == len(past):
            break
    return total, 0.0 if past[here].failed else factor, past[here].following


@settings(max_examples=40, deadline=None)
@given(
    steps=st.integers(1, 40), size=st.integers(2, 12), n=st.integers(1, 6),
    seed=st.integers(0, 1000), cut=st.integers(0, 40),
)  # fmt: skip
def test_n_step_returns_are_those_of_a_walk_through_the_history(steps, size, n, seed, cut) -> None:
    ring, history = play(steps, size, seed, cuts=(cut,))
    kept = min(steps, size)
    assert ring.size == kept
    age = torch.arange(kept).repeat_interleave(ENVS)
    env = torch.arange(ENVS).repeat(kept)
    batch = ring.at(age, env, n, 0.9)
    for row in range(len(age)):
        past = history[int(env[row])]
        at = steps - 1 - int(age[row])
        reward, discount, following = walk(past, at, n, 0.9)
        assert batch.obs["actor"][row].item() == past[at].obs
        assert batch.obs["critic"][row].tolist() == [past[at].obs, -past[at].obs]
        assert batch.actions[row].item() == pytest.approx(past[at].action)
        assert batch.reward[row].item() == pytest.approx(reward, abs=1e-5)
        assert batch.discount[row].item() == pytest.approx(discount, abs=1e-6)
        assert batch.next_obs["actor"][row].item() == following


def test_samples_are_of_all_environments_and_all_kept_steps() -> None:
    """A batch is a random mixture: no slice of it belongs to some environments."""
    torch.manual_seed(0)
    ring, history = play(steps=50, size=10, seed=1)
    drawn = ring.sample(6000, 1, 0.9).obs["actor"].flatten()
    kept = {step.obs for past in history for step in past[-10:]}
    assert set(drawn.tolist()) == kept
    counts = torch.tensor([float((drawn == value).sum()) for value in sorted(kept)])
    assert counts.min() > 150 and counts.max() < 250  # of 200
    for part in drawn.split(1000):
        shares = torch.bincount((part / 1000).long(), minlength=ENVS) / 1000
        assert (shares - 1 / ENVS).abs().max() < 0.07


def test_the_newest_steps_are_what_statistics_take() -> None:
    ring, history = play(steps=13, size=5, seed=2)
    newest = ring.newest(3)["actor"]
    assert newest.shape == (3, ENVS, 1)
    expected = [[past[-1 - k].obs for past in history] for k in range(3)]
    assert newest.squeeze(-1).tolist() == expected
    assert len(ring.newest(99)["actor"]) == 5


def test_a_replay_is_put_back_and_one_of_other_environments_is_refused() -> None:
    ring, _ = play(steps=8, size=5, seed=3)
    again = Replay({"actor": 1, "critic": 2}, ENVS, 1, 5, "cpu")
    again.load_state_dict(ring.state_dict())
    age, env = torch.arange(5), torch.tensor([0, 1, 2, 0, 1])
    a, b = ring.at(age, env, 3, 0.9), again.at(age, env, 3, 0.9)
    assert torch.equal(a.reward, b.reward)
    assert torch.equal(a.next_obs["critic"], b.next_obs["critic"])
    other = Replay({"actor": 1, "critic": 2}, ENVS + 1, 1, 5, "cpu")
    with pytest.raises(ValueError, match=r"\(5, 3, 1\).*expected \(5, 4, 1\)"):
        other.load_state_dict(ring.state_dict())
