"""FastSAC in the training loop: it learns, resumes exactly, mirrors, and stops at numbers that are
none."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_tracking import LAYOUT, Lines, ToyTracking, same

from mimiclab.errors import CheckpointError, DivergedError, EngineError, MimiclabError
from mimiclab.learning.checkpoint import load_checkpoint, save_checkpoint
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.fastsac.algorithm import FastSac
from mimiclab.learning.fastsac.cfg import SacCfg
from mimiclab.learning.fastsac.dump import read_dump
from mimiclab.learning.mirror import SignedPermutation
from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.runner import Runner

Y = torch.tensor([1.0, -1.0])


def mirror() -> SignedPermutation:
    """The toy's image with y turned round; nothing changes places."""
    four, six = Y.repeat(2), Y.repeat(3)
    groups = {"actor": (torch.arange(4), four), "critic": (torch.arange(6), six)}
    return SignedPermutation(groups, (torch.arange(2), Y))


def make(cfg: TrainCfg, seed: int = 0, **kwargs: Any) -> tuple[Runner, FastSac]:
    torch.manual_seed(seed)
    runner = Runner(ToyTracking(cfg.num_envs, seed), cfg, layout=LAYOUT, **kwargs)
    assert isinstance(runner.alg, FastSac)
    return runner, runner.alg


def with_sac(cfg: TrainCfg, **changes: Any) -> TrainCfg:
    return replace(cfg, sac=replace(cfg.sac, **changes))


@pytest.mark.parametrize("variant", ["plain", "n-step and mirror"])
def test_fastsac_learns_to_track(toy_sac: TrainCfg, variant: str) -> None:
    sink = Lines()
    cfg = toy_sac if variant == "plain" else with_sac(toy_sac, n_step=3, symmetry=True, batch=64)
    runner, learner = make(cfg, sinks=[sink], mirror=mirror())
    assert runner.learn() == "iterations"
    first, last = sink.lines[1], sink.lines[-1]
    assert first["mean_episode_length"] < 15
    assert last["mean_episode_length"] > 55  # of 60
    assert last["step_reward"] > 0.85
    assert last["env_steps"] == cfg.iterations * 32 * 16
    assert set(last["losses"]) == {
        "critic", "actor", "log_prob", "value", "value_min", "value_max", "entropy", "alpha",
    }  # fmt: skip
    # 16 gradient steps in each line but the first, which measures observations.
    assert learner.gradient_steps == 16 * (cfg.iterations - 1)
    # The value is that of a reward of nearly 1 for ever: 1 / (1 - 0.95).
    assert 12.0 < last["losses"]["value"] < 21.0
    assert last["seconds"]["update_s"] > 0.0


@pytest.mark.parametrize("n_step", [1, 3])
def test_resumed_training_with_its_replay_equals_uninterrupted_bit_for_bit(
    toy_sac: TrainCfg, tmp_path: Path, n_step: int
) -> None:
    cfg = with_sac(toy_sac, save_replay=True, replay_steps=40, n_step=n_step, normalise=n_step == 1)
    straight, _ = make(cfg)
    straight.learn(iterations=3)
    straight.learn(iterations=6)  # every `learn` starts with a reset of the environments

    make(cfg, folder=tmp_path)[0].learn(iterations=3)
    resumed, _ = make(cfg, seed=99)
    assert resumed.restore(tmp_path / "checkpoints" / "last.pt") == []
    resumed.learn(iterations=6)

    a, b = straight.state(), resumed.state()
    for key in ("actor", "critic", "optimizer", "algorithm", "env_steps", "window"):
        assert same(a[key], b[key]), key
    assert same(a["ranks"][0]["random"], b["ranks"][0]["random"])


def test_without_its_replay_a_resumed_run_says_so_and_fills_another(
    toy_sac: TrainCfg, tmp_path: Path
) -> None:
    make(toy_sac, folder=tmp_path)[0].learn(iterations=3)
    assert not list(tmp_path.rglob("*.replay"))
    resumed, learner = make(toy_sac)
    (sentence,) = resumed.restore(tmp_path / "checkpoints" / "last.pt")
    assert "--sac.save-replay" in sentence
    before = learner.gradient_steps
    resumed.learn(iterations=4)
    # It learns again as soon as the replay holds `learning_starts` (10) of 16 steps.
    assert learner.gradient_steps == before + 7


def test_a_replay_of_another_update_is_named_and_a_damaged_one_refused(
    toy_sac: TrainCfg, tmp_path: Path
) -> None:
    cfg = replace(with_sac(toy_sac, save_replay=True), save_interval=1)
    make(cfg, folder=tmp_path)[0].learn(iterations=2)
    folder = tmp_path / "checkpoints"
    (sentence,) = make(cfg)[0].restore(folder / "model_000001.pt")
    assert "replay is that of update 2, the networks are of update 1" in sentence
    (folder / "rank0.replay").write_bytes(b"nothing")
    with pytest.raises(CheckpointError, match=r"rank0\.replay"):
        make(cfg)[0].restore(folder / "last.pt")


def test_checkpoints_of_the_other_algorithm_are_refused(
    toy_sac: TrainCfg, toy_cfg: TrainCfg, tmp_path: Path
) -> None:
    make(toy_sac, folder=tmp_path / "sac")[0].learn(iterations=1)
    Runner(ToyTracking(), toy_cfg, layout=LAYOUT, folder=tmp_path / "ppo").learn(iterations=1)
    with pytest.raises(CheckpointError, match="not made by FastSAC"):
        make(toy_sac)[0].restore(tmp_path / "ppo" / "checkpoints" / "last.pt")
    with pytest.raises(CheckpointError, match="not made by PPO"):
        Runner(ToyTracking(), toy_cfg, layout=LAYOUT).restore(
            tmp_path / "sac" / "checkpoints" / "last.pt"
        )


def test_ppo_checkpoints_of_older_versions_are_still_read(
    toy_cfg: TrainCfg, tmp_path: Path
) -> None:
    """They have no entry `algorithm`."""
    runner = Runner(ToyTracking(), toy_cfg, layout=LAYOUT, folder=tmp_path)
    runner.learn(iterations=2)
    state = load_checkpoint(tmp_path / "checkpoints" / "last.pt")
    del state["algorithm"]
    save_checkpoint(state, tmp_path / "old.pt")
    again = Runner(ToyTracking(), toy_cfg, layout=LAYOUT)
    again.restore(tmp_path / "old.pt")
    assert again.iteration == 2
    assert same(dict(again.alg.actor.state_dict()), state["actor"])


@pytest.mark.parametrize("which", ["critic", "actor"])
def test_a_loss_that_is_no_number_stops_with_a_dump_that_repeats_it(
    toy_sac: TrainCfg, tmp_path: Path, which: str
) -> None:
    runner, learner = make(toy_sac, folder=tmp_path)
    runner.learn(iterations=2)
    if which == "critic":
        learner.replay.reward[:, 3] = float("nan")
    else:
        # Only the actor's own loss sees these: targets come from other networks.
        with torch.no_grad():
            learner.critic.online.head.bias[0, 0, 4] = float("nan")
        learner._critic_loss = lambda actor, critic, x: (  # pyright: ignore
            (learner.critic.online.head.weight * 0.0).sum(),
            {"log_prob": torch.zeros(())},
        )
        learner.gradient_steps = 1
    with pytest.raises(DivergedError, match=f"the {which} loss of gradient step") as caught:
        runner.learn(iterations=3)
    (path,) = tmp_path.glob("diverged_*.safetensors")
    assert str(path) in str(caught.value)
    note = json.loads(path.with_suffix(".json").read_text())
    assert note["loss"] == which
    culprit = {"critic": "input.reward", "actor": "critic.online.head.bias"}[which]
    assert note["not_finite"] == [culprit]
    dump = read_dump(path)
    loss, _ = dump.repeat()
    assert not torch.isfinite(loss)
    # Without the bad number the step would have been sound.
    if which == "critic":
        dump.inputs["reward"].nan_to_num_()
    else:
        with torch.no_grad():
            dump.critic.online.head.bias.nan_to_num_()
    assert torch.isfinite(dump.repeat()[0])


def test_a_damaged_dump_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.safetensors"):
        read_dump(tmp_path / "none.safetensors")


def test_nan_from_the_environment_is_never_remembered(toy_sac: TrainCfg) -> None:
    runner, learner = make(toy_sac)
    runner.env.poison_at = 5  # pyright: ignore
    with pytest.raises(EngineError, match=r"environments \[3\]"):
        runner.learn()
    assert learner.replay.size == 4
    assert torch.isfinite(learner.replay.obs["actor"]).all()


def test_what_follows_a_time_out_is_the_last_observation_of_that_episode(
    toy_sac: TrainCfg,
) -> None:
    runner, learner = make(toy_sac)
    runner.learn(iterations=8)
    ring = learner.replay
    played = slice(0, ring.size)
    on = ~ring.failed[played]
    assert (ring.ended[played] & on).sum() >= 3
    # The toy: where the episode goes on, the error moves by (velocity - action) dt; a fresh start
    # has an error of its own. Critic: pos, error, velocity.
    moved = (ring.next_obs["critic"] - ring.obs["critic"])[played][on][:, :2]
    done = ToyTracking.dt * ring.actions[played]
    torch.testing.assert_close(moved, done[on], atol=1e-5, rtol=0)


def test_time_outs_without_final_observations_are_refused(toy_sac: TrainCfg) -> None:
    class Silent(ToyTracking):
        def step(self, actions):
            result = super().step(actions)
            result[-1].pop("final_observations", None)
            return result

    runner = Runner(Silent(32), toy_sac, layout=LAYOUT)
    with pytest.raises(EngineError, match="final_observations"):
        runner.learn()


def test_every_batch_holds_each_sample_and_its_mirror_image(toy_sac: TrainCfg) -> None:
    runner, learner = make(with_sac(toy_sac, symmetry=True, normalise=False), mirror=mirror())
    runner.learn(iterations=1)
    x = learner._inputs(learner.replay.sample(learner.batch, 1, 0.9))
    count = learner.batch
    assert len(x["actions"]) == 2 * count
    for name, sign in {
        "actor_obs": Y.repeat(2), "next_actor_obs": Y.repeat(2), "critic_obs": Y.repeat(3),
        "next_critic_obs": Y.repeat(3), "actions": Y,
    }.items():  # fmt: skip
        assert torch.equal(x[name][count:], sign * x[name][:count])
        assert x[name].std() > 0
    for name in ("reward", "discount"):
        assert torch.equal(x[name][count:], x[name][:count])
    # Statistics are symmetric too.
    runner, learner = make(with_sac(toy_sac, symmetry=True), mirror=mirror())
    runner.learn(iterations=1)
    mean: Any = learner.actor.obs_normalizer.mean
    assert mean[1].abs() < 1e-6 and mean[3].abs() < 1e-6
    assert int(learner.actor.obs_normalizer.count) == 2 * 16 * 32  # pyright: ignore


def test_mirrored_samples_need_a_mirror(toy_sac: TrainCfg) -> None:
    with pytest.raises(MimiclabError, match=r"--sac\.symmetry"):
        make(with_sac(toy_sac, symmetry=True))


def test_a_mirror_that_is_none_is_refused() -> None:
    there = torch.tensor([1, 2, 0]), torch.ones(3)
    with pytest.raises(ValueError, match="'actor'"):
        SignedPermutation({"actor": there}, (torch.arange(2), Y))
    swap = torch.tensor([1, 0]), torch.tensor([-1.0, 1.0])
    with pytest.raises(ValueError, match="'actions'"):
        SignedPermutation({}, swap)


def test_the_actor_learns_in_the_published_cadence(toy_sac: TrainCfg) -> None:
    """Of 8 gradient steps, the second and the sixth; targets follow in each."""
    runner, learner = make(with_sac(toy_sac, updates=8, actor_every=4))
    runner.learn(iterations=1)
    changes = []
    first: Any = learner.actor.mlp[0]
    for _ in range(8):
        before = first.weight.clone()
        target = learner.critic.target.head.weight.clone()
        learner._gradient_step()
        changes.append(not torch.equal(before, first.weight))
        online = learner.critic.online.head.weight.detach()
        expected = target + learner.cfg.tau * (online - target)
        torch.testing.assert_close(learner.critic.target.head.weight, expected)
    assert changes == [False, True, False, False, False, True, False, False]


def test_the_temperature_moves_towards_the_target_entropy(toy_sac: TrainCfg) -> None:
    ends = {}
    for ratio in (-3.0, 3.0):  # much more entropy wanted than there is, much less
        runner, learner = make(with_sac(toy_sac, target_entropy_ratio=ratio))
        runner.learn(iterations=4)
        assert learner.target_entropy == -2 * ratio
        ends[ratio] = float(learner.log_alpha.detach().exp())
    assert ends[-3.0] > learner.cfg.alpha > ends[3.0]


def test_both_critics_learn_from_their_own_targets(toy_sac: TrainCfg) -> None:
    runner, learner = make(toy_sac)
    runner.learn(iterations=2)
    x = learner._inputs(learner.replay.sample(16, 1, 0.9))
    both, _ = learner._critic_loss(learner.actor, learner.critic, x)
    with torch.no_grad():  # a change of the second target changes the second network's loss only
        learner.critic.target.head.bias[1] += torch.randn(51)
    learner.critic.zero_grad()
    loss, _ = learner._critic_loss(learner.actor, learner.critic, x)
    changed = loss - both
    gradient = torch.autograd.grad(changed, learner.critic.online.head.bias)[0]
    assert gradient[0].abs().max() < 1e-6 < gradient[1].abs().max()


def test_bfloat16_learns_too(toy_sac: TrainCfg) -> None:
    runner, learner = make(with_sac(toy_sac, amp="on"))
    assert learner.amp
    runner.learn(iterations=4)
    assert all(p.dtype == torch.float32 for p in learner.actor.parameters())
    assert not make(toy_sac)[1].amp  # auto: not on a CPU


def test_too_large_a_replay_is_refused_before_anything_is_made(toy_sac: TrainCfg) -> None:
    with pytest.raises(MimiclabError, match=r"--sac.replay-steps \d+"):
        make(with_sac(toy_sac, replay_steps=10**10))


def test_the_critics_may_learn_alone_at_first(toy_sac: TrainCfg) -> None:
    runner, learner = make(with_sac(toy_sac, actor_starts=25, normalise=False))
    before = {k: v.clone() for k, v in learner.actor.state_dict().items()}
    critic = learner.critic.online.head.weight.detach().clone()
    for iterations, unchanged in ((2, True), (3, False)):  # 7 + 16 + 16 gradient steps
        runner.learn(iterations=iterations)
        same_actor = same(before, dict(learner.actor.state_dict()))
        assert same_actor == (learner.gradient_steps <= 25) == unchanged, iterations
    assert not torch.equal(critic, learner.critic.online.head.weight)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": NetworkCfg(kind="recurrent")}, "--network.kind recurrent"),
        ({"sac": SacCfg(batch=0)}, "--sac.batch is 0, expected 1 or more"),
        ({"sac": SacCfg(value_range=(1.0, -1.0))}, "--sac.value-range"),
        ({"sac": SacCfg(tau=0.0)}, "--sac.tau"),
        ({"sac": SacCfg(action_bound=-1.0)}, "--sac.action-bound"),
        ({"sac": SacCfg(critic_hidden=())}, "--sac.critic-hidden"),
        ({"sac": SacCfg(replay_steps=16)}, "--sac.replay-steps is 16, fewer than the 24"),
        ({"sac": SacCfg(replay_steps=30, n_step=40)}, "--sac.replay-steps"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    toy_sac: TrainCfg, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(MimiclabError, match=message):
        replace(toy_sac, **changes).check()


def test_what_only_ppo_can_do_is_refused_by_name(toy_sac: TrainCfg) -> None:
    cfg = replace(toy_sac)
    cfg.residual = replace(cfg.residual, base="run")
    cfg.warm_start = replace(cfg.warm_start, path="run", std=0.1, critic_warm_up=3)
    with pytest.raises(
        MimiclabError, match=r"residual\.base, --warm-start\.std, --warm-start\.crit"
    ):
        cfg.check()
    toy_sac.check()
