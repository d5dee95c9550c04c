"""The start of a residual training: its base is opened, fitted and copied into the student."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mimiclab.errors import CheckpointError, ContractError, MimiclabError
from mimiclab.files import file_sha256
from mimiclab.learning.config import TrainCfg
from mimiclab.learning.networks.layout import term_slots
from mimiclab.learning.teachers.action_space import ActionSpace
from mimiclab.learning.teachers.source import PolicySource, SourceTerm
from mimiclab.locations import local_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mimiclab.learning.networks.frozen import FrozenPolicy
    from mimiclab.learning.networks.mlp import NormalisedMlp
    from mimiclab.tasks.tracking import TrackingTask

_MEANING = {
    "command": ("command_frames", "command_velocity"),
    "motion_future": ("horizon_s",),
}
"""Fields of the task that say what the numbers of a term are, where their count does not."""


def prepare_residual(
    cfg: TrainCfg,
    layout: Mapping[str, Any],
    task: "TrackingTask",
    group_names: "Sequence[str]" = (),
) -> TrainCfg:
    """Settings that tell how to rebuild the base without its file; unchanged without a base.

    Args:
        cfg: settings; `residual.base` names a run, a checkpoint or an ONNX file.
        layout: of the student's environment; see `env_state.layout_of`.
        task: the student's.
        group_names: motion groups by number, for the log.

    Raises:
        CheckpointError: no such base, or one of another robot, rate or kind.
        MimiclabError: another kind of network asked for.
        ContractError: an ONNX base that cannot be read, or a base that observes or does what the
            student does not; the message says what differs.
    """
    if cfg.residual.base is None:
        return cfg
    if cfg.network.kind != "mlp":
        raise MimiclabError(
            f"network.kind is {cfg.network.kind!r}, but a residual policy is its base and an MLP; "
            "leave network.kind at 'mlp'"
        )
    source = open_source(cfg.residual.base, cfg.residual.adapter)
    if source.spec["kind"] == "runtime":
        raise ContractError(
            f"{source.path} cannot be a base: {source.spec['operators']} in its graph are not "
            "read into torch; give the run folder that it was exported from"
        )
    frozen = _fitted(source, layout, task)
    seen = set(frozen.inputs.columns.tolist())
    total = sum(layout["observations"]["actor"].values())
    spec = {
        **source.spec,
        "source": source.path,
        "sha256": source.digest,
        "observations": source.observation_size,
        "actions": len(frozen.outputs.columns),
        "extra": [column for column in range(total) if column not in seen],
        "groups": list(group_names),
    }
    return replace(cfg, residual=replace(cfg.residual, base_network=spec))


def install_base(
    actor: "NormalisedMlp", cfg: TrainCfg, layout: Mapping[str, Any], task: "TrackingTask"
) -> list[str]:
    """Copy the base's numbers into a fresh residual actor; nothing without a base.

    Args:
        actor: built from settings that `prepare_residual` returned.
        cfg: those settings.
        layout: of the student's environment.
        task: the student's.

    Returns:
        Sentences that say what was taken.

    Raises:
        CheckpointError: the base changed since `prepare_residual`.
    """
    from mimiclab.learning.networks.residual import ResidualActor

    if not isinstance(actor, ResidualActor) or cfg.residual.base is None:
        return []
    source = open_source(cfg.residual.base, cfg.residual.adapter)
    if source.digest != cfg.residual.base_network["sha256"]:
        raise CheckpointError(
            f"{source.path} changed while the training started; name one checkpoint of a run that "
            "goes on, or wait until it ends"
        )
    frozen = _fitted(source, layout, task)
    actor.mlp.base.load_state_dict(frozen.state_dict())
    return [f"correction of {source.path}, which stays as it is", *source.remarks]


def open_source(path: str | Path, adapter: str = "auto") -> PolicySource:
    """Any policy to build on: a run folder, a checkpoint or an ONNX file, or a location of one.

    Raises:
        LocationError: it cannot be fetched.
        CheckpointError: no such run or checkpoint, or a recurrent policy.
        ContractError: an ONNX file that cannot be read.
    """
    place = local_path(path)
    if place.suffix == ".onnx":
        from mimiclab.learning.teachers.foreign import open_onnx

        return replace(open_onnx(place, adapter), path=str(path))
    return replace(_open_run(place), path=str(path))


def _open_run(path: Path) -> PolicySource:
    from mimiclab.learning.policy import load_policy
    from mimiclab.learning.run import load_run
    from mimiclab.learning.serialise import to_plain

    run = load_run(path)
    policy = load_policy(run)
    if policy.actor.is_recurrent:
        raise CheckpointError(
            f"{path} is a recurrent policy, whose state would have to be kept for the student; "
            "give a base that acts on what it observes alone"
        )
    return PolicySource(
        path=str(path),
        network=policy.actor.as_onnx(verbose=False),
        spec={"kind": "run", "train": to_plain(run.train), "layout": policy.layout},
        normaliser=policy.actor.input_normaliser(),
        task=run.tracking,
        terms=tuple(
            SourceTerm(slot.name, slot.size, slot.history)
            for slot in term_slots(policy.layout, ["actor"])
        ),
        actions=ActionSpace.of_task(run.tracking),
        digest=file_sha256(run.checkpoint),
    )


def _fitted(
    source: PolicySource, layout: Mapping[str, Any], task: "TrackingTask"
) -> "FrozenPolicy":
    lines = []
    for what in ("robot", "control_hz"):
        theirs, ours = getattr(source.task, what), getattr(task, what)
        if theirs != ours:
            lines.append(f"{what}: {theirs} of the base, {ours} here")
    for term in source.terms:
        for name in _MEANING.get(term.name, ()):
            theirs, ours = getattr(source.task, name), getattr(task, name)
            if theirs != ours:
                lines.append(f"{name}: {theirs} of the base, {ours} here")
    if lines:
        raise ContractError(
            f"{source.path} cannot be the base of this policy:\n  "
            + "\n  ".join(lines)
            + "\nUse the task settings of the base, or another base"
        )
    return source.attach(term_slots(layout, ["actor"]), ActionSpace.of_task(task))
