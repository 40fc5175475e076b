"""Ctrl-C: raised at once, and remembered where a library swallows it."""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any

#: Exit code of an interrupted command, as shells have it: 128 and the signal's number.
INTERRUPTED = 130


class Interrupt:
    """While active, Ctrl-C raises ``KeyboardInterrupt`` and sets ``seen``.

    Code called back from C may drop the exception; :meth:`check` raises it again.
    """

    def __init__(self) -> None:
        self.seen = False
        self._handler: Any = None

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` if Ctrl-C was pressed and got lost."""
        if self.seen:
            raise KeyboardInterrupt

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            self._handler = signal.signal(signal.SIGINT, self._handle)
            sys.unraisablehook = self._unraisable
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGINT, self._handler)
            sys.unraisablehook = sys.__unraisablehook__

    def _handle(self, _: int, __: FrameType | None) -> None:
        self.seen = True
        raise KeyboardInterrupt

    def _unraisable(self, lost: Any) -> None:
        if not (self.seen and issubclass(lost.exc_type, KeyboardInterrupt)):
            sys.__unraisablehook__(lost)
