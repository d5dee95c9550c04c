"""How much delay, loss and noise of a teleoperation interface a policy bears: sweeps of each.

Every point is one evaluation under the same protocol, with the same seeds and starts; only what the
policy sees of the reference differs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from mimiclab.errors import MimiclabError
from mimiclab.evaluation.candidates import Candidate
from mimiclab.evaluation.evaluate import evaluate
from mimiclab.evaluation.protocol import Protocol
from mimiclab.evaluation.report import EvaluationReport
from mimiclab.evaluation.sweeps import Progress, SweepPoint, SweepResult, run_points
from mimiclab.evaluation.teleop_cfg import SWEEPS, TeleopSuite
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg

if TYPE_CHECKING:
    from mimiclab.motions.library import MotionLibrary
    from mimiclab.simulation.env import Engine


@dataclass(frozen=True, kw_only=True)
class TeleopResult(SweepResult):
    """What every policy does behind every interface."""

    about: ClassVar[Mapping[str, tuple[str, str]]] = SWEEPS
    setting: ClassVar[str] = "interface"


def run_suite(
    candidates: Mapping[str, Candidate],
    libraries: "Mapping[str, MotionLibrary]",
    suite: TeleopSuite | None = None,
    protocol: Protocol | None = None,
    *,
    num_envs: int | None = None,
    engine: "Engine" = "auto",
    device: str | None = None,
    progress: Progress = None,
) -> TeleopResult:
    """Evaluate policies at every point of a suite. Points that are alike are evaluated once.

    Args:
        candidates: policies by name.
        libraries: clips to score, by name of the policy; the same clips for all.
        suite: what to sweep.
        protocol: of every point; its own interface must be off.
        num_envs: environments at once.
        engine: physics engine.
        device: torch device.
        progress: called with control steps done and in all, over all points.

    Raises:
        MimiclabError: no values to sweep, a protocol with an interface, or other clips for one
            policy than for another; and what `evaluate` raises.
    """
    protocol = protocol or Protocol()
    points = [
        SweepPoint(sweep=point.sweep, value=point.value, setting=point.interface)
        for point in (suite or TeleopSuite()).points()
    ]
    if protocol.interface != "off" or not protocol.interface_values.is_perfect:
        raise MimiclabError("the suite chooses the interface; leave that of the protocol off")

    def run(
        candidate: Candidate, library: "MotionLibrary", interface: InterfaceCfg, part: Progress
    ) -> EvaluationReport:
        return evaluate(
            candidate.policy,
            candidate.task,
            library,
            replace(protocol, interface_values=interface),
            label=candidate.label,
            expects=candidate.expects,
            num_envs=num_envs,
            engine=engine,
            device=device,
            progress=part,
        )

    return run_points(TeleopResult, candidates, libraries, points, run, progress=progress)
