"""What there is to watch: indicators from the history if there is one, else from the tape alone."""

from __future__ import annotations

import pandas as pd

from scfcap.pool.warning import indicators, tape_indicators
from scfcap.schema.model import Model
from scfcap.schema.warning import BY_BUYER
from scfcap.tape.history import History
from scfcap.tape.schema import Tape


def observed(
    history: History | None, tape: Tape, model: Model
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Indicators by month, as :func:`~scfcap.pool.warning.indicators`, and why others are missing.

    The lenders' lines are those of ``model`` at ``as_of``, whatever the history.
    """
    spec = model.warning
    if history is None:
        series = tape_indicators(tape.frame, tape.as_of, spec)
    else:
        series = indicators(history, spec)
    lines = _lender_lines(model)
    if len(lines):
        series = pd.concat([series, lines], ignore_index=True) if len(series) else lines
    return series, _reasons(history, tape, model)


def _lender_lines(model: Model) -> pd.DataFrame:
    """What is drawn of each lender's line."""
    open_lines = [lender for lender in model.lenders if lender.limit > 0.0]
    drawn = [sum(draw.amount for draw in lender.draws) for lender in open_lines]
    return pd.DataFrame(
        {
            "indicator": "lender_line_use",
            "entity": [lender.name for lender in open_lines],
            "month_end": pd.Timestamp(model.as_of).as_unit("s"),
            "value": [d / x.limit for d, x in zip(drawn, open_lines, strict=True)],
            "count": [len(lender.draws) for lender in open_lines],
        }
    )


def _reasons(history: History | None, tape: Tape, model: Model) -> dict[str, str]:
    untold = "the model has no history: state one in [history]"
    loans = tape.frame if history is None else history.loans
    no_buyer = f"the loans have no column {model.warning.by}: name one in warning.by"
    needs_buyer = ("top_share", "effective_number", *BY_BUYER)
    out = {"lender_line_use": "no lender with a limit", "line_use": "no revolving line"}
    out["prepayment"] = "no loan was repaid early"
    if history is None:
        out |= dict.fromkeys(
            ("roll_30", "first_payment_default", "vintage_30", "prepayment", "effective_number",
             *BY_BUYER), untold,
        )  # fmt: skip
    if model.warning.by not in loans or loans[model.warning.by].isna().all():
        out |= dict.fromkeys(needs_buyer, no_buyer)
    return out
