"""Which MuJoCo fields exist once per simulation, in what layout, and at which stage they follow."""

from functools import lru_cache
from math import prod
from typing import Any

import mujoco
import mujoco_warp as mjwarp

STATE_FIELDS = frozenset(
    {
        "time", "qpos", "qvel", "act", "history", "qacc_warmstart", "ctrl", "qfrc_applied",
        "xfrc_applied", "eq_active", "mocap_pos", "mocap_quat", "userdata", "plugin_state",
        "warning",
    }
)  # fmt: skip
"""Inputs of a physics step: what is written here is the simulation's state at its next call."""

KINEMATIC_FIELDS = frozenset(
    {
        "xpos", "xquat", "xmat", "xipos", "ximat", "xanchor", "xaxis", "geom_xpos", "geom_xmat",
        "site_xpos", "site_xmat", "cam_xpos", "cam_xmat", "light_xpos", "light_xdir",
        "subtree_com", "cdof", "cinert", "crb", "cvel", "cdof_dot", "ten_length", "ten_velocity",
        "actuator_length", "actuator_velocity", "qfrc_bias",
    }
)  # fmt: skip
"""Outputs that follow from qpos, qvel and the model alone: no contacts, no actuators."""

KINEMATIC_MODEL_FIELDS = frozenset(
    {
        "qpos0", "body_pos", "body_quat", "body_ipos", "body_iquat", "body_mass",
        "body_subtreemass", "body_inertia", "jnt_pos", "jnt_axis", "dof_armature", "geom_pos",
        "geom_quat", "site_pos", "site_quat", "cam_pos", "cam_quat", "light_pos", "light_dir",
        "actuator_gear",
    }
)  # fmt: skip
"""Model fields that the kinematic outputs depend on."""

_FROM_CONSTRAINTS = {
    getattr(mujoco.mjtSensor, f"mjSENS_{name}")
    for name in (
        "CONTACT", "JOINTLIMITPOS", "JOINTLIMITVEL", "TENDONLIMITPOS", "TENDONLIMITVEL", "PLUGIN",
        "USER",
    )
}  # fmt: skip


def is_kinematic_sensor(model: mujoco.MjModel, index: int) -> bool:
    """Whether a sensor follows from poses and velocities alone.

    Not so: those evaluated with accelerations or forces (accelerometer, touch...), those that read
    contacts or active limits, and plugins, which may read anything.
    """
    late = model.sensor_needstage[index] == mujoco.mjtStage.mjSTAGE_ACC
    return not late and model.sensor_type[index] not in _FROM_CONSTRAINTS


def kinematic_sensor_columns(model: mujoco.MjModel) -> list[tuple[int, int]]:
    """Ranges of `sensordata` that belong to kinematic sensors, merged, as (start, stop)."""
    ranges: list[tuple[int, int]] = []
    for i in range(model.nsensor):
        if not is_kinematic_sensor(model, i):
            continue
        start = int(model.sensor_adr[i])
        stop = start + int(model.sensor_dim[i])
        if ranges and ranges[-1][1] == start:
            ranges[-1] = (ranges[-1][0], stop)
        else:
            ranges.append((start, stop))
    return ranges


@lru_cache(maxsize=1)
def _batched_model_fields() -> dict[str, tuple[int, ...]]:
    return _batched(mjwarp.Model)


@lru_cache(maxsize=1)
def _batched_option_fields() -> dict[str, tuple[int, ...]]:
    return _batched(mjwarp.Option)


def _batched(struct: Any) -> dict[str, tuple[int, ...]]:
    # mjlab's terms are written against MuJoCo Warp's layouts (matrices are 3 x 3, boxes 2 x 3), so
    # its annotations are the one source of truth for which fields have a leading simulation axis.
    found = {}
    for name, field in struct.__dataclass_fields__.items():
        shape = getattr(field.type, "shape", None)
        if shape and shape[0] == "*":
            tail = [size for size in shape[1:] if isinstance(size, int)]
            found[name] = (*tail, *(getattr(field.type.dtype, "_shape_", None) or ()))
    return found


def is_batched_model_field(name: str) -> bool:
    """Whether mjlab expects `sim.model.<name>` to have a leading simulation axis."""
    return name in _batched_model_fields()


def is_batched_option(name: str) -> bool:
    """Whether mjlab expects `sim.model.opt.<name>` to have a leading simulation axis."""
    return name in _batched_option_fields()


def model_layout(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` (leading axes included) of a model field with mjlab's trailing axes.

    MuJoCo stores `cam_mat0` as (ncam, 9); mjlab's terms index (ncam, 3, 3).
    """
    tail = _batched_model_fields().get(name, ())
    return _with_tail(shape, tail)


def data_layout(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` of a batched data field with mjlab's trailing axes: matrices are (..., 3, 3)."""
    return _with_tail(shape, (3, 3)) if name.endswith("mat") else shape


def _with_tail(shape: tuple[int, ...], tail: tuple[int, ...]) -> tuple[int, ...]:
    if len(tail) == 2 and shape[-1] == prod(tail):
        return (*shape[:-1], *tail)
    return shape
