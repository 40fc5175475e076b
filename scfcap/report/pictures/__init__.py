"""Pictures of results: which there are of each, drawn only when asked for.

A result that is :class:`Pictured` lists them in ``kinds`` and draws one by ``plot(kind)``. Each
module here draws those of one part from its tables.
"""

from __future__ import annotations

from scfcap.report.pictures.pictured import About, Pictured, Plots, drawn

__all__ = ["About", "Pictured", "Plots", "drawn"]
