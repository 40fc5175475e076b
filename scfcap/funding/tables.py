"""Tables that are made when they are asked for: some take longer than the plan itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pandas as pd


class Tables(Mapping[str, pd.DataFrame]):
    """Tables by name; each is made once, at its first use."""

    def __init__(self, makers: Mapping[str, Callable[[], pd.DataFrame]]) -> None:
        self._makers = dict(makers)
        self._made: dict[str, pd.DataFrame] = {}

    def add(self, name: str, make: Callable[[], pd.DataFrame]) -> None:
        """Say how a table is made."""
        self._makers[name] = make

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)
