"""The page of `mimiclab motion stats`: a data set in plots and tables, one HTML file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mimiclab.files import write_text
from mimiclab.motions.sets.stats import BINS, SetStats
from mimiclab.viewing import plots
from mimiclab.viewing.report import render_page

_COLUMNS = {
    "duration_s": ("s", "{:.1f}"),
    "fps": ("fps", "{:g}"),
    "path_m": ("path, m", "{:.1f}"),
    "speed_mean_m_s": ("speed, m/s", "{:.2f}"),
    "yaw_mean_rad_s": ("turning, rad/s", "{:.2f}"),
    "height_min_m": ("lowest root, m", "{:.2f}"),
    "contact_left": ("left stands", "{:.0%}"),
    "contact_right": ("right stands", "{:.0%}"),
    "airborne": ("in the air", "{:.1%}"),
}
_MOST_CLIPS = 2000
"""Of more clips than this the page lists the longest; the JSON lists all."""


def write_stats_html(found: SetStats, path: str | Path) -> Path:
    """Write the page.

    Raises:
        OutputError: the page cannot be written.
    """
    document = found.to_json()
    totals = document["totals"]
    numbers = {key: np.array([c.numbers[key] for c in found.clips]) for key in _COLUMNS}
    tags = {row["tag"]: row["minutes"] for row in document["tags"][:24]}
    drawn = [
        _histogram(numbers["duration_s"], "Durations", "s"),
        _histogram(numbers["speed_mean_m_s"], "Mean speed over the ground", "m/s"),
        _histogram(numbers["yaw_mean_rad_s"], "Mean turning speed", "rad/s"),
        _histogram(numbers["height_min_m"], "Lowest root height", "m"),
        _contact(found),
        plots.bars({"minutes": tags}, "Tags", "minutes"),
        _coverage(found),
    ]
    page = render_page(
        title="Data set",
        kicker=f"{totals['clips']} motions · {found.robot}",
        tiles=[
            (f"{totals['minutes']:.1f} min", "of motion"),
            (f"{totals['duration_median_s']:.1f} s", "median duration"),
            (f"{totals['speed_mean_m_s']:.2f} m/s", "mean speed"),
            (f"{totals['airborne']:.1%}", "of the time in the air"),
            (f"{len(found.duplicates.groups)}", "groups of near-duplicates"),
        ],
        plots_only=True,
        curves=drawn,
        clip_tables=_tables(found, document),
        config={key: document[key] for key in ("totals", "tags", "joints")},
    )
    write_text(path, page)
    return Path(path)


def _tables(found: SetStats, document: dict[str, Any]) -> dict[str, Any]:
    order = sorted(found.clips, key=lambda clip: -clip.numbers["duration_s"])[:_MOST_CLIPS]
    clips = {
        "heads": ["clip", "tags", *(head for head, _ in _COLUMNS.values())],
        "rows": [
            [
                clip.name,
                ", ".join(clip.tags) or "–",
                *(form.format(clip.numbers[key]) for key, (_, form) in _COLUMNS.items()),
            ]
            for clip in order
        ],
    }
    near = document["near_duplicates"]
    rows = [["nearly the same", ", ".join(group), ""] for group in near["groups"]]
    rows += [
        ["nearly mirror images", ", ".join(pair["clips"]), f"{pair['distance_rad']:.4f}"]
        for pair in near["mirrored"]
    ]
    doubles = {"heads": ["what", "clips", "distance, rad"], "rows": rows}
    return {"clips": clips, f"near-duplicates (below {near['threshold_rad']:g} rad)": doubles}


def _histogram(values: np.ndarray, title: str, unit: str) -> str:
    with plots.Plot(4.4, 2.2) as plot:
        plot.axes.hist(values, bins=min(30, max(5, len(values) // 3)), color=plots.SERIES[0])
        plot.axes.set_title(title)
        plot.axes.set_xlabel(unit)
        plot.axes.set_ylabel("clips")
        plot.axes.grid(axis="x", visible=False)
    return plot.svg


def _contact(found: SetStats) -> str:
    """Shares of the time, as one bar cut into parts."""
    both, none = found.mean("contact_both"), found.mean("contact_none")
    left, right = found.mean("contact_left") - both, found.mean("contact_right") - both
    parts = {"left foot": left, "both": both, "right foot": right, "none": none}
    with plots.Plot(4.4, 1.7) as plot:
        start = 0.0
        for (name, share), colour in zip(parts.items(), plots.SERIES, strict=False):
            plot.axes.barh([0], [share], left=start, color=colour, label=f"{name} {share:.0%}")
            start += share
        plot.axes.set_yticks([])
        plot.axes.set_xlim(0.0, 1.0)
        plot.axes.set_title("Which foot stands")
        plot.axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.2), ncols=2)
    return plot.svg


def _coverage(found: SetStats) -> str:
    """How many clips come to each twentieth of each joint's range."""
    share = np.mean([clip.visited for clip in found.clips], axis=0)
    names: Sequence[str] = [name.removesuffix("_joint") for name in found.coverage]
    with plots.Plot(5.0, 0.8 + 0.15 * len(names)) as plot:
        image = plot.axes.imshow(
            share, aspect="auto", cmap="YlGnBu", vmin=0.0, vmax=1.0, interpolation="nearest"
        )
        plot.axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
        plot.axes.set_xticks([-0.5, BINS / 2 - 0.5, BINS - 0.5], ["lower limit", "", "upper limit"])
        plot.axes.grid(visible=False)
        plot.axes.set_title("Clips that come to a part of the joint's range")
        plot.figure.colorbar(image, ax=plot.axes, pad=0.015, fraction=0.03)
    return plot.svg
