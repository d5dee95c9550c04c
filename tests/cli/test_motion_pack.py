"""`mimiclab motion pack`, and a packed library wherever motions are taken."""

import shutil
from pathlib import Path

import pytest

from mimiclab.cli.main import main
from mimiclab.errors import MotionFileError
from mimiclab.motions.formats import write_motion
from mimiclab.motions.library import MotionLibrary
from mimiclab.motions.packed.shards import INDEX_FILE
from mimiclab.motions.sources import find_sources, load_motions
from mimiclab.motions.synthesis import builtin_motion

NAMES = ("squat", "bow", "wave", "stand")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """Four short clips in folders; two of them have equal names."""
    root = tmp_path_factory.mktemp("files")
    for name in NAMES:
        write_motion(builtin_motion(name).cut(0, 60), root / "good" / f"{name}.npz")
    write_motion(builtin_motion("hop").cut(0, 40), root / "good" / "more" / "squat.npz")
    return root / "good"


@pytest.fixture(scope="module")
def library(files, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("packed") / "library"
    assert main(["motion", "pack", str(files), "--output", str(out), "--workers", "1"]) == 0
    return out


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_equal_names_are_told_apart_by_folder_and_told(files, tmp_path, capsys):
    out = tmp_path / "library"
    assert main(["motion", "pack", str(files), "--output", str(out), "--workers", "1"]) == 0
    names = ("bow", "more/squat", "good/squat", "stand", "wave")
    assert MotionLibrary.load(out).clip_names == names
    told = capsys.readouterr().out
    assert "named after their folders" in told and "5 clips of unitree_g1 packed, 0 failed" in told


def test_two_processes_write_what_one_writes(files, library, tmp_path):
    out = tmp_path / "library"
    assert main(["motion", "pack", str(files), "--output", str(out), "--workers", "2"]) == 0
    assert contents(out) == contents(library)


def test_bad_files_fail_alone_and_an_interrupted_packing_goes_on(files, library, tmp_path, capsys):
    folder = shutil.copytree(files, tmp_path / "good")
    (folder / "broken.npz").write_bytes(b"PK\x03\x04 not really")
    out = tmp_path / "library"
    command = ["motion", "pack", str(folder), "--output", str(out), "--workers", "1"]
    assert main(command) == 1
    assert "broken.npz" in capsys.readouterr().out
    assert MotionLibrary.load(out).content_hash == MotionLibrary.load(library).content_hash
    (out / INDEX_FILE).unlink()  # as if it had been killed before the end
    with pytest.raises(MotionFileError, match="did not finish"):
        MotionLibrary.load(out)
    (folder / "broken.npz").unlink()
    assert main(command) == 0
    assert "going on: 5 of 5" in capsys.readouterr().out
    assert main(command) == 2
    assert "is a motion library already" in capsys.readouterr().err
    assert main([*command, "--overwrite", "--half", "--output-fps", "25"]) == 0
    again = MotionLibrary.load(out, streaming=True)
    assert again.has_fps(25.0) and again.table.half


def test_nothing_packed_is_an_error(tmp_path, capsys):
    (tmp_path / "bad.npz").write_bytes(b"")
    command = ["motion", "pack", str(tmp_path / "bad.npz"), "--output"]
    assert main([*command, str(tmp_path / "library")]) == 2
    assert "no motion could be packed" in capsys.readouterr().err
    assert not (tmp_path / "library" / INDEX_FILE).exists()
    assert main([*command, str(tmp_path / "library.safetensors")]) == 2
    assert "a library is a folder" in capsys.readouterr().err


def test_a_library_is_a_source_of_clips_everywhere(library, tmp_path, capsys):
    clips = load_motions(library, robot="unitree_g1")
    assert [clip.name for clip in clips] == list(MotionLibrary.load(library).clip_names)
    one = load_motions(f"{library}/more/squat", robot="unitree_g1")
    assert one[0].name == "more/squat" and one[0].num_frames == 40
    assert main(["motion", "inspect", f"{library}/wave"]) == 0
    again = tmp_path / "again"
    assert main(["motion", "pack", str(library), "--output", str(again), "--workers", "1"]) == 0
    assert MotionLibrary.load(again).clip_names == MotionLibrary.load(library).clip_names
    capsys.readouterr()
    for words, said in (
        ([f"{library}/wav"], "did you mean 'wave'?"),
        ([str(library), "--robot", "unitree_h1"], "is for robot 'unitree_g1'"),
        ([f"{library}/wave", "--fps", "30"], "has 50 frames per second, 30 were asked for"),
    ):
        assert main(["motion", "check", *words]) == (2 if "UnknownName" in said else 1)
        assert said in " ".join(capsys.readouterr().out.split())


def test_reading_a_clip_compares_its_checksum(library, tmp_path):
    folder = shutil.copytree(library, tmp_path / "library")
    shard = folder / "shard_00000.safetensors"
    data = bytearray(shard.read_bytes())
    data[-5] ^= 1
    shard.write_bytes(data)
    sources = {source.label: source for source in find_sources(folder, robot=None)}
    sources[f"{folder}/bow"].read()
    with pytest.raises(MotionFileError, match=r"1 of 5 clips are not as they were packed: 'wave'"):
        sources[f"{folder}/wave"].read()


def test_training_and_evaluation_take_a_library(library, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mimiclab.motions.library.IN_MEMORY_BYTES", 1000)
    command = f"train tracking --preset cpu --device cpu --motion {library} --name packed"
    small = "--num-envs 4 --ppo.steps-per-env 8 --ppo.hidden 16 16 --iterations 1"
    assert main([*command.split(), *small.split()]) == 0
    assert "5 clip(s)" in capsys.readouterr().out
    assert (tmp_path / "runs" / "packed" / "motions.json").exists()
    words = f"evaluate zero --motion {library} --seeds 1 --random-starts 0 --device cpu"
    assert main([*words.split(), "--json", "report.json"]) == 0
    assert main([*words.replace(str(library), f"{library}/wave").split()]) == 0
    assert main(["train", "tracking", "--robot", "booster_t1", "--motion", str(library)]) == 2
    assert "the task is for 'booster_t1'" in capsys.readouterr().err


def test_groups_are_packed_and_kept_when_packed_again(files, tmp_path, capsys):
    command = ["motion", "pack", "builtin:kick", "--group", f"clean={files}/more"]
    command += ["--group", f"rough={files}/bow.npz,{files}/wave.npz", "--workers", "1", "--output"]
    assert main([*command, str(tmp_path / "one")]) == 0
    assert "4 clips of unitree_g1 packed in groups clean 1, default 1, rough 2" in (
        capsys.readouterr().out
    )
    again = ["motion", "pack", str(tmp_path / "one"), "--output", str(tmp_path / "two")]
    assert main(again) == 0
    for name in ("one", "two"):
        library = MotionLibrary.load(tmp_path / name, streaming=True)
        groups = [library.group_names[i] for i in library.clip_group]
        assert dict(zip(library.clip_names, groups, strict=True)) == {
            "kick": "default", "squat": "clean", "bow": "rough", "wave": "rough"
        }  # fmt: skip


def test_one_motion_may_be_packed_for_two_groups(files, tmp_path, capsys):
    groups = ["clean=builtin:kick,builtin:wave", f"suit={files}/wave.npz,builtin:kick"]
    words = [word for group in groups for word in ("--group", group)]
    command = ["motion", "pack", *words, "--output", str(tmp_path / "library")]
    assert main(command) == 0
    assert "4 named after their folders or groups" in capsys.readouterr().out
    library = MotionLibrary.load(tmp_path / "library")
    assert library.clip_names == ("clean/kick", "clean/wave", "suit/wave", "suit/kick")
    assert library.clip_group.tolist() == [0, 0, 1, 1]
