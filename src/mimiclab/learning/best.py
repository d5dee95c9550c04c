"""Which policy of a training is the best."""

from collections.abc import Mapping
from typing import Any

_SMALLER_IS_BETTER = ("error", "mpjpe", "failure", "loss")


def better(
    line: Mapping[str, Any], metric: str, best: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """Metric, value, difficulty and iteration of a log line, if it is better than the best so far.

    Under a curriculum, more difficulty (in tenths) comes before a better metric: else the best
    policy would be the one that found it easiest.

    Args:
        line: of the update that just ended.
        metric: a dotted entry of it; see `TrainCfg.best_metric`.
        best: what this returned last, None at first.
    """
    value: Any = line
    for part in metric.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if not isinstance(value, int | float):
        return None
    levels = [v for k, v in line["curriculum"].items() if k.endswith("difficulty")]
    level = int(10 * min(levels) + 1e-9) / 10 if levels else 1.0
    sign = -1.0 if any(word in metric for word in _SMALLER_IS_BETTER) else 1.0
    if best is None or (level, sign * value) > (best["difficulty"], sign * best["value"]):
        return {
            "metric": metric,
            "value": float(value),
            "difficulty": level,
            "iteration": line["iteration"],
        }
    return None
