"""Contagion: suppliers around a core enterprise, Davis and Lo's infectious defaults, networks.

Sources: M. Davis, V. Lo, Infectious defaults, Quantitative Finance 1 (2001) 382-387, for the
homogeneous model; the star is its case of one firm that infects and many that are infected.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scfcap.quantities import BoolArray, FloatArray


def star(default: float, core_default: float, infection: float) -> float:
    """Probability that a supplier defaults, by itself or infected by its core enterprise.

    ``1 - (1 - default) (1 - core_default * infection)``: ``default`` is its own probability,
    ``core_default`` the core's, ``infection`` that a failed core takes a supplier with it.
    """
    return 1.0 - (1.0 - default) * (1.0 - core_default * infection)


def davis_lo_mean(firms: int, default: float, infection: float) -> float:
    """Expected number of defaults among ``firms`` alike.

    Each defaults by itself with probability ``default`` and, if it does, infects each other firm
    with probability ``infection``: ``n (1 - (1 - p) (1 - p q)^(n - 1))``.
    """
    spared = (1.0 - default) * (1.0 - default * infection) ** (firms - 1)
    return firms * (1.0 - spared)


def davis_lo_distribution(firms: int, default: float, infection: float) -> FloatArray:
    """Probability of 0..n defaults, shape (firms + 1,).

    ``i`` firms default by themselves, binomially; each of the others then escapes all of them
    with probability ``(1 - q)^i``, independently given ``i``.
    """
    result = np.zeros(firms + 1)
    for own, weight in enumerate(_binomial(firms, default)):
        infected = _binomial(firms - own, 1.0 - (1.0 - infection) ** own)
        result[own:] += weight * infected
    return result


def _binomial(count: int, probability: float) -> FloatArray:
    """Probability of 0..count successes."""
    k = np.arange(count + 1)
    if probability in (0.0, 1.0):
        return np.asarray(k == (count if probability else 0), dtype=np.float64)
    ways = [math.lgamma(count + 1) - math.lgamma(x + 1) - math.lgamma(count - x + 1) for x in k]
    logs = np.array(ways) + k * math.log(probability) + (count - k) * math.log1p(-probability)
    return np.asarray(np.exp(logs))


@dataclass(frozen=True)
class Network:
    """Core enterprises and how they hang together.

    ``linked`` [C, C]: share of the suppliers of enterprise j that supply i too, at row i and
    column j; zero on the diagonal. A failure of i reaches j in that degree.
    """

    cores: tuple[str, ...]
    linked: FloatArray

    @classmethod
    def of(cls, cores: tuple[str, ...], suppliers: BoolArray) -> Network:
        """From who supplies whom: ``suppliers`` [borrowers, C]."""
        supplies = np.asarray(suppliers, dtype=np.float64)
        shared = supplies.T @ supplies
        count = np.diag(shared).copy()
        np.fill_diagonal(shared, 0.0)
        return cls(cores, shared / np.where(count > 0.0, count, 1.0)[None, :])


def expected_failures(network: Network, own: FloatArray, infection: float) -> FloatArray:
    """Probability that each enterprise fails, by itself (``own`` [C]) or directly infected [C].

    An enterprise escapes each other one with probability ``1 - own_i * infection * linked_ij``;
    those infected infect nobody, as in Davis and Lo.
    """
    spared = np.prod(1.0 - own[:, None] * infection * network.linked, axis=0)
    return np.asarray(1.0 - (1.0 - own) * spared)


def sampled_failures(
    network: Network, own: FloatArray, infection: float, uniforms: FloatArray
) -> BoolArray:
    """Who fails in each path [paths, C]; its mean tends to :func:`expected_failures`.

    ``uniforms`` [paths, C, C + 1] in (0, 1]: column 0 decides whether an enterprise fails by
    itself, column i + 1 whether enterprise i infects it.
    """
    first = uniforms[:, :, 0] <= own
    reached = uniforms[:, :, 1:] <= infection * network.linked.T[None, :, :]
    infected = (reached & first[:, None, :]).any(axis=2)
    return np.asarray(first | infected)
