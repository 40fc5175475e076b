"""Ctrl-C, and the signals that ask a program to end: raised at once, and remembered where a
library swallows them.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Any, Final

#: Exit code of an interrupted command, as shells have it: 128 and the signal's number.
INTERRUPTED: Final = 130
#: Ctrl-C, a request to end, and a terminal that has gone; not all systems have all.
SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Interrupt:
    """While active, a signal to end raises ``KeyboardInterrupt`` and sets ``seen``.

    Code called back from C may drop the exception; :meth:`check` raises it again. ``code`` is the
    exit code that says which signal came. A signal that the caller has had ignored (``nohup``)
    stays so.
    """

    def __init__(self) -> None:
        self.seen = False
        self.code = INTERRUPTED
        self._handlers: dict[int, Any] = {}

    def check(self) -> None:
        """Raise ``KeyboardInterrupt`` if a signal came and got lost."""
        if self.seen:
            raise KeyboardInterrupt

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._handlers[number] = signal.signal(number, self._handle)
            sys.unraisablehook = self._unraisable
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handlers:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            sys.unraisablehook = sys.__unraisablehook__

    def _handle(self, number: int, _: FrameType | None) -> None:
        self.seen, self.code = True, 128 + number
        raise KeyboardInterrupt

    def _unraisable(self, lost: Any) -> None:
        if not (self.seen and issubclass(lost.exc_type, KeyboardInterrupt)):
            sys.__unraisablehook__(lost)
