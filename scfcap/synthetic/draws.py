"""Random numbers by counter: number ``index`` of a stream does not depend on the others.

The generator is SplitMix64 read at a position: the finaliser of G. Steele, D. Lea and C. Flood,
"Fast splittable pseudorandom number generators", OOPSLA 2014, over ``key + (index + 1) * golden``.
So a draw that is not needed costs nothing and moves no other, and loops may run in any order.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from scfcap.compiled import compiled
from scfcap.quantities import FloatArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_ONE = np.uint64(1)
Keys = npt.NDArray[np.uint64]


def keys(seed: int, count: int) -> Keys:
    """``count`` keys of independent streams."""
    return np.random.SeedSequence(seed).generate_state(count, np.uint64).astype(np.uint64)


@compiled
def uniform(key: np.uint64, index: int) -> float:
    """Number ``index`` of a stream, in the open interval (0, 1)."""
    z = key + (np.uint64(index) + _ONE) * _GOLDEN
    z = (z ^ (z >> _S30)) * _FIRST
    z = (z ^ (z >> _S27)) * _SECOND
    z = z ^ (z >> _S31)
    return (np.float64(z >> _S11) + 0.5) * 1.1102230246251565e-16


@compiled
def normal(key: np.uint64, index: int) -> float:
    """A standard normal number from numbers ``index`` and ``index + 1`` (Box and Muller)."""
    radius = math.sqrt(-2.0 * math.log(uniform(key, index)))
    return radius * math.cos(2.0 * math.pi * uniform(key, index + 1))


@compiled
def uniforms(key: np.uint64, count: int) -> FloatArray:
    """The first ``count`` numbers of a stream."""
    out = np.empty(count)
    for k in range(count):
        out[k] = uniform(key, k)
    return out


@compiled
def normals(key: np.uint64, count: int) -> FloatArray:
    """``count`` standard normal numbers of a stream."""
    out = np.empty(count)
    for k in range(count):
        out[k] = normal(key, 2 * k)
    return out
