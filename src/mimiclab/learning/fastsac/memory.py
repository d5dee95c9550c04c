"""How much memory a replay takes, and whether it is there, before training begins."""

from collections.abc import Mapping

from mimiclab.errors import MimiclabError

SHARE = 0.8
"""Share of the free memory that a replay may take; networks and physics need the rest."""


def step_bytes(sizes: Mapping[str, int], num_actions: int) -> int:
    """Bytes of one control step of one environment.

    Observations before and after, actions and reward are 4 bytes each; two flags are one each.
    """
    return 4 * (2 * sum(sizes.values()) + num_actions + 1) + 2


def replay_bytes(sizes: Mapping[str, int], num_actions: int, num_envs: int, steps: int) -> int:
    """Bytes of a replay."""
    return step_bytes(sizes, num_actions) * num_envs * steps


def require_memory(
    sizes: Mapping[str, int],
    num_actions: int,
    num_envs: int,
    steps: int,
    *,
    free: int,
    least: int = 2,
    processes: int = 1,
) -> None:
    """Refuse a replay that does not fit.

    Args:
        sizes: numbers in each observation group.
        num_actions: actions.
        num_envs: environments in each process.
        steps: control steps to remember.
        free: bytes that are free on the device.
        least: fewest steps that would do.
        processes: processes that share the device.

    Raises:
        MimiclabError: too large; the message holds the size that fits.
    """
    allowed = int(SHARE * free / processes)
    needed = replay_bytes(sizes, num_actions, num_envs, steps)
    if needed <= allowed:
        return
    fits = allowed // (step_bytes(sizes, num_actions) * num_envs)
    advice = f"set --sac.replay-steps {fits}"
    if fits < least:
        envs = allowed // (step_bytes(sizes, num_actions) * steps)
        advice = f"set --num-envs {envs}" if envs else "use a machine with more memory"
    elif fits < 100:
        advice += ", or take fewer --num-envs"
    raise MimiclabError(
        f"a replay of {steps} steps x {num_envs} environments takes {_size(needed)}, but of the "
        f"{_size(free)} that are free it may take {_size(allowed)}; {advice}"
    )


def free_bytes(device: str) -> int:
    """Memory that is free on a torch device, bytes."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.mem_get_info(device)[0]
    import os

    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            lines = dict(line.split(":") for line in file)
        return 1024 * int(lines["MemAvailable"].split()[0])
    except (OSError, KeyError):  # not Linux: at least what the machine has
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _size(count: float) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e8 else f"{count / 1e6:.2f} MB"
