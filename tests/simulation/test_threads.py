import os

import torch

from mimiclab.simulation.threads import (
    _cgroup_quota,
    available_cores,
    term_threads,
    torch_threads,
)


def test_cores_follow_the_affinity_of_the_process():
    everything = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(everything)})
        assert available_cores() == 1
    finally:
        os.sched_setaffinity(0, everything)
    assert 1 <= available_cores() <= len(everything)


def test_container_quota_is_read_in_both_layouts(tmp_path):
    assert _cgroup_quota(tmp_path) is None
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("150000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert _cgroup_quota(tmp_path) == 1.5
    (tmp_path / "cpu.max").write_text("400000 100000\n")
    assert _cgroup_quota(tmp_path) == 4.0
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert _cgroup_quota(tmp_path) is None


def test_small_batches_run_on_one_torch_thread_and_large_ones_on_more():
    assert [term_threads(n, cores=8) for n in (1, 256, 2047, 4096, 65536)] == [1, 1, 1, 4, 8]


def test_torch_gets_its_threads_back():
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
