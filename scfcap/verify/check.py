"""An allocation's folder, checked whole."""

from __future__ import annotations

from pathlib import Path

from scfcap.verify import against_tape, proof
from scfcap.verify.against_tape import Beside, Prices
from scfcap.verify.layout import KEPT, PRICE, VALUES
from scfcap.verify.read import Files, claim_of, floats, read_files, truths
from scfcap.verify.report import Report


def beside(files: Files) -> Beside:
    """What the loans' file has beside the claim."""
    values, where = files.values, f"{files.source}/{VALUES}"
    prices = None
    if files.limits.worth.how == "stated":
        rate, life, loss = (
            floats(values, f"{PRICE}:{name}", where) for name in ("rate", "life", "expected_loss")
        )
        prices = Prices(rate, life, loss)
    kept = {
        c: truths(values, f"{KEPT}:{channel.key}", where)
        for c, channel in enumerate(files.limits.channels)
        if f"{KEPT}:{channel.key}" in values.column_names
    }
    return Beside(prices, kept)


def verify(folder: str | Path, tape: str | Path | None = None) -> Report:
    """Check an allocation's folder against its tape, and all that it claims by itself.

    ``tape``: a file, or a folder, if it is not where the limits' file says.

    Raises :class:`scfcap.errors.InputError` where a file or the tape is missing or cannot be read.
    """
    folder = Path(folder)
    files = read_files(folder)
    claim = claim_of(files)
    path = None if tape is None else Path(tape)
    of_tape = against_tape.checks(files.limits, claim, beside(files), folder, path)
    about = {
        "as_of": files.limits.as_of,
        "currency": files.limits.currency,
        "loans": len(claim),
        "channels": list(claim.channels),
        "bound": claim.bound,
        "value": claim.worth,
        "gap": claim.gap,
    }
    return Report((*of_tape, *proof.checks(claim)), about)
