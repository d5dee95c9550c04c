"""How much a policy bears of pushes, payload, slippery floors, late and weak motors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mimiclab.errors import MimiclabError
from mimiclab.evaluation.candidates import Candidate
from mimiclab.evaluation.perturbation import Perturbation, unsupported
from mimiclab.evaluation.protocol import Protocol
from mimiclab.evaluation.report import EvaluationReport
from mimiclab.evaluation.robustness_cfg import SWEEPS, RobustnessSuite
from mimiclab.evaluation.simulators import evaluate_in, supported
from mimiclab.evaluation.sweeps import Progress, SweepPoint, SweepResult, run_points
from mimiclab.robots import get_robot

if TYPE_CHECKING:
    from mimiclab.motions.library import MotionLibrary


@dataclass(frozen=True, kw_only=True)
class RobustnessResult(SweepResult):
    """What every policy does in every changed world."""

    about: ClassVar[Mapping[str, tuple[str, str]]] = SWEEPS
    setting: ClassVar[str] = "perturbation"


def run_robustness(
    candidates: Mapping[str, Candidate],
    libraries: "Mapping[str, MotionLibrary]",
    suite: RobustnessSuite | None = None,
    protocol: Protocol | None = None,
    *,
    simulator: str = "auto",
    ignore_unsupported: bool = False,
    progress: Progress = None,
    **how: Any,
) -> RobustnessResult:
    """Evaluate policies at every point of a suite. Points that are alike are evaluated once.

    Args:
        candidates: policies by name.
        libraries: clips to score, by name of the policy; the same clips for all.
        suite: what to sweep.
        protocol: of every point.
        simulator: where, of `simulators.SIMULATORS`; the batched engines are fastest.
        ignore_unsupported: leave points that a robot cannot have out, and note them, instead of
            refusing.
        progress: called with control steps done and in all, over all points.
        how: more arguments of `simulators.evaluate_in`.

    Raises:
        MimiclabError: no values to sweep, a point that a robot cannot have, or other clips for one
            policy than for another; and what `evaluate_in` raises.
    """
    suite, wanted = suite or RobustnessSuite(), protocol or Protocol()
    plan, notes = supported(wanted, [simulator], ignore=ignore_unsupported)
    points = []
    for sweep, value, change in suite.points():
        reasons = {unsupported(change, get_robot(c.task.robot)) for c in candidates.values()}
        found = sorted(reasons - {""})
        if found and not ignore_unsupported:
            raise MimiclabError(f"{found[0]}; leave it out, or give --ignore-unsupported")
        if found:
            notes += (f"{sweep} {value:g} is left out: {found[0]}",)
        else:
            points.append(SweepPoint(sweep=sweep, value=value, setting=change))
    if not points:
        raise MimiclabError(f"nothing is left to sweep: {'; '.join(notes)}")

    def run(
        candidate: Candidate, library: "MotionLibrary", change: Perturbation, part: Progress
    ) -> EvaluationReport:
        return evaluate_in(
            simulator, candidate, library, plan, perturbation=change, progress=part, **how
        )

    return run_points(
        RobustnessResult, candidates, libraries, points, run, notes=notes, progress=progress
    )
