"""The machine that a pickle is a program for, with every step that could run code replaced.

It knows a fixed list of names, none of which stands for the real function: what a pickle may call
makes lists, dicts, sets, bytes, and the descriptions of arrays in `pickled_arrays`. Each step costs
some of the file's memory budget.
"""

import io
import math
import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from mimiclab.motions.formats.memory import MemoryBudget
from mimiclab.motions.formats.pickled_arrays import (
    JoblibArray,
    PickledArray,
    PickledDtype,
    PickleRefused,
    array_from_bytes,
    shape_of,
)

ATOMS = (str, bytes, int, float, bool, type(None))
"""Types of values that hold no others."""
_STEP_BYTES = 96
"""What one step can allocate besides strings and arrays: an empty dict and its places."""
_Machine: Any = pickle._Unpickler  # type: ignore[attr-defined]
"""The pure-Python one of the standard library, whose steps are a table."""


class _Allowed:
    """A name that a pickle may use, and what we do for it. Has no attributes to tamper with."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make = make


class _CountedSteps(dict):
    """The machine's table of steps, each of which costs some of the budget."""

    def __init__(self, table: dict, budget: MemoryBudget) -> None:
        super().__init__(table)
        self.budget = budget

    def __getitem__(self, step: int) -> Any:
        self.budget.spend(_STEP_BYTES, "unpickling it")
        if step not in self:
            raise PickleRefused(f"an instruction that data do not need (code {step})")
        return super().__getitem__(step)


class DataUnpickler(_Machine):
    """The pure-Python machine of the standard library, with every step that could call replaced."""

    def __init__(self, stream: io.BytesIO, budget: MemoryBudget) -> None:
        super().__init__(stream, encoding="latin1")
        self.stream = stream
        self.budget = budget
        self.names = _names(budget)
        self.dispatch = _CountedSteps(_STEPS, budget)

    def find_class(self, module: str, name: str) -> _Allowed:
        """What a name stands for; only those on the list."""
        if (module, name) not in self.names:
            raise PickleRefused(f"{module}.{name}"[:200])
        return self.names[module, name]

    def _call(self) -> None:
        arguments, function = self.stack.pop(), self.stack[-1]
        if not isinstance(function, _Allowed) or not isinstance(arguments, tuple):
            raise PickleRefused(f"a call of {type(function).__name__}")
        self.stack[-1] = function.make(*arguments)

    def _build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(target, PickledArray | PickledDtype | JoblibArray):
            raise PickleRefused(f"attributes of {type(target).__name__}")
        target.set_state(state)
        if isinstance(target, JoblibArray):
            self.stack[-1] = self._array_in_stream(target.state)

    def _array_in_stream(self, state: dict) -> Any:
        dtype, shape = state.get("dtype"), shape_of(state.get("shape"))
        if not isinstance(dtype, PickledDtype):
            raise PickleRefused("a joblib array without a dtype")
        if dtype.holds_objects:
            return DataUnpickler(self.stream, self.budget).load()
        if state.get("numpy_array_alignment_bytes") is not None:
            padding = self.stream.read(1)
            self.stream.read(padding[0] if padding else 0)
        count = math.prod(shape) * dtype.dtype().itemsize
        if count > len(self.stream.getbuffer()):
            raise PickleRefused("a joblib array whose bytes do not fit its shape")
        raw = self.stream.read(count)
        return array_from_bytes(raw, dtype, shape, state.get("order") == "F", self.budget)

    def _long_bytes(self) -> None:
        count = int.from_bytes(self.read(8), "little")
        if count > len(self.stream.getbuffer()):
            raise PickleRefused("bytes beyond its end")
        self.append(self.read(count))

    def _set_items(self) -> None:
        items = self.pop_mark()
        self._fill(self.stack[-1], items)

    def _set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._fill(self.stack[-1], [key, value])

    def _old_dict(self) -> None:
        items = self.pop_mark()
        found: dict = {}
        self._fill(found, items)
        self.append(found)

    def _fill(self, target: Any, items: list) -> None:
        # Hashing deeply nested tuples overflows the interpreter's own stack, so keys are plain.
        if not isinstance(target, dict) or not all(isinstance(k, ATOMS) for k in items[::2]):
            raise PickleRefused("a dict with keys that are neither strings nor numbers")
        target.update(zip(items[::2], items[1::2], strict=True))

    def _extend(self) -> None:
        items = self.pop_mark()
        self._extend_list(self.stack[-1], items)

    def _append_one(self) -> None:
        value = self.stack.pop()
        self._extend_list(self.stack[-1], [value])

    def _extend_list(self, target: Any, items: list) -> None:
        if not isinstance(target, list):
            raise PickleRefused(f"items for a {type(target).__name__}")
        target.extend(items)

    def _add_items(self) -> None:
        items = self.pop_mark()
        if not isinstance(self.stack[-1], set):
            raise PickleRefused("items for something that is no set")
        self.stack[-1].update(_plain(items))

    def _frozen_set(self) -> None:
        self.append(frozenset(_plain(self.pop_mark())))


def _counted_text(step: Callable[[Any], None]) -> Callable[[DataUnpickler], None]:
    """The step for a string, which may take four bytes for every letter."""

    def counted(machine: DataUnpickler) -> None:
        step(machine)
        machine.budget.spend(sys.getsizeof(machine.stack[-1]), "a string")

    return counted


_REFUSED_STEPS = (
    pickle.OBJ, pickle.INST, pickle.NEWOBJ_EX, pickle.PERSID, pickle.BINPERSID, pickle.EXT1,
    pickle.EXT2, pickle.EXT4, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER,
)  # fmt: skip
_OWN_STEPS = {
    pickle.REDUCE: DataUnpickler._call,
    pickle.NEWOBJ: DataUnpickler._call,
    pickle.BUILD: DataUnpickler._build,
    pickle.BYTEARRAY8: DataUnpickler._long_bytes,
    pickle.SETITEMS: DataUnpickler._set_items,
    pickle.SETITEM: DataUnpickler._set_item,
    pickle.DICT: DataUnpickler._old_dict,
    pickle.APPENDS: DataUnpickler._extend,
    pickle.APPEND: DataUnpickler._append_one,
    pickle.ADDITEMS: DataUnpickler._add_items,
    pickle.FROZENSET: DataUnpickler._frozen_set,
}
_TEXT_STEPS = (
    pickle.UNICODE, pickle.BINUNICODE, pickle.SHORT_BINUNICODE, pickle.BINUNICODE8, pickle.STRING,
    pickle.BINSTRING, pickle.SHORT_BINSTRING,
)  # fmt: skip
_STEPS = {
    code: _counted_text(step) if bytes([code]) in _TEXT_STEPS else step
    for code, step in _Machine.dispatch.items()
    if bytes([code]) not in _REFUSED_STEPS
} | {code[0]: step for code, step in _OWN_STEPS.items()}


def _names(budget: MemoryBudget) -> dict[tuple[str, str], _Allowed]:
    """Every name that a pickle may use, with what it stands for here."""

    def rebuilt(*_: Any) -> PickledArray:
        return PickledArray(budget)

    def buffered(raw: Any, dtype: Any, shape: Any, order: Any = "C", *_: Any) -> np.ndarray:
        return array_from_bytes(raw, dtype, shape, order == "F", budget)

    def scalar(dtype: Any, raw: Any) -> Any:
        return array_from_bytes(raw, dtype, (), False, budget)[()]

    def encoded(text: Any = b"", codec: Any = "latin1") -> bytes:
        if not isinstance(text, str | bytes | bytearray) or codec not in ("latin1", "latin-1"):
            raise PickleRefused("bytes in another coding than latin1")
        budget.spend(len(text), "bytes")
        return text.encode("latin1") if isinstance(text, str) else bytes(text)

    def listed(items: Any = ()) -> list:
        if not isinstance(items, list | tuple):
            raise PickleRefused(f"a list made of {type(items).__name__}")
        budget.spend(_STEP_BYTES * len(items), "a list")
        return list(items)

    def pairs(items: Any = ()) -> dict:
        if not all(isinstance(i, tuple | list) and len(i) == 2 for i in listed(items)):
            raise PickleRefused("a dict that is not made of pairs")
        _plain([key for key, _ in items])
        return dict(items)

    names: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "ndarray"): rebuilt,
        ("numpy", "dtype"): PickledDtype,
        ("_codecs", "encode"): encoded,
        ("collections", "OrderedDict"): pairs,
        ("joblib.numpy_pickle", "NumpyArrayWrapper"): JoblibArray,
    }
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray", "_reconstruct"] = rebuilt
        names[f"{core}.multiarray", "scalar"] = scalar
        names[f"{core}.numeric", "_frombuffer"] = buffered
    for builtins in ("builtins", "__builtin__"):
        names[builtins, "bytes"] = encoded
        names[builtins, "bytearray"] = encoded
        names[builtins, "set"] = lambda items=(): set(_plain(listed(items)))
        names[builtins, "frozenset"] = lambda items=(): frozenset(_plain(listed(items)))
        names[builtins, "list"] = listed
        names[builtins, "tuple"] = lambda items=(): tuple(listed(items))
        names[builtins, "dict"] = pairs
    return {key: _Allowed(make) for key, make in names.items()}


def _plain(items: Any) -> list:
    if not isinstance(items, list | tuple) or not all(isinstance(i, ATOMS) for i in items):
        raise PickleRefused("a set or dict of things that are neither strings nor numbers")
    return list(items)
