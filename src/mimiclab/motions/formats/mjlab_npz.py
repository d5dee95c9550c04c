"""mjlab's tracking npz: bodies and joints in MuJoCo order, unnamed; see `unnamed_npz`."""

from mimiclab.motions.formats.unnamed_npz import unnamed_format

FORMAT = unnamed_format(
    "mjlab_npz",
    "mujoco",
    "mjlab npz: unnamed, MuJoCo (depth-first) order, checked by kinematics",
)
