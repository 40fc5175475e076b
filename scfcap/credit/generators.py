"""Monthly roll rates on a grid of other periods, by the matrix' generator."""

from __future__ import annotations

import numpy as np

from scfcap.quantities import FloatArray

#: What rounding may leave of a rate that is not below zero [1/month].
_SLACK = 1e-9


def generator(matrix: FloatArray) -> FloatArray:
    """Q [S, S] with exp(Q) = ``matrix`` [S, S], and no rate below zero off its diagonal [1/month].

    The principal logarithm. R. B. Israel, J. S. Rosenthal and J. Z. Wei (2001), Finding
    Generators for Markov Chains via Empirical Transition Matrices, Mathematical Finance 11,
    245-265: where a loan can come from one state to another in two steps but not in one, none
    exists. Raises ValueError where there is none.
    """
    from scipy.linalg import expm, logm

    problem = "no matrix of rates in continuous time leads to it"
    if np.linalg.det(matrix) <= 0.0:
        raise ValueError(problem)
    found = np.real_if_close(logm(matrix), tol=1e6)
    if np.iscomplexobj(found) or not np.isfinite(found).all():
        raise ValueError(problem)
    rates = np.asarray(found, dtype=np.float64)
    rates -= np.diag(rates.sum(axis=1))
    if (rates - np.diag(np.diag(rates)) < -_SLACK).any():
        raise ValueError(problem)
    rates = np.maximum(rates, 0.0) * (1.0 - np.eye(len(rates)))
    rates -= np.diag(rates.sum(axis=1))
    if not np.allclose(expm(rates), matrix, rtol=0.0, atol=1e-7):
        raise ValueError(problem)
    return rates


def over_months(matrix: FloatArray, months: float) -> FloatArray:
    """Monthly roll rates ``matrix`` [S, S] over ``months``, whole or not.

    Raises ValueError where a part of a month is asked and there is no generator.
    """
    if months == round(months):
        return np.asarray(np.linalg.matrix_power(matrix, round(months)))
    from scipy.linalg import expm

    return np.asarray(expm(generator(matrix) * months))
