"""What contracts ask of a history's loans, month by month."""

from __future__ import annotations

import numpy as np

from scfcap.axes import EQUAL_PRINCIPAL, LEVEL_PAYMENT, LOAN_TYPES
from scfcap.quantities import FloatArray, IntArray
from scfcap.tape.history import History


def loan_types(history: History) -> IntArray:
    """Code of each loan's type; a level payment where it is not known."""
    if "loan_type" not in history.loans:
        return np.full(len(history.loans), LEVEL_PAYMENT, dtype=np.int64)
    codes = history.loans["loan_type"].astype("category")
    found = codes.cat.set_categories(list(LOAN_TYPES)).cat.codes.to_numpy().astype(np.int64)
    return np.where(found < 0, LEVEL_PAYMENT, found)


def scheduled_share(
    kind: IntArray, rate: FloatArray, first: IntArray, last: IntArray
) -> FloatArray:
    """Share of the balance due in month ``first`` of loans that mature in month ``last``.

    As the projection takes it: level payments or equal principal over the months that remain, all
    of it in the last one, nothing before where it is paid at once.
    """
    n = np.maximum(last - first + 1, 1).astype(np.float64)
    i = rate / 12.0
    with np.errstate(divide="ignore", invalid="ignore"):
        annuity = np.where(i > 0.0, i / np.expm1(n * np.log1p(i)), 1.0 / n)
    share = np.select([kind == LEVEL_PAYMENT, kind == EQUAL_PRINCIPAL], [annuity, 1.0 / n], 0.0)
    return np.where(n <= 1.0, 1.0, share)
