"""Names that go: they work for at least one more minor version, and say what takes their place."""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])
_VERSION = re.compile(r"(\d+)\.(\d+)")


class DeprecatedWarning(FutureWarning):
    """Something that was used has a new name, and will be gone."""


@dataclass(frozen=True)
class Leaving:
    """``what`` warns from version ``since`` on, and is gone in ``until``, both as "1.2".

    Raises ValueError where that is less than one minor version of warning.
    """

    what: str
    instead: str
    since: str
    until: str

    def __post_init__(self) -> None:
        if minor(self.until) <= minor(self.since):
            msg = f"{self.what}: gone in {self.until}, without a minor version of warning"
            raise ValueError(msg)

    def __str__(self) -> str:
        return f"{self.what} is deprecated since {self.since}, and gone in {self.until}"

    @property
    def sentence(self) -> str:
        """What a user is told."""
        return f"{self}; use {self.instead}."

    def overdue(self, version: str) -> bool:
        """Whether ``version`` ("1.2.3") should do without it."""
        return minor(version) >= minor(self.until)


def minor(version: str) -> tuple[int, int]:
    """``"1.2.3"`` as ``(1, 2)``. Raises ValueError where it is no version."""
    found = _VERSION.match(version)
    if found is None:
        msg = f"{version!r} is no version such as 1.2"
        raise ValueError(msg)
    return int(found[1]), int(found[2])


def deprecated(*, instead: str, since: str, until: str) -> Callable[[_F], _F]:
    """Mark a function or a method: a call warns with :class:`DeprecatedWarning`, at the
    caller's line, naming what to use ``instead``.

    Raises ValueError as :class:`Leaving` does.
    """

    def mark(function: _F) -> _F:
        leaving = Leaving(f"{function.__module__}.{function.__qualname__}", instead, since, until)

        @functools.wraps(function)
        def wrapper(*arguments: Any, **named: Any) -> Any:
            warnings.warn(leaving.sentence, DeprecatedWarning, stacklevel=2)
            return function(*arguments, **named)

        wrapper.__doc__ = f"{function.__doc__ or ''}\n\nDeprecated: {leaving.sentence}".strip()
        wrapper.__deprecated__ = leaving.sentence  # type: ignore[attr-defined]
        wrapper.leaving = leaving  # type: ignore[attr-defined]
        return wrapper  # type: ignore[return-value]

    return mark
