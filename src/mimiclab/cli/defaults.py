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
    """Let `mimiclab` parse the one argument of a command with the defaults for these arguments."""

    def decorate(command: Callable[[Settings], int]) -> Callable[[Settings], int]:
        def parse(arguments: Sequence[str], prog: str) -> int:
            import tyro

            default = defaults(arguments)
            return command(tyro.cli(type(default), prog=prog, args=arguments, default=default))

        command.parse = parse  # pyright: ignore[reportFunctionMemberAccess]
        return command

    return decorate
