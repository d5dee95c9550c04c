"""The wheel, installed alone in a clean environment, works."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*command: object) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_wheel_in_a_clean_environment(tmp_path: Path):
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path, ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < 10e6
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    binaries = tmp_path / "venv" / "bin"
    run(binaries / "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel)
    assert run(binaries / "mimiclab", "--version").startswith("mimiclab ")
    clip = tmp_path / "stand.npz"
    run(binaries / "mimiclab", "motion", "synthesize", "stand", "--output", clip)
    run(binaries / "mimiclab", "motion", "check", clip)
    listed = run(binaries / "python", "-m", "mjlab.scripts.list_envs")
    assert "Mimiclab" in listed
