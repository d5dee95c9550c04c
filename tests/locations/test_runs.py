"""Runs from elsewhere: scored, exported, gone on with, learnt from."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from mimiclab.cli.evaluate_teleop import policy_names
from mimiclab.cli.main import main
from mimiclab.errors import CheckpointError, OutputError
from mimiclab.learning.adopt import adopt_run
from mimiclab.learning.checkpoint import load_checkpoint
from mimiclab.learning.policy import load_policy
from mimiclab.learning.run import load_run
from mimiclab.learning.start.residual import open_source
from mimiclab.learning.start.sources import at_fixed_places, describe_sources
from mimiclab.learning.teachers.cfg import TeacherCfg, parse_teacher
from mimiclab.learning.teachers.load import load_teacher

RUN = ("config.json", "motions.safetensors", "checkpoints/last.pt", "policy.onnx")


@pytest.fixture
def served(web, tiny_run):
    """The server with a run at /runs/demo."""
    web.files |= {f"/runs/demo/{name}": (tiny_run / name).read_bytes() for name in RUN}
    return web


@pytest.fixture
def packed(tmp_path, tiny_run) -> Path:
    return Path(shutil.make_archive(str(tmp_path / "demo"), "zip", tiny_run))


def weights(path: Path) -> torch.Tensor:
    return torch.nn.utils.parameters_to_vector(load_policy(load_run(path)).parameters())


def test_a_checkpoint_of_a_server_is_a_run(served, tiny_run):
    location = f"{served.address}/runs/demo/checkpoints/last.pt"
    run = load_run(location)
    assert (run.name, run.checkpoint.name) == ("demo", "last.pt")
    assert run.tracking == load_run(tiny_run).tracking
    assert run.library.content_hash == load_run(tiny_run).library.content_hash
    assert torch.equal(weights(location), weights(tiny_run))
    served.stop()
    assert load_run(location).brings_motions


def test_a_checkpoint_without_its_motions(served):
    del served.files["/runs/demo/motions.safetensors"]
    run = load_run(f"{served.address}/runs/demo/checkpoints/last.pt")
    assert run.has_motions and not run.brings_motions
    with pytest.raises(CheckpointError, match="brings no motions along"):
        _ = run.library
    asked = len(served.asked)
    load_run(f"{served.address}/runs/demo/checkpoints/last.pt")
    assert len(served.asked) == asked  # what is not there is not asked for again at once


def test_a_checkpoint_alone_needs_the_settings_inside(web, tiny_run, tmp_path):
    state = load_checkpoint(tiny_run / "checkpoints" / "last.pt")
    config = json.loads((tiny_run / "config.json").read_text())
    for name, inside in (("with", {"config": config}), ("without", {})):
        torch.save({**{k: v for k, v in state.items() if k != "config"}, **inside},
                   tmp_path / f"{name}.pt")  # fmt: skip
    web.files["/alone.pt"] = (tmp_path / "with.pt").read_bytes()
    for place in (tmp_path / "with.pt", f"{web.address}/alone.pt"):
        run = load_run(place)
        assert run.tracking == load_run(tiny_run).tracking
        assert run.train == load_run(tiny_run).train
        assert torch.equal(weights(place), weights(tiny_run))
        assert not run.brings_motions
    with pytest.raises(CheckpointError, match="holds no settings itself"):
        load_run(tmp_path / "without.pt")
    torch.save({**state, "config": {**config, "schema": 99}}, tmp_path / "newer.pt")
    with pytest.raises(CheckpointError, match=r"settings in .*newer\.pt has schema 99"):
        load_run(tmp_path / "newer.pt")


def test_to_go_on_a_copy_is_made(packed, tmp_path, tiny_run):
    checkpoint = adopt_run(packed.as_uri(), tmp_path / "runs")
    assert checkpoint == tmp_path / "runs" / "demo" / "checkpoints" / "last.pt"
    assert load_run(checkpoint).library.content_hash == load_run(tiny_run).library.content_hash
    assert torch.equal(weights(checkpoint), weights(tiny_run))
    with pytest.raises(OutputError, match="already holds a run; go on with `mimiclab train resume"):
        adopt_run(packed, tmp_path / "runs")
    assert adopt_run(tiny_run.as_uri(), tmp_path / "runs") == load_run(tiny_run).checkpoint


def test_a_run_without_motions_cannot_go_on(served, tmp_path):
    del served.files["/runs/demo/motions.safetensors"]
    with pytest.raises(CheckpointError, match=r"fetch a \.zip of the whole run folder"):
        adopt_run(f"{served.address}/runs/demo/checkpoints/last.pt", tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_teachers_and_bases_from_elsewhere(served, tiny_run):
    location = f"{served.address}/runs/demo/checkpoints/last.pt"
    teacher = parse_teacher(f"gmt={location}#sha256={'0' * 64}@student")
    assert (teacher.group, teacher.sees) == ("gmt", "student")
    assert teacher.path == f"{location}#sha256={'0' * 64}"
    assert parse_teacher(f"{location}#sha256=0@student").path == f"{location}#sha256=0"
    loaded = load_teacher(TeacherCfg(path=location))
    assert loaded.digest == load_teacher(TeacherCfg(path=str(tiny_run))).digest
    source = open_source(location)
    assert source.path == location and source.digest == loaded.digest
    cfg = load_run(tiny_run).train
    cfg.imitation.teachers = (TeacherCfg(path=location),)
    cfg.warm_start.path = f"{served.address}/runs/demo/policy.onnx"
    noted = describe_sources(at_fixed_places(cfg))
    assert noted["teacher"]["path"] == location
    assert noted["teacher"]["sha256"] == loaded.digest
    assert noted["warm start"]["path"] == cfg.warm_start.path


def test_commands_take_locations(served, packed, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    policy = f"{served.address}/runs/demo/policy.onnx"
    quick = ["--seeds", "1", "--random-starts", "0", "--json", "scores.json"]
    assert main(["evaluate", policy, *quick]) == 0
    assert json.loads(Path("scores.json").read_text())["protocol"]["policy"]["kind"] == "onnx"
    assert main(["sim2sim", policy, "--seconds", "0.2"]) == 0
    assert main(["export", str(packed)]) == 2
    assert "say where to write with --out" in capsys.readouterr().err
    assert main(["export", packed.as_uri(), "--out", "again.onnx"]) == 0
    assert Path("again.onnx").is_file()
    assert main(["report", str(packed), "--out", "page.html"]) == 0
    assert main(["evaluate", f"{served.address}/none.onnx"]) == 2
    assert "404 Not Found" in capsys.readouterr().err
    resume = ["train", "resume", packed.as_uri(), "--iterations", "4", "--progress", "none"]
    assert main(resume) == 0
    assert load_checkpoint(Path("runs/demo/checkpoints/last.pt"))["iteration"] == 4


def test_names_of_policies_from_elsewhere():
    first, second = "https://h/a.onnx#sha256=12", "wandb://me/p/run/b.onnx"
    assert policy_names([first, f"mine={second}"]) == {"a": first, "mine": second}
    assert policy_names([f"x={first}"]) == {"x": first}


def test_a_policy_from_elsewhere_is_shown(served):
    from mimiclab.viewing.player.sources import open_show

    assert open_show(f"{served.address}/runs/demo/policy.onnx").title == "policy"
