"""BeyondMimic's and MOSAIC's npz: unnamed axes in Isaac's breadth-first order; see `unnamed_npz`.

Isaac stores the velocities of the centres of mass in `body_lin_vel_w`; files written here hold
those of the link origins, which agree with `body_pos_w`.
"""

from mimiclab.motions.formats.unnamed_npz import unnamed_format

FORMAT = unnamed_format(
    "beyondmimic_npz",
    "isaac",
    "BeyondMimic/MOSAIC npz: unnamed, Isaac (breadth-first) order, checked by kinematics",
)
