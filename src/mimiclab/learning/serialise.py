"""Configuration dataclasses to plain JSON values and back, strictly."""

import dataclasses
import types
import typing
from typing import Any, TypeVar

from mimiclab.errors import CheckpointError

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """Dataclasses, tuples and dicts as JSON values: dicts, lists, strings, numbers, None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise TypeError(f"cannot store a {type(value).__name__} in a run's configuration: {value!r}")


def from_plain(cls: type[T], data: Any, where: str = "") -> T:
    """Rebuild a dataclass written by `to_plain`. Absent fields take their defaults.

    Raises:
        CheckpointError: a field that this version does not know, or a value of another shape.
    """
    where = where or cls.__name__
    if not isinstance(data, dict):
        raise CheckpointError(f"{where}: expected an object, got {type(data).__name__}")
    hints = typing.get_type_hints(cls)
    known = {f.name for f in dataclasses.fields(cls) if f.init}  # type: ignore[arg-type]
    unknown = sorted(set(data) - known)
    if unknown:
        raise CheckpointError(
            f"{where}: unknown settings {', '.join(unknown)}; this version knows "
            f"{', '.join(sorted(known))}. Was the run made by another version of mimiclab?"
        )
    fields = {key: _value(hints[key], item, f"{where}.{key}") for key, item in data.items()}
    return cls(**fields)


def _value(kind: Any, data: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if data is None and type(None) in arguments:
            return None
        inner = [a for a in arguments if a is not type(None)]
        return _value(inner[0], data, where) if len(inner) == 1 else data
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return from_plain(kind, data, where)
    if origin is tuple and isinstance(data, list):
        inner = arguments[0] if arguments else Any
        each = [inner] * len(data) if len(arguments) != len(data) else list(arguments)
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            each = [inner] * len(data)
        return tuple(_value(k, item, where) for k, item in zip(each, data, strict=True))
    if origin is dict and isinstance(data, dict):
        return {key: _value(arguments[1], item, where) for key, item in data.items()}
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    return data
