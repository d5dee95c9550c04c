"""Named presets: arguments that stand for a published training, `mimiclab train exp:NAME`.

A package brings its own through entry points of the group `mimiclab.presets`: the name of one is
the preset's, its value `module:OBJECT`, a `Preset`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points

from mimiclab.errors import UnknownNameError

PREFIX = "exp:"
"""What a preset's name begins with on the command line, as in Holosoma."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A command and the first of its arguments; those that follow overrule them."""

    command: str
    """Words of the command, for example `train velocity`."""
    arguments: str
    """Options, as they would be typed."""
    about: str
    """One line for the list."""


_SHIPPED = {
    f"{name}{variant}": Preset(
        command="train velocity",
        arguments=f"--preset gpu --robot {robot} --algorithm {algorithm}",
        about="walking, Holosoma",
    )
    for name, robot in (
        ("g1-29dof", "unitree_g1"),
        ("t1-29dof", "booster_t1_29"),
        ("k1-22dof", "booster_k1"),
    )
    for variant, algorithm in (("", "ppo"), ("-fast-sac", "fastsac"))
}


def presets() -> dict[str, Preset]:
    """All presets by name: those of other packages first, then ours."""
    found = {entry.name: entry.load() for entry in entry_points(group="mimiclab.presets")}
    return found | _SHIPPED


def expand(arguments: Sequence[str]) -> list[str]:
    """Command-line arguments with `train exp:NAME` written out; others as they are.

    Raises:
        UnknownNameError: no such preset.
    """
    if len(arguments) < 2 or not arguments[1].startswith(PREFIX):
        return list(arguments)
    name = arguments[1].removeprefix(PREFIX)
    known = presets()
    if name not in known:
        raise UnknownNameError("preset", name, known)
    preset = known[name]
    return [*preset.command.split(), *preset.arguments.split(), *arguments[2:]]


def list_presets() -> None:
    """Show the named presets, and the arguments that each stands for."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, title="mimiclab train exp:NAME [more options]")
    for heading in ("name", "stands for", ""):
        table.add_column(heading, overflow="fold")
    for name, preset in presets().items():
        table.add_row(name, f"{preset.command} {preset.arguments}", preset.about)
    Console().print(table, markup=False)
