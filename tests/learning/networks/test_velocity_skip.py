"""The actor with an estimator inside: it learns, stays whole without other files, and sees the
right columns."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from tensordict import TensorDict
from toy_history import HistoryTracking, layout
from toy_tracking import LAYOUT, Lines

from mimiclab.deployment.graph import write_graph
from mimiclab.errors import CheckpointError, MimiclabError, RobotError
from mimiclab.learning.build import build_actor
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.estimator.cfg import EstimatorCfg
from mimiclab.learning.estimator.files import describe, save_estimator
from mimiclab.learning.estimator.model import VelocityEstimator, WindowLayout
from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.networks.layout import term_slots
from mimiclab.learning.networks.velocity_skip import window_columns
from mimiclab.learning.runner import Runner
from mimiclab.learning.start.velocity_estimator import install_estimator, prepare_estimator
from mimiclab.robots import get_robot
from mimiclab.tasks.tracking import TrackingTask

POINT = WindowLayout(
    robot="point", joint_names=("x", "y"), fps=20.0, history=3, command_velocity=True
)


def toy_layout() -> dict[str, Any]:
    found = layout()
    found["observations"]["actor"]["ref_projected_gravity"] = 15
    found["history"]["actor"]["ref_projected_gravity"] = 5
    return found


class BlindTracking(HistoryTracking):
    """The command tells where the target is, not how fast it moves."""

    def get_observations(self) -> TensorDict:
        obs = super().get_observations()
        command, place = obs["actor"].split([20, 10], dim=-1)
        command = command.unflatten(-1, (5, 4)).clone()
        command[..., 2:] = 0.0
        gravity = torch.tensor([0.0, 0.0, -1.0]).repeat(self.num_envs, 5)
        obs["actor"] = torch.cat([command.flatten(1), place, gravity], dim=-1)
        return obs


def circle_estimator() -> VelocityEstimator:
    """Learns the velocity of the toy's target, 2 rad/s on the unit circle, from its place."""
    torch.manual_seed(0)
    model = VelocityEstimator(EstimatorCfg(hidden=(32,)), POINT)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(200):
        phase = 6.3 * torch.rand(256, 1) + 0.1 * torch.arange(-2, 1)
        frames = torch.zeros(256, 3, 7)
        frames[..., 0], frames[..., 1], frames[..., 6] = phase.cos(), phase.sin(), -1.0
        truth = torch.stack([-2 * phase[:, 2].sin(), 2 * phase[:, 2].cos(), 0 * phase[:, 2]], -1)
        loss = (model(POINT.window(frames)) - truth).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.02
    return model.eval()


def test_it_learns_to_track_with_a_frozen_estimator_and_survives_files(
    toy_cfg: TrainCfg, tmp_path
) -> None:
    estimator = circle_estimator()
    network = NetworkCfg(kind="velocity_skip", estimator_network=describe(estimator))
    cfg = replace(toy_cfg, network=network, iterations=45)
    torch.manual_seed(0)
    env, sink = BlindTracking(32), Lines()
    runner = Runner(env, cfg, layout=toy_layout(), sinks=[sink])
    actor = runner.alg.actor
    actor.velocity.estimator.load_state_dict(estimator.state_dict())
    before = {name: value.clone() for name, value in estimator.state_dict().items()}
    in_updates = []
    actor.velocity.register_forward_hook(
        lambda *_: in_updates.append(1) if not torch.is_inference_mode_enabled() else None
    )
    runner.learn()
    assert not in_updates  # what it answered in the rollout is stored
    assert sink.lines[1]["mean_episode_length"] < 15
    assert sink.lines[-1]["mean_episode_length"] > 45  # of 60
    for name, value in actor.velocity.estimator.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert not any("velocity" in name for name, _ in actor.named_parameters())

    # The velocity is used, and is the target's.
    obs = env.get_observations()
    velocity = actor.velocity(obs["actor"])
    torch.testing.assert_close(velocity[:, :2], env.target()[1], atol=0.4, rtol=0)
    assert float(actor.mlp[2].weight.detach()[:, -3:].abs().max()) > 1e-3

    # Rebuilt from settings and weights alone; exported as one graph with a free batch.
    actor.eval()
    again = build_actor(cfg, toy_layout()).eval()
    again.load_state_dict(actor.state_dict())
    with torch.inference_mode():
        expected = again(obs)
        torch.testing.assert_close(actor(obs), expected, rtol=0, atol=0)
    path = tmp_path / "policy.onnx"
    write_graph(actor.as_onnx(), {"obs": obs["actor"][:2]}, ["actions"], path, {})
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for rows in (1, 32):
        given = session.run(["actions"], {"obs": obs["actor"][:rows].numpy()})[0]
        np.testing.assert_allclose(given, expected[:rows].numpy(), atol=1e-5, rtol=1e-5)


def test_it_begins_as_the_plain_network() -> None:
    network = NetworkCfg(kind="velocity_skip", estimator_network=describe(circle_estimator()))
    ppo = PpoCfg(hidden=(16, 8), normalise=False, output_gain=0.1)
    torch.manual_seed(3)
    plain = build_actor(TrainCfg(ppo=ppo), toy_layout())
    torch.manual_seed(3)
    skipping = build_actor(TrainCfg(ppo=ppo, network=network), toy_layout())
    obs = TensorDict({"actor": torch.randn(4, 45)}, [4])
    torch.testing.assert_close(plain(obs), skipping(obs))


def test_the_newest_frames_and_the_present_command_are_taken() -> None:
    observed = {
        "observations": {"actor": {"first": 2, "command": 40, "ref_projected_gravity": 15}},
        "history": {"actor": {"command": 5, "ref_projected_gravity": 5}},
    }
    columns = window_columns(POINT, term_slots(observed, ["actor"]))
    # Frames of 8 numbers, of which the first 4 are the present; frames 2 to 4 are the newest.
    assert columns[:12] == [18, 19, 20, 21, 26, 27, 28, 29, 34, 35, 36, 37]
    assert columns[12:] == list(range(48, 57))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"ref_projected_gravity": None},
            "needs the observation 'ref_projected_gravity'.*--reference-gravity",
        ),
        ({"command": (6, 2)}, "takes 3 frames of 4 numbers of 'command'.* observes 2 of 3"),
        ({"command": (25, 5)}, "observes 5 of 5"),
    ],
)
def test_observations_without_the_window_are_refused(change, message) -> None:
    observed = toy_layout()
    for name, value in change.items():
        del observed["observations"]["actor"][name]
        if value is not None:
            observed["observations"]["actor"][name] = value[0]
            observed["history"]["actor"][name] = value[1]
    with pytest.raises(MimiclabError, match=message):
        window_columns(POINT, term_slots(observed, ["actor"]))


@pytest.fixture(scope="module")
def g1_estimator(tmp_path_factory):
    robot = get_robot("unitree_g1")
    its = WindowLayout(
        robot=robot.name, joint_names=tuple(robot.joint_names), fps=50.0, history=5,
        command_velocity=True,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("estimator") / "it.safetensors"
    torch.manual_seed(0)
    save_estimator(VelocityEstimator(EstimatorCfg(hidden=(16,)), its), path)
    return path


def g1_layout(history: int = 5) -> dict[str, Any]:
    terms = {"command": 58, "ref_projected_gravity": 3, "joint_pos": 29}
    return {
        "robot": "unitree_g1",
        "control_hz": 50.0,
        "observations": {"actor": {n: s * history for n, s in terms.items()}, "critic": {"a": 1}},
        "history": {"actor": dict.fromkeys(terms, history)},
        "actions": {"joint_pos": 29},
    }


def skip_cfg(path: Any) -> TrainCfg:
    return TrainCfg(network=NetworkCfg(kind="velocity_skip", estimator=str(path)))


def test_an_estimator_is_installed_and_then_no_longer_needed(g1_estimator, tmp_path) -> None:
    path = tmp_path / "copy.safetensors"
    path.write_bytes(g1_estimator.read_bytes())
    task = TrackingTask(history=5, reference_gravity=True)
    cfg = prepare_estimator(skip_cfg(path), g1_layout(), task)
    actor = build_actor(cfg, g1_layout())
    (said,) = install_estimator(actor, cfg)
    assert "stays as it is" in said
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(CheckpointError, match="changed while"):
        install_estimator(actor, cfg)
    path.unlink()
    again = build_actor(cfg, g1_layout())
    again.load_state_dict(actor.state_dict())
    obs = TensorDict({"actor": torch.randn(3, 450)}, [3])
    torch.testing.assert_close(actor(obs), again(obs))


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (TrackingTask(robot="unitree_h1"), "robot: unitree_g1 in the estimator, unitree_h1 in"),
        (TrackingTask(control_hz=25), r"fps: 50\.0 in the estimator, 25\.0 in the task"),
        (TrackingTask(command_velocity=False), "command_velocity: True in the estimator, False"),
    ],
)
def test_an_estimator_of_another_task_is_refused(task, message, g1_estimator) -> None:
    with pytest.raises(RobotError, match=message):
        prepare_estimator(skip_cfg(g1_estimator), g1_layout(), task)


def test_settings_that_contradict_each_other_are_refused(g1_estimator) -> None:
    task = TrackingTask(history=5, reference_gravity=True)
    with pytest.raises(MimiclabError, match="no estimator is named"):
        prepare_estimator(TrainCfg(network=NetworkCfg(kind="velocity_skip")), g1_layout(), task)
    with pytest.raises(MimiclabError, match="would do nothing"):
        prepare_estimator(
            TrainCfg(network=NetworkCfg(estimator=str(g1_estimator))), g1_layout(), task
        )
    with pytest.raises(MimiclabError, match="observes 3 of 58"):
        prepare_estimator(skip_cfg(g1_estimator), g1_layout(3), replace(task, history=3))
    with pytest.raises(MimiclabError, match="was not read yet"):
        build_actor(skip_cfg(g1_estimator), g1_layout())
    assert prepare_estimator(TrainCfg(), LAYOUT, task) == TrainCfg()
