"""`mimiclab check robot`."""

from pathlib import Path
from typing import Annotated

import tyro


def check_robot(
    robot: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="ROBOT")],
    /,
    *,
    json: Path | None = None,
    compact: Path | None = None,
) -> int:
    """Check a robot description against its model, or draft one from an MJCF file.

    Looks at joints and their motors, limits, masses, default pose, feet on the ground, named
    bodies, gains and left-right symmetry. Exit code 0: usable, 1: errors were found.

    Args:
        robot: Name of a robot, for example unitree_g1, or path of an MJCF file.
        json: Also write the findings to this file.
        compact: Also write the model to this file without meshes: the same dynamics, fitted
            capsules and boxes.
    """
    import json as json_module

    from mimiclab.files import write_text
    from mimiclab.robots import get_robot
    from mimiclab.robots.check import check_file
    from mimiclab.robots.check import check_robot as check
    from mimiclab.robots.compact import compact as make_compact
    from mimiclab.robots.draft import draft_robot

    is_file = robot.endswith((".xml", ".mjcf")) or "/" in robot
    report = check_file(robot) if is_file else check(get_robot(robot))
    if json is not None:
        write_text(json, json_module.dumps(report.to_json(), indent=2) + "\n")
    if compact is not None:
        found = draft_robot(robot)[0] if is_file else get_robot(robot)
        made = make_compact(
            found.model,
            name=found.name,
            feet=found.feet,
            swap=found.mirror_swap,
            comment=f"Made from {Path(robot).name} by `mimiclab check robot --compact`.",
        )
        write_text(compact, made)
    for key, value in report.facts.items():
        print(f"{key:<24} {value}")
    for finding in report.findings:
        print(f"{finding.severity.upper():<7} {finding.code}: {finding.message}")
    if report.suggestion:
        print(f"\nA description to start from:\n\n{report.suggestion}")
    print(f"{report.robot}: {'ok' if report.ok else 'not usable yet'}")
    return 0 if report.ok else 1
