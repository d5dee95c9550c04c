"""`mimiclab motion split` and `stats`, and what they write used by other commands."""

import json
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from mimiclab.cli.main import main
from mimiclab.motions.formats import read_motion
from mimiclab.motions.sets.snippets import snippet_bounds
from mimiclab.motions.sets.splits import is_validation
from mimiclab.motions.sources import find_sources, load_motions


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    arguments = ["motion", "synthesize", "wave", "bow", "squat", "--output", str(folder)]
    assert main(arguments) == 0
    assert main(["motion", "convert", str(folder), str(folder / "fast"), "--output-fps", "60"]) == 0
    (folder / "fast" / "wave.npz").rename(folder / "fast" / "hello.npz")
    return folder


def seed_of_a_split(names: list[str], share: float) -> str:
    """A seed for which both parts hold clips."""
    for seed in range(100):
        held = {is_validation(name, share, seed=seed) for name in names}
        if held == {True, False}:
            return str(seed)
    raise AssertionError


def test_split_into_sets_that_train_and_validate(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = seed_of_a_split(["wave", "hello", "bow", "squat"], 0.4)
    out = tmp_path / "sets"
    arguments = ["motion", "split", str(clips), "--output", str(out), "--val", "0.4"]
    assert main([*arguments, "--seed", seed]) == 0
    assert f"--motion {out / 'train.yaml'} --motion-folder {clips}" in capsys.readouterr().out
    parts = [
        {str(source.path) for source in find_sources(file, robot=None, motion_folder=clips)}
        for file in (out / "train.yaml", out / "val.yaml")
    ]
    everything = {str(path) for path in clips.rglob("*.npz")}
    assert parts[0] | parts[1] == everything and not parts[0] & parts[1]
    for file in everything:
        assert (file in parts[1]) == is_validation(Path(file).stem, 0.4, seed=int(seed))
    # bow.npz and fast/bow.npz are one recording, on one side; both are found again.
    assert len({part for part in (0, 1) for f in parts[part] if f.endswith("bow.npz")}) == 1
    assert main([*arguments, "--seed", seed]) == 2
    assert "add --overwrite" in capsys.readouterr().err
    assert main([*arguments, "--val", "1.5"]) == 2
    selected = find_sources(f"{clips} - {out / 'val.yaml'}", robot=None, motion_folder=clips)
    assert {str(source.path) for source in selected} == parts[0]


def test_weights_of_a_set_survive_its_split(clips: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("motions: [bow, wave, squat]\nweights: {wave: 3, squat: 0.5}\n")
    (tmp_path / "clips").symlink_to(clips)
    folder = str(tmp_path / "clips")
    for name in ("bow", "wave", "squat"):  # without the copies in fast/, which have equal names
        (tmp_path / "plain").mkdir(exist_ok=True)
        (tmp_path / "plain" / f"{name}.npz").hardlink_to(clips / f"{name}.npz")
    folder = str(tmp_path / "plain")
    seed = seed_of_a_split(["wave", "bow", "squat"], 0.5)
    arguments = ["motion", "split", str(mine), "--motion-folder", folder, "--val", "0.5"]
    assert main([*arguments, "--seed", seed, "--output", str(tmp_path / "out")]) == 0
    found = [
        clip
        for part in ("train", "val")
        for clip in load_motions(
            tmp_path / "out" / f"{part}.yaml", robot="unitree_g1", motion_folder=folder
        )
    ]
    assert {clip.name: clip.weight for clip in found} == {"bow": 1.0, "wave": 3.0, "squat": 0.5}


def test_split_into_pieces(clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "pieces"
    arguments = ["motion", "split", str(clips), "--output", str(out), "--into", "snippets"]
    arguments += ["--longest", "1.5", "--overlap", "0.3"]
    arguments += ["--whole", "bow*", "--motion-folder", str(clips)]
    assert main(arguments) == 0
    wave = read_motion(clips / "wave.npz")
    bounds = snippet_bounds(wave.num_frames - 1, longest=75, overlap=15)
    assert len(bounds) > 1
    written = {str(path.relative_to(out)) for path in out.rglob("*.npz")}
    assert {f"wave-{a}-{b}.npz" for a, b in bounds} <= written
    assert f"bow-0-{read_motion(clips / 'bow.npz').num_frames - 1}.npz" in written
    assert any(name.startswith("fast/hello-0-") for name in written)
    first, last = bounds[1]
    piece = read_motion(out / f"wave-{first}-{last}.npz")
    assert np.array_equal(piece.joint_pos, wave.joint_pos[first : last + 1])
    capsys.readouterr()
    (out / f"wave-{first}-{last}.npz").unlink()
    assert main(arguments) == 0
    assert f"1 pieces of 6 clips written, {len(written) - 1} skipped" in capsys.readouterr().out


def test_stats_of_files_that_are_nearly_the_same(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.npz").write_bytes(b"")
    found, page = tmp_path / "stats.json", tmp_path / "stats.html"
    arguments = ["motion", "stats", str(clips), str(tmp_path / "bad.npz"), "--json", str(found)]
    assert main([*arguments, "--page", str(page), "--workers", "2"]) == 1
    printed = capsys.readouterr().out
    assert "bad.npz: the file is empty" in printed
    document = json.loads(found.read_text())
    assert document["totals"]["clips"] == 6
    groups = {frozenset(group) for group in document["near_duplicates"]["groups"]}
    # Clips with one name are told apart by their files.
    squats = frozenset(str(clips / place) for place in ("squat.npz", "fast/squat.npz"))
    bows = frozenset(str(clips / place) for place in ("bow.npz", "fast/bow.npz"))
    assert groups == {frozenset({"hello", "wave"}), bows, squats}
    # Motions that are symmetric are near the mirror images of their copies.
    mirrored = {frozenset(pair["clips"]) for pair in document["near_duplicates"]["mirrored"]}
    assert squats in mirrored and frozenset({"wave", "hello"}) not in mirrored
    assert "nearly the same: hello, wave" in printed

    outside: list[str] = []

    class Page(HTMLParser):
        plots = 0

        def handle_starttag(self, tag: str, attrs: list) -> None:
            self.plots += tag == "svg"
            outside.extend(v for k, v in attrs if k in ("src", "href") and v.startswith("http"))

    parser = Page()
    text = page.read_text()
    parser.feed(text)
    assert parser.plots >= 7 and not outside
    assert "hello" in text and "near-duplicates" in text


def test_stats_agree_with_check_on_real_motion(shared_data: Path, tmp_path: Path) -> None:
    # Two measurements of one thing in two places of the code.
    files = shared_data / "motions" / "lafan1_g1_csv"
    one, two = tmp_path / "stats.json", tmp_path / "check.json"
    clip = str(files / "jumps1_subject1.csv")
    assert main(["motion", "stats", clip, "--json", str(one)]) == 0
    main(["motion", "check", clip, "--json", str(two)])
    stats = json.loads(one.read_text())["clips"][0]
    checked = json.loads(two.read_text())["clips"][0]
    assert stats["duration_s"] == checked["duration_s"]
    assert 1.0 - stats["contact_none"] == pytest.approx(checked["metrics"]["foot_contact_share"])
    assert stats["airborne_longest_s"] == pytest.approx(checked["metrics"]["flight_longest_s"])
    # From the numbers in the file alone: distance gone along the ground.
    table = np.loadtxt(clip, delimiter=",")
    path = np.linalg.norm(np.diff(table[:, :2], axis=0), axis=1).sum()
    assert stats["path_m"] == pytest.approx(path)
    assert stats["tags"] == ["jumps"]


def test_human_files_are_sent_to_retarget(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    walk = next((shared_data / "bvh" / "cmu").glob("*.bvh"))
    assert main(["motion", "convert", str(walk), str(tmp_path / "x.npz")]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert f"`mimiclab motion retarget {walk} --robot unitree_g1`" in printed
    assert main(["motion", "convert", str(walk.parent), str(tmp_path / "out")]) == 2
    assert "mimiclab motion retarget" in capsys.readouterr().err
