"""The learning curve of a velocity estimator as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mimiclab.files import atomic_path


def write_estimator_curve(
    lines: Sequence[Mapping[str, Any]], report: Mapping[str, Any], path: str | Path
) -> None:
    """Validation error over epochs beside what simple guesses reach, and errors in each test.

    Args:
        lines: one for each epoch, as in metrics.jsonl.
        report: as in report.json.
        path: the PNG to write.
    """
    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    assert isinstance(left, Axes) and isinstance(right, Axes)
    epochs = [line["epoch"] for line in lines]
    left.plot(epochs, [line["validation_mae"] for line in lines], color="C0", label="estimator")
    clean = report["errors"]["clean"]["kept"]
    for number, name in enumerate(name for name in clean if name != "estimator"):
        error = clean[name]["overall"]["mae"]
        left.axhline(error, color=f"C{number + 1}", linestyle="--", label=name)
    left.set(xlabel="epoch", ylabel="mean absolute error, m/s", title="Clips kept for validation")
    left.set_ylim(bottom=0.0)
    tests = report["errors"]
    names = list(clean)
    for number, name in enumerate(names):
        errors = [parts["kept"][name]["overall"]["mae"] for parts in tests.values()]
        places = [i + 0.8 * ((number + 0.5) / len(names) - 0.5) for i in range(len(tests))]
        right.bar(places, errors, width=0.8 / len(names), color=f"C{number}", label=name)
    titles = {"clean": "clean", "training": "trained interface", "test": "test interface"}
    right.set_xticks(range(len(tests)), [titles[name] for name in tests])
    right.set(ylabel="mean absolute error, m/s", title="Reference as seen")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    right.legend(frameon=False, ncols=len(names), loc="upper center", bbox_to_anchor=(0.5, -0.1))
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120)
