"""How many cores this process may use: CPU affinity and container quota, not just their count."""

import os
from pathlib import Path


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
