"""The parts of a page that show evaluations: tiles, tables and the plot of bodies."""

from collections.abc import Mapping, Sequence
from typing import Any

from mimiclab.maths.metrics import METRICS
from mimiclab.maths.mosaic_metrics import MOSAIC_METRICS, MOSAIC_TABLE, SYMBOLS
from mimiclab.viewing import plots

Evaluation = Mapping[str, Any]
"""The JSON of `mimiclab evaluate`, schema 1."""

_TOP_ROWS = {
    "success_rate": ("success rate", "%", "higher"),
    "completion": ("clip completed", "%", "higher"),
}
_STARTS = {"zero": "whole clip", "random": "random"}
_DIGITS = {"mm": 1, "rad": 3, "m": 3, "m/s": 3, "rad/s": 2, "m/s^2": 2, "%": 1}
_LETTERS = {name: letters for letters, name in SYMBOLS.items()}
_TABLE = (
    "success_rate", "completion", "mpjpe_global_mm", "mpjpe_root_mm", "orientation_error",
    "velocity_error", "anchor_position_error", "body_position_error", "joint_position_error",
)  # fmt: skip
"""Columns of the tables of clips and groups; the JSON has all."""


def evaluation_parts(evaluations: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Parts for `render_page` of evaluations by name of the policy, in the order of the columns."""
    bodies = {name: found for name, e in evaluations.items() if (found := e.get("body_mpjpe_mm"))}
    has_mosaic = any(set(MOSAIC_METRICS) & set(e.get("summary", {})) for e in evaluations.values())
    return {
        "policies": list(evaluations),
        "comparison": _comparison(evaluations, (*_TOP_ROWS, *METRICS)),
        "mosaic": _comparison(evaluations, ("steps", *MOSAIC_TABLE)) if has_mosaic else [],
        "group_tables": {
            name: _table("group", found)
            for name, e in evaluations.items()
            if len(found := _group_rows(e)) > 1
        },
        "clip_tables": {name: _clip_table(e) for name, e in evaluations.items()},
        "body_plot": plots.bars(bodies, "Mean position error of each body", "mm") if bodies else "",
        "protocol": next((e.get("protocol") for e in evaluations.values()), None),
    }


def _comparison(
    evaluations: Mapping[str, Evaluation], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Rows of a summary table: name, unit, and for each policy mean, interval, bar and best."""
    summaries = [e.get("summary", {}) for e in evaluations.values()]
    rows = []
    for key in names:
        label, unit, better = _about(key)
        cells = [_number(summary.get(key)) for summary in summaries]
        if all(cell is None for cell in cells):
            continue
        factor = 100 if unit == "%" else 1
        means = [cell[0] * factor for cell in cells if cell]
        top = max(means) or 1.0
        best = max(means) if better == "higher" else min(means)
        digits = _digits(key)
        rows.append(
            {
                "label": label,
                "unit": unit.replace("^2", "²"),
                "better": better,
                "cells": [
                    {
                        "mean": f"{cell[0] * factor:.{digits}f}",
                        "ci": " – ".join(f"{end * factor:.{digits}f}" for end in cell[1]),
                        "share": 100 * abs(cell[0] * factor) / top,
                        "best": max(means) > min(means) and cell[0] * factor == best,
                    }
                    if cell
                    else None
                    for cell in cells
                ],
            }
        )
    return rows


def _clip_table(evaluation: Evaluation) -> dict[str, Any]:
    clips = evaluation.get("clips", [])
    grouped = len({clip.get("group") for clip in clips}) > 1
    rows = []
    for clip in clips:
        name, start = str(clip.get("clip", "")), str(clip.get("start", ""))
        if grouped:
            name = f"{clip.get('group', '')}: {name}"
        rows.append({**clip, "clip": name, "start": _STARTS.get(start, start)})
    return _table("clip", rows, "start")


def _group_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Means of each motion group, as clips have them."""
    return [
        {"group": group, **{key: cell[0] for key, v in summary.items() if (cell := _number(v))}}
        for group, summary in evaluation.get("summary_by_group", {}).items()
    ]


def _table(of: str, rows: Sequence[Mapping[str, Any]], *more: str) -> dict[str, Any]:
    """Heads and cells: what a row is of, more words, then those of the columns that are there."""
    keys = [
        key
        for key in ("episodes", *_TABLE)
        if any(isinstance(row.get(key), int | float) for row in rows)
    ]
    heads = [of, *more]
    for key in keys:
        unit = "" if key == "episodes" else _about(key)[1].replace("^2", "²")
        heads.append(f"{words(key)} ({unit})" if unit else words(key))
    cells = []
    for row in rows:
        line = [str(row.get(key, "")) for key in (of, *more)]
        for key in keys:
            value = row.get(key)
            if not isinstance(value, int | float):
                line.append("–")
            elif key == "episodes":
                line.append(str(value))
            else:
                unit = _about(key)[1]
                line.append(f"{value * (100 if unit == '%' else 1):.{_digits(key)}f}")
        cells.append(line)
    return {"heads": heads, "rows": cells}


def _about(key: str) -> tuple[str, str, str]:
    """Label, unit and better direction of a row."""
    if key in _TOP_ROWS or key == "steps":
        return _TOP_ROWS.get(key, ("control steps of an episode", "", "higher"))
    metric, letters = {**METRICS, **MOSAIC_METRICS}[key], _LETTERS.get(key)
    label = f"{letters}: {words(key)}" if letters else words(key)
    return label, metric.unit, metric.better


def _digits(key: str) -> int:
    return 0 if key == "steps" else _DIGITS.get(_about(key)[1], 3)


def evaluation_tiles(evaluation: Evaluation) -> list[tuple[str, str]]:
    """The three key numbers and what they are."""
    summary = evaluation.get("summary", {})
    tiles = []
    for key, label in (("success_rate", "success rate"), ("completion", "of the clips completed")):
        if (cell := _number(summary.get(key))) is not None:
            tiles.append((f"{100 * cell[0]:.0f} %", label))
    for key, label in (("mpjpe_global_mm", "position error"), ("mpjpe_root_mm", "root-relative")):
        if (cell := _number(summary.get(key))) is not None:
            tiles.append((f"{cell[0]:.0f} mm", label))
    return tiles[:3]


def _number(value: Any) -> tuple[float, tuple[float, ...]] | None:
    """Mean and the ends of its 95 % interval, which may be absent."""
    if isinstance(value, int | float):
        return float(value), ()
    if not isinstance(value, Mapping) or not isinstance(value.get("mean"), int | float):
        return None
    mean, ci = float(value["mean"]), value.get("ci95")
    if isinstance(ci, int | float):
        return mean, (mean - ci, mean + ci)
    return mean, tuple(float(end) for end in ci or ())


def with_interval(
    mean: float | None,
    ends: Sequence[float] | None,
    *,
    factor: float = 1.0,
    digits: int = 3,
    sign: str = "",
) -> str:
    """`mean [low, high]` as text, a dash where there is none; `sign` is `+` to show it always."""
    if mean is None:
        return "–"
    text = [format(factor * value, f"{sign}.{digits}f") for value in (mean, *(ends or ()))]
    return text[0] if ends is None else f"{text[0]} [{text[1]}, {text[2]}]"


def words(name: str) -> str:
    """A readable form of a metric's name."""
    for end in ("_mm", "_rad", "_s"):
        name = name.removesuffix(end)
    return (
        name.replace("mpjpe_global", "MPJPE, global")
        .replace("mpjpe_root", "MPJPE, root-relative")
        .replace("_", " ")
    )


def unit_of(name: str) -> str:
    """Unit of a metric, whose name may have a section before it; empty if unknown."""
    metric = METRICS.get(name.split("/")[-1])
    return metric.unit if metric else ""
