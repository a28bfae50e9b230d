"""How the numeric core is compiled: typed arrays, one thread, and a cache that can't go stale."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

FloatArray = npt.NDArray[np.float64]
Function = TypeVar("Function", bound=Callable[..., Any])

_ROOM = Path(__file__).resolve().parent
_MARK = "@compiled"


def _sources_digest() -> str:
    """Digest over every source file of any room that is compiled.

    numba keys its cache by the file of the outermost function only, so a change in a function
    that was inlined from another file would go unnoticed; the digest names the cache folder.
    """
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(_ROOM.parent.glob("*/*.py")):
        text = source.read_bytes()
        if _MARK.encode() in text:
            digest.update(source.name.encode() + text)
    return digest.hexdigest()[:16]


if "NUMBA_CACHE_DIR" not in os.environ:
    numba.config.CACHE_DIR = str(_ROOM / "__pycache__" / f"compiled-{_sources_digest()}")


def compiled(function: Function) -> Function:
    """Compile a function of C-contiguous float64 arrays and scalars on its first call.

    Division by zero follows IEEE (error_model="numpy"); no fast-math, so that a batch gives the
    same bits as single workloads.
    """
    return cast(Function, numba.njit(cache=True, error_model="numpy")(function))


def compiled_inline(function: Function) -> Function:
    """Like compiled, for small functions that are always compiled into their caller.

    Not for functions that call `borrowed`.
    """
    return cast(Function, numba.njit(cache=True, error_model="numpy", inline="always")(function))


def _borrowed(_context: Any, array: Any) -> Any:
    """An argument array without reference counting: valid while the caller holds its owner.

    Row views of counted arrays cost two atomic operations each, about half of the simulator's
    time. Only for arguments of a compiled function, never for arrays made in it, which would be
    freed at their last counted use.
    """

    def build(backend: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        view = make_array(signature.args[0])(backend, builder, arguments[0])
        view.meminfo = cgutils.get_null_value(view.meminfo.type)
        return view._getvalue()  # noqa: SLF001 - numba's own way to return a structure

    return array(array), build


borrowed: Callable[[FloatArray], FloatArray] = intrinsic(_borrowed)


def contiguous(array: npt.ArrayLike) -> FloatArray:
    """The array as C-contiguous float64: the only layout that compiled functions are built for."""
    return np.ascontiguousarray(array, dtype=np.float64)
