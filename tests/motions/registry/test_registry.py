"""Registries: immutable, checked, whole or not at all, and nothing leaves its folder."""

import hashlib
import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from mimiclab.errors import MotionFileError, OutputError, RegistryError, UnknownNameError
from mimiclab.motions import registry as registry_module
from mimiclab.motions.formats import read_motion
from mimiclab.motions.registry import (
    FolderRegistry,
    open_registry,
    registered_file,
    registry_folder,
)
from mimiclab.motions.registry.hub import write_hub_card
from mimiclab.motions.sources import load_motions
from mimiclab.motions.synthesis import builtin_motion


@pytest.fixture(scope="module")
def clip():
    return replace(builtin_motion("squat").cut(0, 30), licence="CC0-1.0", tags=("squat",))


@pytest.fixture
def registry(tmp_path, monkeypatch):
    monkeypatch.setenv("MIMICLAB_REGISTRY", str(tmp_path / "registry"))
    return FolderRegistry()


def moved(clip, by):
    return replace(clip, root_pos=clip.root_pos + np.array([by, 0, 0]))


def test_a_motion_comes_back_as_it_was_pushed(registry, clip):
    entry = registry.push(clip)
    assert (entry.name, entry.version, entry.problem) == ("squat", "v0", "")
    assert entry.facts["robot"] == "unitree_g1"
    assert entry.facts["frames"] == 30
    assert entry.facts["licence"] == "CC0-1.0"
    file = registry.pull("squat")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == entry.sha256
    back = read_motion(file)
    assert (back.name, back.tags, back.fps) == ("squat", ("squat",), clip.fps)
    np.testing.assert_array_equal(back.joint_pos, clip.joint_pos)


def test_versions_count_up_are_immutable_and_latest_is_the_highest(registry, clip):
    made = [registry.push(moved(clip, i), "walk").version for i in range(12)]
    assert made == [f"v{i}" for i in range(12)]
    assert read_motion(registry.pull("walk")).root_pos[0, 0] == pytest.approx(11)
    assert read_motion(registry.pull("walk", "v3")).root_pos[0, 0] == pytest.approx(3)
    # The same again is the same version.
    assert registry.push(moved(clip, 11), "walk").version == "v11"
    assert registry.push(moved(clip, 3), "walk").version == "v12"
    assert not os.stat(registry.pull("walk")).st_mode & 0o222
    assert [entry.version for entry in registry.entries()] == [f"v{i}" for i in range(13)]


def test_names_stand_wherever_motions_do(registry, clip):
    for i in range(2):
        registry.push(moved(clip, i), "walk")
    registry.push(clip, "squat.2")
    found = load_motions("registry:walk:v0,registry:squat.2,builtin:stand", robot="unitree_g1")
    assert [each.name for each in found] == ["walk", "squat.2", "stand"]
    assert found[0].root_pos[0, 0] == pytest.approx(clip.root_pos[0, 0])
    assert registered_file("registry:walk:latest") == registered_file("registry:walk:v1")


def test_names_stand_in_sets_too(registry, clip, tmp_path):
    registry.push(clip, "walk")
    file = tmp_path / "set.yaml"
    file.write_text("name: s\ndescription: d\nmotions: [registry:walk, builtin:stand]\n")
    found = load_motions(file, robot="unitree_g1")
    assert [each.name for each in found] == ["walk", "stand"]


def test_what_is_not_there_is_named_with_the_nearest(registry, clip):
    with pytest.raises(UnknownNameError, match=r"known: \(none\)"):
        registry.pull("squat")
    registry.push(clip)
    with pytest.raises(UnknownNameError, match="did you mean 'squat'"):
        load_motions("registry:squad", robot="unitree_g1")
    with pytest.raises(UnknownNameError, match="known: latest, v0"):
        registry.pull("squat", "v7")
    for version in ("v00", "v-1", "../v0", ""):
        with pytest.raises(UnknownNameError):
            registry.pull("squat", version)


@pytest.mark.parametrize(
    "name", ["../x", "..", ".", "/etc/x", "a/b", "a\\b", "x\0y", " ", ".hidden", "-x", "a" * 129]
)
def test_names_that_leave_the_folder_are_refused(registry, clip, name):
    with pytest.raises(RegistryError, match="cannot be a motion's name"):
        registry.push(clip, name)
    with pytest.raises(RegistryError, match="cannot be a motion's name"):
        registered_file(f"registry:{name}")
    assert not registry.folder.exists()


def test_an_empty_name_is_refused(registry, clip):
    with pytest.raises(RegistryError, match="cannot be a motion's name"):
        registered_file("registry:")


def test_links_out_of_the_folder_are_refused(registry, clip, tmp_path):
    registry.push(clip)
    elsewhere = FolderRegistry(tmp_path / "elsewhere")
    elsewhere.push(clip, "other")
    (registry.folder / "other").symlink_to(elsewhere.folder / "other")
    (registry.folder / "squat" / "v1").symlink_to(elsewhere.folder / "other" / "v0")
    for action in (
        lambda: registry.pull("other"),
        lambda: registry.push(clip, "other"),
        lambda: registry.pull("squat", "v1"),
        registry.entries,
    ):
        with pytest.raises(RegistryError, match="leaves the registry"):
            action()
    # A link to the registry as a whole is the user's choice.
    whole = tmp_path / "linked"
    whole.symlink_to(elsewhere.folder)
    assert FolderRegistry(whole).pull("other").is_file()


def test_a_changed_file_is_refused(registry, clip):
    registry.push(clip)
    file = registry.pull("squat")
    file.chmod(0o644)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(RegistryError, match="damaged or changed"):
        load_motions("registry:squat", robot="unitree_g1")
    file.unlink()
    with pytest.raises(RegistryError, match="cannot be read"):
        registry.pull("squat")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"sha256": "abc", "file": "squat.npz"}', '{"sha256": 1, "file": 2}',
     json.dumps({"sha256": "0" * 64, "file": "../../secret.npz"}),
     json.dumps({"sha256": "0" * 64, "file": "\0"})],
)  # fmt: skip
def test_damaged_facts_are_named_and_listed(registry, clip, text):
    registry.push(clip)
    facts = registry.folder / "squat" / "v0" / "motion.json"
    facts.chmod(0o644)
    facts.write_text(text)
    with pytest.raises(RegistryError, match=r"motion\.json is missing or damaged"):
        registry.pull("squat")
    assert [bool(entry.problem) for entry in registry.entries()] == [True]
    assert registry.push(clip).version == "v1"


def test_a_full_disk_leaves_nothing(registry, clip, monkeypatch):
    registry.push(clip)

    def full(*_):
        raise OSError(28, "No space left on device")

    for part in ("file_sha256", "_publish", "write_text"):
        with monkeypatch.context() as patch:
            patch.setattr(registry_module, part, full)
            for name in ("squat", "new"):
                with pytest.raises(OutputError, match="No space left on device; nothing was"):
                    registry.push(moved(clip, 1), name)
    files = [path for path in registry.folder.rglob("*") if path.is_file()]
    assert sorted(path.name for path in files) == ["motion.json", "squat.npz"]
    assert [path.name for path in registry.folder.iterdir()] == ["squat"]


def test_a_killed_push_leaves_no_version(registry, clip):
    registry.push(clip)
    code = f"""
import os
from mimiclab.motions import registry
from mimiclab.motions.synthesis import builtin_motion
registry._publish = lambda *_: os.kill(os.getpid(), 9)
registry.FolderRegistry({str(registry.folder)!r}).push(builtin_motion("stand"), "squat")
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    assert [entry.version for entry in registry.entries()] == ["v0"]
    assert registry.push(moved(clip, 1)).version == "v1"


def test_pushes_at_the_same_time_get_numbers_of_their_own(registry, clip):
    def push(i):
        registry.push(moved(clip, i), "walk")

    threads = [threading.Thread(target=push, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = registry.entries()
    assert [entry.version for entry in entries] == [f"v{i}" for i in range(8)]
    assert len({entry.sha256 for entry in entries}) == 8
    for entry in entries:
        registry.pull("walk", entry.version)


def test_a_registry_that_cannot_be_written_is_named(clip, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="MIMICLAB_REGISTRY"):
        FolderRegistry(tmp_path / "file").push(clip)


def test_formats_that_forget_the_rate_are_refused(registry, clip):
    with pytest.raises(MotionFileError, match="frame rate"):
        registry.push(clip, format="unitree_csv")
    with pytest.raises(UnknownNameError, match="motion format"):
        registry.push(clip, format="mp3")
    registry.push(clip, format="gmr_npz")
    assert load_motions("registry:squat", robot="unitree_g1")[0].num_frames == 30


def test_where_the_folder_is(monkeypatch, tmp_path):
    monkeypatch.delenv("MIMICLAB_REGISTRY", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert registry_folder() == tmp_path / "mimiclab" / "registry"
    monkeypatch.delenv("XDG_DATA_HOME")
    assert registry_folder() == Path("~/.local/share/mimiclab/registry").expanduser()
    chosen = open_registry(tmp_path / "other")
    assert isinstance(chosen, FolderRegistry)
    assert chosen.folder == tmp_path / "other"


def test_hub_card_is_what_the_hub_reads(registry, clip):
    registry.push(clip)
    registry.push(replace(clip, licence=""), "unlicensed")
    card, unlicensed = write_hub_card(registry)
    assert unlicensed == ["unlicensed"]
    text = card.read_text()
    _, head, body = text.split("---\n", 2)
    settings = yaml.safe_load(head)
    assert settings["license"] == "other"
    assert settings["task_categories"] == ["robotics"]
    table = registry.folder / settings["configs"][0]["data_files"]
    rows = [json.loads(line) for line in table.read_text().splitlines()]
    assert [row["name"] for row in rows] == ["squat", "unlicensed"]
    for row in rows:
        data = (registry.folder / row["file_name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
        assert row["sha256"] in body
    card.write_text("my own card")
    write_hub_card(registry)
    assert card.read_text() == "my own card"


def test_one_licence_of_all_is_the_cards(registry, clip):
    registry.push(clip)
    card, unlicensed = write_hub_card(registry)
    assert unlicensed == []
    assert yaml.safe_load(card.read_text().split("---\n")[1])["license"] == "cc0-1.0"
