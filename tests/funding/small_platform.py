"""The small platform of :mod:`scfcap.testing.platform`, by the name that these tests know it by."""

from scfcap.testing.platform import (
    AS_OF,
    LAW,
    MODEL,
    Platform,
    platform,
    small_pool,
    usable,
)

__all__ = ["AS_OF", "LAW", "MODEL", "Platform", "platform", "small_pool", "usable"]
