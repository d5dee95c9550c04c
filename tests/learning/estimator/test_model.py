"""Each network learns what can be learnt, ignores the order of terms, and survives files."""

import json

import numpy as np
import pytest
import torch

from mimiclab.deployment.estimator import OnnxEstimator, export_estimator
from mimiclab.errors import (
    CheckpointError,
    ContractError,
    EngineError,
    MimiclabError,
    OutputError,
    UnknownNameError,
)
from mimiclab.learning.estimator.cfg import PRESETS, EstimatorCfg, estimator_preset
from mimiclab.learning.estimator.data import clip_windows, window_layout
from mimiclab.learning.estimator.files import FILE, load_estimator, save_estimator
from mimiclab.learning.estimator.model import VelocityEstimator, WindowLayout
from mimiclab.learning.estimator.train import train_estimator
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

LAYOUT = WindowLayout(
    robot="point", joint_names=("x", "y"), fps=50.0, history=5, command_velocity=True
)
SMALL = {
    "mlp": EstimatorCfg(hidden=(32,)),
    "residual": EstimatorCfg(kind="residual", hidden=(32, 32, 16), dropout=0.02),
    "transformer": EstimatorCfg(
        kind="transformer", width=16, heads=2, layers=1, feedforward=32, dropout=0.02
    ),
}


@pytest.mark.parametrize("kind", SMALL)
def test_it_learns_a_velocity_that_takes_memory(kind):
    """The answer is the newest angle minus the oldest: it needs two moments of one term."""
    torch.manual_seed(0)
    model = VelocityEstimator(SMALL[kind], LAYOUT)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

    def batch(size):
        frames = torch.randn(size, 5, LAYOUT.frame_size)
        return LAYOUT.window(frames), (frames[:, 4] - frames[:, 0])[:, [0, 1, 6]]

    for _ in range(250):
        window, truth = batch(128)
        optimizer.zero_grad()
        (model(window) - truth).square().mean().backward()
        optimizer.step()
    window, truth = batch(512)
    error = (model.eval()(window) - truth).square().mean().detach()
    assert float(error) < 0.1 * float(truth.square().mean())


@pytest.mark.parametrize("kind", SMALL)
def test_files_give_the_same_velocities(kind, tmp_path):
    torch.manual_seed(1)
    model = VelocityEstimator(SMALL[kind], LAYOUT)
    model.take_statistics(torch.randn(50, 7) * 3 + 1, torch.randn(50, 3))
    save_estimator(model, tmp_path / "it.safetensors", {"clips": ["walk"]})
    again, facts = load_estimator(tmp_path / "it.safetensors")
    window = torch.randn(9, LAYOUT.input_size)
    expected = model.eval()(window)
    torch.testing.assert_close(again(window), expected)
    assert facts == {"clips": ["walk"]} and again.layout == LAYOUT and again.cfg == SMALL[kind]

    onnx = OnnxEstimator(export_estimator(model, tmp_path / "it.onnx"))
    for rows in (1, 9):  # the batch is free
        given = onnx.velocity(window[:rows].numpy(), robot="point", fps=50)
        np.testing.assert_allclose(given, expected[:rows].detach().numpy(), atol=1e-5)
    with pytest.raises(ContractError, match="for robot point, not for unitree_g1"):
        onnx.velocity(window.numpy(), robot="unitree_g1")
    with pytest.raises(ContractError, match=r"for fps 50\.0, not for 25"):
        onnx.velocity(window.numpy(), fps=25)
    with pytest.raises(ContractError, match="expected"):
        onnx.velocity(window[:, :-1].numpy())


def test_presets_are_mosaics():
    sizes = {
        name: sum(p.numel() for p in VelocityEstimator(make(), g1_layout()).parameters())
        for name, make in PRESETS.items()
    }
    # 305 -> 256 -> 128 -> 64 -> 3, weights and biases.
    assert sizes["mlp"] == 305 * 256 + 256 + 256 * 128 + 128 + 128 * 64 + 64 + 64 * 3 + 3
    assert sizes["mlp"] < sizes["mlp-large"] < sizes["residual"]
    assert sizes["transformer"] < sizes["transformer-large"]
    assert estimator_preset("residual").epochs == 1000
    assert estimator_preset("residual", laptop=True).epochs == 100
    with pytest.raises(UnknownNameError, match="mlp-large"):
        estimator_preset("mlp_large")


def g1_layout():
    return WindowLayout(
        robot="unitree_g1", joint_names=tuple(map(str, range(29))), fps=50.0, history=5,
        command_velocity=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"history": 0}, "history is 0"),
        ({"validation": 1.0}, "validation is 1.0"),
        ({"hidden": ()}, "at least one width"),
        ({"width": 30, "heads": 4}, "even multiple of the 4 heads"),
    ],
)
def test_settings_that_cannot_work_are_refused(change, message):
    with pytest.raises(MimiclabError, match=message):
        EstimatorCfg(**change)
    with pytest.raises(UnknownNameError, match="gru"):
        VelocityEstimator(EstimatorCfg(kind="gru"), LAYOUT)  # pyright: ignore


def test_files_that_are_no_estimators(tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(CheckpointError, match="no estimator at"):
        load_estimator(tmp_path)
    (tmp_path / FILE).write_bytes(b"hello")
    with pytest.raises(CheckpointError, match="cannot be read as an estimator"):
        load_estimator(tmp_path)
    save_file({"w": torch.zeros(3)}, tmp_path / FILE)
    with pytest.raises(CheckpointError, match="not those of a velocity estimator"):
        load_estimator(tmp_path)
    model = VelocityEstimator(SMALL["mlp"], LAYOUT)
    save_estimator(model, tmp_path / FILE)
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(whole[:-20])
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_estimator(tmp_path)
    (tmp_path / FILE).write_bytes(whole.replace(rb"schema\": 1", rb"schema\": 9"))
    with pytest.raises(CheckpointError, match="schema 9"):
        load_estimator(tmp_path)
    other = tmp_path / "policy.onnx"
    other.write_bytes(b"no")
    with pytest.raises(ContractError, match="whole ONNX file"):
        OnnxEstimator(other)


def test_training_beats_simple_guesses_on_clips_it_has_not_seen(gliding, tmp_path):
    cfg = EstimatorCfg(
        hidden=(32,), epochs=60, batch=64, learning_rate=3e-3, validation=0.2, minutes=1.0
    )
    seen = []
    result = train_estimator(cfg, gliding, fps=50, folder=tmp_path / "run", progress=seen.append)
    kept = result.report["errors"]["clean"]["kept"]
    assert set(kept) == {"estimator", "zero", "mean", "linear"}
    error = {name: part["overall"]["mae"] for name, part in kept.items()}
    assert error["estimator"] < 0.3 * min(error["zero"], error["mean"])
    assert set(kept["estimator"]["clips"]) == set(result.report["clips"]["kept"])
    # The zero guess errs by the speed along x: its mean over the three components, by hand.
    numbers = [int(name.removeprefix("glide")) for name in result.report["clips"]["kept"]]
    assert error["zero"] == pytest.approx(np.mean(numbers) / 11 / 3, rel=1e-3)
    assert [line["epoch"] for line in seen] == list(range(1, len(seen) + 1))
    assert seen[-1]["share"] == 1.0 and seen[-1]["eta_s"] == 0.0
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == len(seen)
    assert json.loads((tmp_path / "run" / "report.json").read_text())["best_epoch"] <= 60
    loaded, facts = load_estimator(tmp_path / "run")
    windows = clip_windows(gliding, window_layout(gliding, fps=50, history=5), [1])
    seen_windows = windows.window(windows.rows)
    torch.testing.assert_close(loaded(seen_windows), result.model(seen_windows))
    assert facts["errors"]["clean"]["mae"] == pytest.approx(error["estimator"])
    with pytest.raises(OutputError, match="holds an estimator already"):
        train_estimator(cfg, gliding, fps=50, folder=tmp_path / "run")


def test_an_estimator_trained_behind_an_interface_withstands_it(gliding):
    interface = InterfaceCfg(joint_noise_rad=0.05)
    common = {"hidden": (64,), "epochs": 40, "batch": 128, "learning_rate": 3e-3, "validation": 0.2}

    def mae(cfg):
        report = train_estimator(cfg, gliding, fps=50, test_interface=interface).report
        return report["errors"]["test"]["kept"]["estimator"]["overall"]["mae"]

    fragile = mae(EstimatorCfg(**common))
    robust = mae(EstimatorCfg(**common, interface=interface))
    assert robust < 0.6 * fragile


def test_a_training_that_diverges_says_so(gliding, tmp_path):
    cfg = EstimatorCfg(hidden=(8,), learning_rate=1e30, epochs=5)
    with pytest.raises(EngineError, match="Lower the learning rate"):
        train_estimator(cfg, gliding, fps=50, folder=tmp_path / "bad")
    assert not (tmp_path / "bad").exists()
