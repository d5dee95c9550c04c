"""Several processes training one policy, started by torchrun; without it all of this is a no-op."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from mimiclab.errors import EngineError

T = TypeVar("T")


@dataclass(frozen=True)
class Ranks:
    """Place of this process in the group."""

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0
    local_world_size: int = 1

    @property
    def is_main(self) -> bool:
        """The process that prints and writes files."""
        return self.rank == 0


def ranks() -> Ranks:
    """Read torchrun's environment variables."""

    def read(name: str, default: int) -> int:
        return int(os.environ.get(name) or default)

    world = read("WORLD_SIZE", 1)
    return Ranks(read("RANK", 0), world, read("LOCAL_RANK", 0), read("LOCAL_WORLD_SIZE", world))


def pick_device(device: str | None, place: Ranks | None = None) -> str:
    """Resolve the device of this process: in a group on GPUs, the one of its local rank.

    Raises:
        EngineError: a CUDA device was asked for and there is none, or too few.
    """
    place = place or ranks()
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device is None:
        device = "cuda" if count else "cpu"
    if device == "cpu":
        return device
    if not device.startswith("cuda"):
        raise EngineError(f"unknown device {device!r}; expected cpu, cuda or cuda:N")
    index = int(device.partition(":")[2] or 0) if place.world_size == 1 else place.local_rank
    if index >= count:
        raise EngineError(
            f"device cuda:{index} was asked for, but {count} CUDA device(s) are visible here; "
            "use --device cpu, or start fewer processes"
        )
    return f"cuda:{index}"


def start(device: str) -> Ranks:
    """Join the process group: NCCL between GPUs, gloo between CPUs. Once for a process."""
    place = ranks()
    if place.world_size > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    return place


def stop() -> None:
    """Leave the process group."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def is_grouped() -> bool:
    """Whether this process is one of several."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def sum_tensor(value: torch.Tensor) -> torch.Tensor:
    """Sum over all processes; returns a new tensor."""
    value = value.clone()
    if is_grouped():
        dist.all_reduce(value)
    return value


def average_gradients(parameters: Iterable[torch.Tensor]) -> None:
    """Average the gradients of some parameters over all processes, in one message."""
    if not is_grouped():
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = sum_tensor(torch.cat([g.flatten() for g in gradients])) / dist.get_world_size()
    parts = flat.split([g.numel() for g in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def mean_state(state: Any) -> Any:
    """Average the floats and floating-point tensors in nested dicts and lists over all processes.

    Other values stay as they are in this process.
    """
    if isinstance(state, torch.Tensor) and state.is_floating_point():
        return sum_tensor(state) / dist.get_world_size() if is_grouped() else state
    if isinstance(state, float):
        return float(mean_state(torch.tensor(state, dtype=torch.float64, device=_device())))
    if isinstance(state, dict):
        return {key: mean_state(state[key]) for key in state}
    if isinstance(state, (list, tuple)):
        return type(state)(mean_state(item) for item in state)
    return state


def _device() -> str:
    """Where tensors must live to be sent: NCCL sends only from GPUs."""
    return "cuda" if is_grouped() and dist.get_backend() == "nccl" else "cpu"


def gather(value: T) -> list[T]:
    """The `value` of every process, in rank order, in every process (slow: pickles)."""
    if not is_grouped():
        return [value]
    out: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(out, value)
    return out


def from_main(value: T) -> T:
    """The `value` of the main process, in every process."""
    if not is_grouped():
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def wait_for_all() -> None:
    """Return when every process has come here."""
    if is_grouped():
        dist.barrier()


def any_process(flag: bool, device: str = "cpu") -> bool:
    """Whether `flag` is set in at least one process."""
    if not is_grouped():
        return flag
    return bool(sum_tensor(torch.tensor(float(flag), device=device)) > 0)
