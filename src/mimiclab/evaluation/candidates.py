"""What can be evaluated: a run or checkpoint, an ONNX file, fresh weights, or no policy at all."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from mimiclab.errors import CheckpointError, ContractError
from mimiclab.evaluation.rollout import Policy
from mimiclab.files import file_sha256
from mimiclab.learning.teachers.foreign import is_foreign
from mimiclab.tasks.tracking import TrackingTask
from mimiclab.tasks.velocity import VelocityTask

if TYPE_CHECKING:
    from mimiclab.deployment.policy import OnnxPolicy
    from mimiclab.learning.run import Run
    from mimiclab.motions.library import MotionLibrary


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A policy with all that its evaluation needs."""

    policy: Policy
    """Observations to deterministic actions."""
    task: TrackingTask
    """As trained."""
    library: "MotionLibrary | None"
    """The clips that came with it."""
    expects: dict[str, int] | None
    """Observation terms and sizes it was trained with; None fits all."""
    label: dict[str, Any]
    """For the stamp."""
    remarks: tuple[str, ...] = ()
    """What a user should know of it."""


def open_candidate(
    path: str | Path,
    *,
    checkpoint: str | None = None,
    untrained: bool = False,
    task: TrackingTask | None = None,
    adapter: str = "auto",
    device: str = "cpu",
) -> Candidate:
    """Open `zero`, an .onnx file, a run folder or a checkpoint.

    Args:
        path: what to open.
        checkpoint: `last`, `best`, an iteration or a path, for runs.
        untrained: fresh weights instead of the run's, the baseline of learning.
        task: for `zero` only; the default task if left out.
        adapter: observation layout of an .onnx file of another project; see
            `learning.teachers.adapters`.
        device: torch device of the policy.

    Raises:
        CheckpointError: no such run or checkpoint.
        ContractError: a damaged policy file, one of an unknown layout, or an adapter for a policy
            that tells its layout itself.
    """
    foreign = Path(path).suffix == ".onnx" and is_foreign(path)
    if adapter != "auto" and not foreign:
        raise ContractError(
            f"{path} says itself what it observes; leave the adapter {adapter!r} out"
        )
    if str(path) == "zero":
        return zero_candidate(task or TrackingTask())
    if not Path(path).exists():
        raise CheckpointError(
            f"{path} does not exist; give a run folder, a checkpoint (.pt), a policy (.onnx) or "
            "the word zero"
        )
    if foreign:
        return foreign_candidate(Path(path), adapter, device=device)
    if Path(path).suffix == ".onnx":
        return onnx_candidate(Path(path))
    return run_candidate(Path(path), checkpoint=checkpoint, untrained=untrained, device=device)


def zero_candidate(task: TrackingTask) -> Candidate:
    """No action at all; with `residual_action` plain PD tracking of the reference."""
    from mimiclab.robots import get_robot

    actions = get_robot(task.robot).num_joints

    def policy(observations: torch.Tensor) -> torch.Tensor:
        return observations.new_zeros(len(observations), actions)

    return Candidate(
        policy=policy, task=task, library=None, expects=None, label={"kind": "zero", "path": None}
    )


def onnx_candidate(path: Path) -> Candidate:
    """An exported policy, run by onnxruntime on the batch; its baked clips come with it."""
    from mimiclab.deployment.policy import OnnxPolicy
    from mimiclab.deployment.reference import baked_reference
    from mimiclab.learning.serialise import from_plain
    from mimiclab.motions.library import MotionLibrary

    onnx = OnnxPolicy(path)
    contract = onnx.contract
    contract.robot_model()
    library = None
    if contract.clips:
        clips = [baked_reference(onnx, i).to_clip(contract) for i in range(len(contract.clips))]
        library = MotionLibrary.from_clips(clips, robot=contract.robot)

    return Candidate(
        policy=OnnxOnTensors(onnx),
        task=from_plain(TrackingTask, _listed(contract.task), f"{path}: task"),
        library=library,
        expects={term.name: term.size * term.history for term in contract.observations},
        label={
            "kind": "onnx",
            "path": str(path),
            "sha256": file_sha256(path),
            "run": contract.provenance.run,
            "iteration": contract.provenance.iteration,
        },
    )


def foreign_candidate(path: Path, adapter: str = "auto", *, device: str = "cpu") -> Candidate:
    """A released policy of another project, behind the observations of our task."""
    from mimiclab.learning.teachers.foreign import foreign_teacher

    teacher = foreign_teacher(path, adapter, device)
    assert teacher.task is not None
    return Candidate(
        policy=teacher,
        task=teacher.task,
        library=None,
        expects=teacher.expects,
        label={"kind": "foreign", "path": str(path), "sha256": teacher.digest, "adapter": adapter},
        remarks=teacher.remarks,
    )


class OnnxOnTensors:
    """A policy file as the evaluation loop calls it."""

    def __init__(self, onnx: "OnnxPolicy") -> None:
        self.onnx = onnx

    def __call__(self, observations: torch.Tensor) -> torch.Tensor:
        """Actions (N, A), on the observations' device."""
        actions = self.onnx.act(observations.cpu().numpy())
        return torch.from_numpy(actions).to(observations.device)

    def reset(self, env_ids: torch.Tensor | None = None) -> None:
        """Episodes begin."""
        self.onnx.reset(None if env_ids is None else env_ids.cpu().numpy())


def run_candidate(
    path: Path, *, checkpoint: str | None = None, untrained: bool = False, device: str = "cpu"
) -> Candidate:
    """A run's policy from one of its checkpoints, in torch."""
    from mimiclab.learning.policy import load_policy, untrained_policy
    from mimiclab.learning.run import load_run

    run = load_run(path, checkpoint)
    trained = load_policy(run, device=device)
    policy = untrained_policy(run.train, trained.layout).to(device) if untrained else trained
    return Candidate(
        policy=policy,
        task=run.tracking,
        library=run.library if run.brings_motions else None,
        expects=dict(trained.layout["observations"]["actor"]),
        label=_run_label(run, policy.iteration),
    )


@dataclass(frozen=True, kw_only=True)
class WalkCandidate:
    """A policy that walks on command, with all that its evaluation needs."""

    policy: Policy
    """Observations to deterministic actions."""
    task: VelocityTask
    """As trained."""
    expects: dict[str, int]
    """Observation terms and sizes it was trained with."""
    label: dict[str, Any]
    """For the stamp."""


def open_walker(
    path: str | Path, *, checkpoint: str | None = None, device: str = "cpu"
) -> WalkCandidate:
    """Open a run folder or checkpoint of a velocity task.

    Raises:
        CheckpointError: no such run or checkpoint, or one of another task.
    """
    from mimiclab.learning.policy import load_policy
    from mimiclab.learning.run import load_run

    run = load_run(path, checkpoint)
    if not isinstance(run.task, VelocityTask):
        raise CheckpointError(
            f"run {run.folder} learnt the task {run.task.kind!r}; expected one that walks on "
            "command. Score it with `mimiclab evaluate`"
        )
    policy = load_policy(run, device=device)
    return WalkCandidate(
        policy=policy,
        task=run.task,
        expects=dict(policy.layout["observations"]["actor"]),
        label=_run_label(run, policy.iteration),
    )


def _run_label(run: "Run", iteration: int) -> dict[str, Any]:
    return {
        "kind": "checkpoint" if iteration else "untrained",
        "path": str(run.checkpoint),
        "sha256": file_sha256(run.checkpoint) if iteration else None,
        "run": run.name,
        "iteration": iteration,
    }


def _listed(task: Any) -> Any:
    """The task as JSON would give it: the contract keeps top-level lists as tuples."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in dict(task).items()}
