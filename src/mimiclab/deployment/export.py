"""From a trained network to a policy file: ONNX graph, baked reference, contract, proof."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from mimiclab.deployment.contract import BakedClip, PolicyContract, RecurrentState
from mimiclab.deployment.graph import write_graph
from mimiclab.deployment.metadata import metadata_of
from mimiclab.deployment.policy import REFERENCE_OUTPUTS, OnnxPolicy
from mimiclab.errors import ContractError, UnknownNameError
from mimiclab.files import atomic_path

if TYPE_CHECKING:
    from mimiclab.learning.run import Run
    from mimiclab.motions.library import MotionLibrary

PARITY = 1e-5
"""Largest allowed difference between torch and onnxruntime actions, relative to the largest action
for an observation where that is above 1."""
_RECURRENT_STEPS = 5
_PROTOBUF_LIMIT = 2**31 - 2**24


def export_run(
    run: "str | Path | Run",
    path: str | Path | None = None,
    *,
    checkpoint: str | int | Path | None = None,
    clips: Sequence[str] | None = None,
    policy_only: bool = False,
) -> Path:
    """Write the policy of a run folder or checkpoint as ONNX with its contract.

    Args:
        run: a run, its folder, or the path of one of its checkpoints.
        path: file to write; RUN/policy.onnx by default.
        checkpoint: "last", "best", an iteration or a path; the run's by default.
        clips: names of the clips to bake into the graph, all by default.
        policy_only: bake no clip.

    Raises:
        CheckpointError: no such run or checkpoint.
        ContractError: the task cannot be described, or the file would not act like the network.
        UnknownNameError: a clip that the run does not have.
        OutputError: the file cannot be written.
    """
    from mimiclab.deployment.describe import describe_task
    from mimiclab.learning.policy import load_policy
    from mimiclab.learning.run import load_run

    run = run if not isinstance(run, str | Path) else load_run(run)
    policy = load_policy(run, checkpoint)
    library = run.library if run.has_motions else None
    if library is None and clips:
        raise ContractError(
            f"run {run.name} learnt without motions, so it has no clips; leave --clips out"
        )
    if library is not None and library.streamed_from is not None and not clips and not policy_only:
        raise ContractError(
            f"run {run.name} was trained on a streamed library of {library.num_clips} clips, too "
            "large to be written into the policy; name the clips to write, or leave them all out "
            "(on the command line --clips NAME ... or --policy-only)"
        )
    baked: tuple[BakedClip, ...] = ()
    reference: dict[str, torch.Tensor] = {}
    if library is not None and not policy_only:
        names = tuple(clips or library.clip_names)
        baked, reference = bake_clips(library, names, 1.0 / run.task.control_hz)
    contract = describe_task(
        run.task,
        library,
        clips=baked,
        run=run.name,
        iteration=policy.iteration,
        git=str(run.config.get("git", {}).get("commit", "")),
    )
    actor = policy.actor.as_onnx(verbose=False)
    contract = replace(contract, recurrent=recurrent_states(actor))
    path = run.folder / "policy.onnx" if path is None else path
    return export_policy(actor, contract, path, reference=reference)


def bake_clips(
    library: "MotionLibrary", names: Sequence[str], control_dt_s: float
) -> tuple[tuple[BakedClip, ...], dict[str, torch.Tensor]]:
    """Clips sampled once per control step, end to end: the index, and the arrays of the graph.

    Raises:
        UnknownNameError: a clip that the library does not have.
    """
    entries, parts, start = [], [], 0
    for name in names:
        if name not in library.clip_names:
            raise UnknownNameError("clip", name, library.clip_names)
        clip = library.clip_names.index(name)
        count = int(float(library.durations_s[clip]) / control_dt_s + 1e-6) + 1
        times = torch.arange(count, dtype=torch.float64, device=library.device) * control_dt_s
        parts.append(library.frames(torch.full_like(times, clip, dtype=torch.long), times))
        entries.append(BakedClip(name=name, start=start, frames=count, fps=1.0 / control_dt_s))
        start += count
    arrays = {
        key: torch.cat([getattr(part, key) for part in parts])
        for key in (REFERENCE_OUTPUTS if parts else ())
    }
    return tuple(entries), arrays


def recurrent_states(actor: nn.Module) -> tuple[RecurrentState, ...]:
    """What `actor`, the exportable form of a network, remembers; nothing if not recurrent."""
    if not getattr(actor, "is_recurrent", False):
        return ()
    sizes: dict[str, Any] = {"layers": actor.num_layers, "size": actor.hidden_size}
    names = ("h", "c") if actor.rnn_type == "lstm" else ("h",)
    return tuple(RecurrentState(name=name, **sizes) for name in names)


class _PolicyGraph(nn.Module):
    """Observations to actions, and frame numbers to the reference of those frames.

    Inputs are the observations, the hidden states of a recurrent actor and the frame numbers.
    """

    def __init__(
        self, actor: nn.Module, reference: Mapping[str, torch.Tensor], states: int
    ) -> None:
        super().__init__()
        self.actor = actor
        self.states = states
        self.num_frames = 0
        for name in REFERENCE_OUTPUTS if reference else ():
            self.register_buffer(name, reference[name].to("cpu", torch.float32).contiguous())
            self.num_frames = len(reference[name])

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        answer, time_step = _answer(self.actor, *inputs[: 1 + self.states]), inputs[-1]
        if not self.num_frames:
            return answer
        frame = time_step.squeeze(-1).long().clamp(0, self.num_frames - 1)
        return (*answer, *(getattr(self, name)[frame] for name in REFERENCE_OUTPUTS))


def _answer(actor: nn.Module, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Actions and, of a recurrent actor, the next hidden states."""
    found = actor(*inputs)
    if isinstance(found, torch.Tensor):
        return (found,)
    return tuple(tensor for tensor in found if tensor is not None)


def export_policy(
    actor: nn.Module,
    contract: PolicyContract,
    path: str | Path,
    *,
    reference: Mapping[str, torch.Tensor] | None = None,
) -> Path:
    """Write `actor` as ONNX with its contract, whole or not at all, and prove it equal.

    Args:
        actor: maps raw observations (N, D) to mean actions (N, J); its normaliser is inside. A
            recurrent one also takes and returns the hidden states of `contract.recurrent`.
        contract: what runners need to know; its `clips` must describe `reference`.
        path: the file to write, replaced if it exists.
        reference: all clips end to end, name of `REFERENCE_OUTPUTS` to (F, ...) tensor; None or
            empty for a policy-only file.

    Raises:
        ContractError: network, reference and contract disagree, or onnxruntime gives other actions.
        OutputError: the file cannot be written.
    """
    reference = dict(reference or {})
    _check_reference(contract, reference)
    states = contract.recurrent
    graph = _PolicyGraph(copy.deepcopy(actor).to("cpu").eval(), reference, len(states)).eval()
    observations = _probe(contract)
    names = {"obs": observations[:2], **_zero_states(contract, 2)}
    if reference:
        names["time_step"] = torch.zeros(2, 1)
    outputs = [
        "actions",
        *(state.output for state in states),
        *(REFERENCE_OUTPUTS if reference else ()),
    ]
    batch_axis = {name: 1 for state in states for name in (state.input, state.output)}
    path = Path(path)
    with atomic_path(path) as temporary:
        write_graph(graph, names, outputs, temporary, metadata_of(contract), batch_axis)
        check_parity(graph.actor, OnnxPolicy(temporary), observations)
    return path


def check_parity(actor: nn.Module, policy: OnnxPolicy, observations: torch.Tensor) -> float:
    """Largest difference of actions between torch and onnxruntime; see `PARITY`.

    A recurrent policy acts several times, so that its memory is compared too.

    Raises:
        ContractError: it exceeds `PARITY`.
    """
    state = tuple(_zero_states(policy.contract, len(observations)).values())
    policy.reset()
    worst = 0.0
    for step in range(_RECURRENT_STEPS if state else 1):
        rows = observations.roll(step, 0)
        with torch.inference_mode():
            actions, *state = _answer(actor, rows, *state)
        expected, given = actions.numpy(), policy.act(rows.numpy())
        if given.shape != expected.shape:
            raise ContractError(
                f"the network answers with shape {expected.shape}, the file with {given.shape}"
            )
        # Rounding grows with the largest numbers inside, not with each joint's own action.
        size = np.maximum(1.0, np.abs(expected).max(axis=-1, keepdims=True))
        worst = max(worst, float(np.max(np.abs(given - expected) / size)))
    policy.reset()
    if not worst <= PARITY:
        raise ContractError(
            f"{policy.path.name}: onnxruntime and torch differ by {worst:.2e}, allowed is "
            f"{PARITY:.0e}; nothing was written"
        )
    return worst


def _zero_states(contract: PolicyContract, rows: int) -> dict[str, torch.Tensor]:
    return {s.input: torch.zeros(s.layers, rows, s.size) for s in contract.recurrent}


def _probe(contract: PolicyContract) -> torch.Tensor:
    """Observations of several sizes, zero among them, to compare both runtimes on."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(64, contract.observation_size, generator=generator)
    return rows * torch.logspace(-2, 1, 64)[:, None] * (torch.arange(64) > 0)[:, None]


def _check_reference(contract: PolicyContract, reference: Mapping[str, torch.Tensor]) -> None:
    frames = contract.num_frames
    if bool(reference) != bool(contract.clips):
        raise ContractError(
            f"the contract lists {len(contract.clips)} baked clips, but "
            f"{'a' if reference else 'no'} reference was given"
        )
    for name, values in reference.items():
        if name not in REFERENCE_OUTPUTS or len(values) != frames:
            raise ContractError(
                f"reference {name!r} has {len(values)} frames, the contract lists {frames} of "
                f"{', '.join(REFERENCE_OUTPUTS)}"
            )
    size = sum(4 * values.numel() for values in reference.values())
    if size > _PROTOBUF_LIMIT:
        raise ContractError(
            f"the reference takes {size / 1e9:.1f} GB, an ONNX file holds 2 GB at most; choose "
            "clips with --clips, or export the policy alone with --policy-only"
        )
