"""A bar on the terminal for downloads that take their time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

QUIET_S = 2.0
"""Downloads that end sooner show nothing, s."""


@contextmanager
def bar_for(words: str, file: Path, total: int | None) -> Iterator[None]:
    """Show how `file` grows to `total` bytes while the block runs; None if that is not known."""
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(words, file, total, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _watch(words: str, file: Path, total: int | None, done: threading.Event) -> None:
    if done.wait(QUIET_S):
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(f"fetching {words.rpartition('/')[2]}", total=total)
        if not console.is_terminal:
            console.print(f"fetching {words}", highlight=False, soft_wrap=True)
        while not done.wait(0.2):
            bar.update(task, completed=file.stat().st_size if file.exists() else 0)
