"""Recordings: what goes in comes out, and what is damaged or does not fit is refused by name."""

import json
import tracemalloc
from dataclasses import replace

import h5py
import numpy as np
import pytest
import torch

from mimiclab.datasets.recorder import Recorder
from mimiclab.datasets.recording_layout import Episode, RecordingInfo
from mimiclab.datasets.recordings import Recording, read_pairs
from mimiclab.errors import MimiclabError, OutputError, RecordingError, UnknownNameError

LAYOUT = {
    "robot": "point",
    "control_hz": 20.0,
    "observations": {"actor": {"error": 2, "target_vel": 6}, "student": {"error": 2}},
    "history": {"actor": {"target_vel": 3}},
    "actions": {"velocity": 2},
}
INFO = RecordingInfo(
    layout=LAYOUT,
    joint_names=("x", "y"),
    action_offset="default",
    action_scale=(0.5, 0.25),
    has_std=True,
    policy={"kind": "checkpoint", "sha256": "ab"},
    task={"horizon_s": [0.1], "robot": "point"},
    protocol={"pushes": False},
    extra_columns={"values": ()},
)
STUDENT = {**LAYOUT, "observations": {"actor": {"error": 2}}, "history": {}}


def episode(steps, clip="walk", seed=0, failed=False):
    rng = np.random.default_rng([steps, seed])

    def numbers(*shape):
        return rng.normal(size=shape).astype(np.float32)

    return Episode(
        clip=clip,
        start_s=0.02 * seed,
        seed=seed,
        from_start=seed == 0,
        observations={"actor": numbers(steps, 8), "student": numbers(steps, 2)},
        final_observations={"actor": numbers(8), "student": numbers(2)},
        actions=numbers(steps, 2),
        action_mean=numbers(steps, 2),
        action_std=np.abs(numbers(steps, 2)),
        rewards=numbers(steps),
        reference_time_s=np.arange(1, steps + 1) / 20.0,
        failed=failed,
        extra={"values": numbers(steps)},
    )


EPISODES = [episode(7), episode(1, seed=1), episode(12, "run", seed=2, failed=True)]


def write(path, episodes=None, info=INFO):
    with Recorder(path, info, ["walk", "run"]) as recorder:
        for one in EPISODES if episodes is None else episodes:
            recorder.add(one)
    return path


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "some" / "rollouts.h5")


def test_what_goes_in_comes_out(file):
    with Recording(file) as recording:
        assert recording.info == INFO
        assert (recording.num_episodes, recording.num_steps) == (3, 20)
        assert recording.groups == {"actor": 8, "student": 2}
        assert recording.lengths.tolist() == [7, 1, 12]
        assert [recording.clip_names[i] for i in recording.clips] == ["walk", "walk", "run"]
        assert recording.start_s.tolist() == [0.0, 0.02, 0.04]
        for given, found in zip(EPISODES, recording.episodes, strict=True):
            assert (given.clip, given.seed, given.failed) == (found.clip, found.seed, found.failed)
            assert (given.start_s, given.from_start) == (found.start_s, found.from_start)
            for name in ("actions", "action_mean", "action_std", "rewards", "reference_time_s"):
                np.testing.assert_array_equal(getattr(given, name), getattr(found, name))
            for name in ("observations", "final_observations", "extra"):
                given_parts, parts = getattr(given, name), getattr(found, name)
                assert given_parts.keys() == parts.keys()
                for key, values in parts.items():
                    np.testing.assert_array_equal(given_parts[key], values)


def test_the_file_describes_itself_to_plain_h5py(file):
    with h5py.File(file) as raw:
        assert raw.attrs["robot"] == b"point" and raw.attrs["control_hz"] == 20.0
        about = json.loads(raw["about"][()])
        assert about["layout"]["history"]["actor"] == {"target_vel": 3}
        done = raw["steps/terminated"][:], raw["steps/timeout"][:]
        assert np.flatnonzero(done[0]).tolist() == [19]
        assert np.flatnonzero(done[1]).tolist() == [6, 7]
        assert raw["steps/actions"].compression == "gzip"


def test_parts_are_read_without_the_rest(file):
    with Recording(file) as recording:
        np.testing.assert_array_equal(recording.read("rewards", 7, 1), EPISODES[1].rewards)
        np.testing.assert_array_equal(
            recording.read("observations/student", 8), EPISODES[2].observations["student"]
        )
        with pytest.raises(UnknownNameError, match="did you mean 'rewards'"):
            recording.read("reward")
        with pytest.raises(RecordingError, match="episodes 0 to 2, asked was 3"):
            recording.episode(3)


def test_pairs_of_the_group_that_fits(file):
    for group in (None, "actor"):
        obs, mean, std = read_pairs(file, LAYOUT, group)
        np.testing.assert_array_equal(
            obs, np.concatenate([e.observations["actor"] for e in EPISODES])
        )
        np.testing.assert_array_equal(mean, np.concatenate([e.action_mean for e in EPISODES]))
        assert std is not None and obs.dtype == mean.dtype == std.dtype == np.float32
    obs, _, _ = read_pairs(file, STUDENT)  # the student's actor is the recorded group `student`
    assert obs.shape == (20, 2)


def test_a_policy_without_a_standard_deviation(tmp_path):
    episodes = [replace(one, action_std=None) for one in EPISODES]
    path = write(tmp_path / "plain.h5", episodes, replace(INFO, has_std=False))
    assert read_pairs(path, LAYOUT)[2] is None
    with Recording(path) as recording:
        assert recording.episode(0).action_std is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"robot": "line"}, "robot: point in the recording, line here"),
        ({"control_hz": 25.0}, "control_hz: 20.0 in the recording, 25.0 here"),
        ({"actions": {"force": 2}}, r"actions: \{'velocity': 2\} in the recording"),
        ({"history": {"actor": {"target_vel": 2}}}, r"target_vel\[3x2\] in the(.|\n)*\[2x3\] here"),
        ({"observations": {"actor": {"target_vel": 6, "error": 2}}}, "target_vel.*error.* here"),
    ],
)
def test_another_student_is_told_what_differs(file, change, message):
    with pytest.raises(RecordingError, match=message):
        read_pairs(file, {**LAYOUT, **change})


def test_other_actions_are_told_apart(file):
    good = {"action_offset": "default", "action_scale": [0.5, 0.25]}
    assert len(read_pairs(file, LAYOUT, **good)[0]) == 20
    with pytest.raises(
        RecordingError, match="from the default joint angles in the recording, from"
    ):
        read_pairs(file, LAYOUT, action_offset="reference")
    with pytest.raises(RecordingError, match=r"scale of y: 0\.25 rad in the recording, 0\.3 here"):
        read_pairs(file, LAYOUT, action_scale=[0.5, 0.3])
    with pytest.raises(UnknownNameError, match="teacher"):
        read_pairs(file, LAYOUT, "teacher")


def test_a_stopped_recording_leaves_the_old_file(file):
    before = file.read_bytes()
    with pytest.raises(RuntimeError), Recorder(file, INFO, ["walk"]) as recorder:
        recorder.add(EPISODES[0])
        raise RuntimeError("the power went")
    assert file.read_bytes() == before
    assert [p.name for p in file.parent.iterdir()] == [file.name]


def test_memory_does_not_grow_with_the_number_of_episodes(tmp_path):
    big = episode(4000)  # 0.3 MB
    with Recorder(tmp_path / "long.h5", INFO, ["walk"]) as recorder:
        recorder.add(big)
        tracemalloc.start()
        for _ in range(12):
            recorder.add(big)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2e6
    with Recording(tmp_path / "long.h5") as recording:
        assert recording.num_steps == 13 * 4000
        tracemalloc.start()
        for one in recording.episodes:
            assert len(one) == 4000
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 2e6


def test_an_empty_recording_is_not_written(tmp_path):
    with pytest.raises(MimiclabError, match="no episode was recorded"):
        write(tmp_path / "none.h5", [])
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_recorded_is_named(tmp_path):
    bad = EPISODES[0].observations["actor"].copy()
    bad[3, 1] = np.nan
    for wrong, message in [
        (replace(EPISODES[0], observations={"actor": bad, "student": bad[:, :2]}), "in step 3"),
        (replace(EPISODES[0], actions=np.zeros((7, 3))), r"actions has shape \(7, 3\), expected"),
        (replace(EPISODES[0], observations={}), "actor has shape None"),
        (replace(EPISODES[0], clip="fly"), "'fly' cannot be recorded; expected .* walk, run"),
        (replace(EPISODES[0], extra={}), "values has shape None"),
    ]:
        with pytest.raises(MimiclabError, match=message):
            write(tmp_path / "bad.h5", [wrong])
    with pytest.raises(OutputError):
        write("/proc/rollouts.h5")


def test_files_that_are_no_recordings(tmp_path):
    with pytest.raises(RecordingError, match="no recording at"):
        Recording(tmp_path / "absent.h5")
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(RecordingError, match="begins with b'hello'"):
        Recording(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["qpos"] = np.zeros(3)
    with pytest.raises(RecordingError, match="not a recording"):
        Recording(tmp_path / "other.h5")


def test_a_newer_file_is_refused(file):
    with h5py.File(file, "r+") as raw:
        raw.attrs["schema"] = 99
    with pytest.raises(RecordingError, match=r"schema 99.* update"):
        Recording(file)


def test_a_cut_off_file_is_refused(file):
    whole = file.read_bytes()
    for share in (0.2, 0.6, 0.99):
        file.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(RecordingError, match="cut off or damaged"):
            Recording(file)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda raw: raw["steps/rewards"].resize(19, 0), "columns have"),
        (lambda raw: raw["steps/terminated"].write_direct(np.ones(20, bool)), "after the end"),
        (lambda raw: raw["episodes/first"].write_direct(np.array([0, 6, 8])), "end to end"),
        (lambda raw: raw["episodes/clip"].write_direct(np.array([0, 2, 0])), "unknown clip"),
        (lambda raw: raw.pop("steps/actions"), "actions"),
        (lambda raw: raw.pop("about"), "about"),
        (lambda raw: raw["about"].write_direct(np.array(b"{}")), "description is damaged"),
    ],
)
def test_contradictions_inside_are_found(file, edit, message):
    with h5py.File(file, "r+") as raw:
        edit(raw)
    with pytest.raises(RecordingError, match=message):
        Recording(file)


def test_flipped_bits_are_never_passed_on(file):
    """Any single damaged byte is either noticed, or where nothing is read from."""
    whole = bytearray(file.read_bytes())
    expected = read_pairs(file, LAYOUT)
    rng, noticed = np.random.default_rng(0), 0
    for position in rng.integers(0, len(whole), 80):
        damaged = whole.copy()
        damaged[position] ^= 1 << int(rng.integers(8))
        file.write_bytes(damaged)
        try:
            for wanted, found in zip(expected, read_pairs(file, LAYOUT), strict=True):
                np.testing.assert_array_equal(wanted, found)
        except (RecordingError, UnknownNameError):
            noticed += 1
    assert noticed


def test_cloning_a_recording_learns_its_actions(tmp_path):
    """Least squares finds the matrix that acted, from sampled actions' means."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(8, 2)).astype(np.float32)
    episodes = []
    for seed in range(10):
        one = episode(40, seed=seed)
        mean = one.observations["actor"] @ weights
        episodes.append(replace(one, action_mean=mean, actions=mean + one.action_std))
    obs, mean, _ = map(torch.from_numpy, read_pairs(write(tmp_path / "bc.h5", episodes), LAYOUT))
    student = torch.nn.Linear(8, 2)
    optimizer = torch.optim.Adam(student.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        (student(obs) - mean).square().mean().backward()
        optimizer.step()
    torch.testing.assert_close(
        student.weight.detach().T, torch.from_numpy(weights), atol=1e-3, rtol=0
    )
