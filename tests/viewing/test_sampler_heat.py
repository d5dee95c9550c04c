import json

import numpy as np
import pytest
import torch

from mimiclab.learning.checkpoint import save_checkpoint
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.run import create_run
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.tasks.tracking import TrackingTask
from mimiclab.viewing.report import write_run_report
from mimiclab.viewing.sampler_heat import sampler_heat


@pytest.fixture
def run(tmp_path):
    """A run of two clips whose sampler has seen failures at the start of the second."""
    task = TrackingTask()
    clips = [builtin_motion("stand"), builtin_motion("wave")]
    library = MotionLibrary.from_clips(clips, robot=task.robot)
    folder = tmp_path / "run"
    create_run(folder, task, TrainCfg(), library)
    sampler = task.sampler.build(library)
    zero, failed = torch.zeros(50), torch.ones(50, dtype=torch.bool)
    for _ in range(200):
        clip = torch.zeros(50, dtype=torch.long)
        sampler.record(clip, zero, zero + 4.0, ~failed)
        sampler.record(clip + 1, zero, zero + 0.1, failed)
        sampler.step()
    terms = {"command.motion": {"sampler": sampler.state_dict()}}
    state = {"actor": {}, "iteration": 1, "ranks": [{"environment": {"terms": terms}}]}
    save_checkpoint(state, folder / "checkpoints" / "last.pt")
    return folder


def test_probabilities_are_read_back_from_the_checkpoint(run):
    heat = sampler_heat(run)
    assert heat is not None
    assert heat.clips == ("stand", "wave")
    assert np.nansum(heat.values) == pytest.approx(1, abs=1e-5)
    assert np.unravel_index(np.nanargmax(heat.values), heat.values.shape) == (1, 0)
    # The shorter clip lacks the bins beyond its end.
    assert np.isnan(heat.values[0]).any() and not np.isnan(heat.values[1]).all()


def test_the_report_shows_them(run):
    assert "Where training episodes start" in write_run_report(run).read_text()


def test_no_checkpoint_no_heat(run):
    (run / "checkpoints" / "last.pt").unlink()
    assert sampler_heat(run) is None
    assert json.loads((run / "config.json").read_text())["schema"] == 1
    assert "Where training episodes start" not in write_run_report(run).read_text()
