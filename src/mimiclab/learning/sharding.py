"""Dividing the clips of a library among processes, so that each holds and streams only its own."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args, get_type_hints

import numpy as np

from mimiclab.errors import MimiclabError, UnknownNameError
from mimiclab.learning.shard_cfg import ShardCfg
from mimiclab.maths.apportion import apportion

if TYPE_CHECKING:
    from mimiclab.learning.distributed import Ranks
    from mimiclab.motions.library import MotionLibrary

_GROUP_STRIDE = 10_007
"""Between the seeds of groups, as in MOSAIC."""


@dataclass(frozen=True)
class Shares:
    """The clips of every process: sorted numbers."""

    parts: list[list[int]]

    @property
    def differ(self) -> bool:
        """Whether processes have different clips."""
        return any(part != self.parts[0] for part in self.parts)

    def factors(self, process: int) -> list[float]:
        """What to multiply the weights of a process's clips by: 1 / processes that hold the clip.

        Then the mean over processes is what one process with all of their clips would draw.
        """
        counts = np.bincount(np.concatenate([np.asarray(part) for part in self.parts]))
        return (1.0 / counts[self.parts[process]]).tolist()


def share_library(
    library: "MotionLibrary", cfg: ShardCfg, place: "Ranks", *, same_clips: bool = False
) -> "tuple[MotionLibrary, bool]":
    """The clips of this process, and whether other processes have other ones.

    `same_clips`: the policy knows clips by their numbers, so all processes must have all of them.

    Raises:
        MimiclabError: see `divide`; or clips were to be divided or left out although all
            processes must have all of them.
    """
    if same_clips:
        if cfg.cap is not None or cfg.strategy in ("chunk", "stride"):
            raise MimiclabError(
                "the policy observes the number of the clip (--motion-id), so every process needs "
                f"all {library.num_clips} clips, but --shard.strategy {cfg.strategy} --shard.cap "
                f"{cfg.cap} would leave some out; give neither"
            )
        return library, False
    local = cfg.by == "local"
    count, mine = (
        (place.local_world_size, place.local_rank) if local else (place.world_size, place.rank)
    )
    names = library.group_names
    # What a clip adds to the draws, so that the processes' means are alike.
    lengths = (library.durations_s * library.clip_weights).tolist()
    shares = divide(lengths, [names[i] for i in library.clip_group.tolist()], count, cfg)
    part = shares.parts[mine]
    if len(part) == library.num_clips:
        return library, False
    return library.select(part, shares.factors(mine)), shares.differ


def divide(lengths: Sequence[float], groups: Sequence[str], count: int, cfg: ShardCfg) -> Shares:
    """The clips of `count` processes, from the length and the motion group of each clip.

    The strategies and seeds are MOSAIC's, but its chunks of `ceil(clips / processes)` could leave
    the last process with fewer clips than the others, or none; here they differ by one at most.

    Raises:
        UnknownNameError: no such strategy.
        MimiclabError: a process would have no clips, or the cap is too small for the groups.
    """
    kinds = get_args(get_type_hints(ShardCfg)["strategy"])
    if cfg.strategy not in kinds:
        raise UnknownNameError("strategy of sharding", cfg.strategy, kinds)
    present = sorted(set(groups))
    if cfg.strategy in ("chunk", "stride") and len(lengths) < count:
        raise MimiclabError(
            f"{len(lengths)} clips cannot be divided among {count} processes: --shard.strategy "
            f"{cfg.strategy} would leave {count - len(lengths)} of them without any; start at "
            f"most {len(lengths)} processes, or use balanced or none, which give all clips to "
            "all processes"
        )
    if cfg.cap is not None and cfg.cap < len(present):
        raise MimiclabError(
            f"--shard.cap {cfg.cap} leaves a process without clips of some motion group: there "
            f"are {len(present)} ({', '.join(present)}); give at least as many"
        )
    members = [[i for i, group in enumerate(groups) if group == name] for name in present]
    caps: list[int | None] = [None] * len(present)
    if cfg.cap is not None:
        caps = [*apportion(cfg.cap, [len(each) for each in members])]
    parts: list[list[int]] = [[] for _ in range(count)]
    for number, (clips, cap) in enumerate(zip(members, caps, strict=True)):
        # One group alone is shuffled by the seed itself.
        seed = cfg.seed + (number + 1) * _GROUP_STRIDE * (len(present) > 1)
        for part, more in zip(parts, _split(clips, lengths, count, cfg, cap, seed), strict=True):
            part += more
    return Shares([sorted(part) for part in parts])


def _split(
    clips: list[int],
    lengths: Sequence[float],
    count: int,
    cfg: ShardCfg,
    cap: int | None,
    seed: int,
) -> list[list[int]]:
    """The clips of one group for each process."""
    shuffled = np.random.default_rng(seed).permutation(clips).tolist()
    if cfg.strategy == "none" or len(clips) < count:
        return [shuffled[:cap]] * count
    kept = shuffled if cap is None else shuffled[: count * cap]
    if cfg.strategy == "stride":
        return [kept[i::count] for i in range(count)]
    if cfg.strategy == "chunk":
        ends = [len(kept) * i // count for i in range(count + 1)]
        return [kept[ends[i] : ends[i + 1]] for i in range(count)]
    return _balanced(sorted(kept), lengths, count, cap)


def _balanced(
    clips: list[int], lengths: Sequence[float], count: int, cap: int | None
) -> list[list[int]]:
    """Longest first, each clip to the process that has the least and has room."""
    parts: list[list[int]] = [[] for _ in range(count)]
    # Load, then number: ties go to the lower one, so every process comes to the same shares.
    least = [(0.0, i) for i in range(count)]
    for clip in sorted(clips, key=lambda c: (-lengths[c], c)):
        load, owner = heapq.heappop(least)
        parts[owner].append(clip)
        if cap is None or len(parts[owner]) < cap:
            heapq.heappush(least, (load + lengths[clip], owner))
    return parts
