"""`mimiclab motion convert`: batches, what is left out, what fails, what an end leaves behind."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mimiclab.cli.main import main
from mimiclab.errors import UnknownNameError
from mimiclab.motions.formats import read_motion, write_motion
from mimiclab.motions.mirror import mirror_clip
from mimiclab.motions.synthesis import builtin_motion
from mimiclab.robots import get_robot

RUN = [sys.executable, "-m", "mimiclab.cli.main", "motion", "convert"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert main(["motion", "synthesize", "wave", "bow", "--output", str(tmp_path / "in")]) == 0
    return tmp_path / "in"


def files_in(folder: Path) -> set[str]:
    """Every file below, hidden ones too."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_tree_is_kept_and_clashes_fail_alone(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a").mkdir()
    (folder / "wave.npz").rename(folder / "a" / "wave.npz")
    out = tmp_path / "out"
    assert main(["motion", "convert", str(folder), str(out)]) == 0
    assert files_in(out) == {"a/wave.npz", "bow.npz"}
    wave, bow = str(folder / "a" / "wave.npz"), str(folder / "bow.npz")
    # The same file named twice is one file; two files that would meet in one both fail.
    assert main(["motion", "convert", wave, wave, str(tmp_path / "twice")]) == 0
    assert main(["motion", "convert", wave, str(folder / "a" / "wave.csv")]) == 0
    capsys.readouterr()
    assert main(["motion", "convert", str(folder), str(tmp_path / "met"), "--fps", "50"]) == 1
    printed = capsys.readouterr().out
    assert "would both be written to" in printed and "1 written, 2 failed" in printed
    assert files_in(tmp_path / "met") == {"bow.npz"}
    before = Path(bow).read_bytes()
    assert main(["motion", "convert", bow, "--output", bow, "--overwrite"]) == 1
    assert "would replace an input" in capsys.readouterr().out
    assert Path(bow).read_bytes() == before
    assert main(["motion", "convert", wave, bow, "--output", str(tmp_path / "one.npz")]) == 2
    assert main(["motion", "convert", wave]) == 2
    assert "IN OUT" in capsys.readouterr().err


def test_clips_of_one_file_become_files(tmp_path: Path) -> None:
    pytest.importorskip("dm_control")  # has the robot of these files
    from mimiclab.motions.clip import MotionClip
    from mimiclab.motions.formats.cmu_hdf5 import write_clips
    from mimiclab.robots import get_robot

    robot = get_robot("dm_cmu_humanoid")
    clips = [
        MotionClip(
            name=name,
            robot=robot.name,
            fps=50.0,
            joint_names=robot.joint_names,
            root_pos=np.full((30, 3), 1.0),
            root_quat_wxyz=np.tile([1.0, 0.0, 0.0, 0.0], (30, 1)),
            joint_pos=np.full((30, robot.num_joints), 0.01 * i),
        )
        for i, name in enumerate(("CMU_001_01", "take.1", "take.2"))
    ]
    write_clips(clips, tmp_path / "all.h5")
    arguments = ["motion", "convert", str(tmp_path / "all.h5"), str(tmp_path / "out")]
    assert main([*arguments, "--robot", robot.name, "--workers", "2"]) == 0
    assert files_in(tmp_path / "out") == {"CMU_001_01.npz", "take.1.npz", "take.2.npz"}
    assert read_motion(tmp_path / "out" / "take.2.npz").joint_pos[0, 0] == pytest.approx(0.02)


def test_what_exists_is_skipped_and_counted(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["motion", "convert", str(folder), str(out)]
    assert main([*arguments[:2], str(folder / "bow.npz"), str(out)]) == 0
    (out / "bow.npz").write_text("mine")
    capsys.readouterr()
    assert main(arguments) == 0
    assert "1 written, 1 skipped" in capsys.readouterr().out
    assert (out / "bow.npz").read_text() == "mine"
    assert main([*arguments, "--overwrite"]) == 0
    assert read_motion(out / "bow.npz").num_frames > 10


def test_short_clips_are_left_out_and_the_rest_is_described(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = {name: read_motion(folder / f"{name}.npz").duration_s for name in ("wave", "bow")}
    short, long = sorted(seconds, key=lambda name: seconds[name])
    limit = str((seconds[short] + seconds[long]) / 2)
    out = tmp_path / "out"
    capsys.readouterr()
    assert main(["motion", "convert", str(folder), str(out), "--min-duration", limit]) == 0
    printed = capsys.readouterr().out
    assert "1 written, 1 left out (shorter than" in printed
    assert f"{seconds[long] / 60:.1f} minutes of motion" in printed
    assert f"mean {seconds[long]:.1f}, median {seconds[long]:.1f}, deviation 0.0" in printed
    assert files_in(out) == {f"{long}.npz"}


def test_workers_do_what_one_process_does(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.csv").write_text("1,2,3\n")
    (folder / "worse.npz").write_bytes(b"PK")
    documents = []
    for workers in ("1", "2"):
        out, found = tmp_path / workers, tmp_path / f"{workers}.json"
        arguments = ["motion", "convert", str(folder), str(out), "--json", str(found)]
        assert main([*arguments, "--workers", workers, "--mirror", "add"]) == 1
        assert "4 written, 2 failed" in capsys.readouterr().out
        text = found.read_text().replace(str(out), "OUT")
        documents.append(json.loads(text))
    assert documents[0] == documents[1]
    assert files_in(tmp_path / "1") == files_in(tmp_path / "2")
    for name in files_in(tmp_path / "1"):
        one, two = (read_motion(tmp_path / workers / name) for workers in ("1", "2"))
        assert np.array_equal(one.joint_pos, two.joint_pos)
    assert main(["motion", "convert", str(folder), str(tmp_path), "--workers", "0"]) == 2


def test_mirror_images_are_written_beside(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    wave = str(folder / "wave.npz")
    assert main(["motion", "convert", wave, "--output", str(out), "--mirror", "add"]) == 0
    image = mirror_clip(read_motion(wave))
    found = read_motion(out / "wave_mirrored.npz")
    assert found.name == image.name == "wave_mirrored"
    np.testing.assert_allclose(found.joint_pos, image.joint_pos, atol=1e-7)
    np.testing.assert_array_equal(
        read_motion(out / "wave.npz").joint_pos.shape, found.joint_pos.shape
    )
    assert main(["motion", "convert", wave, str(tmp_path / "only"), "--mirror", "only"]) == 0
    assert files_in(tmp_path / "only") == {"wave_mirrored.npz"}


def test_tags_of_names_can_be_stored(folder: Path, tmp_path: Path) -> None:
    (folder / "wave.npz").rename(folder / "danceAndWave1_subject2.npz")
    out = tmp_path / "out.npz"
    arguments = ["motion", "convert", str(folder / "danceAndWave1_subject2.npz"), str(out)]
    assert main([*arguments, "--tags-from-name", "--tags", "mine"]) == 0
    assert read_motion(out).tags == ("mine", "dance", "wave")


def test_full_disk_leaves_no_half_files(folder: Path, tmp_path: Path) -> None:
    # The kernel refuses to let files grow past a limit, as it refuses on a full disk.
    assert main(["motion", "synthesize", "walk", "--output", str(folder), "--set", "steps=30"]) == 0
    sizes = {path.stem: path.stat().st_size for path in folder.iterdir()}
    limit = (sizes["walk"] + max(sizes["wave"], sizes["bow"])) // 2
    assert sizes["walk"] > 1.5 * limit / 2 and max(sizes["wave"], sizes["bow"]) < limit
    for workers in ("1", "2"):
        out = tmp_path / workers
        done = subprocess.run(
            [*RUN, str(folder), str(out), "--workers", workers],
            capture_output=True,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
        assert done.returncode == 1, done.stderr
        assert "2 written, 1 failed" in done.stdout
        assert "File too large; nothing was changed there" in done.stdout
        assert files_in(out) == {"wave.npz", "bow.npz"}
        for name in files_in(out):
            assert read_motion(out / name).num_frames > 10


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_leaves_whole_files_only(folder: Path, tmp_path: Path, workers: str) -> None:
    many, out = tmp_path / "many", tmp_path / "out"
    many.mkdir()
    for i in range(600):
        os.link(folder / "bow.npz", many / f"bow{i:03}.npz")
    process = subprocess.Popen(
        [*RUN, str(many), str(out), "--workers", workers],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    limit = time.monotonic() + 60
    while not out.is_dir() or len(files_in(out)) < 5:
        assert time.monotonic() < limit and process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to every process
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in printed and "Traceback" not in errors
    written = files_in(out)
    assert 5 <= len(written) < 600
    assert all(read_motion(out / name).num_frames > 10 for name in written)


def test_a_file_that_meets_a_defect_does_not_stop_the_batch(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from mimiclab.motions import convert

    def check_file(file, robot):
        if file.path.stem == "bow":
            raise ZeroDivisionError("by nothing")
        return real(file, robot)

    real = convert.check_file
    monkeypatch.setattr(convert, "check_file", check_file)
    assert main(["motion", "convert", str(folder), str(tmp_path / "out")]) == 1
    printed = capsys.readouterr().out
    assert "bow.npz: ZeroDivisionError: by nothing; this is a defect of mimiclab" in printed
    assert files_in(tmp_path / "out") == {"wave.npz"}


def test_errors_survive_the_way_back_from_a_worker() -> None:
    import pickle

    error = UnknownNameError("robot", "unitre_g1", ["unitree_g1"])
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is UnknownNameError and str(copy) == str(error)


def test_convert_clamps_only_when_asked(folder: Path, tmp_path: Path) -> None:
    path = folder / "wave.npz"
    with np.load(path) as data:
        arrays = dict(data)
    arrays["joint_pos"][5, 3] = 5.0
    np.savez(path, **arrays)
    arguments = ["motion", "convert", str(path), "--output"]
    assert main([*arguments, str(tmp_path / "flag.npz")]) == 0
    assert read_motion(tmp_path / "flag.npz").joint_pos[5, 3] == 5.0
    assert main([*arguments, str(tmp_path / "clamp.npz"), "--joint-limits", "clamp"]) == 0
    assert read_motion(tmp_path / "clamp.npz").joint_pos[5, 3] == pytest.approx(2.8798)


def test_convert_cuts_and_labels(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "cut.npz"
    arguments = ["motion", "convert", str(folder / "wave.npz"), "--output", str(out)]
    assert main([*arguments, "--frames", "10", "60", "--licence", "CC0", "--tags", "x", "y"]) == 0
    clip = read_motion(out)
    assert (clip.num_frames, clip.licence, clip.tags) == (50, "CC0", ("x", "y"))


def test_cutting_holding_raising_and_the_default_pose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = builtin_motion("walk", fps=50.0)
    write_motion(clip, tmp_path / "in" / "walk.npz")
    arguments = ["motion", "convert", str(tmp_path / "in"), str(tmp_path / "out"), "--prefix", "a_"]
    edits = ["--start", "0.5", "--end", "2", "--longest", "1", "--height", "0.1",
             "--hold-start", "0.2", "--default-end", "2"]  # fmt: skip
    assert main([*arguments, *edits]) == 0
    found = read_motion(tmp_path / "out" / "a_walk.npz")
    assert found.num_frames == 10 + 51 + 100
    np.testing.assert_array_equal(found.joint_pos[10:61], clip.joint_pos[25:76])
    np.testing.assert_allclose(found.root_pos[10:61, 2], clip.root_pos[25:76, 2] + 0.1)
    np.testing.assert_array_equal(found.joint_pos[0], clip.joint_pos[25])
    np.testing.assert_allclose(found.joint_pos[-1], get_robot("unitree_g1").default_pose)
    # Still frames do not make a clip long enough.
    short = [*arguments, "--end", "0.5", "--hold-end", "5", "--min-duration", "1", "--overwrite"]
    assert main(short) == 0
    assert "1 left out (shorter than 1 s)" in capsys.readouterr().out
    assert main([*arguments, "--start", "2", "--end", "1"]) == 2
    assert "end 1 s is before start 2 s" in capsys.readouterr().err
