"""Progress bars on the terminal, for work whose steps somebody else counts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


class _Bar:
    """Used as `with`; the bar is gone afterwards."""

    def __init__(
        self, columns: "Sequence[ProgressColumn]", total: float | None = None, **fields: Any
    ) -> None:
        from rich.progress import Progress

        self._progress = Progress(*columns, transient=True)
        self._task = self._progress.add_task("", total=total, **fields)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


class StepBar(_Bar):
    """Control steps of episodes; the bar appears with the first one."""

    def __init__(self, doing: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

        super().__init__(
            [
                TextColumn(doing),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("control steps"),
                TimeRemainingColumn(),
            ]
        )

    def update(self, done: int, total: int) -> None:
        """Show how many steps are done, and of how many."""
        self._progress.update(self._task, completed=done, total=total)


class EpochBar(_Bar):
    """Epochs of an estimator's training, with its validation error."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, TextColumn

        columns = (
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("{task.percentage:.0f} %"),
            TextColumn("validation {task.fields[error]} m/s"),
            TextColumn("ETA {task.fields[eta]}"),
        )
        super().__init__(columns, total=1.0, epoch=0, error="-", eta="-")

    def update(self, line: dict[str, Any]) -> None:
        """Show the log line of an epoch."""
        from mimiclab.learning.progress import duration

        self._progress.update(
            self._task,
            completed=line["share"],
            epoch=line["epoch"],
            error=f"{line['validation_mae']:.4f}",
            eta=duration(line["eta_s"]),
        )
