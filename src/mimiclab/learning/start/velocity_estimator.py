"""The start of a training with a velocity estimator: it is checked and copied into the actor."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimiclab.errors import CheckpointError, MimiclabError
from mimiclab.files import file_sha256
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.networks.cfg import NetworkCfg

if TYPE_CHECKING:
    from mimiclab.learning.networks.mlp import NormalisedMlp
    from mimiclab.tasks.tracking import TrackingTask


def prepare_estimator(cfg: TrainCfg, layout: Mapping[str, Any], task: "TrackingTask") -> TrainCfg:
    """Settings that tell how to rebuild the estimator without its file; unchanged without one.

    A warm start brings the estimator of its run along.

    Args:
        cfg: settings; `network.estimator` names a folder or file.
        layout: of the student's environment; see `env_state.layout_of`.
        task: the student's.

    Raises:
        CheckpointError: no such estimator, or a damaged one.
        MimiclabError: none named, one named for another network, or terms that it needs are not
            observed.
        RobotError: an estimator of another robot, rate or command.
    """
    network = cfg.network
    if network.kind != "velocity_skip":
        if network.estimator is not None:
            raise MimiclabError(
                f"--network.estimator {network.estimator} would do nothing: network.kind is "
                f"{network.kind!r}; set --network.kind velocity_skip"
            )
        return cfg
    if network.estimator is None:
        return replace(cfg, network=_of_warm_start(cfg))
    from mimiclab.learning.estimator.data import require_layout
    from mimiclab.learning.estimator.files import describe, load_estimator
    from mimiclab.learning.estimator.model import WindowLayout
    from mimiclab.learning.networks.layout import term_slots
    from mimiclab.learning.networks.velocity_skip import window_columns
    from mimiclab.robots import get_robot

    model, _ = load_estimator(network.estimator)
    ours = WindowLayout(
        robot=task.robot,
        joint_names=tuple(get_robot(task.robot).joint_names),
        fps=float(task.control_hz),
        history=model.layout.history,
        command_velocity=task.command_velocity,
    )
    require_layout(ours, model.layout, "the task")
    window_columns(model.layout, term_slots(layout, ["actor"]))
    file = _file(network.estimator)
    spec = {**describe(model), "source": network.estimator, "sha256": file_sha256(file)}
    return replace(cfg, network=replace(network, estimator_network=spec))


def install_estimator(actor: "NormalisedMlp", cfg: TrainCfg) -> list[str]:
    """Copy the estimator's weights into a fresh actor; nothing without one.

    Args:
        actor: built from settings that `prepare_estimator` returned.
        cfg: those settings.

    Returns:
        Sentences that say what was taken.

    Raises:
        CheckpointError: the estimator changed since `prepare_estimator`.
    """
    from mimiclab.learning.estimator.files import load_estimator
    from mimiclab.learning.networks.velocity_skip import VelocitySkipActor

    path = cfg.network.estimator
    if not isinstance(actor, VelocitySkipActor) or path is None or cfg.warm_start.path is not None:
        return []  # the weights of a warm start come with its actor
    if file_sha256(_file(path)) != cfg.network.estimator_network["sha256"]:
        raise CheckpointError(f"{path} changed while the training started; start it again")
    model, _ = load_estimator(path)
    actor.velocity.estimator.load_state_dict(model.state_dict())
    return [f"reference velocity estimated by {path}, which stays as it is"]


def _of_warm_start(cfg: TrainCfg) -> NetworkCfg:
    from mimiclab.learning.run import load_run

    if cfg.warm_start.path is not None:
        network = load_run(cfg.warm_start.path).train.network
        if network.kind == "velocity_skip":
            return network
    raise MimiclabError(
        "network.kind is 'velocity_skip', but no estimator is named; train one with `mimiclab "
        "train estimator --out FOLDER` and give it with --network.estimator FOLDER"
    )


def _file(path: str) -> Path:
    from mimiclab.learning.estimator.files import FILE

    return Path(path) / FILE if Path(path).is_dir() else Path(path)
