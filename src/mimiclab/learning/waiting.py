"""How long a process waits for the others: in collective operations, whoever calls them."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import torch
import torch.distributed as dist

from mimiclab.learning import distributed

_OPERATIONS = (
    "all_reduce",
    "broadcast",
    "barrier",
    "all_gather_object",
    "broadcast_object_list",
)


class Waiting:
    """Counts the seconds spent in collective operations while it is entered.

    In such an operation a process waits for the slowest one, and for the transfer. rsl_rl calls
    them by their names in `torch.distributed`, so these are replaced meanwhile. Operations on GPU
    tensors return at once: there the time is taken by events on the GPU's own clock.
    """

    def __init__(self) -> None:
        self._seconds = 0.0
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
        self._originals: dict[str, Callable[..., Any]] = {}
        self._since = time.perf_counter()

    def __enter__(self) -> "Waiting":
        """Begin to count, if there are other processes."""
        self._since = time.perf_counter()
        if distributed.is_grouped():
            self._originals = {name: getattr(dist, name) for name in _OPERATIONS}
            for name, operation in self._originals.items():
                setattr(dist, name, self._timed(operation))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Put the operations back."""
        for name, operation in self._originals.items():
            setattr(dist, name, operation)
        self._originals = {}

    def report(self) -> dict[str, float]:
        """What was lost since the last call, or since entering; empty where one process is alone.

        All processes must call it together. `waiting_s` is the mean over them,
        `parallel_efficiency` the share of their time that was not spent waiting or exchanging.
        That says nothing of cores, memory or disks that the processes share.
        """
        now, waited = time.perf_counter(), self._take()
        lasted, self._since = now - self._since, now
        if not self._originals:
            return {}
        mean_waited, mean_lasted = distributed.mean_state([waited, lasted])
        return {
            "waiting_s": mean_waited,
            "parallel_efficiency": 1.0 - mean_waited / max(mean_lasted, 1e-9),
        }

    def _take(self) -> float:
        """Seconds of this process since the last call."""
        for began, ended in self._events:
            ended.synchronize()
            self._seconds += 1e-3 * began.elapsed_time(ended)
        seconds, self._seconds, self._events = self._seconds, 0.0, []
        return seconds

    def _timed(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if args and isinstance(args[0], torch.Tensor) and args[0].is_cuda:
                began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
                began.record()
                result = operation(*args, **kwargs)
                ended.record()
                self._events.append((began, ended))
                return result
            start = time.perf_counter()
            result = operation(*args, **kwargs)
            self._seconds += time.perf_counter() - start
            return result

        return wrapped
