"""BeyondMimic's and MOSAIC's npz: unnamed axes in Isaac's breadth-first order; see `unnamed_npz`.

Isaac stores the velocities of the centres of mass in `body_lin_vel_w`; files written here hold
those of the link origins, which agree with `body_pos_w`.
"""

from pathlib import Path

import numpy as np

from mimiclab.motions.clip import MotionClip
from mimiclab.motions.formats.base import Content, MotionFile, MotionFormat, ReadOptions
from mimiclab.motions.formats.unnamed_npz import arrays_in_order, read_as, recognise_as

_NAME, _ORDER = "beyondmimic_npz", "isaac"


def _recognise(content: Content, robot: str | None) -> bool:
    return recognise_as(content, robot, _ORDER)


def _read(content: Content, options: ReadOptions) -> MotionFile:
    return read_as(content, options, _NAME, _ORDER)


def _write(clip: MotionClip, path: Path) -> None:
    np.savez(path, allow_pickle=False, **arrays_in_order(clip, _ORDER))


FORMAT = MotionFormat(
    name=_NAME,
    suffix=".npz",
    summary="BeyondMimic/MOSAIC npz: unnamed, Isaac (breadth-first) order, checked by kinematics",
    recognise=_recognise,
    read=_read,
    write=_write,
)
