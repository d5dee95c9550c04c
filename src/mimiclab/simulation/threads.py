"""Sharing the cores this process may use between physics and torch.

Physics runs on all of them, torch's environment terms before and after it. OpenMP's idle threads
spin for milliseconds by default, on cores that physics needs next: at 256 environments on two cores
a second torch thread burns 80 ms of CPU per step and saves nothing. So terms run on one thread
until their arrays are large enough, and `OMP_WAIT_POLICY=passive` makes idle threads sleep. That
variable counts only before torch is imported; the `mimiclab` command sets it, a script that imports
this package should too.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ENVS_FOR_A_THREAD = 1024
"""Below this, splitting an array of (num_envs, 14, 4) costs more than it saves."""


def available_cores() -> int:
    """Cores that this process may run on at once, at least 1.

    The scheduler's affinity mask, lowered by a cgroup CPU quota where one is set: a container with
    a quota of two cores sees all of the host's cores in its mask, and threads beyond the quota
    only wait for each other.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _cgroup_quota(Path("/sys/fs/cgroup"))
    return max(1, min(cores, int(quota))) if quota else cores


def _cgroup_quota(root: Path) -> float | None:
    """CPU quota in cores of the control group mounted at `root`, version 2 or 1; None if unset."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        pass
    try:
        micros = int((root / "cpu" / "cpu.cfs_quota_us").read_text())
        period_us = int((root / "cpu" / "cpu.cfs_period_us").read_text())
        return micros / period_us if micros > 0 else None
    except (OSError, ValueError):
        return None


def term_threads(num_envs: int, cores: int) -> int:
    """Torch threads that pay for terms over `num_envs` environments: one for each 1024."""
    return max(1, min(cores, num_envs // _ENVS_FOR_A_THREAD))


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Let torch use `count` threads inside, or as many as before if None."""
    import torch

    if count is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
