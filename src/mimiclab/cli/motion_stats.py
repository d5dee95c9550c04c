"""`mimiclab motion stats`: what is in a data set."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from mimiclab.cli.motion_options import DEFAULTS, Inputs, Json, Sources

if TYPE_CHECKING:
    from mimiclab.motions.sets.stats import ClipStats, SetStats
    from mimiclab.motions.sources import MotionSource

_LISTED = 20


def stats(
    motions: Inputs,
    /,
    *,
    source: Sources = DEFAULTS,
    page: Annotated[Path | None, tyro.conf.arg(metavar="FILE.html")] = None,
    near: float = 0.05,
    workers: int | None = None,
    json_path: Json = None,
) -> int:
    """Describe a data set: durations, speeds, contact, coverage of joints, tags, near-duplicates.

    Contact is with flat ground at z = 0. Exit code 1: a file could not be read.

    Args:
        motions: Files, folders, globs, `builtin:NAME`, motion sets, or expressions of them.
        source: How the files are found and read.
        page: Write a page with plots and tables too.
        near: Clips whose joints differ by less than this, rad, are called near-duplicates.
        workers: Processes; by default one for each core, where there are files enough.
        json_path: Write all numbers as JSON.
    """
    from mimiclab.cli.motion_batch import over_all, print_failures, write_json
    from mimiclab.errors import MotionError
    from mimiclab.motions.sets.stats import set_stats

    if not near > 0:
        raise MotionError(f"--near {near:g}: expected a positive angle in rad, such as 0.05")
    # Words may overlap: what two of them name is one clip.
    sources = list({found.label: found for found in source.find(motions)}.values())
    work = partial(_measure, robot=source.robot)
    outcomes = over_all(sources, work, "measuring", workers=workers)
    failures = [outcome for outcome in outcomes if outcome.error is not None]
    clips = [outcome.result for outcome in outcomes if outcome.result is not None]
    if clips:
        found = set_stats(clips, source.robot, near)
        _print(found)
        if json_path is not None:
            write_json(json_path, found.to_json())
        if page is not None:
            from mimiclab.viewing.motion_stats_page import write_stats_html

            write_stats_html(found, page)
            print(f"wrote {page}")
    print_failures(failures)
    return 1 if failures else 0


def _measure(source: "MotionSource", robot: str) -> "ClipStats":
    from mimiclab.motions.sets.stats import clip_stats
    from mimiclab.robots import get_robot

    return clip_stats(source.clip(), source.label, get_robot(robot))


def _print(found: "SetStats") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    document = found.to_json()
    totals = document["totals"]
    facts = {
        "clips": f"{totals['clips']}, {totals['minutes']:.1f} minutes, {totals['frames']} frames",
        "durations": f"mean {totals['duration_mean_s']:.1f}, median "
        f"{totals['duration_median_s']:.1f}, deviation {totals['duration_deviation_s']:.1f}, "
        f"{totals['duration_min_s']:.1f} to {totals['duration_max_s']:.1f} s",
        "speed": f"{totals['speed_mean_m_s']:.2f} m/s, "
        f"turning {totals['yaw_mean_rad_s']:.2f} rad/s",
        "feet stand": f"left {totals['contact_left']:.0%}, right {totals['contact_right']:.0%}, "
        f"both {totals['contact_both']:.0%}, none {totals['contact_none']:.0%} of the time",
        "in the air": f"{totals['airborne']:.1%} of the time",
    }
    console.print(f"[bold]{len(found.clips)} motions of {escape(found.robot)}[/]")
    for key, value in facts.items():
        console.print(f"  {key:<11} {value}", highlight=False)
    tags = Table("tag", title="tags, from names, files and sets", title_justify="left")
    for name in ("clips", "minutes", "share"):
        tags.add_column(name, justify="right")
    for row in document["tags"][:_LISTED]:
        numbers = str(row["clips"]), f"{row['minutes']:.1f}", f"{row['share']:.0%}"
        tags.add_row(escape(row["tag"]), *numbers)
    console.print(tags)
    least = sorted(found.coverage.items(), key=lambda item: item[1])[:5]
    console.print(
        "least used joints: " + ", ".join(f"{name} {share:.0%}" for name, share in least),
        highlight=False,
    )
    near = document["near_duplicates"]
    for group in near["groups"][:_LISTED]:
        console.print(f"[yellow]nearly the same[/]: {escape(', '.join(group))}", highlight=False)
    for pair in near["mirrored"][:_LISTED]:
        names = escape(" and ".join(pair["clips"]))
        console.print(f"[yellow]nearly mirror images[/]: {names}", highlight=False)
    rest = max(len(near["groups"]), len(near["mirrored"])) - _LISTED
    if rest > 0:
        console.print("More near-duplicates are in the JSON.")
