"""A policy of our velocity task runs from its file as it was trained."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mimiclab.cli.main import main
from mimiclab.deployment.contract import PolicyContract
from mimiclab.deployment.describe import describe_task
from mimiclab.deployment.export import export_policy
from mimiclab.deployment.policy import OnnxPolicy
from mimiclab.deployment.walking import Walker
from mimiclab.errors import ContractError
from mimiclab.robots import get_robot
from mimiclab.robots.walking import fall_bodies
from mimiclab.simulation import make_env
from mimiclab.tasks.tracking import TrackingTask
from mimiclab.tasks.velocity import GroundCfg, VelocityTask, velocity_env_cfg
from mimiclab.tasks.velocity.command import velocity_command as command_term

TASK = VelocityTask(robot="booster_t1_29", history=2, ground=GroundCfg(kind="plane"))


@pytest.fixture(scope="module")
def contract() -> PolicyContract:
    return describe_task(TASK, run="walk", iteration=3)


def test_the_contract_tells_command_limits_and_order(contract):
    t1 = get_robot("booster_t1_29")
    assert contract.velocity is not None and contract.velocity.lin_vel_x == (-1.0, 1.0)
    assert contract.velocity.gait is not None and contract.velocity.gait.period_s == 1.0
    assert contract.terminations.contact_bodies == fall_bodies(t1)
    assert contract.terminations.anchor_height_m is None
    names = [term.name for term in contract.observations]
    assert names == sorted(names) and contract.observation_size == 2 * 100
    assert all(term.history == 2 and term.padding == "zero" for term in contract.observations)
    assert set(contract.action_scale) == {0.25} and contract.action_clip == 100.0
    assert contract.provenance.iteration == 3 and contract.task["robot"] == t1.name
    assert PolicyContract.from_json(contract.to_json()) == contract


class Scripted:
    """Answers with given actions and remembers what it was shown."""

    path = Path("scripted")

    def __init__(self, contract, actions):
        self.contract, self.actions, self.seen = contract, actions, []

    def reset(self, rows=None):
        self.seen = []

    def act(self, observations):
        self.seen.append(observations)
        return self.actions[len(self.seen) - 1]


def test_observations_are_those_of_training(contract):
    """The environment and the runner, given the same actions, show the same numbers."""
    actions = np.random.default_rng(0).normal(size=(6, 29)).astype(np.float32)
    walker = Walker(Scripted(contract, actions))
    command, theirs = torch.tensor([0.5, -0.2, 0.3]), []
    env = make_env(velocity_env_cfg(TASK, num_envs=1, play=True), engine="native", device="cpu")
    try:
        command_term(env).hold(command)
        env.reset()
        robot = env.scene["robot"].data
        walker.simulator.place(
            root_pos_w=(robot.root_link_pos_w[0] - env.scene.env_origins[0]).double().numpy(),
            root_quat_w=robot.root_link_quat_w[0].double().numpy(),
            joint_pos=robot.joint_pos[0].double().numpy(),
        )
        walker.robot = walker.simulator.state()
        for action in actions:
            obs = env.step(torch.from_numpy(action)[None])[0]
            theirs.append(obs["actor"][0].numpy().copy())
    finally:
        env.close()
    for _ in actions:
        walker.step(command.double().numpy())
    split = np.cumsum([term.size * term.history for term in contract.observations])[:-1]
    names = [term.name for term in contract.observations]
    # The runner sees after k steps what the environment shows then; two frames of history.
    for k in (2, 3, 4, 5):
        ours = dict(zip(names, np.split(walker.policy.seen[k], split), strict=True))
        shown = dict(zip(names, np.split(theirs[k - 1], split), strict=True))
        for name in set(names) - {"sin_phase", "cos_phase"}:
            np.testing.assert_allclose(ours[name], shown[name], atol=2e-3, err_msg=f"{name} {k}")
        angles = [np.arctan2(o["sin_phase"], o["cos_phase"]) for o in (ours, shown)]
        late = np.angle(np.exp(1j * (angles[0] - angles[1])))
        # The clock of the runner may be a control step ahead.
        assert np.abs(late).max() < 2 * np.pi / 50 + 1e-3


def test_an_exported_walker_runs_from_its_file(contract, tmp_path, capsys):
    network = torch.nn.Linear(contract.observation_size, 29)
    torch.nn.init.zeros_(network.weight), torch.nn.init.zeros_(network.bias)
    path = export_policy(network, contract, tmp_path / "walk.onnx")
    words = ["--command", "0.3", "0", "0", "--seconds", "0.2", "--initial-noise", "0"]
    assert main(["sim2sim", str(path), *words]) == 0
    assert "1 of 1 episodes completed" in capsys.readouterr().out
    metadata = OnnxPolicy(path)._session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["command_ranges"])["ang_vel_yaw"] == [-1.0, 1.0]
    with pytest.raises(ContractError, match="cannot be described"):
        describe_task(TrackingTask())


def test_a_velocity_run_exports(tmp_path):
    """From training to a file that walks, without motions anywhere."""
    from mimiclab.deployment.export import export_run
    from mimiclab.learning.config import TrainCfg
    from mimiclab.learning.train import train

    cfg = TrainCfg(
        num_envs=4, iterations=1, device="cpu", engine="native", progress="none", logger="none"
    )
    train(TASK, None, cfg, tmp_path / "run")
    path = export_run(tmp_path / "run")
    assert OnnxPolicy(path).contract.velocity is not None and not OnnxPolicy(path).has_reference
    assert main(["sim2sim", str(path), "--command", "0", "0", "0", "--seconds", "0.1"]) == 0
    with pytest.raises(ContractError, match="learnt without motions"):
        export_run(tmp_path / "run", clips=["squat"])
