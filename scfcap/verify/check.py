"""An allocation's folder, checked whole."""

from __future__ import annotations

from pathlib import Path

from scfcap.verify import against_tape, proof
from scfcap.verify.layout import PRICE
from scfcap.verify.read import claim_of, floats, read_files
from scfcap.verify.report import Report


def verify(folder: str | Path, tape: str | Path | None = None) -> Report:
    """Check an allocation's folder against its tape, and all that it claims by itself.

    ``tape``: a file, or a folder, if it is not where the limits' file says.

    Raises :class:`scfcap.errors.InputError` where a file or the tape is missing or cannot be read.
    """
    folder = Path(folder)
    files = read_files(folder)
    claim = claim_of(files)
    prices = None
    if files.limits.worth.how == "stated":
        rate, life, loss = (
            floats(files.values, f"{PRICE}:{name}", str(folder))
            for name in ("rate", "life", "expected_loss_rate")
        )
        prices = against_tape.Prices(rate, life, loss)
    path = None if tape is None else Path(tape)
    of_tape = against_tape.checks(files.limits, claim, folder, path, prices)
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
