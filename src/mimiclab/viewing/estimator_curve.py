"""The learning curve of a velocity estimator as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from mimiclab.files import atomic_path
from mimiclab.viewing.plots import Plot

_ERROR = "mean absolute error, m/s"


def write_estimator_curve(
    lines: Sequence[Mapping[str, Any]], report: Mapping[str, Any], path: str | Path
) -> None:
    """Validation error over epochs beside what simple guesses reach, and errors in each test.

    Args:
        lines: one for each epoch, as in metrics.jsonl.
        report: as in report.json.
        path: the PNG to write.

    Raises:
        OutputError: the file cannot be written.
    """
    tests = report["errors"]
    with atomic_path(path) as temporary, Plot(9.0, 3.6, png=temporary, ncols=2) as plot:
        colors = dict(zip(tests["clean"]["kept"], plot.series, strict=False))
        left, right = plot.figure.axes
        _draw_epochs(left, lines, tests["clean"]["kept"], colors)
        _draw_tests(right, tests, colors)


def _draw_epochs(
    axes: Axes,
    lines: Sequence[Mapping[str, Any]],
    clean: Mapping[str, Any],
    colors: Mapping[str, str],
) -> None:
    validation = [line["validation_mae"] for line in lines]
    axes.plot([line["epoch"] for line in lines], validation, color=colors["estimator"])
    for name, color in colors.items():
        if name != "estimator":
            axes.axhline(clean[name]["overall"]["mae"], color=color, linestyle="--")
    axes.set(xlabel="epoch", ylabel=_ERROR, title="Clips kept for validation")
    axes.set_ylim(bottom=0.0)


def _draw_tests(axes: Axes, tests: Mapping[str, Any], colors: Mapping[str, str]) -> None:
    thick = 0.8 / len(colors)
    for number, (name, color) in enumerate(colors.items()):
        errors = [parts["kept"][name]["overall"]["mae"] for parts in tests.values()]
        places = [i + (number + 0.5) * thick - 0.4 for i in range(len(tests))]
        axes.bar(places, errors, width=thick, color=color, label=name)
    titles = {"clean": "clean", "training": "trained interface", "test": "test interface"}
    axes.set_xticks(range(len(tests)), [titles[name] for name in tests])
    axes.set(ylabel=_ERROR, title="Reference as seen")
    axes.legend(ncols=len(colors), loc="upper center", bbox_to_anchor=(0.5, -0.1))
