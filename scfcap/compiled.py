"""Machine code for loops that numpy cannot say."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

from numba import njit
from numba.core.caching import FunctionCache

if sys.platform != "win32":
    import fcntl

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile, and keep the machine code where there is a folder for it: not all systems have."""
    made: Any = njit(nogil=True)(function)
    with suppress(RuntimeError):
        made._cache = _Shared(function)  # type: ignore[no-untyped-call]
    return made  # type: ignore[no-any-return]


class _Shared(FunctionCache):
    """Machine code on disk that processes may load and keep at the same time.

    numba's own cache reads an index, chooses the next free file name and only then writes the
    index and the file. Of two processes that compile a function for different types at once, both
    choose the same name, and a third could load the code of one as that of the other.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        with _held(self.cache_path, alone=False):
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]

    def save_overload(self, sig: Any, data: Any) -> None:
        with _held(self.cache_path, alone=True):
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]


def _held(folder: str, *, alone: bool) -> AbstractContextManager[Any]:
    """The lock of a folder, let go at the end; nothing where the system has no such locks."""
    if sys.platform == "win32":
        return nullcontext()
    try:
        file = os.fdopen(os.open(Path(folder) / "numba.lock", os.O_RDWR | os.O_CREAT, 0o666))
    except OSError:
        return nullcontext()
    try:
        fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
    except OSError:
        file.close()
        return nullcontext()
    return file
