"""Several policies on the same clips, group by group: what was gained, and what was forgotten."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from mimiclab.errors import MimiclabError
from mimiclab.evaluation.metrics import REPORT_METRICS, metric_key
from mimiclab.evaluation.report import EvaluationReport
from mimiclab.evaluation.statistics import bootstrap_interval
from mimiclab.motions.clip import DEFAULT_GROUP

COLUMNS = {
    "success_rate": "success",
    "E_AP": "E_AP (m)",
    "E_BP": "E_BP (m)",
    "mpjpe_global_mm": "MPJPE (mm)",
    "mpjpe_root_mm": "root MPJPE (mm)",
}
"""Metrics of the table and their headings; any metric of a report may be asked for."""
_CONDITIONS = (
    "success_rule", "terminations", "robot", "seeds", "random_starts", "seed", "initial_noise",
    "min_remaining_s", "observation_noise", "pushes", "randomisation", "interface",
    "interface_groups",
)  # fmt: skip
"""What must be alike for numbers to be comparable."""


@dataclass(frozen=True, kw_only=True)
class PairedDifference:
    """The change of a metric between two policies over the same episodes."""

    mean: float
    """Second policy minus first."""
    ci95: tuple[float, float] | None
    """Bootstrap over the pairs; None for fewer than two."""
    episodes: int
    """Pairs: episodes of the same clip, start and seed."""


class Comparison:
    """Evaluations of several stages under one protocol."""

    def __init__(self, reports: Mapping[str, Mapping[str, Any]]) -> None:
        """`reports` are JSON reports by stage; see `compare`."""
        self._reports = dict(reports)
        self.stages: tuple[str, ...] = tuple(self._reports)
        """In the order given."""
        self.groups: tuple[str, ...] = tuple(
            sorted({group for report in self._reports.values() for group in _clips(report)})
        )
        """Motion groups of any stage, sorted."""

    def value(self, stage: str, group: str | None, metric: str) -> float:
        """Mean of a metric, by its name in reports or the paper's letters; None: over all groups.

        Raises:
            MimiclabError: no such stage, group or metric.
        """
        found = self._summary(stage, group).get(metric_key(metric))
        if found is None:
            known = ", ".join(self._summary(stage, group))
            raise MimiclabError(f"stage {stage!r} has no metric {metric!r}; it has {known}")
        return float(found["mean"])

    def recovered(self, base: str, adapted: str, group: str | None, metric: str) -> float:
        """Share of the base's error that the adapted policy removes: (E_base - E_adapted) / E_base.

        Raises:
            MimiclabError: no such stage, group or metric, one for which more is better, or a base
                without error.
        """
        key = metric_key(metric)
        if key not in REPORT_METRICS or REPORT_METRICS[key].better != "lower":
            raise MimiclabError(
                f"{metric!r} is not an error that could be recovered; choose one of "
                f"{', '.join(REPORT_METRICS)}"
            )
        before, after = self.value(base, group, metric), self.value(adapted, group, metric)
        if before == 0.0:
            raise MimiclabError(
                f"stage {base!r} has no {metric} at all: nothing to recover; choose another base"
            )
        return (before - after) / before

    def paired(self, base: str, adapted: str, group: str | None, metric: str) -> PairedDifference:
        """Adapted minus base over episodes of the same clip, start and seed.

        Raises:
            MimiclabError: no such stage or group, a report without episodes, or no pair.
        """
        differences = self._differences(base, adapted, group, metric)
        if not differences:
            raise MimiclabError(
                f"stages {base!r} and {adapted!r} share no episode of group {group!r} with "
                f"{metric!r}; evaluate both with the same clips, seeds and starts"
            )
        return PairedDifference(
            mean=fmean(differences),
            ci95=bootstrap_interval(differences),
            episodes=len(differences),
        )

    def rows(self, metrics: Sequence[str] = tuple(COLUMNS)) -> list[dict[str, Any]]:
        """One row for each group and stage: means, and 95 % intervals under NAME_ci95."""
        rows = []
        for group in self.groups:
            for stage in self.stages:
                if group not in _clips(self._reports[stage]):
                    continue
                summary = self._summary(stage, group)
                row: dict[str, Any] = {"stage": stage, "group": group}
                for name in metrics:
                    found = summary.get(metric_key(name))
                    row[name] = found and found["mean"]
                    row[f"{name}_ci95"] = found and found["ci95"]
                rows.append(row)
        return rows

    def to_dict(self) -> dict[str, Any]:
        """The table, and the paired differences of every stage to the first, as plain values.

        Where two stages share no episodes, they have no differences.
        """
        rows, differences, base = self.rows(), [], self.stages[0]
        with_episodes = {stage for stage in self.stages if "episodes" in self._reports[stage]}
        for row in rows:
            stage, group = row["stage"], row["group"]
            if stage == base or group not in _clips(self._reports[base]):
                continue
            for name in COLUMNS if {base, stage} <= with_episodes else ():
                if self._differences(base, stage, group, name):
                    found = asdict(self.paired(base, stage, group, name))
                    differences.append(
                        {"stage": stage, "base": base, "group": group, "metric": name, **found}
                    )
        return {
            "stages": self.stages,
            "groups": self.groups,
            "rows": rows,
            "differences": differences,
        }

    def to_markdown(self) -> str:
        """The table: one line for each group and stage."""
        lines = [
            f"| group | stage | {' | '.join(COLUMNS.values())} |",
            "|---|---|" + "---|" * len(COLUMNS),
        ]
        for row in self.rows():
            cells = [_cell(name, row[name]) for name in COLUMNS]
            lines.append(f"| {row['group']} | {row['stage']} | {' | '.join(cells)} |")
        return "\n".join(lines) + "\n"

    def _report(self, stage: str) -> Mapping[str, Any]:
        if stage not in self._reports:
            raise MimiclabError(f"no stage {stage!r}; the stages are {', '.join(self.stages)}")
        return self._reports[stage]

    def _summary(self, stage: str, group: str | None) -> Mapping[str, Any]:
        report = self._report(stage)
        if group is None:
            return report["summary"]
        groups = _clips(report)
        if group not in groups:
            raise MimiclabError(
                f"stage {stage!r} was not evaluated on group {group!r}, only on "
                f"{', '.join(groups)}; choose one of these, or evaluate it again"
            )
        return report["summary_by_group"][group]

    def _differences(self, base: str, adapted: str, group: str | None, metric: str) -> list[float]:
        first, second = self._episodes(base, group, metric), self._episodes(adapted, group, metric)
        return [second[key] - first[key] for key in first if key in second]

    def _episodes(self, stage: str, group: str | None, metric: str) -> dict[tuple, float]:
        """Value of each episode by what it shares with its pair."""
        self._summary(stage, group)
        columns, key = self._report(stage).get("episodes"), metric_key(metric)
        if columns is None:
            raise MimiclabError(f"the report of stage {stage!r} has no episodes; evaluate it again")
        names = {"success_rate": "success", "completion": "completion", "steps": "steps"}
        values = columns[names[key]] if key in names else columns["metrics"].get(key, ())
        keys = zip(
            *(columns[name] for name in ("group", "clip", "start", "start_s", "seed")), strict=True
        )
        return {
            pair: float(value)
            for pair, value in zip(keys, values, strict=False)
            if value is not None and group in (None, pair[0])
        }


def compare(reports: Mapping[str, EvaluationReport | Mapping[str, Any]]) -> Comparison:
    """Put evaluations of several stages beside each other.

    Args:
        reports: stage (or policy) to its report or the JSON of one, in the order of the table.

    Raises:
        MimiclabError: nothing to compare, or reports that were made under different conditions or
            on different clips of one group.
    """
    if not reports:
        raise MimiclabError("no reports to compare; give at least one stage with its evaluation")
    plain = {
        stage: report.to_dict() if isinstance(report, EvaluationReport) else report
        for stage, report in reports.items()
    }
    first = next(iter(plain))
    clips: dict[str, tuple[str, set[str]]] = {}
    for stage, report in plain.items():
        _check_conditions(first, plain[first], stage, report)
        for group, names in _clips(report).items():
            known_by, known = clips.setdefault(group, (stage, names))
            if names != known:
                raise MimiclabError(
                    f"group {group!r} has other clips in {stage!r} than in {known_by!r}: "
                    f"{', '.join(sorted(names ^ known))} in one of them only; evaluate both on "
                    "the same clips"
                )
    return Comparison(plain)


def _check_conditions(
    first: str, expected: Mapping[str, Any], stage: str, report: Mapping[str, Any]
) -> None:
    # Keys that one of the two lacks are of reports by other versions or made by hand.
    for name in _CONDITIONS:
        sides = expected["protocol"], report["protocol"]
        if all(name in side for side in sides) and sides[0][name] != sides[1][name]:
            raise MimiclabError(
                f"{stage!r} was evaluated with {name} {sides[1][name]!r}, {first!r} with "
                f"{sides[0][name]!r}; evaluate both under one protocol"
            )


def _clips(report: Mapping[str, Any]) -> dict[str, set[str]]:
    """Names of the clips of each group."""
    groups: dict[str, set[str]] = {}
    for row in report["clips"]:
        groups.setdefault(row.get("group", DEFAULT_GROUP), set()).add(row["clip"])
    return groups


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    if name == "success_rate":
        return f"{100 * value:.0f} %"
    return f"{value:.1f}" if name.endswith("_mm") else f"{value:.3f}"
