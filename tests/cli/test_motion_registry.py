"""`mimiclab motion push|pull|list` from the command line."""

import json

import numpy as np
import pytest

from mimiclab.cli.main import main
from mimiclab.motions.formats import read_motion
from mimiclab.motions.synthesis import builtin_motion, builtin_names


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MIMICLAB_REGISTRY", str(tmp_path / "registry"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "registry"


def test_push_list_pull(folder, tmp_path, capsys):
    assert main(["motion", "push", "builtin:squat,builtin:stand"]) == 0
    out = capsys.readouterr().out
    assert "squat:v0" in out
    assert "stand:v0" in out
    assert str(folder) in out
    assert main(["motion", "push", "builtin:stand", "--name", "squat"]) == 0
    assert main(["motion", "list", "--json", "list.json"]) == 0
    assert "squat" in capsys.readouterr().out
    document = json.loads((tmp_path / "list.json").read_text())
    assert document["schema"] == 1
    assert document["builtin"] == list(builtin_names())
    assert {"walking_only", "lafan1_full"} <= {each["name"] for each in document["sets"]}
    motions = document["registry"]["motions"]
    assert [(m["name"], m["version"]) for m in motions] == [
        ("squat", "v0"), ("squat", "v1"), ("stand", "v0"),
    ]  # fmt: skip
    assert all(len(m["sha256"]) == 64 for m in motions)

    assert main(["motion", "pull", "squat:v0"]) == 0
    np.testing.assert_array_equal(
        read_motion(tmp_path / "squat.npz").joint_pos, builtin_motion("squat").joint_pos
    )
    assert main(["motion", "pull", "squat"]) == 2  # it is there
    assert "--overwrite" in capsys.readouterr().err
    assert main(["motion", "pull", "registry:squat", "--overwrite"]) == 0
    assert read_motion(tmp_path / "squat.npz").num_frames == builtin_motion("stand").num_frames
    assert main(["motion", "check", "registry:squat:v0", "registry:stand"]) == 0


def test_a_folder_for_the_hub_is_a_registry_for_whoever_downloads_it(folder, tmp_path, capsys):
    shared = str(tmp_path / "shared")
    assert main(["motion", "push", "builtin:squat", "--registry", shared, "--layout", "hub"]) == 0
    out = capsys.readouterr().out
    assert f"hf upload USER/NAME {shared} --repo-type dataset" in out
    assert (tmp_path / "shared" / "README.md").is_file()
    (tmp_path / "shared").rename(tmp_path / "downloaded")
    command = ["motion", "pull", "squat", "--registry", "downloaded", "--output", "a/b.npz"]
    assert main(command) == 0
    assert (tmp_path / "a" / "b.npz").is_file()
    assert not folder.exists()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["push", "builtin:squat,builtin:stand", "--name", "x"], "--name names one motion"),
        (["push", "builtin:squat", "--name", "../x"], "cannot be a motion's name"),
        (["push", "builtin:squat", "--layout", "hub", "--registry", "wandb:a/b"], "for a folder"),
        (["pull", "squat"], "unknown motion of the registry"),
        (["pull", "../squat"], "cannot be a motion's name"),
        (["pull", "registry:squat", "--registry", "x"], "names its registry itself"),
        (["check", "registry:squat"], "unknown motion of the registry"),
    ],
)
def test_mistakes_are_told(folder, capsys, command, message):
    assert main(["motion", *command]) == 2
    assert message in capsys.readouterr().err
    assert not folder.exists()


def test_damaged_versions_are_listed_and_counted(folder, capsys):
    main(["motion", "push", "builtin:squat"])
    (folder / "squat" / "v0" / "motion.json").unlink()
    capsys.readouterr()
    assert main(["motion", "list"]) == 1
    assert "missing or damaged" in capsys.readouterr().out
