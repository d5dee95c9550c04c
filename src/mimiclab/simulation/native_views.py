"""Attribute access to a native simulation's arrays, in the manner of mjlab's Warp bridge."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from mimiclab.simulation import native_fields as fields

if TYPE_CHECKING:
    from mimiclab.simulation.native import NativeSimulation


class NativeData:
    """`sim.data`: float32 tensors `(num_envs, ...)` that share memory with the physics engine.

    A field is bound when it is first read. Tensors are kept as plain attributes, so that reading
    one afterwards costs an ordinary attribute lookup; `NativeSimulation` swaps those whose meaning
    changes between stepping and refreshing. Write in place: `data.qpos[:] = value`.
    """

    nworld: int

    def __init__(self, sim: "NativeSimulation") -> None:
        self.__dict__["_sim"] = sim
        self.__dict__["nworld"] = sim.num_envs

    @property
    def struct(self) -> Any:
        """MuJoCo Warp's data with this simulation's poses, for ray-cast and camera sensors."""
        return self._sim.warp_mirror.wp_data

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._sim.read_data_field(name)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"data.{name} cannot be replaced, as the engine reads its memory; "
            f"write in place: data.{name}[:] = value"
        )


class NativeModel:
    """`sim.model`: model fields as tensors, those that mjlab may randomise as `(num_envs, ...)`.

    Fields not expanded are one shared copy seen through a leading axis of stride 0: reading is
    free, and writing to one raises, as it would change every simulation.
    """

    def __init__(self, sim: "NativeSimulation") -> None:
        self._sim = sim
        self._shared: dict[str, torch.Tensor] = {}
        self.opt = NativeOption(sim)

    @property
    def struct(self) -> Any:
        """MuJoCo Warp's model, for ray-cast and camera sensors."""
        return self._sim.warp_mirror.wp_model

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        expanded = self._sim.expanded_tensor(name)
        if expanded is not None:
            return expanded
        if name in self._shared:
            return self._shared[name]
        value = getattr(self._sim.mj_model, name)
        if not isinstance(value, np.ndarray):
            return value
        tensor = to_float32(value)
        if fields.is_batched_model_field(name):
            tensor = tensor.reshape(fields.model_layout(name, tuple(tensor.shape)))
            tensor = tensor.expand(self._sim.num_envs, *tensor.shape)
        self._shared[name] = tensor
        return tensor


class NativeOption:
    """`sim.model.opt`: physics options, those that mjlab sees per simulation with that axis."""

    def __init__(self, sim: "NativeSimulation") -> None:
        self._sim = sim

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        value = getattr(self._sim.mj_model.opt, name)
        if not fields.is_batched_option(name):
            return value
        tensor = to_float32(np.asarray(value))
        return tensor.expand(self._sim.num_envs, *tensor.shape)


def to_float32(array: np.ndarray) -> torch.Tensor:
    """A tensor copy of `array` with real numbers in single precision, as mjlab's terms expect."""
    dtype = np.float32 if array.dtype == np.float64 else array.dtype
    return torch.from_numpy(np.array(array, dtype=dtype))
