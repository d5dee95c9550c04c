"""A picture of how a quantised policy uses its codes."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from mimiclab.files import atomic_path

if TYPE_CHECKING:
    from mimiclab.learning.networks.code_usage import CodeUsage


def write_code_plot(usage: "CodeUsage", path: str | Path) -> None:
    """Codes by how often they are used, and codes used by each clip, as PNG.

    Raises:
        OutputError: the file cannot be written.
    """
    clips = usage.to_dict()["clips"]
    figure = Figure(figsize=(9.0, max(3.0, 1.2 + 0.22 * len(clips))), layout="constrained")
    left, right = figure.subplots(1, 2)
    times = usage.counts()[1]
    left.bar(np.arange(1, len(times) + 1), times / times.sum(), width=1.0, color="#1d7f97")
    all_of_them = usage.summary()
    left.set_title(
        f"{usage.kind}: {len(times)} of {usage.total} codes, "
        f"perplexity {all_of_them['perplexity']:.1f}"
    )
    left.set_xlabel("code, most used first")
    left.set_ylabel("share of uses")
    left.set_yscale("log")
    rows = np.arange(len(clips))
    right.barh(rows - 0.2, [c["used"] for c in clips.values()], 0.4, color="#1d7f97", label="used")
    right.barh(
        rows + 0.2, [c["perplexity"] for c in clips.values()], 0.4, color="#d6543a",
        label="perplexity",
    )  # fmt: skip
    right.set_yticks(rows, list(clips))
    right.invert_yaxis()
    right.set_xlabel("codes")
    right.legend(frameon=False)
    right.set_title("by clip")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)
