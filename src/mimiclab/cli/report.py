"""`mimiclab report`: a run as one page."""

from pathlib import Path
from typing import Annotated

import tyro


def report(
    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")],
    /,
    *,
    out: Path | None = None,
) -> int:
    """Write a run's learning curves, evaluations and video as one HTML file without outside parts.

    Args:
        run: Run folder; its evaluation.json, evaluation_NAME.json and video.mp4 are included. Or a
            location of a .zip of it: https://..., file://...
        out: File to write; RUN/report.html by default.
    """
    from mimiclab.cli.fetched import opened_for
    from mimiclab.viewing.report import write_run_report

    print(f"wrote {write_run_report(opened_for(run, out), out)}")
    return 0
