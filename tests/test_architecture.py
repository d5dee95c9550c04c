"""Imports run one way: a room never imports a room above it, and deployment stays free of torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import mimiclab

PACKAGE = Path(mimiclab.__file__).parent
ROOMS = [
    "cli", "pipelines", "viewing", "evaluation", "deployment", "learning", "tasks", "simulation",
    "datasets", "motions", "robots", "maths", "locations",
]  # fmt: skip


def imported_rooms(file: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(file.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        rooms |= {n.split(".")[1] for n in names if n.startswith("mimiclab.")}
    return rooms & set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_rooms_below_it(room):
    above = set(ROOMS[: ROOMS.index(room)])
    wrong = {
        str(file.relative_to(PACKAGE)): sorted(bad)
        for file in (PACKAGE / room).rglob("*.py")
        if (bad := imported_rooms(file) & above)
    }
    assert not wrong


@pytest.mark.parametrize("module", ["motions.sources", "deployment.sim2sim", "evaluation.metrics"])
def test_running_a_policy_needs_no_torch(module):
    code = f"import mimiclab.{module}, sys; assert not {{'torch', 'mjlab'}} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_files_hold_one_concept_each():
    long = {
        str(file.relative_to(PACKAGE)): count
        for file in PACKAGE.rglob("*.py")
        if (count := len(file.read_text().splitlines())) > 400
    }
    assert not long
