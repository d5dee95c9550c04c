import json

import pytest

from mimiclab.errors import MimiclabError
from mimiclab.evaluation.protocol import Protocol, plan_episodes
from mimiclab.learning.serialise import from_plain, to_plain
from mimiclab.tasks.tracking import TrackingTask
from mimiclab.tasks.tracking.interface_cfg import InterfaceCfg


def test_every_clip_gets_every_kind_of_start():
    jobs = plan_episodes(Protocol(seeds=2, random_starts=3), [4.0, 60.0], 0.02)
    assert len(jobs) == 10
    for clip in (0, 1):
        starts = [job.start for job in jobs if job.clip == clip]
        assert sorted(starts) == ["random"] * 3 + ["zero"] * 2
    assert all(job.start_s == 0.0 for job in jobs if job.start == "zero")


def test_random_starts_fall_on_control_steps_and_leave_some_clip():
    jobs = plan_episodes(Protocol(seeds=0, random_starts=200), [4.0, 0.5], 0.02)
    for job in jobs:
        assert job.start_s / 0.02 == pytest.approx(round(job.start_s / 0.02))
        assert job.start_s <= (3.0 if job.clip == 0 else 0.25) + 1e-9
    times = [job.start_s for job in jobs if job.clip == 0]
    assert min(times) < 0.3 and max(times) > 2.7
    assert len(set(times)) > 80


def test_longest_episodes_come_first():
    jobs = plan_episodes(Protocol(), [4.0, 60.0, 10.0], 0.02)
    lengths = [[4.0, 60.0, 10.0][job.clip] - job.start_s for job in jobs]
    assert lengths == sorted(lengths, reverse=True)


def test_a_seed_repeats_its_start_times():
    def times(seed):
        return {
            (j.clip, j.seed, j.start_s)
            for j in plan_episodes(Protocol(seeds=0, seed=seed), [9.0, 9.0], 0.02)
        }

    assert times(3) == times(3) != times(4)
    assert len({t[2] for t in times(3)}) > 5  # clips do not share them


def test_an_empty_protocol_is_refused():
    with pytest.raises(MimiclabError, match="has no episode; raise --seeds"):
        Protocol(seeds=0, random_starts=0)
    with pytest.raises(MimiclabError, match="expected 0 or more"):
        Protocol(initial_noise=-1.0)


def test_whose_interface():
    late, none = InterfaceCfg(delay_s=(0.1, 0.2)), InterfaceCfg()
    task = TrackingTask(interface=late, interface_groups=("vr",))
    assert Protocol().interface_of(task) == (none, ())
    assert Protocol(interface="own").interface_of(task) == (late, ("vr",))
    given = Protocol(interface_values=late)  # replaces the task's, on all clips
    assert given.interface_of(TrackingTask(interface_groups=("vr",))) == (late, ())
    with pytest.raises(MimiclabError, match="leave out one of the two"):
        Protocol(interface="own", interface_values=late)
    with pytest.raises(MimiclabError, match="an interface that does nothing"):
        Protocol(interface_groups=("vr",))


def test_a_protocol_survives_json():
    protocol = Protocol(rule="mosaic", interface_values=InterfaceCfg(dropout=0.1))
    assert from_plain(Protocol, json.loads(json.dumps(to_plain(protocol)))) == protocol


def test_words_that_mean_nothing_are_refused():
    with pytest.raises(MimiclabError, match="expected 'limits' or 'mosaic'"):
        Protocol(rule="strict")  # pyright: ignore[reportArgumentType]
    with pytest.raises(MimiclabError, match="expected 'off' or 'own'"):
        Protocol(interface="mine")  # pyright: ignore[reportArgumentType]
