"""Stages beside each other: what each gained on one group of motions and lost on another."""

import json
from collections.abc import Sequence
from pathlib import Path

from mimiclab.files import write_text


def write_results(folder: Path, stages: Sequence[str]) -> Path:
    """Write results.json, forgetting.png and results.html of the stages that have evaluations.

    Args:
        folder: of the pipeline.
        stages: names, in the order of the table.

    Returns:
        The page.

    Raises:
        MimiclabError: evaluations that were made under different conditions.
        OutputError: a file cannot be written.
    """
    from mimiclab.evaluation.comparison import compare
    from mimiclab.viewing.forgetting_plot import write_forgetting_html, write_forgetting_png

    files = {name: folder / "evaluations" / f"{name}.json" for name in stages}
    reports = {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in files.items()
        if path.is_file()
    }
    comparison = compare(reports)
    write_text(folder / "results.json", json.dumps(comparison.to_dict(), indent=2) + "\n")
    write_forgetting_png(comparison, folder / "forgetting.png")
    page = folder / "results.html"
    write_forgetting_html(comparison, page, title=f"The ladder of {folder.name}")
    return page
