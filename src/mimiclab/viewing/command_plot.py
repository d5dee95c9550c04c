"""What a grid of velocity commands asked for, and what came of it, as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mimiclab.files import atomic_path
from mimiclab.viewing.plots import Plot

_AXES = ("forward, m/s", "to the left, m/s", "turning left, rad/s")


def write_command_plot(rows: Sequence[Mapping[str, Any]], path: str | Path) -> None:
    """Draw one panel for each velocity, achieved over commanded, as PNG.

    Args:
        rows: of commands, with `command`, `achieved` (three numbers, or None) and `survived`.
        path: picture to write.

    Raises:
        OutputError: the file cannot be written.
    """
    walked = [row for row in rows if row["achieved"]]
    with atomic_path(path) as temporary, Plot(9.0, 3.2, png=temporary, ncols=3) as plot:
        first, second, *_ = plot.series
        for i, (axes, name) in enumerate(zip(plot.figure.axes, _AXES, strict=True)):
            asked = [row["command"][i] for row in rows]
            axes.axline((0.0, 0.0), slope=1.0, color="0.7", linewidth=1.0, zorder=0)
            for upright, color, label in ((True, first, "upright"), (False, second, "fell")):
                some = [row for row in walked if (row["survived"] == 1.0) == upright]
                commanded = [row["command"][i] for row in some]
                achieved = [row["achieved"][i] for row in some]
                axes.scatter(commanded, achieved, s=14.0, color=color, label=label)
            axes.set_xlim(min(asked) - 0.1, max(asked) + 0.1)
            axes.set(title=name, xlabel="commanded")
        plot.figure.axes[0].set_ylabel("achieved")
        plot.figure.axes[0].legend(loc="upper left")
