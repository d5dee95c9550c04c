"""An interface in plain MuJoCo: equal to that of training where nothing is drawn."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mimiclab.cli.main import main
from mimiclab.deployment.interface import ReferenceStream
from mimiclab.deployment.policy import OnnxPolicy
from mimiclab.deployment.reference import baked_reference, clip_reference
from mimiclab.deployment.sim2sim import EpisodeCfg, Sim2Sim
from mimiclab.maths.rotations import quat_conjugate, quat_multiply, quat_to_rotvec
from mimiclab.motions.library import MotionLibrary
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg
from mimiclab.tasks.tracking.received import ReceivedReference
from mimiclab.tasks.tracking.reference import ReferenceView

DT = 0.02
CERTAIN = {
    "delay": InterfaceCfg(delay_s=(0.11, 0.11)),
    "bias": InterfaceCfg(joint_bias_rad=0.2, seed=3),
    "smoothing": InterfaceCfg(smoothing=0.3),
    "all": InterfaceCfg(delay_s=(0.07, 0.07), joint_bias_rad=0.2, smoothing=0.5),
    "dead": InterfaceCfg(dropout=1.0, smoothing=0.5),
}


@pytest.mark.parametrize("name", CERTAIN)
def test_training_and_mujoco_share_one_interface(name, dip, contract, g1):
    cfg, reference = CERTAIN[name], clip_reference(dip, contract)
    library = MotionLibrary.from_clips([dip], robot=g1, fps=50)
    truth = ReferenceView(library, SimpleNamespace(env_origins=torch.zeros(1, 3)), DT)
    clip, time_s = torch.zeros(1, dtype=torch.long), torch.zeros(1, dtype=torch.float64)
    trained = ReceivedReference(truth, cfg, (), time_s=time_s, anchor=contract.anchor_index)
    stream = ReferenceStream(cfg, contract, seed=0)
    for frame in range(20, 40):
        time_s[:] = frame * DT
        truth.update(clip, time_s)
        trained.update()
        packet = stream.receive(reference, frame)
        for seen, given in (
            (trained.frame, packet.now),
            (trained.ahead((0.0, 0.02, 0.13)), packet.ahead((0.0, 0.02, 0.13))),
        ):
            for key in ("joint_pos", "joint_vel", "body_pos_w", "body_quat_w", "body_lin_vel_w"):
                np.testing.assert_allclose(
                    getattr(seen, key)[0], getattr(given, key), atol=2e-4, err_msg=key
                )


def test_losses_and_noise_have_their_sizes(reference, contract):
    cfg = InterfaceCfg(
        dropout=0.3, dropout_s=0.1, joint_noise_rad=0.05, position_noise_m=0.02,
        orientation_noise_rad=0.1,
    )  # fmt: skip
    i, held, errors = contract.anchor_index, [], []
    for seed in range(20):
        stream = ReferenceStream(cfg, contract, seed)
        for frame in range(1, 100):
            packet = stream.receive(reference, frame)
            sent = reference.frames(round(packet.time_s / DT))
            held.append(packet.time_s < frame * DT - 1e-9)
            turn = quat_multiply(packet.now.body_quat_w[i], quat_conjugate(sent.body_quat_w[i]))
            errors.append(
                [
                    (packet.now.joint_pos - sent.joint_pos).std(),
                    *(packet.now.body_pos_w[i] - sent.body_pos_w[i]),
                    *quat_to_rotvec(turn),
                ]
            )
    assert np.mean(held) == pytest.approx(0.3, abs=0.05)
    sizes = np.sqrt(np.mean(np.square(errors), axis=0))
    np.testing.assert_allclose(sizes, [0.05] + 3 * [0.02] + 3 * [0.1], rtol=0.1)


@pytest.fixture(scope="module")
def standing(stiff_file) -> Sim2Sim:
    policy = OnnxPolicy(stiff_file)
    return Sim2Sim(policy, baked_reference(policy))


def test_targets_follow_what_arrives(standing, g1, monkeypatch):
    """A policy without action on top of the reference: targets come late, and carry the bias."""
    targets = []
    step = standing.simulator.step
    monkeypatch.setattr(standing.simulator, "step", lambda q: (targets.append(q), step(q)))

    def run(**interface):
        targets.clear()
        cfg = EpisodeCfg(terminate=False, interface=InterfaceCfg(**interface))
        standing.run(cfg)
        return np.array(targets)

    plain = run()
    late = run(delay_s=(0.2, 0.2))
    np.testing.assert_allclose(late[10:], plain[:-10], atol=1e-9)
    np.testing.assert_allclose(late[:9], np.tile(standing.reference.joint_pos[0], (9, 1)))
    bias = InterfaceCfg(joint_bias_rad=0.05, seed=2).joint_bias(g1.joint_names)
    np.testing.assert_allclose(run(joint_bias_rad=0.05, seed=2) - plain, np.tile(bias, (100, 1)))


def test_an_interface_that_does_nothing_changes_nothing(standing):
    cfg = EpisodeCfg(initial_noise=1.0, pushes=True, seed=3)
    plain = standing.run(cfg)
    same = standing.run(replace(cfg, interface=InterfaceCfg(dropout_s=0.1)))
    np.testing.assert_allclose(same.qpos, plain.qpos, atol=1e-9)
    noisy = replace(cfg, interface=InterfaceCfg(joint_noise_rad=0.05))
    np.testing.assert_array_equal(standing.run(noisy).qpos[0], plain.qpos[0])  # start noise
    assert standing.run(noisy).to_dict() == standing.run(noisy).to_dict()


def test_a_late_stream_finishes_before_it_rests(standing, monkeypatch):
    """With the last pose held, a policy behind a delay still sees the end of the motion."""
    seen = []
    receive = ReferenceStream.receive

    def spy(stream, reference, frame):
        packet = receive(stream, reference, frame)
        seen.append(packet.now)
        return packet

    monkeypatch.setattr(ReferenceStream, "receive", spy)
    cfg = EpisodeCfg(at_end="hold", seconds=2.6, initial_noise=0.0, terminate=False)
    standing.run(replace(cfg, interface=InterfaceCfg(delay_s=(0.2, 0.2))))
    assert len(seen) == 130
    reference = standing.reference
    for step, now in enumerate(seen):
        wanted = reference.frames(max(0, step + 1 - 10))
        np.testing.assert_allclose(now.joint_pos, wanted.joint_pos, atol=1e-9)
        speed = wanted.joint_vel if step + 1 - 10 <= 100 else 0.0 * wanted.joint_vel
        np.testing.assert_allclose(now.joint_vel, speed, atol=1e-9)


def test_repeating_a_clip_begins_a_new_stream(standing, monkeypatch):
    """All but the first packet of a stream are lost, so targets tell where each stream began."""
    targets = []
    step = standing.simulator.step
    monkeypatch.setattr(standing.simulator, "step", lambda q: (targets.append(q), step(q)))
    cfg = EpisodeCfg(at_end="repeat", start_step=30, seconds=2.4, terminate=False)
    standing.run(replace(cfg, interface=InterfaceCfg(dropout=1.0)))
    joints = standing.reference.joint_pos
    np.testing.assert_allclose(targets[:70], np.tile(joints[31], (70, 1)))
    np.testing.assert_allclose(targets[70:], np.tile(joints[1], (50, 1)))


def test_the_command_line_takes_an_interface(stiff_file, tmp_path):
    out = tmp_path / "out.json"
    bad = ["--interface.delay-s", "0.2", "0.4", "--interface.dropout", "0.2"]
    assert main(["sim2sim", str(stiff_file), "--json", str(out), *bad]) == 0
    values = json.loads(out.read_text())
    assert values["settings"]["interface"]["delay_s"] == [0.2, 0.4]
    plain = tmp_path / "plain.json"
    assert main(["sim2sim", str(stiff_file), "--json", str(plain)]) == 0
    worse, better = (
        json.loads(path.read_text())["episodes"][0]["joint_position_error"] for path in (out, plain)
    )
    assert worse > 2 * better


def test_an_impossible_interface_is_exit_code_2(stiff_file, capsys):
    bad = ["--interface.dropout", "0.9", "--interface.dropout-s", "0.04"]
    assert main(["sim2sim", str(stiff_file), *bad]) == 2
    assert "last 0.18 s or more" in capsys.readouterr().err
