"""Configuration dataclasses to plain JSON values and back, strictly."""

import dataclasses
import difflib
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
    unknown = sorted(set(map(str, data)) - known)
    if unknown:
        near = [n for name in unknown for n in difflib.get_close_matches(name, known, n=1)]
        advice = f" (did you mean {', '.join(near)}?)" if near else ""
        raise CheckpointError(
            f"{where}: unknown settings {', '.join(unknown)}{advice}; this version knows "
            f"{', '.join(sorted(known))}. Was it written by another version of mimiclab?"
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
    if origin is typing.Literal:
        _require(data in arguments, data, f"one of {', '.join(map(str, arguments))}", where)
    elif origin is tuple:
        _require(isinstance(data, (list, tuple)), data, "a list", where)
        if arguments[1:] != (Ellipsis,):
            _require(len(data) == len(arguments), data, f"{len(arguments)} values", where)
        else:
            arguments = arguments[:1] * len(data)
        return tuple(_value(k, item, where) for k, item in zip(arguments, data, strict=True))
    elif origin is dict:
        _require(isinstance(data, dict), data, "an object", where)
        return {key: _value(arguments[1], item, where) for key, item in data.items()}
    elif kind is float:
        is_number = isinstance(data, (int, float)) and not isinstance(data, bool)
        _require(is_number, data, "a number", where)
        return float(data)
    elif kind in _SCALARS:
        _require(type(data) is kind, data, _SCALARS[kind], where)
    return data


_SCALARS = {bool: "true or false", int: "a whole number", str: "text"}


def _require(condition: bool, data: Any, expected: str, where: str) -> None:
    if not condition:
        raise CheckpointError(f"{where} is {data!r}, expected {expected}")
