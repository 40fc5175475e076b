"""What generators throw: choices from a seed, or from Hypothesis, which can make them smaller.

A generator is written once, against :class:`Dice`. :class:`Seeded` gives the same case for the
same seed on every machine; :func:`strategy` makes a Hypothesis strategy of the same generator.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

if TYPE_CHECKING:
    from hypothesis import strategies as st

T = TypeVar("T")


class Dice(ABC):
    """Choices; what comes first in a list, and what is lowest, is the simplest."""

    @abstractmethod
    def whole(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both possible."""

    @abstractmethod
    def real(self, low: float, high: float) -> float:
        """A number from ``low`` to ``high``."""

    def one_of(self, choices: Sequence[T]) -> T:
        """One of ``choices``, all as likely."""
        return choices[self.whole(0, len(choices) - 1)]

    def chance(self, share: float) -> bool:
        """True in ``share`` of the throws."""
        return self.real(0.0, 1.0) > 1.0 - share

    def some(self, choices: Sequence[T], share: float = 0.5, least: int = 0) -> list[T]:
        """Each of ``choices`` with chance ``share``, in their order; at least the first ``least``
        of them where fewer were drawn.
        """
        found = [each for each in choices if self.chance(share)]
        return found if len(found) >= least else list(choices[:least])

    def edge(self, low: float, high: float, *edges: float) -> float:
        """A number from ``low`` to ``high``; in a quarter of the throws one of ``edges``."""
        return self.one_of(edges) if edges and self.chance(0.25) else self.real(low, high)

    def numbers(self) -> np.random.Generator:
        """A generator for arrays."""
        return np.random.default_rng(self.whole(0, 2**32 - 1))


class Seeded(Dice):
    """Dice from a seed: ``seed`` of the series, ``number`` of the case in it."""

    def __init__(self, seed: int, number: int = 0) -> None:
        self._random = np.random.default_rng([seed, number])

    def whole(self, low: int, high: int) -> int:
        """See :meth:`Dice.whole`."""
        return int(self._random.integers(low, high + 1))

    def real(self, low: float, high: float) -> float:
        """See :meth:`Dice.real`."""
        return float(low + (high - low) * self._random.random())


class _Drawn(Dice):
    """Dice that Hypothesis throws, so that it can look for a smaller case that fails."""

    def __init__(self, draw: Any) -> None:
        from hypothesis import strategies

        self._draw, self._of = draw, strategies

    def whole(self, low: int, high: int) -> int:
        return int(self._draw(self._of.integers(low, high)))

    def real(self, low: float, high: float) -> float:
        return float(self._draw(self._of.floats(low, high)))


def strategy(generator: Callable[..., T], *args: Any, **kwargs: Any) -> st.SearchStrategy[T]:
    """A Hypothesis strategy of what ``generator(dice, *args, **kwargs)`` gives.

    Raises:
        ImportError: Hypothesis is not installed.
    """
    from hypothesis import strategies

    @strategies.composite
    def made(draw: Any) -> T:
        return generator(_Drawn(draw), *args, **kwargs)

    return made()
