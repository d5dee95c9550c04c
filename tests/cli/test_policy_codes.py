"""`mimiclab policy codes` on a small real run."""

import json

import numpy as np
import pytest

from mimiclab.cli.main import main
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.train import train
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.tasks.tracking import TrackingTask


@pytest.fixture(scope="module")
def vq_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "vq"
    settings = TrainCfg(
        num_envs=8, iterations=2, engine="native", device="cpu", logger="none", progress="none",
        ppo=PpoCfg(hidden=(16,), init_std=0.2, steps_per_env=4, mini_batches=1),
        network=NetworkCfg(kind="vq", encoder=(16,), codes=32, code_size=4, code_slots=2),
    )  # fmt: skip
    clips = [builtin_motion(name) for name in ("stand", "squat")]
    library = MotionLibrary.from_clips(clips, robot="unitree_g1", fps=50)
    train(TrackingTask(residual_action=True, history=2), library, settings, folder)
    return folder


def test_codes_of_a_run_are_written(vq_run, tmp_path, capsys):
    assert main(["policy", "codes", str(vq_run), "--out", str(tmp_path), "--device", "cpu"]) == 0
    assert "of 32 codes used" in capsys.readouterr().out
    found = json.loads((tmp_path / "codes.json").read_text())
    assert found["kind"] == "vq" and set(found["clips"]) == {"stand", "squat"}
    arrays = np.load(tmp_path / "codes.npz")
    steps = found["steps"]
    assert arrays["codes"].shape == (steps, 2) and arrays["z_cont"].shape == (steps, 8)
    assert steps == sum(clip["steps"] for clip in found["clips"].values()) > 20
    assert found["used"] == len(np.unique(arrays["codes"]))
    np.testing.assert_allclose(
        arrays["l2"], np.linalg.norm(arrays["z_q"] - arrays["z_cont"], axis=1), rtol=1e-5
    )
    assert (tmp_path / "codes.png").read_bytes().startswith(b"\x89PNG")


def test_a_policy_without_codes_is_refused(tiny_run, capsys):
    assert main(["policy", "codes", str(tiny_run), "--device", "cpu"]) == 2
    assert "has no codes" in capsys.readouterr().err
