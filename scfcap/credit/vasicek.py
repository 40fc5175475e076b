"""The one-factor Gaussian model of a large pool, in closed form.

Source: O. Vasicek, The distribution of loan portfolio value, Risk, December 2002. A loan defaults
when ``sqrt(rho) z + sqrt(1 - rho) e`` falls below the threshold of its default rate; ``z`` is
common, so that a low ``z`` is a bad time.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

from scfcap.quantities import FloatArray

#: Nodes of the quadrature over the correlation.
_NODES = 64


def conditional_rate(rate: FloatArray | float, rho: float, z: FloatArray | float) -> FloatArray:
    """Default rate of a large pool when the factor is ``z``; arguments of shapes that fit."""
    threshold = ndtri(np.asarray(rate, dtype=np.float64))
    return np.asarray(ndtr((threshold - np.sqrt(rho) * np.asarray(z)) / np.sqrt(1.0 - rho)))


def quantile(rate: float, rho: float, level: float) -> float:
    """Default rate that is not exceeded with probability ``level``."""
    return float(conditional_rate(rate, rho, -float(ndtri(level))))


def standard_deviation(rate: float, rho: float) -> float:
    """Standard deviation of the default rate, from two loans' joint default."""
    threshold = float(ndtri(rate))
    return float(np.sqrt(bivariate_normal(threshold, threshold, rho) - rate**2))


def expected_shortfall(rate: float, rho: float, level: float) -> float:
    """Mean default rate in the worst ``1 - level`` of cases."""
    both = bivariate_normal(float(ndtri(rate)), float(ndtri(1.0 - level)), float(np.sqrt(rho)))
    return both / (1.0 - level)


def bivariate_normal(a: float, b: float, rho: float) -> float:
    """Probability that two standard normals of correlation ``rho`` are below ``a`` and ``b``.

    ``N(a) N(b) + 1/(2 pi) integral_0^arcsin(rho) exp(-(a^2 - 2 a b sin t + b^2) / (2 cos^2 t)) dt``
    (Z. Drezner, G. Wesolowsky, J. Stat. Comput. Simul. 35, 1990), by Gauss and Legendre.
    """
    node, weight = np.polynomial.legendre.leggauss(_NODES)
    half = 0.5 * np.arcsin(rho)
    angle = half * (node + 1.0)
    inside = np.exp(-(a * a - 2.0 * a * b * np.sin(angle) + b * b) / (2.0 * np.cos(angle) ** 2))
    return float(ndtr(a) * ndtr(b) + half * (weight @ inside) / (2.0 * np.pi))
