"""How clips are divided among the processes of a training, apart from the code that does it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(kw_only=True)
class ShardCfg:
    """Which clips each process of a group gets. One process has all, unless `cap` is given.

    With motion groups each is divided by itself, so every process has clips of all of them; one
    with fewer clips than processes is given to all of them whole, at a weight that makes up for it.
    """

    strategy: Literal["balanced", "chunk", "stride", "none"] = "balanced"
    """`balanced`: longest (times weight) first, each to whoever has least; `chunk` and `stride`:
    equal numbers, of shuffled clips one after the other or every n-th; `none`: all clips to all."""
    cap: int | None = None
    """Most clips of a process, all groups together; which ones, `seed` decides. Clips that no
    process has are not trained on."""
    seed: int = 0
    """Shuffles the clips for `chunk`, `stride` and `cap`."""
    by: Literal["global", "local"] = "global"
    """`local` divides the clips among the processes of one machine, and gives each machine all."""
