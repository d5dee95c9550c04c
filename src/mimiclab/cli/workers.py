"""A batch spread over processes that end cleanly: on Ctrl-C, and when their parent dies."""

import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from mimiclab.errors import MimiclabError, MotionError

if TYPE_CHECKING:
    from concurrent.futures import ProcessPoolExecutor

Result = TypeVar("Result")
_FILES_FOR_A_WORKER = 8
"""Below this a process costs more time to start than it saves."""
_AHEAD = 4
"""Results of each worker that may wait for their turn."""


class Labelled(Protocol):
    """What work is done on: a motion source, or more than that."""

    @property
    def label(self) -> str:
        """What the user named; no two of a batch alike."""
        ...


class Outcome(Generic[Result]):
    """What became of one source: a result or the error that it ended in."""

    def __init__(self, source: Labelled, work: "Callable[[Any], Result]") -> None:
        self.label = source.label
        self.result: Result | None = None
        self.error: MimiclabError | None = None
        try:
            self.result = work(source)
        except MimiclabError as error:
            self.error = error
        except Exception as error:
            # One file that meets a defect of ours must not stop ten thousand others.
            self.error = MotionError(
                f"{source.label}: {type(error).__name__}: {error}; this is a defect of mimiclab, "
                "please report it with the file"
            )


def worker_count(asked: int | None, files: int) -> int:
    """Processes for so many files: as asked, at most one a file; None: one a core where it pays.

    Raises:
        MimiclabError: fewer than one asked for.
    """
    if asked is None:
        from mimiclab.simulation.threads import available_cores

        asked = min(available_cores(), files // _FILES_FOR_A_WORKER)
    elif asked < 1:
        raise MimiclabError(f"--workers {asked}: expected at least 1")
    return max(1, min(asked, files))


def run_parallel(
    sources: Sequence[Labelled], work: "Callable[[Any], Any]", count: int
) -> Iterator[Outcome]:
    """Outcomes as they come. Ctrl-C lets the files in work be finished and starts no others.

    A worker that is killed (out of memory, say) fails the files that were not done.
    """
    from concurrent.futures import as_completed

    with _pool(work, count) as pool:
        waiting = {pool.submit(_outcome, source): source for source in sources}
        for future in as_completed(waiting):
            yield _result(future, waiting[future])


def run_in_order(
    sources: Sequence[Labelled], work: "Callable[[Any], Any]", count: int
) -> Iterator[Outcome]:
    """Outcomes in the order of the sources; only a few wait at a time, so results may be large."""
    from collections import deque

    if count == 1:
        yield from (Outcome(source, work) for source in sources)
        return
    with _pool(work, count) as pool:
        waiting: deque[Any] = deque()
        for source in sources:
            waiting.append((pool.submit(_outcome, source), source))
            if len(waiting) > _AHEAD * count:
                yield _result(*waiting.popleft())
        while waiting:
            yield _result(*waiting.popleft())


@contextmanager
def _pool(work: "Callable[[Any], Any]", count: int) -> "Iterator[ProcessPoolExecutor]":
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # A fresh interpreter for each: a fork would copy the locks of threads that torch may have.
    pool = ProcessPoolExecutor(
        count,
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(pickle.dumps(work),),
    )
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _outcome(source: Labelled) -> Outcome:
    return Outcome(source, _work())


def _result(future: Any, source: Labelled) -> Outcome:
    from concurrent.futures.process import BrokenProcessPool

    def failed(_: Any) -> None:
        raise MotionError(
            f"{source.label}: a worker process was killed before this file was done; is the memory "
            "full? Try --workers 1"
        )

    try:
        return future.result()
    except BrokenProcessPool:
        return Outcome(source, failed)


_WORK: list[bytes] = []
"""In a worker: what to do with each source, sent once instead of with every file."""


@cache
def _work() -> "Callable[[Any], Any]":
    return pickle.loads(_WORK[0])


def _begin(work: bytes) -> None:
    """Set up a worker before it imports anything that counts threads."""
    _WORK[:] = [work]
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    # Ctrl-C reaches every process of the terminal; only the parent acts on it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from threading import Thread

    Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent() -> None:
    from multiprocessing import connection, parent_process

    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
