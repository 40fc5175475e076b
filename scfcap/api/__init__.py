"""The Python way in: a :class:`Model` whose stations follow the money, and a :class:`Run`.

model = scfcap.load("alibaba-2013")
model.pool().total                  # any station alone; each is computed once
run = model.run()                   # all of them
run.to_excel("plan.xlsx")
"""

from __future__ import annotations

from scfcap.api.model import Model, load
from scfcap.api.plots import plot
from scfcap.api.projecting import LONGEST_TAIL
from scfcap.api.quoting import quote
from scfcap.api.run import Run

__all__ = ["LONGEST_TAIL", "Model", "Run", "load", "plot", "quote"]
