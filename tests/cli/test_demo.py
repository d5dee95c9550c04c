import json

import pytest

from mimiclab.cli.demo import _free_folder, demo, shipped_policy


def test_nothing_that_exists_is_replaced(tmp_path):
    assert _free_folder(tmp_path / "demo") == tmp_path / "demo"
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo-2").mkdir()
    assert _free_folder(tmp_path / "demo") == tmp_path / "demo-3"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_demo_leaves_a_complete_run_folder(tmp_path):
    assert demo(out=tmp_path / "demo", minutes=0.2) == 0
    names = {path.name for path in (tmp_path / "demo").iterdir()}
    assert names >= {
        "config.json", "checkpoints", "motion.npz", "policy.onnx", "video.mp4", "report.html",
        "evaluation.json", "evaluation_untrained.json", "evaluation_shipped.json", "sim2sim.json",
    }  # fmt: skip
    shipped = json.loads((tmp_path / "demo" / "evaluation_shipped.json").read_text())
    assert shipped["summary"]["success_rate"]["mean"] == 1.0


def test_shipped_policy_tracks_its_whole_clip_in_plain_mujoco():
    from mimiclab.deployment.policy import OnnxPolicy
    from mimiclab.deployment.reference import baked_reference
    from mimiclab.deployment.sim2sim import EpisodeCfg, Sim2Sim

    policy = OnnxPolicy(shipped_policy())
    runner = Sim2Sim(policy, baked_reference(policy))
    episodes = [runner.run(EpisodeCfg(seed=seed)) for seed in range(20)]
    assert all(episode.completed for episode in episodes)
    assert max(episode.metrics["mpjpe_global_mm"] for episode in episodes) < 60
