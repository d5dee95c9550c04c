"""What a training shows: a live table on a terminal, plain lines elsewhere."""

import sys
import time
from typing import Any, Literal

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

_LINE_SECONDS = 10.0


class Progress:
    """A log sink that shows each iteration. `goal` fields come with the line: share and eta_s."""

    def __init__(self, title: str, mode: Literal["auto", "live", "lines", "none"] = "auto") -> None:
        self.title = title
        if mode == "auto":
            mode = "live" if sys.stdout.isatty() else "lines"
        self.mode = mode
        self._console = Console(highlight=False, soft_wrap=mode == "lines")
        self._live = Live(console=self._console, auto_refresh=False) if mode == "live" else None
        self._last = -float("inf")
        if self._live:
            self._live.start()

    def write(self, line: dict[str, Any]) -> None:
        """Show one iteration; lines come at most every 10 s."""
        if self._live:
            self._live.update(self._table(line), refresh=True)
        elif self.mode == "lines" and time.monotonic() - self._last >= _LINE_SECONDS:
            self._last = time.monotonic()
            self._console.print(plain_line(line))

    def say(self, text: str) -> None:
        """Print a sentence above the table."""
        if self.mode != "none":
            self._console.print(text)

    def close(self) -> None:
        """Leave the last table on the screen."""
        if self._live:
            self._live.stop()

    def _table(self, line: dict[str, Any]) -> Group:
        head = Text(f"{self.title}   ", style="bold")
        head.append(plain_line(line), style="default")
        grid = Table.grid(padding=(0, 3))
        columns = []
        for section in ("rewards", "metrics", "terminations", "sampler", "curriculum", "losses"):
            entries = {k: v for k, v in line.get(section, {}).items() if v is not None}
            if not entries:
                continue
            table = Table(title=section, box=None, show_header=False, title_justify="left")
            for key, value in entries.items():
                table.add_row(key, f"{value:.4g}")
            columns.append(table)
            grid.add_column()
        if columns:
            grid.add_row(*columns[:3])
            if columns[3:]:
                grid.add_row(*columns[3:])
        bar = ProgressBar(total=1.0, completed=line["share"], width=60)
        return Group(head, bar, grid)


def plain_line(line: dict[str, Any]) -> str:
    """One sentence of numbers for an iteration."""
    parts = [
        f"update {line['iteration']}",
        f"{line['env_steps'] / 1e6:.2f} M steps",
        f"{line['steps_per_s']:,.0f} steps/s",
    ]
    if line["mean_episode_length"] is not None:
        parts.append(f"episode {line['mean_episode_length']:.0f} steps")
        parts.append(f"reward {line['mean_reward']:.2f}")
    metrics = line.get("metrics", {})
    errors = [key for key in metrics if "mpjpe" in key] or [
        key for key in metrics if "error" in key
    ]
    parts += [f"{key} {metrics[key]:.3g}" for key in errors[:2]]
    levels = [v for k, v in line.get("curriculum", {}).items() if k.endswith("difficulty")]
    parts += [f"difficulty {level:.2f}" for level in levels]
    parts.append(f"std {line['action_std']:.2f}")
    parts.append(f"{line['share']:.0%}")
    if line["eta_s"] is not None:
        parts.append(f"ETA {duration(line['eta_s'])}")
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Seconds as 1:02:03 or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
