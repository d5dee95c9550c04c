"""Commands whose defaults depend on some of their arguments, such as --preset."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Settings = TypeVar("Settings")


def given(arguments: Sequence[str], option: str) -> str | None:
    """The value of an option, such as `--preset`, before arguments are parsed; None without it."""
    found = None
    for i, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        if name.replace("_", "-") == option:
            found = value if equals else next(iter(arguments[i + 1 : i + 2]), None)
    return found


def with_defaults(
    defaults: Callable[[Sequence[str]], Settings],
) -> Callable[[Callable[[Settings], int]], Callable[[Settings], int]]:
    """Let `mimiclab` read the one argument of a command with the defaults for these arguments."""

    def decorate(command: Callable[[Settings], int]) -> Callable[[Settings], int]:
        def read(arguments: Sequence[str], prog: str) -> Settings:
            import tyro

            default = defaults(arguments)
            return tyro.cli(type(default), prog=prog, args=arguments, default=default)

        command.read = read  # pyright: ignore[reportFunctionMemberAccess]
        return command

    return decorate
