"""Teachers from files: run folders, checkpoints, ONNX policies."""

import torch

from mimiclab.errors import CheckpointError
from mimiclab.files import file_sha256
from mimiclab.learning.policy import Policy, load_policy
from mimiclab.learning.run import load_run
from mimiclab.learning.teachers.action_space import ActionSpace
from mimiclab.learning.teachers.cfg import TeacherCfg
from mimiclab.learning.teachers.teacher import Teacher
from mimiclab.locations import local_path


def load_teacher(cfg: TeacherCfg, device: str | torch.device = "cpu") -> Teacher:
    """Read a teacher. Checkpoint `last.pt` of a run is taken unless the path is a checkpoint.

    Raises:
        CheckpointError: no run or checkpoint there, or a damaged one.
        ContractError: an ONNX file of an unknown layout.
        LocationError: it cannot be fetched.
    """
    path = local_path(cfg.path)
    if path.suffix == ".onnx":
        from mimiclab.learning.teachers.foreign import foreign_teacher

        return foreign_teacher(path, cfg.adapter, device)
    if cfg.adapter != "auto":
        raise CheckpointError(
            f"teacher {path}: adapter {cfg.adapter!r} is for ONNX files; a run says itself what it "
            "observes, so leave the adapter out"
        )
    run = load_run(path)
    policy = load_policy(run, device=str(device))
    layout = policy.layout
    return Teacher(
        RunNetwork(policy),
        name=str(cfg.path),
        robot=layout["robot"],
        control_hz=layout["control_hz"],
        task=run.tracking,
        expects=layout["observations"]["actor"],
        history=layout.get("history", {}).get("actor", {}),
        action_space=ActionSpace.of_task(run.tracking, device),
        std=action_std(policy),
        digest=file_sha256(run.checkpoint),
    )


class RunNetwork:
    """A run's policy as a teacher asks it; keeps the memory of a recurrent one."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy.requires_grad_(False)
        self.is_recurrent = bool(policy.actor.is_recurrent)

    def __call__(self, obs: torch.Tensor) -> torch.Tensor:
        """Mean actions (N, A) from observations (N, D)."""
        return self.policy(obs)

    def reset(self, dones: torch.Tensor | None = None) -> None:
        """Forget episodes that have ended, or all."""
        self.policy.actor.reset(dones)


@torch.no_grad()
def action_std(policy: Policy) -> torch.Tensor | None:
    """Standard deviation of the actions (A,); noise does not depend on the observation."""
    distribution = policy.actor.distribution
    if distribution is None:
        return None
    some = next(policy.parameters())
    distribution.update(torch.zeros(1, distribution.output_dim, device=some.device))
    return distribution.std[0].clone()
