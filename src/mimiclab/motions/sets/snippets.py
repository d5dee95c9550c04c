"""Long clips cut into pieces that overlap, by MoCapAct's rule.

MoCapAct publishes its pieces of the CMU clips as a list; the rule was found from the list and gives
831 of the 836 clips exactly. The other five, of getting up, are left whole there.
"""

import re
from dataclasses import replace

from mimiclab.errors import MotionError
from mimiclab.motions.clip import MotionClip
from mimiclab.motions.mirror import MIRRORED

LONGEST_S = 6.3
"""MoCapAct's longest piece: 210 steps of 0.03 s."""
OVERLAP_S = 0.99
"""What neighbours share: 33 steps of 0.03 s."""


def snippet_bounds(steps: int, *, longest: int, overlap: int) -> list[tuple[int, int]]:
    """First and last frame of every piece of a clip of `steps` steps (one less than its frames).

    The fewest pieces k of n = floor((steps + overlap (k - 1)) / k) steps that begin every
    n - overlap steps, so that neither n nor the last one, which takes the rest, is over `longest`.

    Raises:
        MotionError: `overlap` is negative or not below `longest`.
    """
    if not 0 <= overlap < longest:
        raise MotionError(
            f"pieces of at most {longest} steps cannot share {overlap}; choose an overlap of 0 or "
            "more, below the longest piece"
        )
    pieces = 1
    while True:
        length = (steps + overlap * (pieces - 1)) // pieces
        start = (pieces - 1) * (length - overlap)
        if length <= longest and steps - start <= longest:
            firsts = [i * (length - overlap) for i in range(pieces)]
            return [(first, first + length) for first in firsts[:-1]] + [(start, steps)]
        pieces += 1


def cut_snippets(
    clip: MotionClip, *, longest_s: float = LONGEST_S, overlap_s: float = OVERLAP_S
) -> list[MotionClip]:
    """The pieces of a clip, named `CLIP-FIRST-LAST` by their frames, the last one inclusive.

    Raises:
        MotionError: the overlap is negative or not shorter than the longest piece.
    """
    bounds = snippet_bounds(
        clip.num_frames - 1,
        longest=round(longest_s * clip.fps),
        overlap=round(overlap_s * clip.fps),
    )
    return [replace(clip.cut(a, b + 1), name=f"{clip.name}-{a}-{b}") for a, b in bounds]


def origin(name: str) -> str:
    """The recording that a clip is of: the name without piece numbers and mirroring."""
    while True:
        short = re.sub(r"-\d+-\d+$|-[\d.]+s-([\d.]+s|end)$", "", name).removesuffix(MIRRORED)
        if short == name:
            return name
        name = short
