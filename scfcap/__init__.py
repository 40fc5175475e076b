"""Securitization and capital-funding planner for platform microloan companies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scfcap.api import load as load
    from scfcap.api import plot as plot
    from scfcap.api import quote as quote

__version__ = "0.1.0"
__all__ = ["__version__", "load", "plot", "quote"]


def __getattr__(name: str) -> Any:
    """Import the API on first use, so that the command line starts fast."""
    if name in ("load", "plot", "quote"):
        import scfcap.api

        return getattr(scfcap.api, name)
    msg = f"module 'scfcap' has no attribute {name!r}"
    raise AttributeError(msg)
