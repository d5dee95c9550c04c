"""MOSAIC's ladder end to end on a squat: stages, their order, resuming and recipes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mimiclab.cli.main import main
from mimiclab.errors import CheckpointError, PipelineError, UnknownNameError
from mimiclab.learning.config import PpoCfg, TrainCfg
from mimiclab.learning.estimator.cfg import EstimatorCfg
from mimiclab.learning.networks.cfg import NetworkCfg
from mimiclab.learning.policy import load_policy
from mimiclab.learning.run import load_run
from mimiclab.pipelines.exam import examine
from mimiclab.pipelines.mosaic import (
    ADAPTOR,
    GMT,
    RESIDUAL,
    MosaicRecipe,
    full_recipe,
    laptop_recipe,
    mosaic_exam,
    mosaic_stages,
)
from mimiclab.pipelines.policy_stage import PolicyStage
from mimiclab.pipelines.recipe import read_recipe, write_recipe
from mimiclab.pipelines.results import write_results
from mimiclab.pipelines.stage import Stage, run_stage

TINY = TrainCfg(
    num_envs=8,
    iterations=2,
    engine="native",
    device="cpu",
    ppo=PpoCfg(hidden=(16,), init_std=0.2, steps_per_env=6, mini_batches=1),
    logger="none",
    progress="none",
)


def tiny_recipe() -> MosaicRecipe:
    laptop = laptop_recipe()
    imitation = laptop.residual.imitation
    residual = replace(TINY, residual=laptop.residual.residual, imitation=imitation)
    return replace(
        laptop,
        gmt_motions="builtin:squat",
        adaptor_motions="builtin:squat,builtin:wave",
        gmt=TINY,
        adaptor=TINY,
        adaptor_from_gmt=True,
        residual=residual,
        exam=replace(laptop.exam, seeds=1, random_starts=1),
    )


def settings_of(stage: Stage) -> TrainCfg:
    assert isinstance(stage, PolicyStage)
    return stage.train


@pytest.fixture(scope="module")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all three stages of the tiny recipe, trained and examined."""
    folder = tmp_path_factory.mktemp("runs") / "ladder"
    stages, exam = mosaic_stages(tiny_recipe(), folder), mosaic_exam(tiny_recipe())
    for name in stages:
        assert run_stage(stages, name, folder) == "finished"
        examine(folder / name, exam, folder / "evaluations" / f"{name}.json")
    return folder


def test_every_stage_is_scored_on_both_groups(ladder: Path) -> None:
    for name in (GMT, ADAPTOR, RESIDUAL):
        report = json.loads((ladder / "evaluations" / f"{name}.json").read_text())
        clips = {(row["group"], row["clip"]) for row in report["clips"]}
        assert clips == {
            ("gmt", "gmt/squat"), ("adaptor", "adaptor/squat"), ("adaptor", "wave"),
        }  # fmt: skip


def test_the_generalist_is_the_base_and_stays_as_it_was(ladder: Path) -> None:
    stages = mosaic_stages(tiny_recipe(), ladder)
    base = load_policy(load_run(ladder / GMT))
    corrected = load_policy(load_run(ladder / RESIDUAL))
    weights = base.actor.mlp.state_dict()
    inside = [value for key, value in corrected.actor.state_dict().items() if "base" in key]
    for weight in weights.values():
        assert any(weight.shape == w.shape and torch.equal(weight, w) for w in inside)
    assert settings_of(stages[RESIDUAL]).residual.base == str(ladder / GMT)


def test_the_adaptor_starts_from_the_generalist_or_from_scratch(ladder: Path) -> None:
    stages = mosaic_stages(tiny_recipe(), ladder)
    assert settings_of(stages[ADAPTOR]).warm_start.path == str(ladder / GMT)
    scratch = mosaic_stages(replace(tiny_recipe(), adaptor_from_gmt=False), ladder)
    assert scratch[ADAPTOR].needs == ()
    assert settings_of(scratch[ADAPTOR]).warm_start.path is None


def test_finished_stages_and_their_evaluations_are_not_done_again(ladder: Path) -> None:
    stages, exam = mosaic_stages(tiny_recipe(), ladder), mosaic_exam(tiny_recipe())
    report = ladder / "evaluations" / "gmt.json"
    before = (ladder / GMT / "checkpoints" / "last.pt").stat().st_mtime_ns, report.stat().st_mtime
    assert run_stage(stages, GMT, ladder) == "finished"
    examine(ladder / GMT, exam, report)
    after = (ladder / GMT / "checkpoints" / "last.pt").stat().st_mtime_ns, report.stat().st_mtime
    assert before == after


def test_another_exam_is_sat_again(ladder: Path, tmp_path: Path) -> None:
    exam = mosaic_exam(tiny_recipe())
    report = tmp_path / "gmt.json"
    first = examine(ladder / GMT, exam, report)
    exam.protocol = replace(exam.protocol, seeds=2)
    second = examine(ladder / GMT, exam, report)
    assert (first["protocol"]["seeds"], second["protocol"]["seeds"]) == (1, 2)


def test_networks_that_are_told_the_velocity_get_an_estimator_first(tmp_path: Path) -> None:
    told = replace(TINY, network=NetworkCfg(kind="velocity_skip"), iterations=1)
    recipe = replace(
        tiny_recipe(),
        task=replace(tiny_recipe().task, history=5),
        gmt_motions="builtin:squat,builtin:wave",
        estimator=EstimatorCfg(hidden=(16,), epochs=1, batch=256),
        gmt=told,
    )
    stages = mosaic_stages(recipe, tmp_path)
    assert list(stages) == ["estimator", "gmt", "adaptor", "residual"]
    with pytest.raises(PipelineError, match=r"'gmt' needs stage 'estimator'.* train gmt --name"):
        run_stage(stages, GMT, tmp_path)
    assert run_stage(stages, "estimator", tmp_path) == "finished"
    assert run_stage(stages, GMT, tmp_path) == "finished"
    policy = load_policy(load_run(tmp_path / GMT))
    assert "ref_projected_gravity" in policy.layout["observations"]["actor"]
    examine(tmp_path / GMT, mosaic_exam(recipe), tmp_path / "gmt.json")


def test_a_stage_goes_on_when_its_limit_is_raised(tmp_path: Path) -> None:
    recipe = tiny_recipe()
    assert run_stage(mosaic_stages(recipe, tmp_path), GMT, tmp_path) == "finished"
    longer = replace(recipe, gmt=replace(TINY, iterations=3))
    assert mosaic_stages(longer, tmp_path)[GMT].state(tmp_path / GMT) == "started"
    assert run_stage(mosaic_stages(longer, tmp_path), GMT, tmp_path) == "finished"
    assert load_policy(load_run(tmp_path / GMT)).iteration == 3


def test_a_stage_before_its_predecessor_is_refused(tmp_path: Path) -> None:
    stages = mosaic_stages(tiny_recipe(), tmp_path)
    with pytest.raises(PipelineError, match="'residual' needs stage 'gmt', which has not been"):
        run_stage(stages, RESIDUAL, tmp_path)
    assert not (tmp_path / RESIDUAL).exists()


def test_another_recipe_in_the_same_folder_is_refused(ladder: Path) -> None:
    other = replace(tiny_recipe(), task=replace(tiny_recipe().task, push_scale=0.5))
    with pytest.raises(PipelineError, match=r"push_scale: 1.0 in the run, 0.5 here"):
        run_stage(mosaic_stages(other, ladder), GMT, ladder)


def test_other_motions_in_the_same_folder_are_refused(ladder: Path) -> None:
    other = replace(tiny_recipe(), gmt_motions="builtin:bow")
    with pytest.raises(PipelineError, match=r"motions: [0-9a-f]{8}.* in the run"):
        run_stage(mosaic_stages(other, ladder), GMT, ladder)


def test_limits_and_logs_may_change(ladder: Path) -> None:
    recipe = tiny_recipe()
    shown = replace(recipe, residual=replace(recipe.residual, logger="tensorboard", keep_last=9))
    assert run_stage(mosaic_stages(shown, ladder), RESIDUAL, ladder) == "finished"
    wider = replace(recipe.residual.residual, hidden=(32,))
    changed = replace(recipe, residual=replace(recipe.residual, residual=wider))
    with pytest.raises(PipelineError, match=r"residual.hidden: \[256, 128\] in the run"):
        run_stage(mosaic_stages(changed, ladder), RESIDUAL, ladder)


def test_the_command_runs_one_stage_and_goes_on(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_recipe(tiny_recipe(), tmp_path / "tiny.yaml")
    common = ["--recipe", "tiny.yaml", "--name", "ladder"]
    assert main(["train", "residual", *common]) == 2  # its predecessors are not there
    assert main(["pipeline", "mosaic", *common, "--adaptor-motions", "builtin:bw"]) == 2
    assert main(["pipeline", "mosaic", *common, "--residual.num-envs", "0"]) == 2
    assert not (tmp_path / "runs").exists()
    assert main(["train", "gmt", *common]) == 0
    assert main(["pipeline", "mosaic", *common, "--gmt.ppo.discount", "0.5"]) == 2
    assert main(["pipeline", "mosaic", *common]) == 0
    found = json.loads((tmp_path / "runs" / "ladder" / "results.json").read_text())
    assert found["stages"] == [GMT, ADAPTOR, RESIDUAL]
    assert read_recipe(tmp_path / "runs" / "ladder" / "recipe.yaml") == tiny_recipe()


def test_a_residual_whose_generalist_was_trained_on_is_refused(
    ladder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "ladder"
    shutil.copytree(ladder, folder)
    for config in folder.glob("*/config.json"):
        config.write_text(config.read_text().replace(str(ladder), str(folder)))
    longer = replace(tiny_recipe(), gmt=replace(TINY, iterations=3))
    assert run_stage(mosaic_stages(longer, folder), GMT, folder) == "finished"
    with pytest.raises(CheckpointError, match=r"teacher of gmt of .*residual has changed"):
        run_stage(mosaic_stages(longer, folder), RESIDUAL, folder)


def test_the_page_tells_gain_and_forgetting(ladder: Path) -> None:
    page = write_results(ladder, [GMT, ADAPTOR, RESIDUAL])
    found = json.loads((ladder / "results.json").read_text())
    assert {(row["stage"], row["group"]) for row in found["rows"]} == {
        (stage, group) for stage in (GMT, ADAPTOR, RESIDUAL) for group in ("gmt", "adaptor")
    }
    assert (ladder / "forgetting.png").read_bytes()[:4] == b"\x89PNG"
    assert "http" not in page.read_text().replace("http://www.w3.org", "")


def test_recipes_survive_yaml_and_may_be_partial(tmp_path: Path) -> None:
    for recipe in (laptop_recipe(), full_recipe()):
        write_recipe(recipe, tmp_path / "whole.yaml")
        assert read_recipe(tmp_path / "whole.yaml") == recipe
    (tmp_path / "own.yaml").write_text("base: full\nadaptor_motions: suit/\ngmt: {num_envs: 64}\n")
    own = read_recipe(tmp_path / "own.yaml")
    assert own.adaptor_motions == "suit/"
    assert own.gmt == replace(full_recipe().gmt, num_envs=64)
    assert own.task == full_recipe().task
    (tmp_path / "own.yaml").write_text("gmt: {ppo: {learning_rate: 1e-3}}\n")
    assert read_recipe(tmp_path / "own.yaml").gmt.ppo.learning_rate == 0.001


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gmt: {num_env: 4}", r"bad.yaml: recipe.gmt: .* num_env \(did you mean num_envs\?\)"),
        ("gmt: {num_envs: many}", "recipe.gmt.num_envs is 'many', expected a whole number"),
        ("base: [laptop]", r"base is \['laptop'\], expected one of"),
        ("[1, 2]", "expected fields of a recipe"),
        ("a: [", "is not YAML"),
        ("base: huge", "base is 'huge', expected one of laptop, full"),
        ("gmt_share: 1.0", "needs motions of both groups"),
        ("task: {history: 0}", "history is 0"),
    ],
)
def test_bad_recipes_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(PipelineError, match=message):
        read_recipe(tmp_path / "bad.yaml")


def test_unknown_recipes_are_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="'laptop'"):
        read_recipe("labtop")
    with pytest.raises(PipelineError, match="no recipe at"):
        read_recipe(tmp_path / "none.yaml")


def test_the_exam_puts_the_interface_on_its_own_group_alone() -> None:
    exam = mosaic_exam(laptop_recipe())
    assert exam.task.interface_groups == (ADAPTOR,)
    assert exam.protocol.interface == "own"
