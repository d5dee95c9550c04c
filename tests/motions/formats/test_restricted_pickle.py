"""Pickles are data: every kind comes out as it went in, and nothing in them is ever run."""

import io
import os
import pickle
import pickletools
import struct
import subprocess
import tracemalloc
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mimiclab.errors import MotionFileError
from mimiclab.motions.formats.memory import PEAK_FLOOR_BYTES
from mimiclab.motions.formats.restricted_pickle import load_pickle

TREE = {
    "clip": {
        "float32": np.arange(6, dtype=np.float32).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big_endian": np.arange(3, dtype=">f4"),
        "empty": np.zeros((0, 3)),
        "flags": np.array([True, False]),
        "number": np.float32(2.5),
        "zero_d": np.array(3.0),
        "names": np.array(["left", "right_knee"]),
        "objects": np.array([None, "a", {"b": 1}], dtype=object),
        "plain": [1, 2.5, None, True, "x", (1, 2), {"y": b"\x00\xff"}],
        "set": {1, 2},
    },
    "fps": 30,
}


def same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and a.dtype != object:
        return a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple | np.ndarray):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_data_come_out_as_they_went_in(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(TREE, protocol))
    assert same(TREE, load_pickle(path))


@pytest.mark.parametrize("compress", [0, True, 9, ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)])
def test_joblib_dumps_come_out_as_they_went_in(tmp_path: Path, compress: Any) -> None:
    path = tmp_path / "a.pkl"
    joblib.dump(TREE, path, compress=compress)
    assert same(TREE, load_pickle(path))


def test_an_ordered_dict_is_a_dict(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(OrderedDict([("b", 1), ("a", 2)])))
    assert list(load_pickle(path).items()) == [("b", 1), ("a", 2)]


@settings(max_examples=60, deadline=None)
@given(
    array=hnp.arrays(
        st.sampled_from([np.float32, np.float64, np.int16, np.uint8, np.bool_, np.dtype("U5")]),
        hnp.array_shapes(max_dims=3, max_side=4),
    ),
    protocol=st.integers(0, 5),
)
def test_any_array_survives(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, protocol: int
) -> None:
    path = tmp_path_factory.mktemp("any") / "a.pkl"
    path.write_bytes(pickle.dumps([array, array.T], protocol))
    first, second = load_pickle(path)
    np.testing.assert_array_equal(first, array)
    np.testing.assert_array_equal(second, array.T)


class Call:
    """Pickles as the call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.reduced = (function, arguments)

    def __reduce__(self) -> Any:
        return self.reduced


def _touch(path: Path) -> str:
    return f"touch {path}"


def hostile(marker: Path) -> dict[str, Any]:
    """Objects whose ordinary unpickling creates the file `marker`, or would reach code."""
    code = f"open({str(marker)!r}, 'w')"
    return {
        "posix.system": Call(os.system, _touch(marker)),
        "builtins.eval": Call(eval, code),
        "builtins.exec": Call(exec, code),
        "builtins.getattr": Call(getattr, Call(__import__, "os"), "system"),
        "builtins.__import__": Call(__import__, "os"),
        "subprocess.Popen": Call(subprocess.Popen, ["touch", str(marker)]),
        "pathlib": Call(Path.touch, marker),
        "operator.attrgetter": Call(__import__("operator").attrgetter, "system"),
        "functools.partial": Call(__import__("functools").partial, os.system, _touch(marker)),
        "numpy": Call(np.load, str(marker)),
        "numpy.testing": Call(__import__("numpy.testing").testing.rundocs),
        "io.open": Call(io.open, str(marker), "w"),
        "test_restricted_pickle.Call": Call,
    }


@pytest.mark.parametrize("name", hostile(Path("marker")))
@pytest.mark.parametrize("wrap", ["bare", "nested", "object array", "joblib"])
def test_code_is_refused_by_name(tmp_path: Path, name: str, wrap: str) -> None:
    marker, path = tmp_path / "ran", tmp_path / "a.pkl"
    bad = hostile(marker)[name]
    if wrap == "joblib":
        joblib.dump({"a": np.arange(3.0), "b": np.array([bad, None], dtype=object)}, path)
    else:
        wrapped = {
            "bare": bad,
            "nested": {"clip": [1, {"dof": (np.zeros(2), bad)}]},
            "object array": np.array([None, bad], dtype=object),
        }[wrap]
        path.write_bytes(pickle.dumps(wrapped))
    with pytest.raises(MotionFileError, match=name.split(".")[-1]) as caught:
        load_pickle(path)
    assert "could run code" in str(caught.value) and str(path) in str(caught.value)
    assert not marker.exists()


def _program(*parts: bytes) -> bytes:
    return b"\x80\x04" + b"".join(parts) + b"."


def _word(text: str) -> bytes:
    return pickle.SHORT_BINUNICODE + bytes([len(text)]) + text.encode()


DTYPE = _word("numpy") + _word("dtype") + pickle.STACK_GLOBAL
ARRAY = _word("numpy") + _word("ndarray") + pickle.STACK_GLOBAL


@pytest.mark.parametrize(
    "program",
    [
        # Attributes set on a class, on a function, on a dict.
        _program(DTYPE, pickle.NONE, b"}", _word("make"), pickle.NONE, b"s", b"\x86b"),
        _program(ARRAY, b"}", _word("__setstate__"), pickle.NONE, b"s", b"b"),
        _program(b"}", b"}", _word("items"), pickle.NONE, b"s", b"b"),
        # A dtype of items that would be read as pointers, one with fields, one of huge items.
        _program(DTYPE, _word("O"), b"\x85R", b"(", b"K\x03", _word("<"), b"N(N)", b"tb"),
        _program(DTYPE, _word("f8,f8"), b"\x85R"),
        _program(DTYPE, _word("S999999999"), b"\x85R"),
        _program(DTYPE, b"K\x07", b"\x85R"),
        # Calls of things that are no functions, and the old ways to make instances.
        _program(b"}", b")R"),
        _program(_word("x"), b")R"),
        _program(b"(", ARRAY, b"o"),
        b"(inumpy\nndarray\n.",
        # Persistent ids and registered extensions.
        _program(_word("x"), b"Q"),
        _program(b"\x82\x01"),
        # A list inside itself, a dict with a list as its key.
        _program(b"]", b"\x94", b"h\x00", b"a"),
        _program(b"}", b"\x85", pickle.NONE, b"s"),
        # Bytes, arrays and memo entries said to be enormous.
        _program(b"\x96" + struct.pack("<Q", 2**40)),
        _program(b"\x8e" + struct.pack("<Q", 2**40)),
        _program(b"N", b"r" + struct.pack("<I", 2**32 - 1), b"0N"),
        _program(b"T" + struct.pack("<i", -1)),
        # Nothing at all, and a stop without a value.
        b"\x80\x04",
        b".",
    ],
)
def test_programs_that_no_pickler_writes(tmp_path: Path, program: bytes) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(program)
    tracemalloc.start()
    try:
        assert load_pickle(path) is None  # the huge memo entry is harmless here
    except MotionFileError as error:
        assert str(path) in str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2**20


def test_deep_tuples_do_not_overflow_the_stack(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    deep = b"\x80\x04}N" + b"\x85" * 200_000
    for end in (b"Ns.", b"."):  # as a key, and as a value
        path.write_bytes(deep + end)
        with pytest.raises(MotionFileError):
            load_pickle(path)


def _peak(path: Path) -> int:
    tracemalloc.start()
    try:
        load_pickle(path)
    except MotionFileError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


BIG = 2 * 10**6
BOMBS = {
    "dicts": b"\x80\x04](" + b"}" * BIG + b"e.",
    "strings": b"\x80\x04](" + (b"\x8c\x01a" * (BIG // 3)) + b"e.",
    # One list of 1000 entries, copied ten thousand times.
    "copies": b"\x80\x02](" + b"N" * 1000 + b"eq\x01cbuiltins\nlist\nq\x02]("
    + b"h\x02h\x01\x85R" * 10_000 + b"e.",
    "doubling": b"\x80\x04]\x94" + b"".join(
        b"](" + b"h" + bytes([i]) + b"h" + bytes([i]) + b"e\x94" for i in range(200)
    ) + b".",
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_small_pickles_do_not_fill_the_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(BOMBS[name])
    assert _peak(path) < PEAK_FLOOR_BYTES


@pytest.mark.parametrize("method", ["zlib", "gzip", "bz2", "lzma", "xz"])
def test_a_decompression_bomb_is_refused(tmp_path: Path, method: str) -> None:
    path = tmp_path / "a.pkl"
    joblib.dump(np.zeros(10 * 2**20), path, compress=(method, 3))  # pyright: ignore[reportArgumentType]
    assert path.stat().st_size < 2**20
    with pytest.raises(MotionFileError, match="made to exhaust memory"):
        load_pickle(path)
    assert _peak(path) < PEAK_FLOOR_BYTES


def test_an_array_that_claims_more_than_the_file_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    joblib.dump(np.arange(50.0), path)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"K2\x85", b"J\xff\xff\xff\x0f\x85"))
    with pytest.raises(MotionFileError, match="do not fit its shape"):
        load_pickle(path)


def test_a_cut_file_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    for compress in (0, 3):
        joblib.dump(TREE, path, compress=compress)
        whole = path.read_bytes()
        for keep in (10, len(whole) // 2, len(whole) - 5):
            path.write_bytes(whole[:keep])
            with pytest.raises(MotionFileError):
                load_pickle(path)


def test_torch_pickles_are_pointed_out(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.")
    with pytest.raises(MotionFileError, match=r"torch\._utils\._rebuild_tensor_v2"):
        load_pickle(path)


def test_the_pickles_of_this_test_are_what_they_seem() -> None:
    """The hand-written programs are programs, not noise."""
    for program in BOMBS.values():
        assert sum(1 for _ in pickletools.genops(program)) > 500
