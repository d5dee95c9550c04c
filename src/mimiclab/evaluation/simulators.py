"""One policy in several simulators under one protocol: batched engines and deployment's loop."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from mimiclab.deployment.physx_model import import_sapien
from mimiclab.deployment.simulators import SIMULATORS as DEPLOYED
from mimiclab.errors import EngineError, MimiclabError, UnknownNameError
from mimiclab.evaluation.candidates import Candidate, OnnxOnTensors
from mimiclab.evaluation.comparison import Comparison, compare
from mimiclab.evaluation.evaluate import evaluate, score
from mimiclab.evaluation.perturbation import Perturbation
from mimiclab.evaluation.protocol import Protocol, plan_episodes
from mimiclab.evaluation.report import EvaluationReport
from mimiclab.evaluation.sweeps import part_of
from mimiclab.files import write_text

if TYPE_CHECKING:
    from mimiclab.deployment.contract import PolicyContract
    from mimiclab.deployment.physx_cfg import PhysxCfg
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.simulation.env import Engine


SIMULATORS = MappingProxyType(
    {
        "auto": "the batched engine that fits this machine",
        "native": "training's environments in MuJoCo on the CPU",
        "warp": "training's environments in MuJoCo Warp on a GPU",
        **DEPLOYED,
    }
)
"""What each is."""
METRICS = (
    "success_rate", "completion", "mpjpe_global_mm", "mpjpe_root_mm", "joint_position_error",
    "velocity_error", "orientation_error",
)  # fmt: skip
"""Rows of the table."""
_MOST_ROBOTS = 16
SCHEMA = 1
"""Layout number of the JSON."""


@dataclass(frozen=True, kw_only=True)
class SimulatorComparison:
    """What a policy does in each simulator."""

    reports: Mapping[str, EvaluationReport]
    """By simulator, in the order asked for; the first is what others are compared with."""
    notes: tuple[str, ...] = ()
    """What was switched off because a simulator lacks it."""

    @property
    def comparison(self) -> Comparison:
        """The reports beside each other."""
        return compare(self.reports)

    def rows(self, metrics: Sequence[str] = METRICS) -> list[dict[str, Any]]:
        """One row for each metric: `metric`, and by simulator `mean`, `ci95` and `gap`.

        `gap` is the paired difference to the first simulator over the same episodes, with a 95 %
        bootstrap interval; None for the first.
        """
        comparison, (base, *others) = self.comparison, self.reports
        summaries = {name: report.summary() for name, report in self.reports.items()}
        rows = []
        for metric in metrics:
            if any(metric not in summary for summary in summaries.values()):
                continue
            cells = {name: {**summary[metric], "gap": None} for name, summary in summaries.items()}
            for name in others:
                pair = comparison.paired(base, name, None, metric)
                cells[name]["gap"] = {"mean": pair.mean, "ci95": pair.ci95}
            rows.append({"metric": metric, **cells})
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Plain values: the rows, and the whole report of each simulator."""
        return {
            "schema": SCHEMA,
            "simulators": {name: SIMULATORS[name] for name in self.reports},
            "base": next(iter(self.reports)),
            "notes": list(self.notes),
            "rows": self.rows(),
            "reports": {name: report.to_dict() for name, report in self.reports.items()},
        }

    def save(self, path: str | Path) -> None:
        """Write the comparison as JSON, whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        write_text(path, json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n")


def evaluate_in(
    simulator: str,
    candidate: Candidate,
    library: "MotionLibrary",
    protocol: Protocol | None = None,
    *,
    num_envs: int | None = None,
    device: str | None = None,
    perturbation: Perturbation | None = None,
    physx: "PhysxCfg | None" = None,
    progress: Callable[[int, int], None] | None = None,
) -> EvaluationReport:
    """Score a policy in one simulator; episodes and metrics are the same in all.

    Args:
        simulator: one of `SIMULATORS`.
        candidate: the policy.
        library: the clips to score.
        protocol: which episodes; the default protocol if left out.
        num_envs: robots at once.
        device: torch device of batched engines.
        perturbation: how the robot differs from the one of training.
        physx: settings of PhysX.
        progress: called with control steps done and in all.

    Raises:
        UnknownNameError: no such simulator.
        EngineError: it is not available, or lacks what the protocol asks for.
        ContractError: the policy expects other observations.
        MimiclabError: a perturbation that this robot cannot have.
    """
    protocol = protocol or Protocol()
    if simulator not in SIMULATORS:
        raise UnknownNameError("simulator", simulator, SIMULATORS)
    if simulator not in DEPLOYED:
        return evaluate(
            candidate.policy, candidate.task, library, protocol,
            label=candidate.label, expects=candidate.expects, num_envs=num_envs,
            engine=cast("Engine", simulator), device=device, perturbation=perturbation,
            progress=progress,
        )  # fmt: skip
    from mimiclab.evaluation.deployed import DeployedArena

    supported(protocol, [simulator])
    contract = contract_of(candidate, library)
    jobs = plan_episodes(protocol, library.durations_s.tolist(), candidate.task.step_s)
    arena = DeployedArena(
        contract,
        library,
        protocol,
        simulator=simulator,
        num_envs=num_envs or min(len(jobs), _MOST_ROBOTS),
        perturbation=perturbation,
        physx=physx,
    )
    return score(
        arena, candidate.policy, candidate.task, library, protocol,
        label=candidate.label, expects=candidate.expects, progress=progress,
    )  # fmt: skip


def compare_simulators(
    simulators: Sequence[str],
    candidate: Candidate,
    library: "MotionLibrary",
    protocol: Protocol | None = None,
    *,
    ignore_unsupported: bool = False,
    progress: Callable[[int, int], None] | None = None,
    **how: Any,
) -> SimulatorComparison:
    """Score a policy in several simulators under one protocol.

    Args:
        simulators: of `SIMULATORS`, each once; gaps are to the first.
        candidate: the policy.
        library: the clips to score.
        protocol: which episodes.
        ignore_unsupported: switch what one of them lacks off in all of them, and note it, instead
            of refusing.
        progress: called with control steps done and in all, over all simulators.
        how: more arguments of `evaluate_in`.

    Raises:
        MimiclabError: no simulator, or one given twice; and what `evaluate_in` raises.
    """
    if not simulators or len({*simulators}) < len(simulators):
        raise MimiclabError(
            f"the simulators are {', '.join(simulators) or 'none'}; give at least one of "
            f"{', '.join(SIMULATORS)}, and none twice"
        )
    for name in simulators:
        if name not in SIMULATORS:
            raise UnknownNameError("simulator", name, SIMULATORS)
    protocol, notes = supported(protocol or Protocol(), simulators, ignore=ignore_unsupported)
    if "physx" in simulators:
        import_sapien()  # a missing package is told before others have run for minutes
    reports = {}
    for number, name in enumerate(simulators):
        reports[name] = evaluate_in(
            name, candidate, library, protocol,
            progress=part_of(progress, number, len(simulators)), **how,
        )  # fmt: skip
    return SimulatorComparison(reports=reports, notes=notes)


def supported(
    protocol: Protocol, simulators: Sequence[str], *, ignore: bool = False
) -> tuple[Protocol, tuple[str, ...]]:
    """The protocol that all simulators can run, and what was switched off for that.

    Raises:
        EngineError: `ignore` is off, and one of them lacks something; the message names all.
    """
    lacking = [name for name in simulators if name in DEPLOYED]
    wanted = {
        "observation_noise": protocol.observation_noise,
        "pushes": protocol.pushes,
        "randomisation": protocol.randomisation,
        "interface": protocol.interface == "own" or not protocol.interface_values.is_perfect,
    }
    missing = [name for name, on in wanted.items() if on] if lacking else []
    if not missing:
        return protocol, ()
    names, who = ", ".join(missing), " and ".join(lacking)
    if not ignore:
        raise EngineError(
            f"the simulators {who} lack {names}, which only the batched engines native and warp "
            "have; leave that out, or switch it off in all with --ignore-unsupported"
        )
    plain = Protocol()
    off: dict[str, Any] = {name: getattr(plain, name) for name in missing}
    if "interface" in missing:
        off |= {"interface_values": plain.interface_values, "interface_groups": ()}
    return replace(protocol, **off), tuple(f"{name} is off: {who} lack it" for name in missing)


def contract_of(candidate: Candidate, library: "MotionLibrary") -> "PolicyContract":
    """What a candidate's file says of its robot and observations, or else its task."""
    if isinstance(candidate.policy, OnnxOnTensors):
        return candidate.policy.onnx.contract
    from mimiclab.deployment.describe import describe_task

    return describe_task(candidate.task, candidate.library or library)
