"""Whether a folder was begun with the settings that a recipe has now."""

from pathlib import Path
from typing import Any

from mimiclab.errors import PipelineError

_MAY_CHANGE = {
    "iterations", "minutes", "progress", "logger", "wandb_project", "save_interval", "save_seconds",
    "keep_last", "best_metric", "engine", "device",
}  # fmt: skip
"""Training settings that decide how long, where and how visibly, but not what is learnt."""
_FILLED_IN = {"base_network", "estimator_network"}
"""Settings that a training writes itself."""


def require_same(noted: dict[str, Any], now: dict[str, Any], folder: Path) -> None:
    """Refuse to go on with other settings than a folder was begun with.

    Args:
        noted: plain values of the folder.
        now: those of the recipe.
        folder: for the message.

    Raises:
        PipelineError: they differ; the message says in what.
    """
    from mimiclab.learning.checkpoint import layout_difference

    lines = layout_difference(_what_matters(noted), _what_matters(now))
    if lines:
        raise PipelineError(
            f"{folder} was made with other settings than the recipe has now:\n  "
            + "\n  ".join(line.replace("in the checkpoint", "in the run") for line in lines)
            + "\nUse those, or another --name"
        )


def _what_matters(values: Any) -> Any:
    if not isinstance(values, dict):
        return values
    skipped = _MAY_CHANGE | _FILLED_IN
    return {key: _what_matters(value) for key, value in values.items() if key not in skipped}
