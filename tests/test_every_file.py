"""Every motion file beside the checkout, by the command line: converted, checked and drawn."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from mimiclab.cli.main import main
from mimiclab.motions.formats import read_motion

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
DATA = Path(__file__).parents[2] / "shared" / "data"


class Kind(NamedTuple):
    """What must be said of the files of a folder, or all are told by themselves."""

    robot: str = "unitree_g1"
    options: tuple[str, ...] = ()
    limit_excess: float = 0.15
    """How far retargeters left joints beyond their limits, rad."""


ROBOTS = {
    "motions/lafan1_g1_csv": Kind(limit_excess=1e-3),
    "motions/lafan1_h1_2_csv": Kind("unitree_h1_2"),
    "motions/lafan1_h1_csv": Kind("unitree_h1", limit_excess=0.2),
    "motions/booster_k1_csv": Kind("booster_k1"),
    "motions/kimodo_g1_csv": Kind(options=("--root-quat-order", "wxyz")),
    "motions/asap_g1_npz": Kind(),
    "motions/pbhc_g1_npz": Kind(),
    "motions/twist2_g1_npz": Kind(),
    "motions/terrain/g1_crawl_slope": Kind(),
    "motions/terrain/g1_vault_box": Kind(),
}
BROKEN = {"yanjie_walk_004.npz": {"root_jump"}, "yanjie_walk_010.npz": {"root_jump"}}
"""Errors of published files: in these the first frames are metres away from the motion."""
PEOPLE = {
    "bvh/lafan1": (),
    "bvh/bandai_namco": (),
    "bvh/cmu": (),
    "amc/cmu": (),
    "motions/asap_smpl_npz": (),
    "motions/deepmimic_humanoid3d": (),
    "motions/terrain/human_climb_seq_1": ("--fps", "120"),
}
BESIDE = {".md", ".asf", ".obj", ".json"}
"""Suffixes of files that are no motions: texts, skeletons, meshes, scenes."""


def files(folder: str) -> list[Path]:
    """Motion files of a folder, as paths below the data."""
    found = (DATA / folder).iterdir() if DATA.is_dir() else ()
    return sorted(p.relative_to(DATA) for p in found if p.is_file() and p.suffix not in BESIDE)


def cases(folders: dict) -> list:
    """Each file with its folder; one that skips where the data is not there."""
    listed = [(folder, path) for folder in folders for path in files(folder)]
    return [pytest.param(*case, id=str(case[1])) for case in listed or [("", Path())]]


def test_no_file_is_forgotten(shared_data: Path) -> None:
    known = {path for folder in (*ROBOTS, *PEOPLE) for path in files(folder)}
    for part in ("motions", "bvh", "amc"):
        for path in (shared_data / part).rglob("*"):
            if path.is_file() and path.suffix not in BESIDE:
                assert path.relative_to(shared_data) in known, path


@pytest.mark.parametrize(("folder", "path"), cases(ROBOTS))
def test_robot_motions(shared_data: Path, tmp_path: Path, folder: str, path: Path) -> None:
    robot, options, excess = ROBOTS[folder]
    rate = ("--fps", "50") if "50fps" in path.name else ()
    out, found = tmp_path / "out.npz", tmp_path / "check.json"
    words = ["--robot", robot]
    convert = ["motion", "convert", str(shared_data / path), "--output", str(out), *words]
    assert main([*convert, *options, *rate, "--json", str(found)]) == 0
    (report,) = json.loads(found.read_text())["clips"]
    errors = {f["code"] for f in report["findings"] if f["severity"] == "error"}
    assert errors == BROKEN.get(path.name, set()), report["findings"]
    if errors:
        mended = ["motion", "repair", str(shared_data / path), "--output", str(out), *words]
        assert main([*mended, "--overwrite"]) == 0
    given = report["frames"], report["fps"]
    # What was written, checked by itself, is as long and as good.
    assert main(["motion", "check", str(out), *words, "--json", str(found)]) == 0
    (report,) = json.loads(found.read_text())["clips"]
    assert (report["frames"], report["fps"]) == given
    clip = read_motion(out)
    low, high = _limits(robot)
    assert np.maximum(low - clip.joint_pos, clip.joint_pos - high).max() < excess
    _draw(out, tmp_path / "look.png", words)


@pytest.mark.parametrize(("folder", "path"), cases(PEOPLE))
def test_human_motions(shared_data: Path, tmp_path: Path, folder: str, path: Path) -> None:
    out, found = tmp_path / "out.npz", tmp_path / "report.json"
    source, options = str(shared_data / path), PEOPLE[folder]
    assert main(["motion", "inspect", source, *options]) == 0
    first, stop, rate = _window(source, options)
    retarget = ["motion", "retarget", source, "--output", str(out), *options]
    assert main([*retarget, "--frames", str(first), str(stop), "--json", str(found)]) == 0
    (judged,) = json.loads(found.read_text())["clips"]
    assert judged["quality"]["verdict"] != "reject", judged["quality"]["reasons"]
    assert main(["motion", "check", str(out), "--json", str(tmp_path / "check.json")]) == 0
    low, high = _limits("unitree_g1")
    clip = read_motion(out)
    assert ((clip.joint_pos > low - 1e-3) & (clip.joint_pos < high + 1e-3)).all()
    _draw(out, tmp_path / "look.png", [])
    window = ["--start", f"{first / rate:.3f}", "--seconds", f"{(stop - 1 - first) / rate:.3f}"]
    _draw(Path(source), tmp_path / "person.png", [*window, *options])


def _window(source: str, options: tuple[str, ...]) -> tuple[int, int, float]:
    """At most a second and a half from the first third on, after T-poses; and the frame rate."""
    from mimiclab.motions.human.formats import read_human

    clip = read_human(source, fps=float(options[1]) if options else None)
    first = clip.num_frames // 3
    return first, min(clip.num_frames, first + round(1.5 * clip.fps)), clip.fps


def _limits(robot: str) -> np.ndarray:
    from mimiclab.robots import get_robot

    return get_robot(robot).joint_limits.T


def _draw(source: Path, picture: Path, words: list[str]) -> None:
    from PIL import Image

    size = ["--size", "120", "160", "--columns", "3", "--rows", "1", "--renderer", "software"]
    assert main(["motion", "render", str(source), str(picture), *size, *words]) == 0
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("L"), float)
    # Three moments side by side with something in each of them.
    for part in np.array_split(pixels, 3, axis=1):
        assert part.std() > 3
