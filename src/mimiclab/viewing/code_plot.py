"""A picture of how a quantised policy uses its codes."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mimiclab.files import atomic_path
from mimiclab.viewing.plots import Plot

if TYPE_CHECKING:
    from mimiclab.learning.networks.code_usage import CodeUsage


def write_code_plot(usage: "CodeUsage", path: str | Path) -> None:
    """Codes by how often they are used, and codes used by each clip, as PNG.

    Raises:
        OutputError: the file cannot be written.
    """
    clips, times = usage.to_dict()["clips"], usage.counts()[1]
    height = max(3.0, 1.2 + 0.22 * len(clips))
    with atomic_path(path) as temporary, Plot(9.0, height, png=temporary, ncols=2) as plot:
        left, right = plot.figure.axes
        first, second, *_ = plot.series
        left.bar(np.arange(1, len(times) + 1), times / times.sum(), width=1.0, color=first)
        left.set_title(
            f"{usage.kind}: {len(times)} of {usage.total} codes, "
            f"perplexity {usage.summary()['perplexity']:.1f}"
        )
        left.set(xlabel="code, most used first", ylabel="share of uses", yscale="log")
        rows = np.arange(len(clips))
        for offset, key, color in ((-0.2, "used", first), (0.2, "perplexity", second)):
            values = [clip[key] for clip in clips.values()]
            right.barh(rows + offset, values, 0.4, color=color, label=key)
        right.set_yticks(rows, list(clips))
        right.invert_yaxis()
        right.set(xlabel="codes", title="by clip")
        right.legend(ncols=2, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
