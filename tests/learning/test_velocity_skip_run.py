"""A run whose actor holds an estimator: the environment's columns are the estimator's windows."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from mimiclab.deployment.export import export_run
from mimiclab.deployment.policy import OnnxPolicy
from mimiclab.learning.config import PpoCfg, TrainCfg, WarmStartCfg
from mimiclab.learning.estimator.cfg import EstimatorCfg
from mimiclab.learning.estimator.data import clip_windows, window_layout
from mimiclab.learning.estimator.train import train_estimator
from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.policy import load_policy
from mimiclab.learning.run import load_run
from mimiclab.learning.start.residual import open_source
from mimiclab.learning.train import train
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.simulation import make_env
from mimiclab.tasks.tracking import TrackingTask, tracking_env_cfg

TASK = TrackingTask(
    history=5, reference_gravity=True, residual_action=True, state_estimation=False,
    noise=False, pushes=False, randomisation=False,
)  # fmt: skip


@pytest.fixture(scope="module")
def walking():
    clips = [builtin_motion("walk"), builtin_motion("turn")]
    return MotionLibrary.from_clips(clips, robot="unitree_g1", fps=50)


@pytest.fixture(scope="module")
def run(walking, tmp_path_factory):
    folder = tmp_path_factory.mktemp("skip")
    cfg = EstimatorCfg(hidden=(64, 32), epochs=20, batch=128, learning_rate=2e-3, validation=0.0)
    train_estimator(cfg, walking, fps=50, folder=folder / "estimator")
    train(TASK, walking, settings(estimator=str(folder / "estimator")), folder / "run")
    shutil.rmtree(folder / "estimator")  # from here on it is not needed
    return folder / "run"


def settings(**network):
    return TrainCfg(
        num_envs=4, iterations=2, engine="native", device="cpu",
        ppo=PpoCfg(hidden=(16, 16), init_std=0.2, steps_per_env=4, mini_batches=1),
        network=NetworkCfg(kind="velocity_skip", **network),
        logger="none", progress="none",
    )  # fmt: skip


def test_the_actor_estimates_what_the_training_of_the_estimator_saw(run, walking):
    policy = load_policy(load_run(run))
    velocity = policy.actor.velocity
    windows = clip_windows(walking, window_layout(walking, fps=50, history=5), [0])
    env = make_env(tracking_env_cfg(TASK, walking, num_envs=1), engine="native", device="cpu")
    command = env.command_manager.get_term("motion")
    with torch.inference_mode():
        obs = command.start(torch.tensor([0]), torch.tensor([0.4]))
        found, truth = [velocity(obs["actor"])], [command.frame]
        for _ in range(8):
            obs = env.step(torch.zeros(1, 29))[0]
            found.append(velocity(obs["actor"]))
            truth.append(command.frame)
    env.close()
    # The first observation of an episode is of one step after its start: frame 21 at 50 Hz.
    rows = torch.arange(21, 30)
    expected = velocity.estimator(windows.window(rows, torch.arange(9)))
    torch.testing.assert_close(torch.cat(found), expected, atol=2e-4, rtol=1e-3)
    # And that is near the truth on a clip that it has learnt.
    true = windows.velocity[rows]
    assert float((expected - true).abs().mean()) < 0.3 * float(true.abs().mean())


def test_the_run_is_exported_as_one_file_and_can_be_a_base(run, tmp_path):
    path = export_run(run, tmp_path / "policy.onnx", policy_only=True)
    policy = load_policy(load_run(run))
    onnx = OnnxPolicy(path)
    width = sum(policy.layout["observations"]["actor"].values())
    obs = torch.randn(7, width)
    np.testing.assert_allclose(onnx.act(obs.numpy()), policy(obs).numpy(), atol=2e-5, rtol=1e-4)
    base = open_source(run)
    torch.testing.assert_close(base.network(obs), policy(obs))


def test_a_warm_start_brings_the_estimator_along(run, walking, tmp_path):
    cfg = replace(settings(), warm_start=WarmStartCfg(path=str(run)), iterations=1)
    train(TASK, walking, cfg, tmp_path / "on")
    before, after = (load_policy(load_run(path)).actor.velocity for path in (run, tmp_path / "on"))
    for one, other in zip(before.state_dict().values(), after.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
