"""Banded Cholesky factorisation that lets other threads run meanwhile.

SciPy's ordinary functions hold the interpreter's lock while LAPACK works. The pointers that it
publishes for Cython do not, and ctypes can call them (scipy.linalg.cython_lapack).
"""

import ctypes
import importlib
from collections.abc import Callable

import numpy as np

_INT = ctypes.POINTER(ctypes.c_int)
_ARRAY = ctypes.c_void_p


def _function(name: str, kinds: tuple) -> Callable:
    capsule = importlib.import_module("scipy.linalg.cython_lapack").__pyx_capi__[name]
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype = ctypes.c_char_p
    api.PyCapsule_GetName.argtypes = [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    address = api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule))
    return ctypes.CFUNCTYPE(None, *kinds)(address)


_FACTOR = (ctypes.c_char_p, _INT, _INT, _ARRAY, _INT, _INT)
_SOLVE = (ctypes.c_char_p, _INT, _INT, _INT, _ARRAY, _INT, _ARRAY, _INT, _INT)
_ROUTINES = {
    np.dtype(np.float32): (_function("spbtrf", _FACTOR), _function("spbtrs", _SOLVE)),
    np.dtype(np.float64): (_function("dpbtrf", _FACTOR), _function("dpbtrs", _SOLVE)),
}


def solve_banded(band: np.ndarray, right: np.ndarray) -> int:
    """Solve A x = b in place for a symmetric positive definite band matrix.

    Args:
        band: `band[j, d]` is A[j + d, j]; shape (N, width + 1), C order, float32 or float64.
            Holds the factor afterwards.
        right: b, shape (N,), of the same type. Holds x afterwards.

    Returns:
        0, or the row (from 1) at which A turned out not to be positive definite.
    """
    assert band.flags.c_contiguous and right.flags.c_contiguous and right.dtype == band.dtype
    factor, substitute = _ROUTINES[band.dtype]
    count, width = ctypes.c_int(len(band)), ctypes.c_int(band.shape[1] - 1)
    lead, one, info = ctypes.c_int(band.shape[1]), ctypes.c_int(1), ctypes.c_int(0)
    # A C array read by columns is LAPACK's lower band storage.
    factor(b"L", count, width, band.ctypes.data, lead, info)
    if info.value:
        return info.value
    substitute(b"L", count, width, one, band.ctypes.data, lead, right.ctypes.data, count, info)
    return info.value
